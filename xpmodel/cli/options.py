"""Options that several commands take alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

Option = Callable[[Callable[..., Any]], Callable[..., Any]]

# The names in `xpmodel.catalog.named_cuts` and `xpmodel.tracks.definitions`, which to import would
# keep `--help` waiting; tests compare them.
CUT_NAMES = ("good", "pristine", "full")
VARIANT_NAMES = ("released", "paper")
TRACK_VARIANTS = ("paper", "released", "controlled")


def out_option() -> Option:
    """``--out``: the folder of results, beside the catalog if it is not named."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Folder to write. Default: beside CATALOG, named after it and the command.",
    )


def model_option() -> Option:
    """``--model``: the model that encodes."""
    return click.option(
        "--model",
        required=True,
        type=click.Path(path_type=Path),
        help="Model folder; demo: the model that comes with xpmodel.",
    )


def cut_option(default: str, text: str) -> Option:
    """``--cut``: the named cut that the stars used must pass."""
    return click.option(
        "--cut", type=click.Choice(CUT_NAMES), default=default, show_default=True, help=text
    )


def variant_option(text: str) -> Option:
    """``--variant``: as the paper has it, or as the code released with it."""
    return click.option(
        "--variant",
        type=click.Choice(VARIANT_NAMES),
        default="paper",
        show_default=True,
        help=text,
    )
