import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from tests.support.commands import run
from tests.support.tracks import catalog_of
from xpmodel import open_catalog
from xpmodel.mock.population import draw_stars
from xpmodel.studies.alpha import conditional

TRUE = ("teff", "logg", "m_h", "alpha_m", "ebv", "second_light", "second_teff", "emission")


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(conditional, "ITERATIONS", 10)
    monkeypatch.setattr(conditional, "LEARNING_RATE", 0.3)


def sky(folder, n=800, **columns):
    """A catalog whose first latent knows [α/M], and the truth of its stars."""
    stars = draw_stars(n, np.random.default_rng(1))
    values = {
        "z1": 10 * stars.alpha_m,
        "z2": stars.teff / 1000 - 5,
        "phot_g_mean_mag": stars.g_mag,
        "teff_err": np.full(n, 40.0),
        "logg_err": np.full(n, 0.1),
        "m_h_err": np.full(n, 0.02),
        **columns,
    }
    catalog = catalog_of(
        folder / "stars.parquet", {k: v for k, v in values.items() if v is not None}
    )
    truth = {name: getattr(stars, name).astype(np.float32) for name in TRUE}
    pq.write_table(
        pa.table({"source_id": open_catalog(catalog.path).source_id, **truth}),
        folder / "truth.parquet",
    )
    return catalog.path, folder / "truth.parquet"


def test_bound(tmp_path):
    catalog, truth = sky(tmp_path)
    out = tmp_path / "out"
    result = run("bound", catalog, "--truth", truth, "--out", out, "--stars", 400)
    table = Table.read(out / "bound.ecsv")
    assert set(table["stars"]) >= {"all stars", "giants, 4500 to 5000 K"}
    assert table["bound_free"].unit == "dex" and table["g"].unit == "mag"
    assert (table["bound_known"] <= table["bound_labels"]).all()
    assert (table["bound_labels"] <= table["bound_free"]).all()
    assert (out / "bound.pdf").stat().st_size > 10_000
    assert "errors of" in result.stdout and "all stars" in result.stdout
    run("bound", catalog, "--truth", truth, "--out", tmp_path / "b", "--stars", 400)
    for name in ("bound.ecsv", "bound.pdf"):
        assert (out / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_the_catalog_lacks_is_said(tmp_path):
    z = np.full(800, np.nan)
    z[:500] = np.random.default_rng(0).normal(size=500)
    catalog, truth = sky(tmp_path, teff_err=None, z2=z)
    arguments = ("--truth", truth, "--out", tmp_path / "o", "--no-figures")
    result = run("bound", catalog, *arguments)
    assert "no column teff_err: teff is free" in result.stdout
    assert "300 of 800 stars have latents that are missing" in result.stdout
    assert not (tmp_path / "o" / "bound.pdf").exists()


@pytest.mark.parametrize(
    ("n", "columns", "message"),
    [
        (800, {"phot_g_mean_mag": None}, "no column phot_g_mean_mag"),
        (800, {"z1": np.zeros(800), "z2": np.zeros(800)}, "no latent is active"),
        (1, {}, "single stars without emission"),
    ],
    ids=["no G", "collapsed", "one star"],
)
def test_mistakes(tmp_path, n, columns, message):
    catalog, truth = sky(tmp_path, n, **columns)
    result = run("bound", catalog, "--truth", truth, "--out", tmp_path / "o", status=2)
    assert message in result.stderr and result.stderr.count("\n") == 1
    result = run("bound", catalog, "--truth", catalog, "--out", tmp_path / "o", status=2)
    assert result.stderr.count("\n") == 1
