from dataclasses import replace

import numpy as np
import pytest

from xpmodel import InputError
from xpmodel.mock import noise
from xpmodel.mock.population import draw_stars, plain_stars
from xpmodel.studies.alpha import conditional
from xpmodel.studies.alpha.bound import (
    ALPHA,
    PARAMETERS,
    STEPS,
    alpha_sigma,
    bounds,
    generated,
    information,
    nuisances,
)


def star(n=1, **values):
    """A cool giant at G = 13, n times."""
    parameters = {"teff": 4400.0, "logg": 1.8, "m_h": -0.3, "alpha_m": 0.12, "ebv": 0.1}
    parameters |= {"g_mag": 13.0, "second_teff": 5000.0, **values}
    return plain_stars(**{name: np.full(n, value) for name, value in parameters.items()})


def covariance(g_mag):
    """Of the coefficients' noise, (110, 110), put together coefficient by coefficient."""
    sigma = 10.0 ** noise.relation(np.array([g_mag]))[0]
    full = np.zeros((110, 110))
    for band, matrix in enumerate(noise.correlations()):
        for i in range(55):
            for j in range(55):
                a, b = 55 * band + i, 55 * band + j
                full[a, b] = matrix[i, j] * sigma[a] * sigma[b]
    one = star(g_mag=g_mag)
    for name, axis in nuisances(one):  # unit normal: as good as noise
        here = getattr(one, name)
        ends = [generated(replace(one, **{name: here + s * axis})) for s in (0.1, -0.1)]
        slope = (ends[0] - ends[1])[0] / 0.2
        full += np.outer(slope, slope)
    return full


@pytest.mark.slow
@pytest.mark.parametrize("prior", [False, True])
def test_maximum_likelihood_reaches_the_bound(prior):
    """300 noisy spectra of one star, fitted; with a prior, its labels are drawn about the truth."""
    rng = np.random.default_rng(0)
    n, g = 300, 12.0
    one = star(n, g_mag=g)
    c = covariance(g)
    inverse = np.linalg.inv(c)
    data = generated(one) + rng.multivariate_normal(np.zeros(110), c, n)
    truth = np.array([getattr(one, name)[0] for name in PARAMETERS])
    known = np.diag([100.0**-2, 0.1**-2, 0.02**-2, 0.0, 0.0]) if prior else np.zeros((5, 5))
    shift = np.array([100.0, 0.1, 0.02, 0.0, 0.0]) * prior * rng.standard_normal((n, 5))
    theta = np.tile(truth, (n, 1))

    def model(theta):
        return generated(replace(one, **dict(zip(PARAMETERS, theta.T, strict=True))))

    for _ in range(3):  # Gauss–Newton, with derivatives by steps of its own
        here = model(theta)
        slopes = np.stack(
            [(model(theta + d) - here) / d.sum() for d in np.diag(list(STEPS.values())) / 4],
            axis=2,
        )
        normal = np.einsum("nai,ab,nbj->nij", slopes, inverse, slopes) + known
        right = np.einsum("nai,ab,nb->ni", slopes, inverse, data - here)
        step = np.linalg.solve(normal, (right + (truth + shift - theta) @ known)[..., None])
        theta = theta + step[..., 0]
    bound = alpha_sigma(information(star(g_mag=g)), known)[0]
    assert theta[:, ALPHA].std() == pytest.approx(bound, rel=0.12)
    assert theta[:, ALPHA].mean() == pytest.approx(truth[ALPHA], abs=4 * bound / np.sqrt(n))


def test_information_by_the_plain_formula():
    """Jᵀ C⁻¹ J of one star, C in full; half the step changes little."""
    one = star()
    slopes = [
        (
            generated(replace(one, **{name: getattr(one, name) + s}))
            - generated(replace(one, **{name: getattr(one, name) - s}))
        )[0]
        / (2 * s)
        for name, s in STEPS.items()
    ]
    j = np.stack(slopes)
    fisher = information(one)[0]
    expected = j @ np.linalg.inv(covariance(13.0)) @ j.T
    scale = np.sqrt(np.diag(expected))
    assert fisher / np.outer(scale, scale) == pytest.approx(
        expected / np.outer(scale, scale), abs=1e-6
    )
    halved = information(one, {name: s / 2 for name, s in STEPS.items()})
    assert alpha_sigma(halved) == pytest.approx(alpha_sigma(fisher[None]), rel=0.02)


def test_priors_only_help():
    fisher = information(star(2, g_mag=15.0))
    free, inverse = alpha_sigma(fisher), np.linalg.inv(fisher)
    assert free == pytest.approx(np.sqrt(inverse[:, ALPHA, ALPHA]), rel=1e-6)
    prior = np.diag([50.0**-2, 0.1**-2, 0.02**-2, 0, 0])
    known = 1 / np.sqrt(fisher[:, ALPHA, ALPHA])
    assert (known < alpha_sigma(fisher, prior)).all() and (alpha_sigma(fisher, prior) < free).all()
    all_known = np.diag(np.where(np.arange(5) == ALPHA, 0.0, 1e12))
    assert alpha_sigma(fisher, all_known) == pytest.approx(known, rel=1e-3)
    alpha_known = np.diag(np.where(np.arange(5) == ALPHA, 0.01**-2, 0.0))
    assert (alpha_sigma(fisher, alpha_known) < 0.01).all()
    assert np.isinf(alpha_sigma(np.zeros((1, 5, 5)))).all()


@pytest.fixture
def few_trees(monkeypatch):
    monkeypatch.setattr(conditional, "ITERATIONS", 15)
    monkeypatch.setattr(conditional, "LEARNING_RATE", 0.3)


def test_bins_hold_what_their_stars_say(few_trees):
    stars = draw_stars(1500, np.random.default_rng(1))
    names = (*PARAMETERS, "second_light", "second_teff", "emission")
    truth = {name: getattr(stars, name) for name in names}
    errors = {"teff": np.full(1500, 30.0), "m_h": np.full(1500, np.nan)}
    latents = np.stack([truth["alpha_m"] * 10, truth["teff"] / 1000], axis=1)
    found = bounds(truth, errors, stars.g_mag, latents, n_bound=600)
    everyone = {one.g: one for one in found if one.stars == "all stars"}
    one = everyone[13.0]
    single = (stars.second_light == 0) & (stars.emission == 0)
    here = single & (np.abs(stars.g_mag - 13) < 0.5)
    assert one.n == here.sum() > one.n_bound >= 30
    assert one.spread == pytest.approx(stars.alpha_m[here].std())
    assert one.reached["latents"] < 0.03 < one.reached["true labels"]
    assert one.bounds["known"] < one.bounds["labels"] < one.bounds["free"]
    assert one.bounds["population"] < one.spread
    assert everyone[15.0].bounds["free"] > one.bounds["free"]
    with pytest.raises(InputError, match="10 single stars without emission"):
        few = np.flatnonzero(single)[:10]
        bounds({n: v[few] for n, v in truth.items()}, {}, stars.g_mag[few], latents[few])
