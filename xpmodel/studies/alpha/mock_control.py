"""The control of the α-bimodality: two mock skies, of which one has no α in its spectra.

That latents help a classifier shows that they know α only where they cannot help by knowing
something else that goes with α. On a mock sky the truth is known. Given what spectra are made of
but for α (the true Teff, log g, [M/H] and E(B−V)), latents must know more of α where spectra
follow it and must not where they do not, the stars being the same in both. Age is not given: it
leaves no trace in a spectrum of its own, and nearly decides the sequence.

What is measured on real stars, classifiers and tracks by measured labels, is measured on both
skies too: what it shows on the sky without α is not α.
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
from xpmodel.studies.alpha.conditional import CrossFit, Measured, cross_fit, mean_of
from xpmodel.studies.alpha.measured_labels import measured_as_real
from xpmodel.studies.alpha.star_slices import slices
from xpmodel.training.train import TrainingConfig, train

# What a mock spectrum is made of, but for α.
GIVEN = ("teff", "logg", "m_h", "ebv")
TRUE_LABELS = (*GIVEN, "alpha_m", "fe_h", "mg_fe")
SIGNALS = (1.0, 0.0)
# Enough for a small model of the mock to use more than two latents.
BATCH = 512
LEARNING_RATE = 2e-3
FEWEST = 2_000
# Stars of either sequence that a slice needs: fewer say nothing of latents, one by one.
FEWEST_IN_SLICE = 100

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One measure on one sky.

    Attributes
    ----------
    stars : str
        Of which slice.
    measure : str
    value, error : float
        With its standard error; NaN where it has none.
    by_chance : float
        Its value where latents know nothing of α; NaN where that is not known.
    dof : int
        Degrees of freedom of a χ² statistic, else 0.
    """

    stars: str
    measure: str
    value: float
    error: float = np.nan
    by_chance: float = np.nan
    dof: int = 0


@dataclass(frozen=True, kw_only=True)
class SkyResult:
    """What the control finds on one sky.

    Attributes
    ----------
    alpha_signal : float
        1: the sky's spectra follow [α/M]; 0: they do not.
    seed : int
        Of the sky, of its model, and of the folds.
    n_stars, n_high : int
        Stars, and those of the high-α sequence by their true abundances.
    active : list of str
        The small model's active latents.
    findings : list of Finding
        Given the true labels.
    measured : list of Finding
        By measured labels, as on real stars.
    skipped : dict of str to str
        Why slices and parts are left out, by name.
    """

    alpha_signal: float
    seed: int
    n_stars: int
    n_high: int
    active: list[str]
    findings: list[Finding]
    measured: list[Finding]
    skipped: dict[str, str]


def run_control(
    folder: str | Path,
    n_stars: int = 100_000,
    epochs: int = 40,
    seeds: int = 3,
    seed: int = 0,
    *,
    device: str = "auto",
    progress: Progress | None = None,
) -> list[SkyResult]:
    """Make two skies of the same stars, train a model on each, and ask what latents know of α.

    Parameters
    ----------
    folder : path
        Receives ``seed_S/alpha_1`` and ``seed_S/alpha_0``: sky, truth, model and catalog of each.
    n_stars : int
        Stars of a sky, 2,000 at least.
    epochs : int
        Of each small model's training.
    seeds : int
        How often all is done, stars, models and folds drawn anew.
    seed : int
        The first of the seeds.
    device : str
        ``auto``, ``cpu`` or ``cuda``.
    progress : callable, optional
        Called with what is done next.

    Returns
    -------
    list of SkyResult
        Of each seed with α in the spectra, and without.

    Raises
    ------
    InputError
        When there are too few stars or seeds, or the folder cannot be written.
    """
    if n_stars < FEWEST:
        raise InputError(f"{n_stars} stars are too few for the control; give {FEWEST:,} or more")
    if seeds < 1:
        raise InputError(f"{seeds} seeds: at least one must be used")
    tell = progress or (lambda _: None)
    return [
        _on_sky(Path(folder), Sky(n_stars, number, signal), epochs, device, tell)
        for number in range(seed, seed + seeds)
        for signal in SIGNALS
    ]


