"""Steering where the labels' law is known."""

import numpy as np
import pytest

from tests.support.catalogs import write_catalog
from xpmodel import Catalog, InputError, open_catalog
from xpmodel.latent.neighbours import Neighbours
from xpmodel.latent.steering import MOST, fit_labels, steer

N = 20_000
# Labels change by these with z1, z2, z4; z3 is inactive. Teff, log g, [M/H].
LAW = np.array([[400.0, -150.0, 50.0], [0.3, 0.5, -0.2], [-0.1, 0.2, 0.4]])
AT_ZERO = np.array([4800.0, 2.5, -0.2])
NOISE = np.array([40.0, 0.08, 0.05])
NAMES = ("teff", "logg", "m_h")
SCALES = np.array([1.0, 2.0, 0.5])  # of the latents


def made_up(path, seed: int = 0, n: int = N, gross: float = 0.0, **columns) -> Catalog:
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, 3)) * SCALES
    labels = AT_ZERO + z @ LAW.T + NOISE * rng.normal(size=(n, 3))
    wild = rng.random((n, 3)) < gross
    labels[wild] += (30 * NOISE * rng.choice([-1, 1], (n, 3)))[wild]
    found = {"z1": z[:, 0], "z2": z[:, 1], "z3": np.zeros(n), "z4": z[:, 2], "z3_err": np.ones(n)}
    found |= dict(zip(NAMES, labels.T, strict=True)) | columns
    return open_catalog(write_catalog(path / "made_up.parquet", n, **found))


@pytest.fixture(scope="module")
def catalog(tmp_path_factory) -> Catalog:
    return made_up(tmp_path_factory.mktemp("steering"))


@pytest.fixture(scope="module")
def neighbours(catalog) -> Neighbours:
    return Neighbours(catalog)


Z = (0.4, -0.6, 0.0, 0.1)


def truth(z) -> np.ndarray:
    return AT_ZERO + LAW @ np.asarray(z)[[0, 1, 3]]


def test_a_fit_against_lstsq(catalog, neighbours):
    """The weighted planes, solved by NumPy's least squares; no star is far off here."""
    k = 400
    fit = fit_labels(catalog, neighbours, Z, k, names=["teff"])
    near = neighbours.nearest(Z, k)
    away = neighbours.points(near.rows) - neighbours.scaled(Z)
    weight = (1 - (near.distance / (1.0001 * near.distance[-1])) ** 3) ** 3
    y = catalog["teff"][near.rows].astype(float)
    design = np.column_stack([np.ones(k), away])
    for _ in range(3):
        root = np.sqrt(weight)[:, None]
        beta = np.linalg.lstsq(design * root, y * root[:, 0], rcond=None)[0]
        residual = y - design @ beta
        turned = (1 - (residual / (6 * np.median(np.abs(residual)))) ** 2).clip(0) ** 2
        weight = (1 - (near.distance / (1.0001 * near.distance[-1])) ** 3) ** 3 * turned
    label = fit.labels["teff"]
    assert label.value == pytest.approx(beta[0], abs=1e-3)
    np.testing.assert_allclose(label.slope, beta[1:], rtol=1e-3)
    assert label.n == k and fit.radius == near.distance[-1]


def test_known_slopes_within_their_errors(tmp_path):
    """Over many skies the fitted value and slopes scatter as their errors say."""
    pulls = []
    for seed in range(40):
        catalog = made_up(tmp_path, seed, n=3000)
        neighbours = Neighbours(catalog)
        fit = fit_labels(catalog, neighbours, Z, 500)
        for name, value, slopes in zip(NAMES, truth(Z), LAW, strict=True):
            label = fit.labels[name]
            wanted = np.concatenate([[value], slopes * neighbours.scale])
            found = np.concatenate([[label.value], label.slope])
            pulls.append((found - wanted) / np.sqrt(np.diag(label.covariance)))
    pulls = np.array(pulls)
    assert np.abs(pulls.mean(axis=0)).max() < 0.35
    np.testing.assert_allclose(pulls.std(axis=0), 1.0, atol=0.25)


def test_gross_errors_are_turned_down(tmp_path):
    catalog = made_up(tmp_path, gross=0.08)
    fit = fit_labels(catalog, Neighbours(catalog), Z)
    for name, value, noise in zip(NAMES, truth(Z), NOISE, strict=True):
        assert fit.labels[name].value == pytest.approx(value, abs=0.15 * noise)
        assert fit.labels[name].scatter == pytest.approx(noise, rel=0.15)


@pytest.mark.parametrize("name", NAMES)
def test_a_direction_changes_one_label(name, catalog, neighbours):
    """As many latents as labels: the law's inverse is the answer."""
    direction = fit_labels(catalog, neighbours, Z).direction(name)
    changes = LAW @ direction.dz[[0, 1, 3]]
    i = NAMES.index(name)
    assert direction.supported, direction.reason
    assert direction.dz[2] == 0
    assert changes[i] == pytest.approx(1.0, abs=4 * direction.gain_error)
    for j in {0, 1, 2} - {i}:
        change, error = direction.drift[NAMES[j]]
        assert abs(changes[j] - change) < 4 * error
        # A change of the steered label by its own scatter leaves the others.
        assert abs(changes[j]) * NOISE[i] < 0.35 * NOISE[j]
    inverse = np.linalg.inv(LAW)[:, i]
    np.testing.assert_allclose(direction.dz[[0, 1, 3]], inverse, rtol=0.35, atol=0.1 / NOISE[i] / 9)


