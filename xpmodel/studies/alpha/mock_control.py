"""The control of the α-bimodality: two mock skies, of which one has no α in its spectra.

That latents help a classifier shows that they know α only where they cannot help by knowing
something else that goes with α. On a mock sky the truth is known: Teff, log g, [M/H], E(B−V) and
age. With all of these given, latents must help where spectra follow [α/M] and must not where they
do not, the stars being the same in both.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from xpmodel.catalog.build import build_catalog
from xpmodel.catalog.catalog import Catalog, open_catalog
from xpmodel.catalog.label_relations import high_alpha_mask
from xpmodel.errors import InputError
from xpmodel.mock.truth import read_truth
from xpmodel.mock.write import TRUTH_FILE, Sky, write_mock
from xpmodel.spectra.spectra import read_spectra
from xpmodel.studies.alpha.equal_pairs import EQUAL, match_pairs
from xpmodel.studies.alpha.forests import probabilities_out_of_fold
from xpmodel.studies.alpha.pair_ranking import Order, order_pairs
from xpmodel.studies.alpha.scores import Confusion, Estimate, gain
from xpmodel.training.train import TrainingConfig, train

TRUE_LABELS = ("teff", "logg", "m_h", "ebv", "age")
# Pairs are equal in what spectra are made of, but for α.
EQUAL_TRUTH = {**EQUAL, "ebv": 0.02}
SIGNALS = (1.0, 0.0)
# Enough for a small model of the mock to use more than two latents.
BATCH = 512
LEARNING_RATE = 2e-3
FEWEST = 2_000

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class SkyResult:
    """What the control finds on one sky.

    Attributes
    ----------
    alpha_signal : float
        1: the sky's spectra follow [α/M]; 0: they do not.
    n_stars, n_high : int
        Stars, and those of the high-α sequence by their true abundances.
    active : list of str
        The small model's active latents.
    without, with_latents : Confusion
        Calls from the true labels alone, and from these and the latents.
    gain : dict of str to Estimate
        Scores of the second less those of the first.
    n_pairs : int
    orders : list of Order
        In pairs of equal Teff, log g, [M/H] and E(B−V).
    """

    alpha_signal: float
    n_stars: int
    n_high: int
    active: list[str]
    without: Confusion
    with_latents: Confusion
    gain: dict[str, Estimate]
    n_pairs: int
    orders: list[Order]


def run_control(
    folder: str | Path,
    n_stars: int = 100_000,
    epochs: int = 120,
    seed: int = 0,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> list[SkyResult]:
    """Make two skies of the same stars, train a model on each, and classify with the truth.

    Parameters
    ----------
    folder : path
        Receives ``alpha_1`` and ``alpha_0``: sky, truth, model and catalog of each.
    n_stars : int
        Stars of a sky, 2,000 at least.
    epochs : int
        Of each small model's training.
    seed : int
        Of everything.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    progress : callable, optional
        Called with what is done next.

    Returns
    -------
    list of SkyResult
        With α in the spectra, and without.

    Raises
    ------
    InputError
        When there are too few stars, or the folder cannot be written.
    """
    if n_stars < FEWEST:
        raise InputError(f"{n_stars} stars are too few for the control; give {FEWEST:,} or more")
    tell = progress or (lambda _: None)
    return [
        _on_sky(
            Path(folder) / f"alpha_{signal:g}", Sky(n_stars, seed, signal), epochs, device, tell
        )
        for signal in SIGNALS
    ]


def _on_sky(folder: Path, sky: Sky, epochs: int, device: str, tell: Progress) -> SkyResult:
    name = f"α signal {sky.alpha_signal:g}"
    tell(f"{name}: making {sky.n_stars} mock stars")
    source = write_mock(sky, folder, truth=True)
    tell(f"{name}: training a small model, {epochs} epochs")
    config = TrainingConfig(
        batch=BATCH, epochs=epochs, learning_rate=LEARNING_RATE, restart=epochs, seed=sky.seed
    )
    model = train(read_spectra(source), config, device=device)
    model.save(folder / "model")
    tell(f"{name}: encoding")
    build_catalog(source, model, folder / "catalog.parquet")
    catalog = open_catalog(folder / "catalog.parquet")
    truth = read_truth(folder / TRUTH_FILE, catalog, (*TRUE_LABELS, "fe_h", "mg_fe"))
    return compare_with_truth(catalog, truth, sky.alpha_signal, sky.seed, tell)


def compare_with_truth(
    catalog: Catalog,
    truth: dict[str, np.ndarray],
    alpha_signal: float,
    seed: int = 0,
    tell: Progress = lambda _: None,
) -> SkyResult:
    """Classify all stars of a mock catalog from their true labels, without and with latents.

    Five-fold: each star is called once, by a forest grown on the other folds.

    Parameters
    ----------
    catalog : Catalog
    truth : dict of str to ndarray, (N,)
        True labels (`TRUE_LABELS`), ``fe_h`` and ``mg_fe``: `xpmodel.mock.truth.read_truth`.
    alpha_signal : float
        Of the sky, for the record.
    seed : int
        Of folds, forests and bootstrap.
    tell : callable
        Called with what is done next.
    """
    name = f"α signal {alpha_signal:g}"
    is_high = high_alpha_mask(truth["fe_h"], truth["mg_fe"])
    labels = np.stack([truth[column] for column in TRUE_LABELS], axis=1)
    latents = np.stack([catalog[z] for z in catalog.active or catalog.latents], axis=1)
    both = np.concatenate([labels, latents], axis=1)

    def calls(what: str, values: np.ndarray) -> np.ndarray:
        tell(f"{name}: forests on {what}")
        return probabilities_out_of_fold(values, is_high, np.arange(len(catalog)), seed) > 0.5

    before, after = calls("true labels", labels), calls("true labels and latents", both)
    pairs = match_pairs(truth, is_high, np.ones(len(catalog), bool), EQUAL_TRUTH)
    inputs = {
        "Teff, log g, [M/H], E(B−V)": labels[:, :4],
        "latents": latents,
        "these labels + latents": np.concatenate([labels[:, :4], latents], axis=1),
    }
    orders = order_pairs(pairs, inputs, seed, lambda what: tell(f"{name}: pairs by {what}"))
    return SkyResult(
        alpha_signal=alpha_signal,
        n_stars=len(catalog),
        n_high=int(is_high.sum()),
        active=catalog.active,
        without=Confusion.of(is_high, before),
        with_latents=Confusion.of(is_high, after),
        gain=gain(is_high, before, after, seed),
        n_pairs=len(pairs),
        orders=orders,
    )
