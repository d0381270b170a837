"""A visitor's own stars: from a file, or by id from the Gaia Archive."""
