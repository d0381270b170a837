"""Linked maps: any two columns of the catalog as an image of all stars, with lasso and hover."""
