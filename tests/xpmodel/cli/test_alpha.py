import numpy as np
import pytest
from astropy.table import Table

from tests.support.alpha import alpha_columns
from tests.support.commands import run
from tests.support.tracks import catalog_of
from xpmodel import open_catalog
from xpmodel.studies.alpha import forests


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    """Enough to tell what latents know, in a tenth of the time."""
    monkeypatch.setattr(forests, "TREES", 10)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return catalog_of(tmp_path_factory.mktemp("cli") / "stars.parquet", alpha_columns(1200))


@pytest.mark.slow
def test_classify(catalog, tmp_path):
    result = run("classify", catalog.path, "--out", tmp_path / "a")
    table = Table.read(tmp_path / "a" / "classify.ecsv")
    assert list(table["classifier"]) == [
        "always the larger class",
        "[M/H]",
        "BP−RP",
        "J−K",
        "labels",
        "labels + colors",
        "latents",
        "labels + latents",
    ]
    counts = [table[n] for n in ("high_as_high", "high_as_low", "low_as_high", "low_as_low")]
    assert (sum(counts) == 120).all()
    assert np.allclose((counts[0] + counts[3]) / 120, table["accuracy"])
    labels, latents = table[4], table[6]
    assert latents["gain"] == pytest.approx(latents["accuracy"] - labels["accuracy"])
    assert latents["gain_p2"] > 0
    pairs = Table.read(tmp_path / "a" / "pairs.ecsv")
    assert pairs["right"][list(pairs["classifier"]).index("latents")] > 0.9
    assert "no PCA: " in result.stdout and "without --model" in result.stdout
    assert (tmp_path / "a" / "classify.pdf").stat().st_size > 10_000
    slices = Table.read(tmp_path / "a" / "slices.ecsv")
    assert set(slices["slice"]) >= {"< 5000 K"}
    assert "no slice 5500" not in result.stdout and "no slice ≥ 5500 K: " in result.stdout
    assert "Teff < 5000 K, latents: balanced" in result.stdout
    marginals = Table.read(tmp_path / "a" / "marginals.ecsv")
    assert list(marginals["column"]) == ["z1", "z3", "teff", "logg", "m_h", "bp_rp"]
    assert marginals["pair_ks"][0] > 2 * marginals["pair_ks_by_chance"][0]  # z1 is α
    run("classify", catalog.path, "--out", tmp_path / "b")
    assert not (tmp_path / "b" / "draws.ecsv").exists()
    names = ("classify", "slices", "marginals")
    for name in ("pairs.ecsv", *(f"{n}{e}" for n in names for e in (".ecsv", ".pdf"))):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_as_released(catalog, tmp_path):
    result = run("classify", catalog.path, "--out", tmp_path, "--as-released", "--no-figures")
    table = Table.read(tmp_path / "classify_as_released.ecsv")
    assert table.meta["released"] is True and table.meta["variant"] == "released"
    latents = table[list(table["classifier"]).index("latents")]
    assert latents["published_accuracy"] == 0.84 and latents["n_features"] == 3
    assert "label rows mix three stars" in result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["classify_as_released.ecsv"]


def test_draws_of_the_latents(catalog, tmp_path):
    result = run(
        "classify", catalog.path, "--out", tmp_path, "--draws", 2, "--no-figures", "--seed", 3
    )
    table = Table.read(tmp_path / "draws.ecsv")
    assert table.meta["draws"] == 2 and table.meta["seed"] == 3
    assert list(table["classifier"]) == [
        "draw 1", "forest 1 on the means", "draw 2", "forest 2 on the means",
        "mean over draws", "standard deviation over draws",
        "mean over forests", "standard deviation over forests",
    ]  # fmt: skip
    assert "standard deviation over draws" in result.stdout


@pytest.mark.slow
def test_wavelengths(mock, tmp_path):
    """With a model, the spectra of pairs; those of the mock catalog have no [Mg/Fe], so add it."""
    original = open_catalog(mock.catalog)
    columns = alpha_columns(len(original)) | {z: original[z] for z in original.latents}
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    arguments = ("--model", mock.model, "--out", tmp_path / "out", "--equal", "m_h=0.2")
    result = run("classify", catalog.path, *arguments)
    table = Table.read(tmp_path / "out" / "alpha_spectrum_giants.ecsv")
    assert table["wavelength"].unit == "nm" and len(table) == 301
    assert {"flux_decoded", "flux_gradient", "continuum_relative_decoded"} <= set(table.colnames)
    assert table.meta["n_pairs"] >= 50
    assert (tmp_path / "out" / "alpha_spectrum.pdf").exists()
    assert "m_h ± 0.2" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--equal", "m_h"), "--equal m_h: must be COLUMN=MOST"),
        (("--equal", "m_h=-1"), "pairs within -1.0 in m_h"),
        (("--model", "nowhere"), "nowhere/model.json: cannot be read"),
    ],
    ids=["no number", "negative", "no model"],
)
def test_mistakes(catalog, tmp_path, arguments, message):
    result = run("classify", catalog.path, "--out", tmp_path, *arguments, status=2)
    assert message in result.stderr and result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_missing_column_of_pairs(catalog, tmp_path):
    result = run(
        "classify", catalog.path, "--out", tmp_path, "--equal", "sfd_ebv=0.02", "--no-figures"
    )
    assert "no pairs: " in result.stdout and "no column sfd_ebv" in result.stdout
