"""``xpmodel reproduce``: the paper, item by item, with an index."""

import shutil
from dataclasses import replace

import pytest
from click.testing import CliRunner

from tests.support.alpha import alpha_columns
from tests.support.catalogs import rewrite
from tests.support.commands import run
from tests.support.tracks import catalog_of
from xpmodel.cli.main import main
from xpmodel.studies.paper import items
from xpmodel.studies.paper.items import WORKS, Work

pytestmark = pytest.mark.usefixtures("one_thread")
FEW = ("--only", "fig_1", "--only", "properties", "--only", "table_1")


def reproduce(mock, out, *options, status=0):
    return run("reproduce", mock.catalog, "--model", mock.model, "--out", out, *options,
               status=status)  # fmt: skip


@pytest.fixture(scope="module")
def made(mock, tmp_path_factory):
    """A run on stars of which none is known to be high-α."""
    out = tmp_path_factory.mktemp("paper") / "out"
    return out, reproduce(mock, out, *FEW)


def test_what_can_be_had_is_made_and_the_rest_said(made):
    out, result = made
    for name in ("overview/overview.pdf", "inspect/labels.pdf"):
        assert (out / name).read_bytes().startswith(b"%PDF")
    page = (out / "index.html").read_text()
    assert 'href="overview/overview.pdf"' in page and "MOCK" in page
    reason = "no column fe_h and mg_fe: which star is high-α is not known"
    assert reason in page and f"no table_1: {out.parent}" not in result.stdout
    assert reason in result.stdout
    assert "no scan: trains a model for each number of latents" in result.stdout
    assert "no fig_5: not made in this run (--only)" in result.stdout
    assert f"of {len(items.ITEMS)} items" in result.stdout and "could not be had" in result.stdout
    assert "[1/3] overview" in result.stderr
    assert "3 of 4 latents are used" in (out / "index.md").read_text()


def test_the_command_that_the_index_names_makes_the_same(made, mock, tmp_path):
    out, _ = made
    page = (out / "index.md").read_text()
    assert f"xpmodel inspect {mock.model} {mock.catalog} --out {out / 'inspect'}" in page
    run("inspect", mock.model, mock.catalog, "--out", tmp_path, "--no-figures")
    for name in ("prior.ecsv", "labels.ecsv"):
        assert (tmp_path / name).read_bytes() == (out / "inspect" / name).read_bytes()
    assert f"--out {out} --only fig_1" in page


def test_the_same_command_gives_the_same_bytes(made, mock):
    out, _ = made
    files = {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    reproduce(mock, out, *FEW)
    assert files == {p: p.read_bytes() for p in out.rglob("*") if p.is_file()}
    assert len(files) > 10


def test_earlier_results_stay_in_the_index_if_they_are_of_the_catalog(made, mock, tmp_path):
    out = shutil.copytree(made[0], tmp_path / "out")
    result = reproduce(mock, out, "--only", "samples")
    assert "latents: 3 of 4" in result.stdout and "samples: cuts" in result.stdout
    other = rewrite(shutil.copy(mock.catalog, tmp_path / "other.parquet"), lambda t: t.slice(1))
    result = run("reproduce", other, "--model", mock.model, "--out", out, "--only", "samples")
    assert "no latents: not made in this run" in result.stdout


def test_commands_about_alpha_run_on_the_sky_without_alpha_too(mock, tmp_path, monkeypatch):
    quick = [
        replace(work, words=(*work.words, "--no-figures")) if work.name == "tracks" else work
        for work in WORKS
    ]
    monkeypatch.setattr(items, "WORKS", quick)
    columns = alpha_columns(1500, signal=False)
    sky = tmp_path / "control" / "seed_0" / "alpha_0"
    sky.mkdir(parents=True)
    catalog_of(sky / "catalog.parquet", columns)
    result = reproduce(
        mock, tmp_path / "out", "--only", "fig_13", "--control", tmp_path / "control"
    )
    assert (tmp_path / "out" / "without_alpha" / "tracks" / "said.txt").exists()
    assert "tracks, without α in the spectra" in result.stderr
    page = (tmp_path / "out" / "index.html").read_text()
    assert "is right for" in page.split("fig_13")[1].split("</tr>")[0]


def test_interrupt_ends_cleanly(mock, tmp_path, monkeypatch):
    def stop(catalog, model, folder):
        folder.mkdir(parents=True)
        (folder / "half.txt").write_text("")
        raise KeyboardInterrupt

    monkeypatch.setattr(items, "WORKS", (Work("overview", draw=stop), *WORKS[1:]))
    words = ["reproduce", mock.catalog, "--model", mock.model, "--out", tmp_path, "--only", "fig_1"]
    result = CliRunner().invoke(main, list(map(str, words)))
    assert result.exit_code == 130
    assert "interrupted at overview" in result.stderr and "Traceback" not in result.output
    assert not (tmp_path / "overview" / "made.json").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_commands_of_all_works_are_there():
    assert {work.words[0] for work in WORKS if work.words} <= set(main.commands)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--only", "fig_99"), "--only fig_99: no such item; use one of fig_1, samples"),
        (("--model", "nowhere"), "nowhere/model.json: cannot be read"),
    ],
)
def test_mistakes(mock, tmp_path, options, message):
    result = reproduce(mock, tmp_path / "out", *options, status=2)
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_another_model_than_the_catalogs_is_asked_for(mock, tmp_path):
    result = run("reproduce", mock.catalog, "--out", tmp_path / "out", status=2)
    assert "give --model, the folder of the model that made its latents" in result.stderr
