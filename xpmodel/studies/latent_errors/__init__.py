"""Whether the errors of latents and of decoded spectra are what a statistician means by errors."""
