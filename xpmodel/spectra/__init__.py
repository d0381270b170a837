"""Gaia XP spectra: coefficients and errors, their file layouts, photometry, labels, wavelengths."""
