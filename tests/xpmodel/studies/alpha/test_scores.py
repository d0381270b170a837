import numpy as np
import pytest

from xpmodel.studies.alpha.scores import Confusion, gain, mean_estimate


def test_scores_by_hand():
    # 10 high-α, 30 low-α; 6 and 27 of them called right.
    truth = np.arange(40) < 10
    called = np.zeros(40, bool)
    called[:6] = True
    called[10:13] = True
    confusion = Confusion.of(truth, called)
    assert confusion.counts.tolist() == [[6, 4], [3, 27]]
    scores = {name: e.value for name, e in confusion.scores().items()}
    assert scores == pytest.approx(
        {
            "accuracy": 33 / 40,
            "balanced_accuracy": (0.6 + 0.9) / 2,
            "recall_high": 0.6,
            "recall_low": 0.9,
            "precision_high": 6 / 9,
            "precision_low": 27 / 31,
        }
    )


def test_published_matrix():
    """What the paper prints as "P high-α" of the latents, 0.58, is recall, not precision."""
    # In parts of all stars: high called high, high called low; see the released code's matrix.
    counts = np.array([[1640, 1140], [500, 6720]])
    scores = Confusion(counts).scores()
    assert scores["recall_high"].value == pytest.approx(0.59, abs=0.005)
    assert scores["recall_low"].value == pytest.approx(0.93, abs=0.005)
    assert scores["precision_high"].value > 0.7


def test_intervals_are_those_of_resampled_stars():
    rng = np.random.default_rng(0)
    truth = rng.random(300) < 0.3
    called = np.where(rng.random(300) < 0.8, truth, ~truth)
    after = np.where(rng.random(300) < 0.5, truth, called)
    confusion, gained = Confusion.of(truth, called).scores(), gain(truth, called, after)
    recalls, gains = [], []
    for _ in range(4000):
        stars = rng.integers(0, 300, 300)
        t, c, a = truth[stars], called[stars], after[stars]
        recalls.append(c[t].mean())
        gains.append((a == t).mean() - (c == t).mean())
    for estimate, draws in ((confusion["recall_high"], recalls), (gained["accuracy"], gains)):
        low, high = np.percentile(draws, [2.5, 97.5])
        assert [estimate.low, estimate.high] == pytest.approx([low, high], abs=0.012)


@pytest.mark.slow
def test_interval_covers_the_truth():
    """19 of 20 such intervals hold the probability that the stars were drawn with."""
    rng = np.random.default_rng(1)
    inside = 0
    for number in range(200):
        truth = np.arange(400) < 150
        called = np.where(rng.random(400) < 0.85, truth, ~truth)
        estimate = Confusion.of(truth, called).scores(number)["accuracy"]
        inside += estimate.low <= 0.85 <= estimate.high
    assert 180 <= inside <= 199


def test_gain_is_paired():
    """Calls that are equal star by star gain nothing, with no width."""
    truth = np.random.default_rng(0).random(100) < 0.5
    called = ~truth
    called[:70] = truth[:70]
    estimate = gain(truth, called, called.copy())["accuracy"]
    assert (estimate.value, estimate.low, estimate.high) == (0, 0, 0)


def test_nothing_called_high():
    scores = Confusion.of(np.arange(10) < 3, np.zeros(10, bool)).scores()
    assert np.isnan(scores["precision_high"].value)
    assert scores["recall_high"].value == 0 and scores["accuracy"].value == pytest.approx(0.7)


def test_mean_estimate():
    values = np.repeat([0.0, 0.5, 1.0], [200, 100, 700])
    estimate = mean_estimate(values)
    assert estimate.value == pytest.approx(0.75)
    error = values.std() / np.sqrt(1000)
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * error, rel=0.05)
    assert str(estimate).startswith("0.750 [0.72")
