"""How callbacks run: errors contained, many changes coalesced, hidden views left alone."""
