"""What is held when z is steered, and when stars support a step."""

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel import Catalog, open_catalog
from xpmodel.columns import BY_NAME, held_beside
from xpmodel.latent.local_fit import fit_labels
from xpmodel.latent.neighbours import Neighbours
from xpmodel.latent.steering import steer
from xpmodel.latent.support import alike

N = 20_000
Z = (0.2, -0.3, 0.1, 0.2)
# A star's labels decide its latents: temperature, dust, metallicity, α; α is weak in them.
WEAK = 0.1


def sky(path, seed: int = 0, noise: float = 0.1, columns=(), n: int = N) -> Catalog:
    """Latents are the truth with noise, that of z4 as large as `noise` over what α does to it."""
    rng = np.random.default_rng(seed)
    hot, dust, metal, alpha = rng.normal(size=(4, n))
    alpha = 0.6 * alpha - 0.8 * metal
    z = np.stack([hot - 0.5 * dust, dust + 0.3 * hot, metal, WEAK * (alpha + 0.3 * metal)])
    z = z + np.array([0.02, 0.02, 0.05, noise * WEAK])[:, None] * rng.normal(size=(4, n))
    z[3] /= z[3].std()
    found = {f"z{i + 1}": z[i] for i in range(4)}
    found |= {
        "teff": 5000 + 500 * hot + 30 * rng.normal(size=n),
        "m_h": 0.3 * metal + 0.02 * rng.normal(size=n),
        "alpha_m": 0.1 + 0.08 * alpha + 0.01 * rng.normal(size=n),
    }
    if "j_k" in columns:
        found |= {"k": np.full(n, 10.0), "j": 10.6 - 0.15 * hot + 0.05 * dust}
    if "sfd_ebv" in columns:
        found["sfd_ebv"] = 0.3 + 0.1 * dust + 0.005 * rng.normal(size=n)
    return open_catalog(write_catalog(path / f"sky{seed}.parquet", n, **found))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    catalog = sky(tmp_path_factory.mktemp("support"), columns=("j_k", "sfd_ebv"))
    return catalog, Neighbours(catalog)


def test_what_follows_a_label_is_not_held():
    assert held_beside("m_h") == ("teff", "logg", "alpha_m", "sfd_ebv", "j_k")
    assert held_beside("teff") == ("logg", "m_h", "alpha_m", "sfd_ebv")
    assert held_beside("j_k") == ("teff", "logg", "m_h", "alpha_m")
    assert BY_NAME["sfd_ebv"].held and not BY_NAME["sfd_ebv"].steerable


def test_color_and_dust_stay_where_they_are(whole):
    catalog, neighbours = whole
    direction = fit_labels(catalog, neighbours, Z).direction("m_h")
    assert direction.held == ("teff", "alpha_m", "sfd_ebv", "j_k")
    # The law by hand: hot and dust are (z1, z2) solved.
    hot, dust = np.linalg.solve([[1, -0.5], [0.3, 1]], direction.dz[:2])
    assert abs(hot) < 0.1 and abs(dust) < 0.1
    assert direction.dz[2] == pytest.approx(1 / 0.3, rel=0.1)
    warm = fit_labels(catalog, neighbours, Z).direction("teff")
    hot, dust = np.linalg.solve([[1, -0.5], [0.3, 1]], 100 * warm.dz[:2])
    assert hot == pytest.approx(0.2, rel=0.1) and abs(dust) < 0.02
    assert warm.drift["j_k"][0] * 100 == pytest.approx(-0.15 * hot, rel=0.2)


def test_what_was_held_is_said(whole, tmp_path):
    catalog, neighbours = whole
    direction = fit_labels(catalog, neighbours, Z).direction("alpha_m")
    assert direction.held_text == (
        "held: Teff, [M/H], E(B−V), J − K; not held: the catalog has no log g"
    )
    bare = sky(tmp_path, n=2000)
    direction = fit_labels(bare, Neighbours(bare), Z).direction("alpha_m")
    assert direction.held_text == (
        "held: Teff, [M/H]; not held: the catalog has no log g; the catalog has no E(B−V); "
        "the catalog has no J − K"
    )