def test_gain_error_by_hand(catalog, neighbours):
    fit = fit_labels(catalog, neighbours, Z)
    direction = fit.direction("m_h")
    step = direction.dz[[0, 1, 3]] / neighbours.scale
    covariance = fit.labels["m_h"].covariance[1:, 1:]
    assert direction.gain_error == pytest.approx(np.sqrt(step @ covariance @ step))
    assert fit.labels["m_h"].slope @ step == pytest.approx(1.0)
    change, error = direction.drift["teff"]
    assert change == pytest.approx(fit.labels["teff"].slope @ step)
    assert error == pytest.approx(np.sqrt(step @ fit.labels["teff"].covariance[1:, 1:] @ step))


def test_locked_latents_do_not_move(catalog, neighbours):
    fit = fit_labels(catalog, neighbours, Z)
    direction = fit.direction("teff", locked=[1])
    assert direction.dz[1] == 0 and direction.dz[0] != 0
    assert fit.labels["teff"].slope @ (direction.dz[[0, 1, 3]] / neighbours.scale) == pytest.approx(
        1
    )
    found = steer(catalog, neighbours, Z, "teff", truth(Z)[0] + 60, locked=[1])
    assert found.z[1] == Z[1] and found.z[2] == Z[2]
    with pytest.raises(InputError, match="locked"):
        fit.direction("teff", locked=[0, 1, 3])


@pytest.mark.parametrize(("name", "by"), [("teff", 120.0), ("logg", -0.2), ("m_h", 0.15)])
def test_steering_reaches_its_target(name, by, catalog, neighbours):
    i = NAMES.index(name)
    target = truth(Z)[i] + by
    found = steer(catalog, neighbours, Z, name, target)
    assert found.reached, found.reason
    assert found.value == pytest.approx(target, abs=found.value_error)
    after = truth(found.z)
    assert after[i] == pytest.approx(target, abs=0.25 * NOISE[i])
    for j in {0, 1, 2} - {i}:
        assert after[j] == pytest.approx(truth(Z)[j], abs=NOISE[j])
    assert steer(catalog, neighbours, Z, name, target).z == found.z  # once more: the same


def test_steering_ends_where_the_stars_end(catalog, neighbours):
    z = Z
    for _ in range(30):
        found = steer(catalog, neighbours, z, "teff", 9000.0)
        z = found.z
    assert not found.reached and "no star is near" in found.reason
    near = neighbours.nearest(found.z, 1)
    assert not neighbours.nearness(float(near.distance[0])).extrapolation


def test_a_label_that_does_not_follow(tmp_path):
    rng = np.random.default_rng(5)
    catalog = made_up(tmp_path, alpha_m=rng.normal(0.1, 0.05, N))
    direction = fit_labels(catalog, Neighbours(catalog), Z).direction("alpha_m")
    assert not direction.supported
    assert f"the {max(300, N // 100)} nearest stars do not show how [α/M]" in (direction.reason)


def test_labels_that_go_together(tmp_path):
    """[α/M] is a function of [M/H] wherever one looks: the two cannot be told apart."""
    rng = np.random.default_rng(6)
    base = made_up(tmp_path)
    alpha = (-0.5 * (base["m_h"].astype(float) + 0.2)) + rng.normal(0, 0.01, N)
    catalog = made_up(tmp_path, alpha_m=alpha)
    direction = fit_labels(catalog, Neighbours(catalog), Z, 2000).direction("alpha_m")
    assert not direction.supported
    assert "[M/H] changes with it" in direction.reason or "do not show" in direction.reason


def test_labels_that_are_missing(tmp_path):
    teff = np.full(N, np.nan)
    teff[:40] = 5000.0
    catalog = made_up(tmp_path, teff=teff)
    fit = fit_labels(catalog, Neighbours(catalog), Z)
    assert set(fit.labels) == {"logg", "m_h"}
    assert "nearest stars have Teff" in fit.missing["teff"]
    assert fit.missing["j_k"] == "the catalog has no J − K"
    with pytest.raises(InputError, match="nearest stars have Teff"):
        fit.direction("teff")
    with pytest.raises(InputError, match="no label 'flux'"):
        fit.direction("flux")


def test_stars_all_at_one_place(tmp_path):
    zero = {f"z{i}": np.zeros(500) for i in (1, 2, 3, 4)}
    labels = dict.fromkeys(NAMES, np.ones(500))
    path = write_catalog(tmp_path / "one.parquet", 500, **zero, **labels)
    catalog = open_catalog(path)
    fit = fit_labels(catalog, Neighbours(catalog), (0.0, 0.0, 0.0, 0.0))
    assert not fit.labels and "too close together" in fit.missing["teff"]


def test_how_many_stars(catalog, neighbours, tmp_path):
    assert fit_labels(catalog, neighbours, Z).n == 300
    few = made_up(tmp_path, n=200)
    assert fit_labels(few, Neighbours(few), Z).n == 200
    assert MOST == 3000
