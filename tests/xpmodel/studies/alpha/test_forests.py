"""Forests that tell what a feature tells, and never see the stars they judge."""

import warnings

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from xpmodel.studies.alpha import forests
from xpmodel.studies.alpha.forests import FOLDS, calls_of, probabilities_out_of_fold

N = 400


def stars() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.random(N) < 0.4
    return (truth + rng.normal(0, 0.2, N))[:, None], truth


def test_a_feature_that_tells_is_called_right():
    features, truth = stars()
    rows = np.arange(N)
    called = calls_of(features, truth, rows[:300], rows[300:])
    assert called.dtype == bool and called.shape == (100,)
    assert (called == truth[300:]).mean() > 0.95
    np.testing.assert_array_equal(called, calls_of(features, truth, rows[:300], rows[300:]))


def test_a_star_is_judged_by_forests_that_never_saw_its_group():
    """Each group has a number of its own, which a forest that knows it would call at once."""
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(N // 2), 2)
    truth = np.repeat(rng.random(N // 2) < 0.5, 2)
    number = rng.permutation(N // 2)[groups].astype(float)
    probability = probabilities_out_of_fold(number[:, None], truth, groups)
    right = ((probability > 0.5) == truth).mean()
    assert 0.35 < right < 0.65


def test_probabilities_follow_the_feature():
    features, truth = stars()
    turns = []
    probability = probabilities_out_of_fold(
        features, truth, np.arange(N), progress=lambda: turns.append(1)
    )
    assert len(turns) == FOLDS and ((probability >= 0) & (probability <= 1)).all()
    assert probability[truth].mean() > 0.9 > 0.1 > probability[~truth].mean()


def test_a_forest_on_all_cores_is_that_of_one_and_leaves_the_filters_of_warnings():
    """scikit-learn's threads set filters while they grow trees, and put back what others set."""
    rng = np.random.default_rng(4)
    features, truth = rng.normal(size=(3000, 6)), rng.random(3000) < 0.5
    before = list(warnings.filters)
    for _ in range(3):
        grown = forests._grown(features[:2500], truth[:2500], seed=1)
        assert warnings.filters == before
    alone = RandomForestClassifier(forests.TREES, random_state=1, n_jobs=1)
    alone.fit(features[:2500], truth[:2500])
    np.testing.assert_array_equal(
        grown.predict_proba(features[2500:]), alone.predict_proba(features[2500:])
    )
