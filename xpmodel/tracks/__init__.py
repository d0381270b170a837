"""Tracks through label and latent space: relations, bins, what their stars measure, figures."""
