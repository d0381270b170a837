"""The command that trains a model: ``xpmodel train``."""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xpmodel.cli.latent_scan import latent_counts, scan
from xpmodel.spectra.bands import N_COEFFICIENTS

# Heavy modules are imported by the command, as in xpmodel.cli.main.

if TYPE_CHECKING:
    from xpmodel.spectra.spectra import Spectra
    from xpmodel.training.distributed import Processes
    from xpmodel.training.on_disk import TrainingFiles

# Of the model folder, where --stream keeps what it reads.
SPECTRA_FOLDER = "spectra"
READ_ROWS = 65_536


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
@click.option(
    "--latents",
    callback=latent_counts,
    metavar="K",
    show_default="6",
    help="How many. Several (1,2,4 or 1-20) are trained one after another, each into OUT/k01 …, "
    "and compared in OUT/latents.ecsv and latents.pdf.",
)
@click.option("--seed", type=int, show_default="0")
@click.option(
    "--loss",
    type=click.Choice(["released", "paper"]),
    show_default="released",
    help="How its parts are weighted: as the released code sums them, or as Eqs. 1-5 average "
    f"them, by which the KL counts {N_COEFFICIENTS}/latents as much.",
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
    "--stream",
    is_flag=True,
    help="For more spectra than memory holds: prepare them in the model folder (880 bytes a star, "
    "removed at the end) and read them from there in each epoch.",
)
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
    stream: bool,
    checkpoint_every: int,
    resume: bool,
    overwrite: bool,
    tensorboard: Path | None,
    **given: Any,
) -> None:
    """Train a scatter VAE on the spectra of SOURCE, by the released loss and schedule.

    Nine tenths of the stars are trained on, the others tested on after each epoch. The model
    folder gets the model, metrics.parquet (a row an epoch) and curves.pdf; until then it holds a
    checkpoint.

    Several GPUs share each batch when torchrun starts the command:
    torchrun --standalone --nproc-per-node 4 -m xpmodel train SOURCE --out MODEL
    """
    from tqdm import tqdm

    from xpmodel.errors import InputError, naming
    from xpmodel.model.device import find_device
    from xpmodel.training.checkpoint import Checkpoint
    from xpmodel.training.distributed import join_processes
    from xpmodel.training.metrics import (
        CURVES_FILE,
        METRICS_FILE,
        tensorboard_writer,
        write_curves,
        write_metrics,
    )
    from xpmodel.training.train import PRESETS, Epoch, Store, TrainingConfig, train

    find_device(device)
    if no_scatter and autoencoder:
        raise InputError("--no-scatter and --autoencoder: give one of them")
    if no_scatter or autoencoder:
        given["variant"] = "vae" if no_scatter else "autoencoder"
    counts = given.pop("latents")
    chosen = PRESETS[preset] if preset else {}
    chosen = chosen | {name: value for name, value in given.items() if value is not None}
    if counts is not None and len(counts) > 1:
        configs = {k: TrainingConfig(**chosen, latents=k) for k in counts}
        scan(click.get_current_context(), counts, configs)
        return
    if counts is not None:
        chosen["latents"] = counts[0]
    processes = join_processes(device)
    store = Store(out, every=checkpoint_every, resume=resume, writes=processes.is_first)
    n_done = 0
    if resume:
        checkpoint = Checkpoint.read(store.path)
        config, n_done = checkpoint.config, len(checkpoint.epochs)
        checkpoint.check_options(chosen)
    else:
        config = TrainingConfig(**chosen)
        refuse_to_replace(out, store.path, overwrite)
    processes.wait()  # all have looked at the folder before one writes there
    write_epoch = None
    if tensorboard and processes.is_first:
        write_epoch = tensorboard_writer(tensorboard, n_done + 1)
    spectra: Spectra | TrainingFiles
    prepared = None
    with naming(source, out), _nothing_left_of_no_epoch(out, store.path):
        if stream:
            prepared, told = _prepared(source, out / SPECTRA_FOLDER, resume, processes)
            spectra = prepared
        else:
            spectra, told = _in_memory(source, processes)
        bar = tqdm(total=config.epochs, initial=n_done, unit=" epochs", dynamic_ncols=True,
                   disable=not processes.is_first)  # fmt: skip
        with bar:

            def progress(epoch: Epoch) -> None:
                bar.update()
                bar.set_postfix_str(str(epoch))
                if write_epoch is not None:
                    write_epoch(epoch)

            store.warn = bar.write
            try:
                model = train(spectra, config, device=device, processes=processes,
                              progress=progress, store=store)  # fmt: skip
            except KeyboardInterrupt:
                bar.close()
                if processes.is_first:
                    again = f"xpmodel train {source} --out {out} --resume{' --stream' * stream}"
                    click.echo(
                        f"interrupted; {store.path} holds the state after epoch {store.n_saved} of "
                        f"{config.epochs}. To go on: {again}",
                        err=True,
                    )
                raise SystemExit(130) from None
    processes.leave()
    if not processes.is_first:
        return
    model.description["source"] = told
    write_metrics(out / METRICS_FILE, store.epochs, config.latents)
    model.save(out)
    write_curves(out / CURVES_FILE, store.epochs)
    store.path.unlink()
    if prepared is not None:
        prepared.remove()
    click.echo(f"{out}: {config.variant}, {model.n_latents} latents, hash {model.hash[:12]}")
    last = store.epochs[-1].kl_latents
    kl = ", ".join(f"z{i} {value:.3g}" for i, value in enumerate(last, start=1))
    click.echo(f"KL of each latent [nat]: {kl}")


