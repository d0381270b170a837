"""How many known oddities the outlier score finds: by hand, on planted ones, on real ones."""

from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.catalogs import FIRST_ID, write_catalog
from tests.support.loops import some
from tests.support.outliers import N, star_columns
from xpmodel import encode_files, import_model, open_catalog
from xpmodel.diagnostics.outlier_recovery import (
    ANY,
    Oddities,
    known_oddities,
    measure_recovery,
    mock_oddities,
    recovery_table,
    short_table,
)
from xpmodel.diagnostics.outliers import score_outliers
from xpmodel.errors import InputError

# The stars that test_outliers plants.
TRUTH = {
    "source_id": FIRST_ID + 2 * np.arange(N, dtype=np.int64),
    "emission": np.where(np.arange(N) == 7, 2.0, 0.0),
    "second_light": np.where(np.isin(np.arange(N), [700, 1400]), 0.5, 0.0),
    "stage": np.where(np.arange(N) == 700, "main sequence", "red clump"),
}


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    path = tmp_path_factory.mktemp("recovery") / "stars.parquet"
    return open_catalog(write_catalog(path, N, **star_columns()))


def test_recovery_by_hand():
    score = np.array([5.0, 4, 3, 2, 1, 0, np.nan, 9])
    part = np.array([0.0, 1, 2, 3, 4, 5, 6, 7])
    odd = np.array([True, False, True, False, False, False, True, True])
    known = np.array([True] * 7 + [False])  # the last star is not ranked
    scores = SimpleNamespace(score=score, parts={"misfit": part})
    (recovery,) = measure_recovery(scores, Oddities({"x": odd & known}, known, []))
    assert (recovery.n_odd, recovery.n_stars) == (3, 7)
    assert recovery.n.tolist() == [1, 2, 3, 4, 5, 6, 7]
    thirds = np.array([1, 1, 2, 2, 2, 2, 3]) / 3
    np.testing.assert_allclose(recovery.found["score"], thirds)
    np.testing.assert_allclose(recovery.found["misfit"], np.array([1, 1, 1, 1, 2, 2, 3]) / 3)
    np.testing.assert_allclose(recovery.random, recovery.n / 7)


def test_mock_truth(catalog, tmp_path):
    path = tmp_path / "truth.parquet"
    shuffled = np.random.default_rng(1).permutation(N)[:-50]
    pq.write_table(pa.table(TRUTH).take(pa.array(shuffled)), path)
    oddities = mock_oddities(path, catalog)
    kept = np.isin(np.arange(N), shuffled)
    np.testing.assert_array_equal(oddities.known, kept)
    assert oddities.notes == [f"truth.parquet: knows {N - 50} of {N} stars"]
    kinds = {"emission": [7], "second light, main sequence": [700]}
    kinds |= {"second light, other stages": [1400], ANY: [7, 700, 1400]}
    expected = {name: [r for r in rows if kept[r]] for name, rows in kinds.items()}
    found = {name: np.flatnonzero(mask).tolist() for name, mask in oddities.kinds.items()}
    assert found == expected

    recoveries = measure_recovery(score_outliers(catalog), oddities)
    table = recovery_table(catalog, recoveries)
    last = table[table["n"] == N - 50]
    assert len(last) == 4 and (last["score"] == 1).all() and (last["random"] == 1).all()
    short = short_table(recoveries)
    assert short["n"].tolist() == [1, 3, 10] * 3 + [3, 9, 30]
    assert short["misfit"][0] == 1 and short["misfit"][3] == 0 and short["isolation"][3] == 1


def test_truth_of_other_stars(catalog, tmp_path):
    path = tmp_path / "truth.parquet"
    pq.write_table(pa.table(TRUTH | {"source_id": np.arange(N)}), path)
    with pytest.raises(InputError, match="has none of the stars of"):
        mock_oddities(path, catalog)
    pq.write_table(pa.table(TRUTH | {"emission": np.zeros(N), "second_light": np.zeros(N)}), path)
    with pytest.raises(InputError, match="none of the catalog's stars is odd"):
        mock_oddities(path, catalog)
    pq.write_table(pa.table(TRUTH).drop_columns(["stage"]), path)
    with pytest.raises(InputError, match="no column 'stage'"):
        mock_oddities(path, catalog)


def test_known_stars(catalog, tmp_path):
    ids = catalog.source_id
    (tmp_path / "odd" / "novae").mkdir(parents=True)
    (tmp_path / "odd" / "dwarfs").mkdir()
    (tmp_path / "odd" / "novae" / "a.csv").write_text(f"source_id,x\n{ids[7]},1\n{ids[8]},1\n")
    (tmp_path / "odd" / "novae" / "b.csv").write_text(f"source_id,x\n{ids[9]},1\n12,1\n")
    (tmp_path / "odd" / "dwarfs" / "c.csv").write_text(f"source_id\n{ids[1400]}\n")
    (tmp_path / "list.txt").write_text(f"{ids[700]}\n{ids[7]}\n")
    oddities = known_oddities([tmp_path / "odd", tmp_path / "list.txt"], catalog)
    found = {name: np.flatnonzero(mask).tolist() for name, mask in oddities.kinds.items()}
    assert found == {
        "dwarfs": [1400], "novae": [7, 8, 9], "list": [7, 700], ANY: [7, 8, 9, 700, 1400],
    }  # fmt: skip
    assert oddities.known.all()
    assert "novae: 3 of 4 stars are in the catalog" in oddities.notes

    with_gaps = tmp_path / "gaps.csv"
    with_gaps.write_text(f"DR3Name\nGaia DR3 {ids[7]}\nGaia DR2 {ids[8]}\n")
    oddities = known_oddities([with_gaps], catalog)
    assert np.flatnonzero(oddities.kinds["gaps"]).tolist() == [7]
    note = "gaps.csv: 1 row without an exact integer in DR3Name (the first, row 2: "
    assert f"{note}'Gaia DR2 {ids[8]}')" in oddities.notes

    bad = tmp_path / "bad.txt"
    bad.write_text("1e18\n")
    with pytest.raises(InputError, match="'1e18' is no source_id"):
        known_oddities([bad], catalog)
    bad.write_text("12\n")
    with pytest.raises(InputError, match="none of the catalog's stars is odd by this"):
        known_oddities([bad], catalog)
    with pytest.raises(InputError, match="no such file"):
        known_oddities([tmp_path / "none.csv"], catalog)


@pytest.mark.slow
def test_real_symbiotic_stars_and_nebulae(shared, tmp_path):
    """Among 1,400 real stars of one field, seen by the published model."""
    published, real = shared / "published", shared / "real_xp"
    model = import_model(published / "weight.pt", published / "norm_estimate.npz")
    odd = real / "per_source"
    sources = [real / "xp_continuous_1400.fits", *sorted(some(odd.iterdir()))]
    encode_files(sources, model, tmp_path / "stars.parquet")
    catalog = open_catalog(tmp_path / "stars.parquet")
    assert len(catalog) == 1420
    oddities = known_oddities([odd], catalog)
    assert {k: int(m.sum()) for k, m in oddities.kinds.items()} == {
        "planetary_nebula": 10, "symbiotic": 10, ANY: 20,
    }  # fmt: skip
    recovery = measure_recovery(score_outliers(catalog), oddities)[-1]
    at = dict(zip(recovery.n.tolist(), recovery.found["score"], strict=True))
    # Measured: 14, 17 and 20 of the 20.
    assert at[20] >= 0.6 and at[60] >= 0.8 and at[200] >= 0.95
