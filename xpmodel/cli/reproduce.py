"""The command that makes the paper's figures, tables and claims again: ``xpmodel reproduce``."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xpmodel.errors import InputError

if TYPE_CHECKING:
    from xpmodel.catalog.catalog import Catalog
    from xpmodel.model.model import Model
    from xpmodel.studies.paper.index import Row
    from xpmodel.studies.paper.items import Item, Work

# Heavy modules are imported by the functions that need them, as in xpmodel.cli.main.

MADE_FILE = "made.json"
WITHOUT_ALPHA = "without_alpha"
FILE = click.Path(path_type=Path)
INTRODUCTION = """
What each figure, table, equation and claim of Laroche & Speagle (2024) gives by the commands of
this project, beside what knows less gives (baseline) and what the same command gives on a mock
sky in whose spectra α leaves no trace, or what `xpmodel control` says (last column).
"""


@click.command("reproduce")
@click.argument("catalog", type=FILE)
@click.option(
    "--model", type=FILE, help="The catalog's model folder. Default: the demo model, if it is that."
)
@click.option("--out", required=True, type=FILE, help="Folder to write.")
@click.option("--only", multiple=True, metavar="NAME", help="Make this item alone; several may be "
              "given. The index still lists all, with what earlier runs left.")  # fmt: skip
@click.option(
    "--control",
    type=FILE,
    help="A folder that `xpmodel control` wrote. Default: its two skies are made anew, which takes "
    "most of the time.",
)
@click.option("--control-stars", default=100_000, show_default=True, help="Stars of these skies.")
@click.option("--truth", type=FILE, help="truth.parquet of a mock sky: what is compared with it.")
@click.option("--source", type=FILE, help="Spectra to train on: makes the scan over latents, too.")
@click.option("--latents", default="1-20", show_default=True, help="Of that scan.")
@click.pass_context
def reproduce_command(
    context: click.Context,
    catalog: Path,
    model: Path | None,
    out: Path,
    only: tuple[str, ...],
    control: Path | None,
    control_stars: int,
    truth: Path | None,
    source: Path | None,
    latents: str,
) -> None:
    """Make every figure, table and claim of the paper again from CATALOG, with an index page.

    Each item is made by a command of its own, which the index names; what cannot be had of this
    catalog is left out, and the index says why. Commands about α run a second time, on the sky of
    the control in whose spectra α leaves no trace.

    Writes OUT/index.html and the same as OUT/index.md, beside a folder for each command.
    """
    from xpmodel._folders import demo_model
    from xpmodel.catalog.catalog import open_catalog
    from xpmodel.cli.output import required_model
    from xpmodel.studies.paper.index import count
    from xpmodel.studies.paper.items import ITEMS, WORKS

    names = [item.name for item in ITEMS]
    if unknown := [name for name in only if name not in names]:
        raise InputError(f"--only {unknown[0]}: no such item; use one of {', '.join(names)}")
    opened = open_catalog(catalog)
    loaded = required_model(opened, model)
    options = {
        "catalog": str(catalog),
        "model": str(demo_model() if model is None else model),
        "stars": str(control_stars),
        "latents": latents,
        "source": "" if source is None else str(source),
        "truth": "" if truth is None else str(truth),
    }
    run = _Run(context, opened, loaded, out, options, control)
    wanted = {item.work for item in ITEMS if item.name in (only or names)}
    chosen = [work for work in WORKS if work.name in wanted]
    for number, work in enumerate(chosen, start=1):
        click.echo(f"[{number}/{len(chosen)}] {work.name}", err=True)
        try:
            run.make(work)
        except KeyboardInterrupt:
            click.echo(
                f"interrupted at {work.name}; what was made stays in {out}, and the same command "
                "with --only NAME makes an item alone",
                err=True,
            )
            raise SystemExit(130) from None
    rows = [run.row(item) for item in ITEMS]
    for row in rows:
        said = f"no {row.item.name}: {row.reason}" if row.headline is None else row.headline.here
        click.echo(said if row.headline is None else f"{row.item.name}: {said}")
    for path in run.write_index(rows):
        click.echo(path)
    click.echo(count(rows))


@dataclass
class _Run:
    """One run: what is made, and what was found to be missing."""

    context: click.Context
    catalog: Catalog
    model: Model
    out: Path
    options: dict[str, str]
    given_control: Path | None
    reasons: dict[str, str] = field(default_factory=dict)

    @property
    def control(self) -> Path:
        """The folder of the control."""
        return self.given_control or self.out / "control"

    def make(self, work: Work) -> None:
        """Do a work; what it lacks is noted, and said."""
        folder = self.folder(work)
        if self._lacks(work):
            return
        if work.name == "control" and self.given_control is not None:
            return
        # While it is made anew, an earlier run's results are none.
        (folder / MADE_FILE).unlink(missing_ok=True)
        try:
            if work.draw is not None:
                with redirect_stdout(io.StringIO()):  # GaiaXPy says what it reads
                    work.draw(self.catalog, self.model, folder)
            else:
                self._command(self.words(work), folder)
        except InputError as error:
            self.reasons[work.name] = " ".join(str(error).split())
            return
        self._write_made(work, folder)
        if work.without_alpha and (sky := self.sky_without_alpha()) is not None:
            folder = self.out / WITHOUT_ALPHA / work.name
            click.echo(f"  {work.name}, without α in the spectra", err=True)
            try:
                self._command(self.words(work, sky, folder), folder)
            except InputError as error:
                click.echo(f"no {work.name} without α: {' '.join(str(error).split())}")
                return
            self._write_made(work, folder)

    def _lacks(self, work: Work) -> bool:
        """Whether an option is not given without which a work is not done."""
        return bool(work.needs) and not self.options[work.needs]

    def folder(self, work: Work) -> Path:
        """Where a work is kept."""
        return self.control if work.name == "control" else self.out / work.name

    def words(self, work: Work, sky: Path | None = None, folder: Path | None = None) -> list[str]:
        """The words of its command, on the catalog or on another sky with a model beside it."""
        values = {**self.options, "out": str(folder or self.folder(work))}
        values["source"] = values["source"] or "SPECTRA"
        if sky is not None:
            values |= {"catalog": str(sky), "model": str(sky.parent / "model")}
        words = work.words
        if work.with_sky and (null := self.sky_without_alpha()) is not None:
            words += work.with_sky
            values |= {"sky": str(null), "sky_model": str(null.parent / "model")}
        return [word.format(**values) for word in words]

    def sky_without_alpha(self) -> Path | None:
        """The control's catalog of spectra that know no α, if there is one: the first seed's."""
        return next(iter(sorted(self.control.glob("**/alpha_0/catalog.parquet"))), None)

    def row(self, item: Item) -> Row:
        """What the index says of an item."""
        from xpmodel.studies.paper.index import Row
        from xpmodel.studies.paper.items import WORKS
        from xpmodel.studies.paper.results import Results

        if item.headline is None:
            return Row(item, (), (), None, item.why)
        work = next(one for one in WORKS if one.name == item.work)
        folder = self.folder(work)
        command = tuple(self.words(work)) or self._alone(item)
        is_given = work.name == "control" and self.given_control is not None
        if is_given:  # by options of its own
            command = ("control", "--out", str(folder))
        if reason := work.why if self._lacks(work) else self.reasons.get(work.name):
            return Row(item, command, (), None, reason)
        if not (is_given or self._is_made(work, folder)):
            return Row(item, command, (), None, "not made in this run (--only)")
        table = self.control / "control.ecsv"
        twin = self.out / WITHOUT_ALPHA / work.name
        results = Results(
            folder,
            Results(twin) if self._is_made(work, twin) else None,
            table if table.exists() else None,
        )
        try:
            headline = item.headline(results).printed()
        except InputError as error:
            return Row(item, command, (), None, f"{error}{self._left_out(folder)}")
        found = [folder / name for name in item.figures if (folder / name).exists()]
        figures = tuple(self._from_index(path) for path in found)
        return Row(item, command, figures, headline)

    def write_index(self, rows: list[Row]) -> list[Path]:
        """Write the index as HTML and Markdown."""
        from xpmodel._atomic import replacing
        from xpmodel._version import __version__
        from xpmodel.studies.paper.index import About, html_page, markdown_page

        about = About(
            self.catalog.path.name,
            len(self.catalog),
            self.catalog.n_mock,
            self.model.hash,
            tuple(self._alone(None)),
            f"xpmodel {__version__}",
        )
        pages = {
            "index.html": html_page(rows, about),
            "index.md": markdown_page(rows, about, INTRODUCTION),
        }
        for name, text in pages.items():
            with replacing(self.out / name) as temporary:
                temporary.write_text(text, encoding="utf-8")
        return [self.out / name for name in pages]

    def _alone(self, item: Item | None) -> tuple[str, ...]:
        """The words of this command, for an item or for all."""
        words = ["reproduce", self.options["catalog"], "--model", self.options["model"]]
        words += ["--out", str(self.out)]
        if self.given_control is not None:
            words += ["--control", str(self.given_control)]
        return tuple([*words, "--only", item.name] if item else words)

    def _command(self, words: list[str], folder: Path) -> None:
        """Run a command of xpmodel's, and keep what it prints beside its results."""
        from xpmodel._atomic import replacing
        from xpmodel.studies.paper.results import SAID_FILE

        root = self.context.find_root().command
        assert isinstance(root, click.Group)
        command = root.get_command(self.context, words[0])
        assert command is not None, words[0]
        said = io.StringIO()
        with (
            redirect_stdout(said),
            command.make_context(words[0], words[1:], parent=self.context) as inner,
        ):
            command.invoke(inner)
        with replacing(folder / SAID_FILE) as temporary:
            temporary.write_text(said.getvalue(), encoding="utf-8")

    def _stamp(self, work: Work) -> dict[str, Any]:
        """What results are of: those of another catalog or model are not this one's."""
        return {
            "format": "xpmodel-reproduced",
            "version": 1,
            "work": work.name,
            "catalog_sha256": self.catalog.sha256,
            "model": self.model.hash,
        }

    def _write_made(self, work: Work, folder: Path) -> None:
        from xpmodel._atomic import replacing

        with replacing(folder / MADE_FILE) as temporary:
            temporary.write_text(json.dumps(self._stamp(work), indent=1), encoding="utf-8")

    def _is_made(self, work: Work, folder: Path) -> bool:
        from xpmodel._atomic import read_json

        if not (folder / MADE_FILE).exists():
            return False
        found: Mapping[str, Any] = read_json(folder / MADE_FILE, "xpmodel-reproduced")
        return dict(found) == self._stamp(work)

    def _from_index(self, path: Path) -> str:
        """A path from the index's folder, with slashes."""
        import os

        return Path(os.path.relpath(path, self.out)).as_posix()

    def _left_out(self, folder: Path) -> str:
        """What a command said that it could not make."""
        from xpmodel.studies.paper.results import SAID_FILE

        path = folder / SAID_FILE
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        said = [line for line in lines if line.startswith("no ")]
        return f" ({'; '.join(said[:2])})" if said else ""
