"""Filters and named sets of stars: made, combined, compared, listed, exported."""