def test_a_column_that_is_the_same_everywhere_is_not_held(tmp_path):
    n = 2000
    rng = np.random.default_rng(3)
    z = rng.normal(size=(4, n))
    columns = {f"z{i + 1}": z[i] for i in range(4)}
    columns |= {"m_h": 0.3 * z[2] + 0.02 * rng.normal(size=n), "sfd_ebv": np.zeros(n)}
    catalog = open_catalog(write_catalog(tmp_path / "same.parquet", n, **columns))
    direction = fit_labels(catalog, Neighbours(catalog), Z).direction("m_h")
    assert direction.held == () and "E(B−V) is the same" in direction.not_held["sfd_ebv"]


def test_the_least_expected_drift_by_brute_force(whole):
    """No other step that changes the label by 1 has less: tried at random about it."""
    catalog, neighbours = whole
    fit = fit_labels(catalog, neighbours, Z)
    direction = fit.direction("m_h")
    best = neighbours.metric.coordinates(direction.dz)
    steered = fit.labels["m_h"]

    def drift(step):
        total = 1e-3 * step @ np.linalg.solve(fit._spread, step)
        total += steered.change(step)[1] ** 2 / steered.scatter**2
        for name in direction.held:
            change, error = fit.labels[name].change(step)
            total += (change**2 + error**2) / fit.labels[name].scatter ** 2
        return total

    assert steered.slope @ best == pytest.approx(1)
    rng = np.random.default_rng(1)
    for size in (1e-3, 1e-2, 0.1):
        for _ in range(50):
            other = best + size * rng.normal(size=4)
            assert drift(other / (steered.slope @ other)) >= drift(best) * (1 - 1e-9)


def test_a_step_that_the_stars_show_is_supported(whole):
    catalog, neighbours = whole
    for name in ("teff", "m_h", "alpha_m"):
        direction = fit_labels(catalog, neighbours, Z).direction(name)
        support = direction.support
        assert direction.supported, direction.reason
        assert support.change == BY_NAME[name].steer_step
        assert abs(support.shown - support.change) <= 3 * support.shown_error
        assert support.share == pytest.approx(1, abs=0.3)


def test_the_change_that_is_shown_by_hand(whole):
    catalog, neighbours = whole
    fit = fit_labels(catalog, neighbours, Z)
    support = fit.direction("m_h", change=0.15).support
    step = 0.15 * fit.way("m_h").dz
    means, errors = [], [0.15 * fit.way("m_h").gain_error]
    for place in (np.array(Z), np.array(Z) + step):
        values = catalog["m_h"][neighbours.nearest(place, 50).rows].astype(float)
        away = np.abs(values - np.median(values))
        values = values[away <= 4 * 1.4826 * np.median(away)]
        means.append(values.mean())
        errors.append(values.std(ddof=1) / np.sqrt(len(values)))
    assert support.shown == pytest.approx(means[1] - means[0])
    assert support.shown_error == pytest.approx(np.sqrt(np.square(errors).sum()))


def test_the_predictive_error_is_that_of_the_stars_shown(tmp_path):
    """Over many skies what is shown scatters about what was asked as the error says."""
    pulls = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        z = rng.uniform(-1, 1, (4, 4000))  # even, so that neighbors lie around a place
        columns = {f"z{i + 1}": z[i] for i in range(4)}
        columns["m_h"] = 0.3 * z[2] + 0.1 * rng.normal(size=4000)
        catalog = open_catalog(write_catalog(tmp_path / f"even{seed}.parquet", 4000, **columns))
        fit = fit_labels(catalog, Neighbours(catalog), (0.0, 0.0, -0.25, 0.0))
        support = fit.direction("m_h").support
        pulls.append((support.shown - support.change) / support.shown_error)
    assert abs(np.mean(pulls)) < 0.5 and 0.7 < np.std(pulls) < 1.3, (np.mean(pulls), np.std(pulls))


