import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from tests.support.commands import run
from tests.support.mock import mock_model
from tests.support.tracks import catalog_of
from xpmodel import open_catalog
from xpmodel.diagnostics.latent_use import follow_labels
from xpmodel.diagnostics.outliers import score_outliers


@pytest.fixture(scope="module")
def catalog(mock):
    return open_catalog(mock.catalog)


def fails(*arguments) -> str:
    """The one line of a mistake."""
    result = run(*arguments, status=2)
    assert result.stderr.startswith("xpmodel: ") and result.stderr.count("\n") == 1
    return result.stderr


def read(path) -> Table:
    return Table.read(path, format="ascii.ecsv")


def test_outliers(catalog, tmp_path):
    out = tmp_path / "out"
    result = run("outliers", catalog.path, "--out", out, "--top", 30)
    scores = score_outliers(catalog)
    table = read(out / "outliers.ecsv")
    assert table["source_id"].tolist() == catalog.source_id[scores.ranked[:30]].tolist()
    assert table.meta["model"] == catalog.model_hash and table.meta["mock_stars"] == "1 of 4000"
    assert f"{out / 'outliers.ecsv'}: 30 of 4000 stars\n" in result.stdout
    assert str(table["source_id"][9]) in result.stdout
    assert sorted(p.name for p in out.iterdir()) == [
        "outliers.ecsv", "outliers.json", "outliers.pdf",
    ]  # fmt: skip
    selected = run("select", out / "outliers.json", "--catalog", catalog.path).stdout.split()
    assert sorted(map(int, selected)) == sorted(table["source_id"].tolist())
    first = (out / "outliers.ecsv").read_bytes(), (out / "outliers.pdf").read_bytes()
    run("outliers", catalog.path, "--out", out, "--top", 30)
    assert first == ((out / "outliers.ecsv").read_bytes(), (out / "outliers.pdf").read_bytes())


def test_all_stars(catalog, tmp_path):
    result = run("outliers", catalog.path, "--out", tmp_path, "--all", "--no-figures")
    assert "outliers.ecsv: 4000 of 4000 stars" in result.stdout
    assert len(read(tmp_path / "outliers.ecsv")) == 4000
    assert json.loads((tmp_path / "outliers.json").read_text())["n_selected"] == 4000
    run("outliers", catalog.path, "--out", tmp_path, "--top", 9999, "--no-figures")
    assert len(read(tmp_path / "outliers.ecsv")) == 4000


def test_recovery(catalog, tmp_path):
    scores = score_outliers(catalog)
    odd = scores.ranked[[0, 3, 40]]
    (tmp_path / "odd.txt").write_text("\n".join(map(str, catalog.source_id[odd])))
    truth = {
        "source_id": catalog.source_id,
        "emission": np.isin(np.arange(4000), odd[:2]).astype(float),
        "second_light": np.zeros(4000),
        "stage": np.full(4000, "hot"),
    }
    pq.write_table(pa.table(truth), tmp_path / "truth.parquet")
    out = tmp_path / "out"
    result = run(
        *("outliers", catalog.path, "--out", out, "--truth", tmp_path / "truth.parquet"),
        *("--known", tmp_path / "odd.txt"),
    )
    assert "odd: 3 of 3 stars are in the catalog\n" in result.stdout
    assert "truth.parquet: knows 4000 of 4000 stars\n" in result.stdout
    assert (out / "recovery.pdf").exists()
    table = read(out / "recovery.ecsv")
    assert set(table["kind"]) == {"emission", "odd"}
    for kind, n, found in (("emission", 4, 1.0), ("odd", 3, 1 / 3), ("odd", 9, 2 / 3)):
        row = table[(table["kind"] == kind) & (table["n"] == n)]
        assert row["score"][0] == pytest.approx(found)
        assert row["random"][0] == pytest.approx(n / 4000)


