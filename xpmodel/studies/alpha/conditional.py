"""Whether latents know α beyond given labels: measures of conditional dependence.

X are labels that are given, Z the latents, and a star has its α sequence (high or not) and its
[α/M]. All measures come from the same cross-fitting: each star is predicted by gradient-boosted
trees that were grown on the other folds.

- Generalized covariance measure (Shah & Peters 2020, Annals of Statistics 48, 1514, Sect. 3): the
  mean product of what X leaves of α and what X leaves of each latent, as a χ² with the number of
  latents as degrees of freedom. Where α and Z are independent given X, the mean is 0.
- Conditional mutual information I(α sequence; Z | X): the log-loss that Z takes away.
- Partial R² of [α/M]: the part of the variance that X leaves which Z explains.
- Gain in accuracy.

The last three are bounded from above by what the trees find: a value of 0 or less says that trees
found nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xpmodel.studies.alpha.forests import FOLDS

# Gradient boosting: enough for 100,000 stars of ten features; scikit-learn's defaults else.
ITERATIONS = 150
LEARNING_RATE = 0.08
LEAF = 40
# A probability is kept away from 0 and 1 by this: one star's log-loss must not decide a mean.
CLIP = 1e-4


@dataclass(frozen=True)
class Measured:
    """A mean over stars with its standard error."""

    value: float
    error: float


@dataclass(frozen=True)
class Covariance:
    """The generalized covariance measure: a χ² statistic, its degrees of freedom, its p-value."""

    statistic: float
    dof: int
    p: float


@dataclass(frozen=True, kw_only=True)
class CrossFit:
    """What trees predict of stars that they were not grown on.

    Attributes
    ----------
    is_high : ndarray, (N,) bool
    alpha : ndarray, (N,)
        [α/M] [dex].
    latents : ndarray, (N, K)
    high_by_labels, high_by_both : ndarray, (N,)
        Probability to be high-α, given the labels, and given these and the latents.
    alpha_by_labels, alpha_by_both : ndarray, (N,)
        Expected [α/M] [dex], likewise.
    latents_by_labels : ndarray, (N, K)
        Expected latents given the labels.
    """

    is_high: np.ndarray
    alpha: np.ndarray
    latents: np.ndarray
    high_by_labels: np.ndarray
    high_by_both: np.ndarray
    alpha_by_labels: np.ndarray
    alpha_by_both: np.ndarray
    latents_by_labels: np.ndarray

    def covariance(self, stars: np.ndarray) -> Covariance:
        """The generalized covariance measure of sequence and latents over some stars, (N,) bool."""
        left = (self.is_high - self.high_by_labels)[stars]
        return generalized_covariance(left, (self.latents - self.latents_by_labels)[stars])

    def information(self, stars: np.ndarray) -> Measured:
        """Conditional mutual information of sequence and latents over some stars [nat]."""
        return mutual_information(
            self.is_high[stars], self.high_by_labels[stars], self.high_by_both[stars]
        )

    def partial_r2(self, stars: np.ndarray) -> Measured:
        """The part of what labels leave of [α/M] that latents explain, over some stars."""
        alpha = self.alpha[stars]
        return explained(alpha - self.alpha_by_labels[stars], alpha - self.alpha_by_both[stars])

    def r2(self, stars: np.ndarray, predicted: np.ndarray) -> Measured:
        """R² of [α/M] by a prediction (N,), over some stars."""
        alpha = self.alpha[stars]
        return explained(alpha - alpha.mean(), alpha - predicted[stars])

    def gain(self, stars: np.ndarray) -> Measured:
        """Accuracy with the latents less that without, over some stars."""
        high = self.is_high[stars]
        right = [(p[stars] > 0.5) == high for p in (self.high_by_labels, self.high_by_both)]
        return mean_of(right[1].astype(float) - right[0])


def cross_fit(
    labels: np.ndarray,
    latents: np.ndarray,
    is_high: np.ndarray,
    alpha: np.ndarray,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> CrossFit:
    """Predict α sequence, [α/M] and latents of every star out of fold.

    Parameters
    ----------
    labels : ndarray, (N, F)
        What is given.
    latents : ndarray, (N, K)
    is_high : ndarray, (N,) bool
    alpha : ndarray, (N,)
        [α/M] [dex].
    seed : int
        Of the five folds, which all predictions share.
    tell : callable
        Called with what is done next.
    """
    fold = folds(len(labels), seed)
    both = np.concatenate([labels, latents], axis=1)

    def fitted(what: str, values: np.ndarray, target: np.ndarray) -> np.ndarray:
        tell(what)
        return out_of_fold(values, target, fold)

    return CrossFit(
        is_high=is_high,
        alpha=alpha,
        latents=latents,
        high_by_labels=fitted("sequence by labels", labels, is_high),
        high_by_both=fitted("sequence by labels and latents", both, is_high),
        alpha_by_labels=fitted("[α/M] by labels", labels, alpha),
        alpha_by_both=fitted("[α/M] by labels and latents", both, alpha),
        latents_by_labels=np.stack(
            [fitted(f"latent {k} by labels", labels, z) for k, z in enumerate(latents.T, 1)],
            axis=1,
        ),
    )


def folds(n: int, seed: int) -> np.ndarray:
    """The fold of each of n stars, (n,) int64: five at random, of equal size."""
    return np.random.default_rng(seed).permutation(n) % FOLDS


def out_of_fold(values: np.ndarray, target: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Predictions by gradient-boosted trees that were grown on the other folds.

    Parameters
    ----------
    values : ndarray, (N, F)
    target : ndarray, (N,)
        bool: probabilities to be True are predicted; float: the value.
    fold : ndarray, (N,) int64

    Returns
    -------
    ndarray, (N,) float64
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    binary = target.dtype == bool
    kind = HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor
    predicted = np.empty(len(target))
    for number in np.unique(fold):
        test = fold == number
        trees = kind(
            max_iter=ITERATIONS,
            learning_rate=LEARNING_RATE,
            min_samples_leaf=LEAF,
            early_stopping=False,
            random_state=0,
        )
        trees.fit(values[~test], target[~test])
        if binary:
            column = int(np.flatnonzero(trees.classes_)[0])
            predicted[test] = trees.predict_proba(values[test])[:, column]
        else:
            predicted[test] = trees.predict(values[test])
    return predicted


def generalized_covariance(left: np.ndarray, latents_left: np.ndarray) -> Covariance:
    """The generalized covariance measure of Shah & Peters (2020, Sect. 3), as a χ² test.

    With the products R = ε ξ of the two residuals, n R̄ᵀ Σ⁻¹ R̄ (Σ their covariance) is χ² with K
    degrees of freedom where α and latents are independent given the labels. (Their Sect. 3.2
    takes the largest of the K standardized means, which is for many K.)

    Parameters
    ----------
    left : ndarray, (N,)
        What the labels leave of α.
    latents_left : ndarray, (N, K)
        What they leave of each latent.
    """
    from scipy.stats import chi2

    latents_left = latents_left / latents_left.std(axis=0)
    products = left[:, None] * latents_left
    mean = products.mean(axis=0)
    covariance = np.cov(products, rowvar=False, bias=True).reshape(len(mean), len(mean))
    statistic = float(len(left) * mean @ np.linalg.solve(covariance, mean))
    return Covariance(statistic, len(mean), float(chi2.sf(statistic, len(mean))))


def mutual_information(truth: np.ndarray, without: np.ndarray, with_z: np.ndarray) -> Measured:
    """Conditional mutual information [nat]: mean log-loss without latents less that with them.

    Parameters
    ----------
    truth : ndarray, (N,) bool
    without, with_z : ndarray, (N,)
        Probabilities, out of fold.
    """
    chance = [np.where(truth, p, 1 - p).clip(CLIP) for p in (without, with_z)]
    return mean_of(np.log(chance[1]) - np.log(chance[0]))


def explained(before: np.ndarray, after: np.ndarray) -> Measured:
    """The part of a sum of squares that is gone, 1 − Σ after² / Σ before², and its error.

    The standard error is that of a ratio of means, to first order.
    """
    first, second = before**2, after**2
    ratio = second.mean() / first.mean()
    return Measured(1.0 - ratio, mean_of((second - ratio * first) / first.mean()).error)


def mean_of(values: np.ndarray) -> Measured:
    """The mean of independent values, with its standard error."""
    return Measured(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))
