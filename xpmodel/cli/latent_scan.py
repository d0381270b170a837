"""``xpmodel train --latents`` over several numbers of them, each into a folder of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.training.config import TrainingConfig

# Heavy modules are imported by the functions that need them, as in xpmodel.cli.main.

MOST_MODELS = 1000


def latent_counts(
    context: click.Context, parameter: click.Parameter, text: str | None
) -> tuple[int, ...] | None:
    """Numbers of latents out of ``6``, ``1,2,4`` or ``1-20``, rising, each once."""
    if text is None:
        return None
    counts: set[int] = set()
    for part in str(text).split(","):
        first, dash, last = part.strip().partition("-")
        try:
            ends = int(first), int(last if dash else first)
        except ValueError:
            raise InputError(
                f"--latents {text}: must be a number such as 6, numbers such as 1,2,4, or a range "
                "such as 1-20"
            ) from None
        if not 1 <= ends[0] <= ends[1]:
            raise InputError(f"--latents {text}: {part} must be 1 or more, and a range must rise")
        if ends[1] - ends[0] >= MOST_MODELS:
            raise InputError(f"--latents {text}: more than {MOST_MODELS} models to train")
        counts.update(range(ends[0], ends[1] + 1))
    return tuple(sorted(counts))


def scan(
    context: click.Context, counts: tuple[int, ...], configs: dict[int, TrainingConfig]
) -> None:
    """Train with each number of latents into ``OUT/k01``, ``OUT/k02``, …; compare their losses.

    With --resume, models that are there are kept, and an unfinished training goes on.
    """
    from xpmodel.cli.train import refuse_to_replace
    from xpmodel.model.model import DESCRIPTION_FILE
    from xpmodel.training.checkpoint import CHECKPOINT_FILE
    from xpmodel.training.latent_scan import read_point, write_scan

    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError("several numbers of latents: train them without torchrun, or one by one")
    out, resume = Path(context.params["out"]), bool(context.params["resume"])
    folders = {k: out / f"k{k:02d}" for k in counts}
    for k, folder in folders.items():  # before anything that takes long
        if resume:
            _check_same(folder, configs[k])
        else:
            refuse_to_replace(folder, folder / CHECKPOINT_FILE, context.params["overwrite"])
    for number, (k, folder) in enumerate(folders.items(), start=1):
        if resume and (folder / DESCRIPTION_FILE).exists():
            click.echo(f"{folder}: is there")
            continue
        click.echo(f"{k} latents ({number} of {len(folders)})", err=True)
        board = context.params["tensorboard"]
        options: dict[str, Any] = {
            **context.params,
            "out": folder,
            "latents": (k,),
            "resume": resume and (folder / CHECKPOINT_FILE).exists(),
            "tensorboard": None if board is None else Path(board) / folder.name,
        }
        try:
            context.invoke(context.command, **options)
        except SystemExit:
            click.echo(f"the scan: the same command with --resume, into {out}", err=True)
            raise
    for path in write_scan(out, [read_point(folder) for folder in folders.values()]):
        click.echo(path)


def _check_same(folder: Path, config: TrainingConfig) -> None:
    """Refuse to keep a model that was trained otherwise."""
    from dataclasses import asdict

    from xpmodel.model.model import DESCRIPTION_FILE
    from xpmodel.training.latent_scan import read_point

    if not (folder / DESCRIPTION_FILE).exists():
        return
    trained = read_point(folder).training
    for name, value in asdict(config).items():
        was = trained.get(name)
        if (tuple(was) if isinstance(was, list) else was) != value:
            raise InputError(
                f"{folder}: was trained with {name.replace('_', ' ')} {was}, not {value}; give the "
                "same options, or another folder"
            )
