"""Points of latent space: their neighbours, what is near, steering by labels, paths."""
