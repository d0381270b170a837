"""Where the project's own files lie: in its repository, or installed as a package."""

from __future__ import annotations

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
# An installed package has the demo model within (setup.py puts it there), a checkout has not.
_PACKAGED_DEMO_MODEL = _PACKAGE / "demo_model"
_REPOSITORY_DATA = _PACKAGE.parent / "data"


def _installed() -> bool:
    return _PACKAGED_DEMO_MODEL.is_dir()


def demo_model() -> Path:
    """The folder of the model that was trained on the mock sky and comes with the project."""
    return _PACKAGED_DEMO_MODEL if _installed() else _REPOSITORY_DATA / "demo_model"


def data_folder() -> Path:
    """Where the project keeps what it makes and is not told where to put.

    The environment's XPMODEL_DATA; else ``data/build`` of the repository; else, where there is
    no repository, the user's own data folder.
    """
    if given := os.environ.get("XPMODEL_DATA"):
        return Path(given).absolute()
    if not _installed():
        return _REPOSITORY_DATA / "build"
    from platformdirs import user_data_path

    return user_data_path("xpmodel", appauthor=False)
