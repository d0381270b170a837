"""The style of result figures and tables."""