def test_outliers_of_less(catalog, tmp_path):
    """Without labels, χ², G and spectra."""
    kept = ["source_id", *(f"z{i}{end}" for i in (1, 2, 3, 4) for end in ("", "_err"))]
    pq.write_table(pq.read_table(catalog.path, columns=kept), tmp_path / "less.parquet")
    result = run("outliers", tmp_path / "less.parquet", "--out", tmp_path / "out")
    assert "no magnitude: no values in column phot_g_mean_mag" in result.stdout
    assert "no misfit: no values in columns chi2_obs, chi2" in result.stdout
    table = read(tmp_path / "out" / "outliers.ecsv")
    assert table.colnames[:5] == ["rank", "source_id", "score", "isolation", "width"]
    assert set(table.meta["left_out"]) == {"magnitude", "misfit"}
    assert (tmp_path / "out" / "outliers.pdf").exists()


def test_mistakes(catalog, mock, tmp_path):
    out = ("--out", tmp_path / "out")
    assert "cannot be read" in fails("outliers", tmp_path / "none.parquet", *out)
    small = catalog_of(tmp_path / "small.parquet", {"z1": np.arange(5.0)})
    assert "nothing to score stars by" in fails("outliers", small.path, *out)
    truth = fails("outliers", catalog.path, *out, "--truth", mock.catalog)
    assert "no column 'emission'" in truth
    (tmp_path / "empty").mkdir()
    assert "no table in this folder" in fails(
        "outliers", catalog.path, *out, "--known", tmp_path / "empty"
    )
    run("outliers", catalog.path, *out, "--top", "0", status=2)
    assert not (tmp_path / "out").exists()

    mock_model(seed=8).save(tmp_path / "other")
    assert "was made by another model" in fails("inspect", tmp_path / "other", mock.catalog)
    assert "cannot be read" in fails("inspect", tmp_path / "nothing")
    assert "cannot be read" in fails("inspect", mock.model, tmp_path / "none.parquet")


def test_default_folder(catalog):
    """Beside the catalog, named after it."""
    run("outliers", catalog.path, "--no-figures")
    assert (catalog.path.with_suffix(".outliers") / "outliers.json").exists()


def test_inspect_a_model(mock, tmp_path):
    result = run("inspect", mock.model)
    assert "scatter-vae, layers 110 → 40 → 16 → 4" in result.stdout
    assert "collapsed latents: z3\n" in result.stdout
    assert run("inspect", mock.model, "--seed", 1).stdout != result.stdout
    assert run("inspect", mock.model, "--out", tmp_path).stdout.startswith(result.stdout)
    assert [path.name for path in tmp_path.iterdir()] == ["prior.ecsv"]
    table = read(tmp_path / "prior.ecsv")
    assert table["state"].tolist() == ["active", "active", "collapsed", "active"]
    assert table.meta["over"] == "10000 prior draws"


@pytest.mark.slow
def test_inspect_with_a_catalog(mock, catalog, tmp_path):
    result = run("inspect", mock.model, mock.catalog, "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "labels.ecsv", "labels.pdf", "latents.ecsv", "prior.ecsv", "widths.pdf",
    ]  # fmt: skip
    assert "over 4,000 of 4,000 stars of stars.parquet, 1 of them mock" in result.stdout
    latents, labels = (read(tmp_path / f"{name}.ecsv") for name in ("latents", "labels"))
    np.testing.assert_allclose(latents["kl"], catalog.kl, rtol=1e-6)
    following = follow_labels(catalog)
    np.testing.assert_allclose(labels["m_h"], following.rho[:, following.labels.index("m_h")])
    rho = np.stack([labels[name] for name in ("teff", "logg", "m_h", "alpha_m")])
    np.testing.assert_array_equal(np.abs(labels["rho"]), np.abs(rho).max(axis=0))
    assert labels["n"][1] == np.isfinite(catalog[labels["follows"][1]]).sum() < 4000
    assert f" {labels['follows'][1]} " in result.stdout


@pytest.mark.slow
def test_inspect_without_labels(mock, tmp_path):
    metadata = pq.read_schema(mock.catalog).metadata
    kept = ["source_id", *(f"z{i}{end}" for i in (1, 2, 3, 4) for end in ("", "_err"))]
    table = pq.read_table(mock.catalog, columns=kept).replace_schema_metadata(metadata)
    pq.write_table(table, tmp_path / "less.parquet")
    result = run("inspect", mock.model, tmp_path / "less.parquet", "--out", tmp_path / "out")
    assert "less.parquet has no stellar labels that a latent could follow" in result.stdout
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["latents.ecsv", "prior.ecsv", "widths.pdf"]
