import numpy as np
import pytest

from tests.support.tracks import catalog_of, star_columns
from xpmodel.errors import InputError
from xpmodel.tracks.latent_threshold import Split, best_split, label_splits


def brute_force(catalog, kind, used) -> tuple[float, float]:
    """The best balanced accuracy of any latent and threshold, and the accuracy it has."""
    best = (-1.0, -1.0)
    for latent in catalog.active:
        z = catalog[latent].astype(float)
        ends = np.unique(z[used])
        for threshold in 0.5 * (ends[1:] + ends[:-1]):
            for above in (True, False):
                called = (z > threshold) == above
                right = (called == kind)[used]
                first = kind[used]
                balanced = 0.5 * (right[first].mean() + right[~first].mean())
                if balanced > best[0] + 1e-12:
                    best = (balanced, right.mean())
    return best


@pytest.mark.parametrize("seed", range(12))
def test_against_brute_force(tmp_path, seed):
    rng = np.random.default_rng(seed)
    n = 150
    z = rng.normal(size=(n, 3)).round(1)  # many stars with the same value
    z[rng.random((n, 3)) < 0.03] = np.nan
    kind = rng.normal(size=n) + (-1) ** seed * np.nan_to_num(z[:, seed % 2]) > 0.7
    known = rng.random(n) < 0.8
    # The third latent would be of use but is inactive.
    columns = {"z1": z[:, 0], "z2": z[:, 1], "z3": 0.05 * (kind - 0.5)}
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    assert catalog.active == ["z1", "z2"]
    split = best_split(catalog, kind, known)
    used = known & np.isfinite(z[:, :2]).all(axis=1)
    balanced, accuracy = brute_force(catalog, kind, used)
    assert split.balanced_accuracy == pytest.approx(balanced, abs=1e-12)
    assert split.n == used.sum()
    # What it says is true of the split it gives.
    right = (((catalog[split.latent] > split.threshold) == split.above) == kind)[used]
    assert split.accuracy == pytest.approx(right.mean())
    first = kind[used]
    assert split.balanced_accuracy == pytest.approx(
        0.5 * (right[first].mean() + right[~first].mean())
    )


def test_by_hand(tmp_path):
    # Below 2.5: both of the second kind. Above: three of four of the first.
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": [1, 2, 3, 4, 5, 6]})
    kind = np.array([False, False, True, True, False, True])
    split = best_split(catalog, kind, np.ones(6, bool))
    assert split == Split("z1", 2.5, True, 5 / 6, 0.5 * (1 + 2 / 3), 6)
    split = best_split(catalog, ~kind, np.ones(6, bool))
    assert split == Split("z1", 2.5, False, 5 / 6, 0.5 * (1 + 2 / 3), 6)


def test_ties(tmp_path):
    z = np.array([1, 2, 3, 4])
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": z, "z2": -z})
    every = np.ones(4, bool)
    # As good on either latent: the first. As good at 1.5 and at 3.5: the lower.
    assert best_split(catalog, z > 2, every) == Split("z1", 2.5, True, 1.0, 1.0, 4)
    alternating = np.array([True, False, True, False])
    split = best_split(catalog, alternating, every)
    assert (split.latent, split.threshold, split.above) == ("z1", 1.5, False)
    # Nothing better than chance either way: called above.
    even = catalog_of(tmp_path / "even.parquet", {"z1": [1, 1, 2, 2]})
    assert best_split(even, alternating, every) == Split("z1", 1.5, True, 0.5, 0.5, 4)


def test_large_numbers_are_exact(tmp_path):
    """Three stars of 100,000 stand apart: balanced accuracy counts them in full."""
    n = 100_000
    z = np.random.default_rng(0).normal(size=n).astype(np.float32)
    kind = np.zeros(n, bool)
    kind[:3] = True
    z[:3] = [8, 9, 10]
    split = best_split(catalog_of(tmp_path / "stars.parquet", {"z1": z}), kind, np.ones(n, bool))
    assert (split.balanced_accuracy, split.accuracy, split.above) == (1.0, 1.0, True)
    assert z[3:].max() < split.threshold < 8


def test_nothing_to_separate(tmp_path):
    catalog = catalog_of(tmp_path / "stars.parquet", {"z1": [1, 2, 3]})
    every = np.ones(3, bool)
    for kind in (every, ~every):
        with pytest.raises(InputError, match="stars are of one kind"):
            best_split(catalog, kind, every)
    with pytest.raises(InputError, match="0 of 0 stars"):
        best_split(catalog, every, ~every)
    inactive = catalog_of(tmp_path / "inactive.parquet", {"z1": np.zeros(3)})
    with pytest.raises(InputError, match="no latent is active"):
        best_split(inactive, every, every)
    same = catalog_of(tmp_path / "same.parquet", {"z1": [2, 2, 2, 1]})
    with pytest.raises(InputError, match="the same latents"):
        best_split(same, np.array([1, 0, 0, 1], bool), np.array([1, 1, 1, 0], bool))


def test_of_labels(tmp_path):
    columns = star_columns()
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    splits = label_splits(catalog)
    assert list(splits) == ["giant", "high_alpha"]
    teff, logg = (catalog[c].astype(float) for c in ("teff", "logg"))
    known = np.isfinite(teff) & np.isfinite(logg)
    giant = logg <= 5.9 - 0.4 * teff / 1000
    assert splits["giant"] == best_split(catalog, giant, known)
    # z3 follows log g, and giants have the lower one.
    assert (splits["giant"].latent, splits["giant"].above) == ("z3", False)
    assert splits["giant"].balanced_accuracy > 0.8 > 0.6 > splits["high_alpha"].balanced_accuracy
    mask = np.arange(len(catalog)) % 2 == 0
    assert label_splits(catalog, mask)["giant"] == best_split(catalog, giant, known & mask)


def test_of_labels_that_are_missing(tmp_path):
    columns = star_columns()
    del columns["mg_fe"]
    catalog = catalog_of(tmp_path / "stars.parquet", columns)
    assert list(label_splits(catalog)) == ["giant"]
    assert label_splits(catalog, catalog["logg"] > 6) == {}
