"""The version of this project: its only place (`pyproject.toml` reads it here)."""

__version__ = "0.1.0"
