"""How callbacks run: alone when they fail, once for many changes, only while they are seen."""