@contextmanager
def _nothing_left_of_no_epoch(out: Path, checkpoint: Path) -> Iterator[None]:
    """Take away what was made for a training that is refused before it has an epoch to keep."""
    from xpmodel.errors import InputError

    prepared = out / SPECTRA_FOLDER
    had_out, had_prepared = out.exists(), prepared.exists()
    try:
        yield
    except InputError:
        if not had_prepared and not checkpoint.exists():
            shutil.rmtree(prepared, ignore_errors=True)
        if not had_out:
            with suppress(OSError):  # not empty: a checkpoint is kept
                out.rmdir()
        raise


def refuse_to_replace(out: Path, checkpoint: Path, overwrite: bool) -> None:
    """Refuse a folder that holds a model or a checkpoint, unless it may be overwritten."""
    from xpmodel.errors import InputError
    from xpmodel.model.model import DESCRIPTION_FILE

    if overwrite:
        return
    if checkpoint.exists():
        raise InputError(
            f"{out}: holds an unfinished training; go on with --resume, or start anew with "
            "--overwrite"
        )
    if (out / DESCRIPTION_FILE).exists():
        raise InputError(f"{out}: holds a model; name another folder, or give --overwrite")


def _in_memory(source: Path, processes: Processes) -> tuple[Spectra, dict[str, Any]]:
    """All spectra, and what the model says of where they come from."""
    from xpmodel.spectra.spectra import join_spectra
    from xpmodel.training.in_memory import usable_rows

    parts = list(_read(source, processes, _physical_memory()))
    spectra = join_spectra(parts)
    del parts
    if processes.is_first:
        click.echo(str(spectra.report))
        if n := len(spectra) - len(usable_rows(spectra)):
            click.echo(f"left out {n} more: coefficients over G flux beyond float32")
    return spectra, {"spectra": _named(source), "left_out": spectra.report.counts}


def _prepared(
    source: Path, folder: Path, resume: bool, processes: Processes
) -> tuple[TrainingFiles, dict[str, Any]]:
    """The same as files on disk; those of the run that is resumed, where they are whole."""
    from xpmodel.training.on_disk import DESCRIPTION, TrainingFiles, prepare_files

    if processes.is_first and not (resume and (folder / DESCRIPTION).exists()):
        remarks: dict[str, None] = {}

        def chunks() -> Iterator[Spectra]:
            for chunk in _read(source, processes):
                remarks.update(dict.fromkeys(chunk.report.remarks))
                yield chunk

        files = prepare_files(chunks(), folder, _named(source))
        left_out = files.n_left_out + sum(files.left_out.values())
        click.echo(
            f"{folder}: {files.n_train + files.n_test} spectra prepared, {left_out} left out"
        )
        for reason, n in files.left_out.items():
            click.echo(f"  {n}: {reason}")
        for remark in remarks:
            click.echo(remark)
    processes.wait()
    files = TrainingFiles.open(folder)
    return files, {"spectra": files.source, "left_out": files.left_out}


def _read(source: Path, processes: Processes, memory: float = math.inf) -> Iterator[Spectra]:
    """The chunks of a source, with a bar, while all of them will fit into so many bytes."""
    from xpmodel.cli.output import star_progress
    from xpmodel.errors import InputError
    from xpmodel.spectra.spectra import iter_spectra

    n = size = 0
    with star_progress(processes.is_first) as progress:
        for chunk, fraction in iter_spectra(source, chunk_rows=READ_ROWS):
            n += len(chunk)
            size += chunk.coefficients.nbytes + chunk.errors.nbytes
            # Read in parts that are then joined, and prepared beside that.
            if (need := 2 * size / fraction) > memory:
                raise InputError(
                    f"{source}: would take some {need / 2**30:.0f} GiB, and this machine has "
                    f"{memory / 2**30:.0f} in all; train from disk with --stream"
                )
            progress(n, fraction)
            yield chunk


def _physical_memory() -> float:
    """Of this machine, in bytes."""
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (AttributeError, ValueError, OSError):  # as on Windows
        return math.inf


def _named(source: Path) -> dict[str, Any]:
    """How the model calls what it was trained on, beside the sha256 of the spectra themselves."""
    from xpmodel._atomic import sha256_file

    if source.is_file():
        return {"name": source.name, "sha256": sha256_file(source)}
    return {"name": source.name}
