"""Reconstructions compared: residuals, rivals, what denoising gains."""
