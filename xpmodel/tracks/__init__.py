"""Tracks through label and latent space: bins, what their stars measure, figures."""
