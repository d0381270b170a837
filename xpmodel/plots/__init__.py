"""Spectra to be shown: curves of one, bands of many, along tracks, and files of these."""