def _on_sky(folder: Path, sky: Sky, epochs: int, device: str, tell: Progress) -> SkyResult:
    name = f"seed {sky.seed}, α signal {sky.alpha_signal:g}"
    folder = folder / f"seed_{sky.seed}" / f"alpha_{sky.alpha_signal:g}"
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
    truth = read_truth(folder / TRUTH_FILE, catalog, TRUE_LABELS)
    return compare_with_truth(
        catalog, truth, sky.alpha_signal, sky.seed, lambda what: tell(f"{name}: {what}")
    )


def compare_with_truth(
    catalog: Catalog,
    truth: dict[str, np.ndarray],
    alpha_signal: float,
    seed: int = 0,
    tell: Progress = lambda _: None,
) -> SkyResult:
    """Ask what the latents of a mock catalog know of α, given the true labels.

    Five-fold: each star is predicted once, by trees grown on the other folds.

    Parameters
    ----------
    catalog : Catalog
    truth : dict of str to ndarray, (N,)
        `TRUE_LABELS`: `xpmodel.mock.truth.read_truth`.
    alpha_signal : float
        Of the sky, for the record.
    seed : int
        Of folds and forests.
    tell : callable
        Called with what is done next.

    Raises
    ------
    InputError
        When no latent is active, or too few stars have latents.
    """
    if not catalog.active:
        raise InputError(f"{catalog.path}: no latent is active; train longer (--epochs)")
    latents = np.stack([catalog[z] for z in catalog.active], axis=1).astype(np.float64)
    known = np.isfinite(latents).all(axis=1)
    truth = {name: values[known].astype(np.float64) for name, values in truth.items()}
    is_high = high_alpha_mask(truth["fe_h"], truth["mg_fe"])
    n_high, n = int(is_high.sum()), len(is_high)
    if min(n_high, n - n_high) < FEWEST_IN_SLICE:
        raise InputError(
            f"{catalog.path}: {n_high} high-α and {n - n_high} low-α stars with latents; needs "
            f"{FEWEST_IN_SLICE} of either kind"
        )
    labels = np.stack([truth[column] for column in GIVEN], axis=1)
    fit = cross_fit(labels, latents[known], is_high, truth["alpha_m"], seed, tell)
    findings, skipped = [], {}
    for stars, inside in slices(truth["teff"], truth["logg"]).items():
        kinds = is_high[inside]
        if min(kinds.sum(), (~kinds).sum()) < FEWEST_IN_SLICE:
            skipped[stars] = f"{kinds.sum()} high- and {(~kinds).sum()} low-α stars are too few"
        else:
            findings += _findings(stars, fit, inside)
    measured, left_out = measured_as_real(catalog, seed, tell)
    return SkyResult(
        alpha_signal=alpha_signal,
        seed=seed,
        n_stars=n,
        n_high=n_high,
        active=catalog.active,
        findings=findings,
        measured=[Finding(stars="measured labels", **one) for one in measured],
        skipped=skipped | left_out,
    )


def _findings(stars: str, fit: CrossFit, inside: np.ndarray) -> list[Finding]:
    """All measures of one slice, given the true labels."""
    high = fit.is_high[inside]

    def of(measure: str, one: Measured, by_chance: float = np.nan, unit: float = 1) -> Finding:
        value, error = one.value * unit, one.error * unit
        return Finding(stars=stars, measure=measure, value=value, error=error, by_chance=by_chance)

    right = mean_of(((fit.high_by_labels[inside] > 0.5) == high).astype(float))
    covariance = fit.covariance(inside)
    return [
        of("stars", Measured(float(len(high)), np.nan)),
        of("accuracy, true labels", right),
        of("gain in accuracy by latents", fit.gain(inside), 0.0),
        of("mutual information [mnat]", fit.information(inside), 0.0, 1e3),
        of("R² of [α/M], true labels", fit.r2(inside, fit.alpha_by_labels)),
        of("R² of [α/M], with latents", fit.r2(inside, fit.alpha_by_both)),
        of("partial R² of [α/M]", fit.partial_r2(inside), 0.0),
        Finding(
            stars=stars,
            measure="covariance measure, χ²",
            value=covariance.statistic,
            by_chance=float(covariance.dof),
            dof=covariance.dof,
        ),
    ]
