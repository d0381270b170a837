import numpy as np
import pytest

from tests.support.tracks import catalog_of
from xpmodel.tracks.definitions import define
from xpmodel.tracks.drift import drift_of, label_drift
from xpmodel.tracks.measured import measure


def sky(path, follows_alpha: float, n=12_000):
    """Stars of which those with more α have less [M/H]; z1 follows [M/H], z2 α."""
    rng = np.random.default_rng(0)
    alpha = rng.uniform(-0.05, 0.45, n)
    m_h = -0.2 - 0.9 * alpha + rng.normal(0, 0.2, n)
    columns = {
        "teff": rng.uniform(4700, 4900, n),
        "logg": rng.uniform(2.3, 2.7, n),
        "m_h": m_h,
        "alpha_m": alpha,
        "z1": 3 * m_h + rng.normal(0, 0.1, n),
        "z2": follows_alpha * 4 * alpha + rng.normal(0, 0.5, n),
    }
    return catalog_of(path, columns)


@pytest.fixture(scope="module")
def skies(tmp_path_factory):
    folder = tmp_path_factory.mktemp("drift")
    return {a: sky(folder / f"{a:g}.parquet", a) for a in (0.0, 1.0)}


def drift(catalog, variant):
    (definition,) = define("fixed_m_h", catalog, variant=variant)
    track = measure(definition, catalog)
    return track, drift_of(track, catalog)


def test_metallicity_drifts_where_the_bins_are_wide(skies):
    track, wide = drift(skies[1.0], "paper")
    means = track.mean["m_h"][~track.thin]
    assert wide.labels["m_h"] == pytest.approx(means.max() - means.min())
    assert wide.labels["m_h"] == label_drift(track, "m_h") > 0.08
    _, narrow = drift(skies[1.0], "controlled")
    assert narrow.labels["m_h"] < 0.02


def test_the_null_goes_as_far_as_the_track_where_latents_know_no_alpha(skies):
    _, wide = drift(skies[0.0], "paper")
    assert wide.travel > 5 * wide.noise
    assert wide.null == pytest.approx(wide.travel, abs=5 * wide.noise)
    _, narrow = drift(skies[0.0], "controlled")
    assert narrow.travel < 4 * narrow.noise


def test_the_null_stays_behind_where_latents_follow_alpha(skies):
    track, narrow = drift(skies[1.0], "controlled")
    assert narrow.null < 0.4 * narrow.travel
    # z2 alone moves: 4 per dex, over its spread.
    enough = np.flatnonzero(~track.thin)
    span = np.ptp(track.mean["alpha_m"][enough[[0, -1]]])
    expected = 4 * span / skies[1.0]["z2"].std()
    assert narrow.travel == pytest.approx(expected, abs=4 * narrow.noise)


def test_too_few_stars_have_no_drift(skies):
    catalog = skies[1.0]
    (definition,) = define("fixed_m_h", catalog, m_h=4.0)
    track = measure(definition, catalog)
    assert drift_of(track, catalog) is None
    assert np.isnan(label_drift(track, "m_h"))


def test_without_gravity_there_is_no_null(tmp_path, skies):
    names = ("m_h", "alpha_m", "z1", "z2")
    catalog = catalog_of(tmp_path / "stars.parquet", {n: skies[1.0][n] for n in names})
    _, found = drift(catalog, "paper")
    assert list(found.labels) == ["m_h"]
    assert found.travel > 0 and np.isnan(found.null)
