import numpy as np
import pytest
from scipy import stats
from scipy.special import expit

from xpmodel.studies.alpha import conditional
from xpmodel.studies.alpha.conditional import (
    cross_fit,
    explained,
    folds,
    generalized_covariance,
    mutual_information,
    out_of_fold,
)


def test_the_covariance_measure_is_uniform_where_nothing_is_known():
    """Products of independent residuals, heavy-tailed and unequal in spread: p is uniform."""
    rng = np.random.default_rng(0)
    n, p = 400, []
    for _ in range(500):
        x = rng.normal(size=n)
        left = (rng.random(n) < expit(x)) - expit(x)
        latents = rng.standard_t(6, (n, 3)) * np.exp(0.4 * x)[:, None] @ rng.normal(size=(3, 3))
        p.append(generalized_covariance(left, latents).p)
    assert stats.kstest(p, "uniform").pvalue > 0.01


def test_the_covariance_measure_by_another_formula():
    """The part q of a column of ones that the products explain gives it as n q / (1 − q)."""
    rng = np.random.default_rng(1)
    left, latents = rng.normal(size=300), rng.normal(size=(300, 4))
    latents[:, 1] += 0.3 * left
    products = left[:, None] * latents
    ones = np.ones(300)
    fit = products @ np.linalg.lstsq(products, ones, rcond=None)[0]
    q = 1 - ((ones - fit) ** 2).mean()
    result = generalized_covariance(left, latents)
    assert result.statistic == pytest.approx(300 * q / (1 - q), rel=1e-9)
    assert result.dof == 4
    assert result.p == pytest.approx(stats.chi2.sf(result.statistic, 4))
    assert generalized_covariance(left, latents * [1, 1e6, 1e-6, -1]).statistic == pytest.approx(
        result.statistic
    )


def test_mutual_information_of_known_probabilities():
    """Against the integral over a star's two features, and its error against the bootstrap."""
    rng = np.random.default_rng(2)
    x, z = rng.normal(size=(2, 10_000))
    chance = expit(1.5 * x + z)
    truth = rng.random(len(x)) < chance
    grid, weight = np.polynomial.hermite_e.hermegauss(60)
    weight = weight / weight.sum()
    p = expit(1.5 * grid[:, None] + grid[None])
    marginal = p @ weight

    def entropy(p):
        return -p * np.log(p) - (1 - p) * np.log1p(-p)

    expected = weight @ (entropy(marginal) - entropy(p) @ weight)
    result = mutual_information(truth, np.interp(x, grid, marginal), chance)
    assert result.value == pytest.approx(expected, abs=3 * result.error)
    draws = [
        mutual_information(truth[i], np.interp(x[i], grid, marginal), chance[i]).value
        for i in rng.integers(0, len(x), (200, len(x)))
    ]
    assert result.error == pytest.approx(np.std(draws), rel=0.2)


def test_explained_part_and_its_error():
    rng = np.random.default_rng(3)
    z, noise = rng.normal(size=(2, 4000))
    result = explained(0.6 * z + noise, noise)
    assert result.value == pytest.approx(0.36 / 1.36, abs=3 * result.error)
    assert result.value == pytest.approx(1 - (noise @ noise) / np.sum((0.6 * z + noise) ** 2))
    draws = [
        explained((0.6 * z + noise)[i], noise[i]).value for i in rng.integers(0, 4000, (400, 4000))
    ]
    assert result.error == pytest.approx(np.std(draws), rel=0.2)


def few_trees(monkeypatch):
    """As far down the loss in a tenth of the time: trees that stop early fail the null."""
    monkeypatch.setattr(conditional, "ITERATIONS", 15)
    monkeypatch.setattr(conditional, "LEARNING_RATE", 0.3)


def test_each_star_is_predicted_by_trees_that_never_saw_it(monkeypatch):
    few_trees(monkeypatch)
    rng = np.random.default_rng(4)
    fold = folds(1000, 4)
    assert (np.bincount(fold) == 200).all()
    noise = rng.normal(size=1000)
    predicted = out_of_fold(rng.normal(size=(1000, 3)), noise, fold)
    assert abs(np.corrcoef(predicted, noise)[0, 1]) < 0.1  # in fold it would be far above
    truth = rng.random(1000) < 0.5
    chance = out_of_fold(truth[:, None] + 0.0, truth, fold)
    assert ((chance > 0.5) == truth).all()


@pytest.mark.parametrize("knows", [True, False])
def test_latents_that_know_alpha_are_told_from_those_that_know_the_labels(knows, monkeypatch):
    """The null is hard: latents follow the label that decides the sequence."""
    few_trees(monkeypatch)
    rng = np.random.default_rng(5)
    n = 2000
    x = rng.normal(size=(n, 2))
    is_high = rng.random(n) < expit(2 * x[:, 0])
    alpha = 0.1 * is_high + 0.02 * rng.normal(size=n)
    latents = np.stack([x[:, 0] + 0.5 * rng.normal(size=n), x[:, 1]], axis=1)
    latents[:, 1] += 0.2 * rng.normal(size=n)
    if knows:
        latents[:, 0] += is_high
    fit = cross_fit(x, latents, is_high, alpha, seed=5)
    everyone = np.ones(n, bool)
    information, partial = fit.information(everyone), fit.partial_r2(everyone)
    if knows:
        assert fit.covariance(everyone).p < 1e-10
        assert information.value > 5 * information.error
        assert partial.value > 5 * partial.error
        assert fit.gain(everyone).value > 0.02
    else:
        assert fit.covariance(everyone).p > 0.01
        assert information.value < 2 * information.error
        assert partial.value < 2 * partial.error
        assert fit.gain(everyone).value < 0.02
    both = fit.r2(everyone, fit.alpha_by_both)
    assert both.value == pytest.approx(1 - np.mean((alpha - fit.alpha_by_both) ** 2) / alpha.var())
