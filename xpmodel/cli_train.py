"""The command that trains a model: ``xpmodel train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

# Heavy modules are imported by the command, as in xpmodel.cli.


@click.command("train")
@click.argument("source", type=click.Path(path_type=Path))
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Model folder.")
@click.option(
    "--preset",
    type=click.Choice(["demo"]),
    help="demo: a model in minutes without a GPU. Options given beside it count.",
)
@click.option("--epochs", type=int, show_default="5000")
@click.option("--batch", type=int, show_default="1024", help="Stars in a batch.")
@click.option("--learning-rate", type=float, show_default="1e-4")
@click.option("--restart", type=int, show_default="500", help="Epochs of one cosine.")
@click.option("--latents", type=int, show_default="6")
@click.option("--seed", type=int, show_default="0")
@click.option(
    "--loss",
    type=click.Choice(["released", "paper"]),
    show_default="released",
    help="How its parts are weighted: as the released code sums them, or as Eqs. 1-5 average "
    "them, by which the KL counts 110/latents as much.",
)
@click.option("--beta", type=float, show_default="1", help="Weight of the KL beside that.")
@click.option(
    "--kl-warmup",
    type=int,
    metavar="EPOCHS",
    show_default="0",
    help="Let the KL's weight rise over the first epochs.",
)
@click.option(
    "--free-bits",
    type=float,
    metavar="NATS",
    show_default="0",
    help="A latent's mean KL over a batch costs nothing below this.",
)
@click.option("--no-scatter", is_flag=True, help="A VAE without the scatter estimator.")
@click.option("--autoencoder", is_flag=True, help="Without scatter, and latents without width.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option(
    "--checkpoint-every",
    default=100,
    show_default=True,
    metavar="EPOCHS",
    help="Keep a checkpoint so often, and every minute.",
)
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the model folder.")
@click.option("--overwrite", is_flag=True, help="Replace the model that the folder holds.")
@click.option(
    "--tensorboard",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Also write the curves for TensorBoard.",
)
def train_command(
    source: Path,
    out: Path,
    preset: str | None,
    no_scatter: bool,
    autoencoder: bool,
    device: str,
    checkpoint_every: int,
    resume: bool,
    overwrite: bool,
    tensorboard: Path | None,
    **given: Any,
) -> None:
    """Train a scatter VAE on the spectra of SOURCE, by the released loss and schedule.

    Holds all spectra in memory. Nine tenths of the stars are trained on, the others tested on
    after each epoch. The model folder gets the model, metrics.parquet (a row an epoch) and
    curves.pdf; until then it holds a checkpoint.
    """
    from tqdm import tqdm

    from xpmodel.errors import InputError
    from xpmodel.model import find_device
    from xpmodel.spectra import read_spectra
    from xpmodel.train import PRESETS, Epoch, Recipe, Store, train
    from xpmodel.training_log import (
        CURVES_FILE,
        METRICS_FILE,
        tensorboard_writer,
        write_curves,
        write_metrics,
    )
    from xpmodel.training_state import Checkpoint

    find_device(device)
    if no_scatter and autoencoder:
        raise InputError("--no-scatter and --autoencoder: give one of them")
    if no_scatter or autoencoder:
        given["variant"] = "vae" if no_scatter else "autoencoder"
    chosen = PRESETS[preset] if preset else {}
    chosen = chosen | {name: value for name, value in given.items() if value is not None}
    store = Store(out, checkpoint_every, resume=resume)
    n_done = 0
    if resume:
        checkpoint = Checkpoint.read(store.path)
        recipe, n_done = checkpoint.recipe, len(checkpoint.epochs)
        checkpoint.check_options(chosen)
    else:
        recipe = Recipe(**chosen)
        _refuse_to_replace(out, store.path, overwrite)
    write_epoch = tensorboard_writer(tensorboard, n_done + 1) if tensorboard else None
    spectra = read_spectra(source)
    for line in str(spectra.report).splitlines():
        click.echo(line)
    with tqdm(total=recipe.epochs, initial=n_done, unit=" epochs", dynamic_ncols=True) as bar:

        def progress(epoch: Epoch) -> None:
            bar.update()
            bar.set_postfix_str(str(epoch))
            if write_epoch is not None:
                write_epoch(epoch)

        store.warn = bar.write
        try:
            model = train(spectra, recipe, device=device, progress=progress, store=store)
        except KeyboardInterrupt:
            bar.close()
            click.echo(
                f"interrupted; {store.path} holds the state after epoch {store.n_saved} of "
                f"{recipe.epochs}. To go on: xpmodel train {source} --out {out} --resume",
                err=True,
            )
            raise SystemExit(130) from None
    left_out = spectra.report.counts
    model.description["source"] = {"spectra": _named(source), "left_out": left_out}
    write_metrics(out / METRICS_FILE, store.epochs, recipe.latents)
    model.save(out)
    write_curves(out / CURVES_FILE, store.epochs)
    store.path.unlink()
    click.echo(f"{out}: {recipe.variant}, {model.n_latents} latents, hash {model.hash[:12]}")
    last = store.epochs[-1].kl_latents
    kl = ", ".join(f"z{i} {value:.3g}" for i, value in enumerate(last, start=1))
    click.echo(f"KL of each latent [nat]: {kl}")


def _refuse_to_replace(out: Path, checkpoint: Path, overwrite: bool) -> None:
    from xpmodel.errors import InputError
    from xpmodel.model import DESCRIPTION_FILE

    if overwrite:
        return
    if checkpoint.exists():
        raise InputError(
            f"{out}: holds an unfinished training; go on with --resume, or start anew with "
            "--overwrite"
        )
    if (out / DESCRIPTION_FILE).exists():
        raise InputError(f"{out}: holds a model; name another folder, or give --overwrite")


def _named(source: Path) -> dict[str, Any]:
    """How the model calls what it was trained on, beside the sha256 of the spectra themselves."""
    from xpmodel.files import sha256_file

    if source.is_file():
        return {"name": source.name, "sha256": sha256_file(source)}
    return {"name": source.name}
