"""The command line: what it writes, and how it answers to mistakes."""

import csv
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from astropy.table import Table

from tests.support.commands import run
from tests.support.loops import some
from tests.support.models import random_model, random_spectra
from tests.support.spectra_files import write_spectra
from xpmodel._version import __version__
from xpmodel.catalog.catalog import open_catalog
from xpmodel.catalog.encode import encode_files
from xpmodel.export.stars import FORMATS
from xpmodel.model.folder import load_model
from xpmodel.selection.recipe import make_recipe
from xpmodel.selection.regions import Region
from xpmodel.selection.steps import Step, replay
from xpmodel.spectra.spectra import read_spectra

N = 80


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A checkpoint, its normalization, a model, spectra, a catalog and a recipe: left alone."""
    folder = tmp_path_factory.mktemp("made")
    model = random_model()
    torch.save({"model_state_dict": model.network.state_dict()}, folder / "weight.pt")
    np.savez(folder / "norm.npz", mu=model.mu, sig=model.sig)
    model.save(folder / "model")
    write_spectra(folder / "spectra.parquet", random_spectra(model, N))
    encode_files(folder / "spectra.parquet", model, folder / "stars.parquet")
    catalog = open_catalog(folder / "stars.parquet")
    z = [np.median(catalog[name]) for name in ("z1", "z2")]
    steps = [Step("replace", Region("box", ("z1", "z2"), ((-99, -99), tuple(map(float, z)))))]
    mask = replay(steps, catalog)
    assert 0 < mask.sum() < N
    (folder / "recipe.json").write_text(make_recipe(steps, catalog, mask.sum()))
    np.save(folder / "selected.npy", catalog.source_id[mask])
    return folder


def fails(*arguments) -> str:
    """The one line of a mistake."""
    result = run(*arguments, status=2)
    assert result.stdout == ""
    assert result.stderr.startswith("xpmodel: ") and result.stderr.count("\n") == 1
    return result.stderr


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_checkpoint(made, tmp_path):
    out = tmp_path / "model"
    weights = made / "weight.pt", "--norm", made / "norm.npz"
    result = run("import-model", *weights, "--out", out)
    model = load_model(out)
    assert model.hash == random_model().hash and model.estimated == []
    line = f"{out}: scatter VAE 110 → 20 → 8 → 3, hash {model.hash[:12]}\n"
    assert result.stdout == line and result.stderr == ""
    assert names(out) == ["model.json", "model.safetensors"]
    result = run("import-model", *weights, "--out", out, "--estimated-norm")
    assert "estimates, not the originals: mu, sig" in result.stdout
    assert load_model(out).estimated == ["mu", "sig"]
    run("import-model", *weights, "--out", out, "--released-norm")
    assert load_model(out).estimated == []


def test_encode(made, tmp_path):
    stars = random_spectra(random_model(), N)
    stars.errors[3, 0] = np.nan
    write_spectra(tmp_path / "a.parquet", stars[: N // 2])
    write_spectra(tmp_path / "b.parquet", stars[N // 2 :])
    rows = {"source_id": stars.source_id, "teff": np.full(N, 5000.0)}
    pq.write_table(pa.table(rows), tmp_path / "labels.pq")
    out = tmp_path / "out" / "stars.parquet"
    result = run(
        "encode", tmp_path / "*.parquet", "--model", made / "model", "--out", out,
        "--labels", tmp_path / "labels.pq", "--device", "cpu",
    )  # fmt: skip
    catalog = open_catalog(out)
    assert len(catalog) == N - 1
    assert names(out.parent) == ["stars.left_out.csv", "stars.parquet", "stars.spectra.arrow"]
    lines = result.stdout.splitlines()
    assert lines[0] == f"{out}: {N - 1} stars of {N} rows"
    first = lines.index("left out 1: bad coefficient error") + 1
    assert lines[first].startswith("  the first in ") and ", row " in lines[first]
    assert f"listed in {out.with_name('stars.left_out.csv')}" in lines
    assert f"labels.pq: {N - 1} of {N - 1} stars found; columns teff" in lines
    kl = ", ".join(f"z{i + 1} {v:.3g}" for i, v in enumerate(catalog.kl))
    assert f"KL of each latent [nat]: {kl}" in lines
    assert lines[-1] == "inactive latents: none"
    assert result.stderr == ""


def test_encode_with_photometry(made, tmp_path):
    stars = random_spectra(random_model(), N)
    write_spectra(tmp_path / "spectra.fits", stars, flux=False)
    rows = {"source_id": stars.source_id[1:], "phot_g_mean_mag": np.full(N - 1, 15.0)}
    pq.write_table(pa.table(rows), tmp_path / "photometry.pq")
    result = run(
        "encode", tmp_path / "spectra.fits", "--model", made / "model",
        "--out", tmp_path / "stars.parquet", "--photometry", tmp_path / "photometry.pq",
    )  # fmt: skip
    assert "left out 1: no match in the photometry table" in result.stdout
    assert (open_catalog(tmp_path / "stars.parquet")["phot_g_mean_mag"] == 15).all()


def test_select_prints_ids(made):
    result = run("select", made / "recipe.json", "--catalog", made / "stars.parquet")
    ids = np.load(made / "selected.npy")
    assert result.stdout == "".join(f"{i}\n" for i in ids) and result.stderr == ""


@pytest.mark.parametrize("suffix", FORMATS)
def test_select_writes_a_table(made, tmp_path, suffix):
    out = tmp_path / f"selected{suffix}"
    options = "--catalog", made / "stars.parquet", "--out", out
    result = run("select", made / "recipe.json", *options)
    ids = np.load(made / "selected.npy").tolist()
    assert result.stdout == f"{out}: {len(ids)} of {N} stars\n"
    if suffix == ".csv":
        with open(out, newline="") as file:
            rows = list(csv.DictReader(file))
        assert [int(row["source_id"]) for row in rows] == ids
        columns = set(rows[0])
    elif suffix == ".parquet":
        table = pq.read_table(out)
        assert table["source_id"].type == pa.int64() and table["source_id"].to_pylist() == ids
        columns = set(table.column_names)
    else:
        kinds = {".ecsv": "ascii.ecsv", ".fits": "fits", ".vot": "votable"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of units that a standard does not know
            table = Table.read(out, format=kinds[suffix])
        assert table["source_id"].dtype.kind == "i" and table["source_id"].tolist() == ids
        columns = set(table.colnames)
    assert {"z1", "z3_err", "chi2", "ra"} <= columns and "teff" not in columns
    assert names(tmp_path) == [out.name]


def test_select_writes_coefficients(made, tmp_path):
    out = tmp_path / "selected.parquet"
    options = "--catalog", made / "stars.parquet", "--out", out
    run("select", made / "recipe.json", *options, "--coefficients")
    ids = np.load(made / "selected.npy")
    spectra, stars = read_spectra(out), random_spectra(random_model(), N)
    rows = [stars.source_id.tolist().index(i) for i in ids.tolist()]
    np.testing.assert_array_equal(spectra.source_id, ids)
    found = spectra.coefficients.astype(np.float32)
    np.testing.assert_array_equal(found, stars.coefficients[rows].astype(np.float32))
    run("select", made / "recipe.json", *options)
    assert not {"coeffs", "coeff_errs"} & set(pq.read_table(out).column_names)


def test_select_on_another_catalog(made, tmp_path):
    write_spectra(tmp_path / "spectra.parquet", random_spectra(random_model(), N, seed=8))
    other = tmp_path / "other.parquet"
    encode_files(tmp_path / "spectra.parquet", random_model(), other)
    line = fails("select", made / "recipe.json", "--catalog", other)
    assert "--other-catalog applies its steps all the same" in line
    result = run("select", made / "recipe.json", "--catalog", other, "--other-catalog")
    ids = {int(line) for line in result.stdout.split()}
    assert ids and ids < set(open_catalog(other).source_id.tolist())


MISTAKES = {
    "no weights": ("import-model {no} --norm {norm} --out {out}", "no.pt: cannot be read"),
    "no norm": ("import-model {weights} --norm {no} --out {out}", "no.pt: cannot be read"),
    "weights and norm exchanged": (
        "import-model {norm} --norm {weights} --out {out}",
        "norm.npz: not a PyTorch file|norm.npz: encoder.0.0.weight is missing",
    ),
    "a table for weights": ("import-model {stars} --norm {norm} --out {out}", "not a PyTorch file"),
    "a model into a file": ("import-model {weights} --norm {norm} --out {stars}", "cannot be"),
    "no spectra": ("encode {no} --model {model} --out {out}.parquet", "no.pt: no such file"),
    "nothing matches": ("encode {no}* --model {model} --out {out}.parquet", "no such file"),
    "no table": ("encode {weights} --model {model} --out {out}.parquet", "weight.pt: not a table"),
    "a catalog for spectra": ("encode {stars} --model {model} --out {out}.parquet", "no column"),
    "no model": ("encode {spectra} --model {no} --out {out}.parquet", "cannot be read"),
    "a checkpoint for a model": (
        "encode {spectra} --model {weights} --out {out}.parquet",
        "cannot be read",
    ),
    "a catalog of another name": ("encode {spectra} --model {model} --out {out}.fits", ".parquet"),
    "a folder for a catalog": ("encode {spectra} --model {model} --out {folder}", "written|end in"),
    "over the spectra": ("encode {spectra} --model {model} --out {spectra}", "one of the input"),
    "no labels": (
        "encode {spectra} --model {model} --out {out}.parquet --labels {no}",
        "no.pt: no such file",
    ),
    "no photometry": (
        "encode {spectra} --model {model} --out {out}.parquet --photometry {recipe}",
        "recipe.json: ",
    ),
    "an unknown device": (
        "encode {spectra} --model {model} --out {out}.parquet --device tpu",
        "device 'tpu' is unknown",
    ),
    "no recipe": ("select {no} --catalog {stars}", "no.pt: cannot be read"),
    "a catalog for a recipe": ("select {stars} --catalog {stars}", "stars.parquet: not JSON"),
    "a model for a recipe": ("select {model}/model.json --catalog {stars}", "not a xpmodel-sel"),
    "no catalog": ("select {recipe} --catalog {no}", "no.pt: cannot be read"),
    "a recipe for a catalog": ("select {recipe} --catalog {recipe}", "not a whole Parquet file"),
    "spectra for a catalog": ("select {recipe} --catalog {spectra}", "no column z1"),
    "a table of another kind": (
        "select {recipe} --catalog {stars} --out {out}.xml",
        "the name must end in .csv, .ecsv, .fits, .parquet or .vot",
    ),
    "over the catalog": (
        "select {recipe} --catalog {stars} --out {stars}",
        "is the catalog itself",
    ),
}


def command(made: Path, tmp_path: Path, line: str) -> list[str]:
    (tmp_path / "folder.parquet").mkdir(exist_ok=True)
    places = {
        "weights": made / "weight.pt",
        "norm": made / "norm.npz",
        "model": made / "model",
        "spectra": made / "spectra.parquet",
        "stars": made / "stars.parquet",
        "recipe": made / "recipe.json",
        "no": tmp_path / "no.pt",
        "out": tmp_path / "out" / "new",
        "folder": tmp_path / "folder.parquet",
    }
    return [word.format(**places) for word in line.split()]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_writes_nothing(made, tmp_path, mistake):
    line, message = MISTAKES[mistake]
    before = {path: path.stat() for path in some(made.rglob("*"))}
    text = fails(*command(made, tmp_path, line))
    assert any(part in text for part in message.split("|")), text
    for path, stat in before.items():
        assert (path.stat().st_mtime_ns, path.stat().st_size) == (stat.st_mtime_ns, stat.st_size)
    assert set(made.rglob("*")) == set(before)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["encode"],
        ["encode", "a.fits"],
        ["encode", "a.fits", "--model", "m", "--out", "a.parquet", "--speed", "9"],
        ["import-model", "weight.pt"],
        ["select"],
        ["decode"],
        ["--verbose"],
    ],
)
def test_a_mistyped_command(arguments):
    result = run(*arguments, status=2)
    assert result.stdout == "" and "Traceback" not in result.stderr
    assert result.stderr.startswith("Usage: ") and "Error: " in result.stderr


def xpmodel(*arguments, **options) -> subprocess.CompletedProcess:
    words = [sys.executable, "-m", "xpmodel", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, **options)


@pytest.mark.slow
@pytest.mark.parametrize("mistake", ["no spectra", "weights and norm exchanged", "no catalog"])
def test_a_mistake_in_a_process_of_its_own(made, tmp_path, mistake):
    line, message = MISTAKES[mistake]
    result = xpmodel(*command(made, tmp_path, line))
    assert result.returncode == 2 and result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("xpmodel: ")
    assert any(part in lines[0] for part in message.split("|"))


@pytest.mark.slow
def test_the_commands_in_processes_of_their_own(made, tmp_path):
    out = tmp_path / "stars.parquet"
    result = xpmodel("encode", made / "spectra.parquet", "--model", made / "model", "--out", out)
    assert result.returncode == 0
    # On a slow machine the bar of an encoding that took more than a second is there.
    assert all("stars/s" in line for line in result.stderr.split("\n") if line)
    assert result.stdout.startswith(f"{out}: {N} stars of {N} rows\n")
    assert out.read_bytes() == (made / "stars.parquet").read_bytes()
    result = xpmodel("select", made / "recipe.json", "--catalog", out)
    assert (result.returncode, result.stderr) == (0, "")
    assert list(map(int, result.stdout.split())) == np.load(made / "selected.npy").tolist()


def test_help_and_version():
    for arguments in ([], ["encode"], ["import-model"], ["select"]):
        for option in ("-h", "--help"):
            assert "Usage: " in run(*arguments, option).stdout
    assert run("--version").stdout.endswith(f", version {__version__}\n")


def test_help_answers_at_once():
    code = (
        "import sys; from xpmodel.cli.main import main; main(['--help'], standalone_mode=False);"
        "print(sorted({'torch', 'pandas', 'astropy', 'pyarrow'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith("Usage: ")
    assert result.stdout.splitlines()[-1] == "[]"