def test_what_latents_hardly_know_is_not_supported(tmp_path):
    """z4 follows α by an eighth of its variance at equal [M/H]: steps would be 8 times too long."""
    catalog = sky(tmp_path, noise=1.6, columns=("sfd_ebv",))
    fit = fit_labels(catalog, Neighbours(catalog), Z, k=2000)
    direction = fit.direction("alpha_m")
    known = 0.6**2 / (0.6**2 + 1.6**2)
    assert direction.support.share == pytest.approx(known, abs=0.06)
    true = 0.05 / 0.08  # of α's own unit, at equal [M/H]
    step = direction.dz[3] * 0.05 * WEAK * np.sqrt(0.6**2 + 1.6**2 + 0.5**2)
    assert step / (WEAK * true) > 2
    assert not direction.supported
    assert "the latents show" in direction.reason or "do not show" in direction.reason


def test_stars_at_the_place_reached_contradict_a_plane(tmp_path):
    """The label turns round beyond the stars that the plane is fitted to."""
    n = 20_000
    rng = np.random.default_rng(5)
    z = rng.normal(size=(4, n))
    columns = {f"z{i + 1}": z[i] for i in range(4)}
    columns["m_h"] = 0.3 * np.where(z[2] < 0.6, z[2], 1.2 - z[2]) + 0.02 * rng.normal(size=n)
    catalog = open_catalog(write_catalog(tmp_path / "turn.parquet", n, **columns))
    neighbours = Neighbours(catalog)
    place = (0.0, 0.0, 0.0, 0.0)
    fit = fit_labels(catalog, neighbours, place, k=300)
    assert fit.direction("m_h", change=0.08).supported
    direction = fit.direction("m_h", change=0.35)
    assert not direction.supported
    assert "the 50 nearest stars there show" in direction.reason
    assert "not +0.35" in direction.reason


def test_a_held_label_that_changes_where_it_leads_is_named(tmp_path):
    n = 20_000
    rng = np.random.default_rng(6)
    z = rng.normal(size=(4, n))
    columns = {f"z{i + 1}": z[i] for i in range(4)}
    columns["m_h"] = 0.3 * z[2] + 0.02 * rng.normal(size=n)
    columns["sfd_ebv"] = 0.2 + 0.4 * np.clip(z[2] - 0.5, 0, 9) + 0.01 * rng.normal(size=n)
    catalog = open_catalog(write_catalog(tmp_path / "held.parquet", n, **columns))
    fit = fit_labels(catalog, Neighbours(catalog), (0.0, 0.0, 0.0, 0.0), k=300)
    direction = fit.direction("m_h", change=0.3)
    assert direction.reason.startswith("the 50 nearest stars there differ in E(B−V) too, by +0.17")


def test_where_no_star_is(whole):
    catalog, neighbours = whole
    direction = fit_labels(catalog, neighbours, Z).direction("teff", change=9000.0)
    assert direction.reason == "no star is near where it leads"


def test_stars_alike_by_brute_force(whole):
    catalog, neighbours = whole
    fit = fit_labels(catalog, neighbours, Z)
    steered, held = fit.labels["m_h"], [fit.labels[name] for name in ("teff", "j_k")]
    distance = sum(((catalog[f.name].astype(float) - f.value) / f.scatter) ** 2 for f in held)
    inside = np.abs(catalog["m_h"] - steered.value) <= 3 * 0.15
    wanted = np.argsort(np.where(inside, distance, np.inf))[:200]
    found = alike(catalog, steered, 0.15, held, 200)
    assert len(found) == 200 and len(set(found) ^ set(wanted)) <= 2  # float32 at the edge
    assert len(alike(catalog, steered, 0.15, [], 200)) == inside.sum()


def test_steering_says_what_the_stars_show(whole):
    catalog, neighbours = whole
    here = fit_labels(catalog, neighbours, Z).labels["m_h"]
    found = steer(catalog, neighbours, Z, "m_h", here.value + 0.15)
    assert found.reached and not found.reason
    assert found.direction.support.change == pytest.approx(0.15, abs=0.02)
    assert found.predictive_error == pytest.approx(np.hypot(found.value_error, 0.025), rel=0.2)
    quick = steer(catalog, neighbours, Z, "m_h", here.value + 0.15, judged=False)
    assert quick.z == found.z and quick.direction.support is None
