"""Tracks and dividing lines over the maps: measured once a catalog, switched on and off."""
