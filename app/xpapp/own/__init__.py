"""The visitor's own stars: files dropped on the page and ids fetched from the archive."""
