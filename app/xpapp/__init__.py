"""The page of the latent-space explorer: what is drawn, and what a gesture does."""
