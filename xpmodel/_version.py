"""The version of this package, as `pyproject.toml` declares it."""

from importlib.metadata import version

__version__ = version("xpmodel")
