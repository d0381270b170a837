"""Selections of stars: regions, conditions, filters, named sets, recipes, comparison of sets."""
