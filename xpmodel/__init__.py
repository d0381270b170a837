"""Latents of Gaia XP spectra: read, encode, decode, steer, select.

The public names stand in the stub beside this file, and are imported when first used: torch and
pandas take seconds, `xpmodel --help` does not.
"""

import lazy_loader

from xpmodel._version import __version__

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__all__ += ["__version__"]
