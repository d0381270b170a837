"""What a model makes of its latents: their use, what labels they hold, which stars are odd."""
