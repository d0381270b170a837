"""Diagnostics of a model: how it uses its latents, what labels they hold, outliers."""
