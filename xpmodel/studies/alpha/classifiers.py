"""Classifiers of high- and low-α stars by labels, colors, latents and coefficients.

Laroche & Speagle (2024, Sect. 5, Table 1) grow random forests on the pristine stars to show
that the latents know more of the α-bimodality than the other labels do. Here the inputs are
stacked as they should be; `released_inputs` scrambles them as the released code does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.catalog.named_cuts import cut_mask
from xpmodel.errors import InputError
from xpmodel.spectra.train_test_split import train_test_rows
from xpmodel.studies.alpha.forests import calls_of
from xpmodel.studies.alpha.scores import Confusion
from xpmodel.studies.principal_components import fit_components, per_flux
from xpmodel.tracks.bins import CONDITIONS

# What the paper conditions on (Laroche & Speagle 2024, Sect. 5, Table 1): never α itself.
CONDITIONED_ON = ("teff", "logg", "m_h")
COLORS = ("j_h", "j_k")
# Colors that a star is judged by alone: what the slope of its spectrum says, dust and all.
SINGLE_COLORS = {"BP−RP": "bp_rp", "J−K": "j_k"}
TEST_FRACTION = 0.1
# Training stars of the forest on 110 coefficients, unless it may take its time.
COEFFICIENT_STARS = 20_000
LARGER = "always the larger class"
# Laroche & Speagle (2024), Table 1, by the names of `released_inputs`.
PUBLISHED = {
    "[M/H]": {"accuracy": 0.68, "recall_high": 0.40, "recall_low": 0.79},
    "labels": {"accuracy": 0.70, "recall_high": 0.15, "recall_low": 0.91},
    "labels + colors": {"accuracy": 0.70, "recall_high": 0.15, "recall_low": 0.92},
    "latents": {"accuracy": 0.84, "recall_high": 0.58, "recall_low": 0.93},
}


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The stars that all classifiers are grown and tested on.

    Attributes
    ----------
    rows : ndarray, (M,) int64
        Rows of the catalog.
    is_high : ndarray, (M,) bool
        Whether each is of the high-α sequence (Patil et al. 2023).
    train, test : ndarray of int64
        Places among these stars.
    cut, variant : str
    n_cut : int
        Stars of the cut, before those without a value that some classifier needs are left out.
    """

    rows: np.ndarray
    is_high: np.ndarray
    train: np.ndarray
    test: np.ndarray
    cut: str
    variant: str
    n_cut: int


@dataclass(frozen=True)
class Inputs:
    """What a classifier knows of the stars of a sample.

    Attributes
    ----------
    name : str
    features : tuple of str
    values : ndarray, (M, F)
    n_train : int, optional
        Training stars to use, where not all.
    """

    name: str
    features: tuple[str, ...]
    values: np.ndarray
    n_train: int | None = None


@dataclass(frozen=True)
class Verdict:
    """What a classifier calls the test stars.

    Attributes
    ----------
    name : str
    n_features, n_train : int
    called : ndarray, (T,) bool
        Whether each test star is called high-α.
    confusion : Confusion
    """

    name: str
    n_features: int
    n_train: int
    called: np.ndarray
    confusion: Confusion


def alpha_sample(
    catalog: Catalog, cut: str = "pristine", variant: str = "paper", seed: int = 0
) -> Sample:
    """The stars of a cut whose α sequence is known, split into training and test stars.

    Stars without a finite value in a column that some classifier takes are left out of all, so
    that the classifiers are compared on the same stars.

    Parameters
    ----------
    catalog : Catalog
    cut, variant : str
        As in `xpmodel.catalog.named_cuts.cut_mask`.
    seed : int
        Of the split, nine to one.

    Raises
    ------
    InputError
        When the catalog has no [Fe/H] and [Mg/Fe], or too few stars of either kind.
    """
    high, low = CONDITIONS["high_alpha"], CONDITIONS["low_alpha"]
    missing = [name for name in high.columns if name not in catalog.numeric]
    if missing:
        raise InputError(
            f"{catalog.path}: no column {' and '.join(missing)}: which star is high-α is not "
            "known; encode again with --labels, a table that has them"
        )
    inside = cut_mask(catalog, cut, variant)
    is_high = high.passes(catalog)
    usable = inside & (is_high | low.passes(catalog))
    for name in _columns(catalog):
        usable &= np.isfinite(catalog[name])
    rows = np.flatnonzero(usable)
    n_high = int(is_high[rows].sum())
    if min(n_high, len(rows) - n_high) < 20:
        raise InputError(
            f"{catalog.path}: {n_high} high-α and {len(rows) - n_high} low-α stars in the cut "
            f"{cut!r} ({variant}) with all labels; needs 20 of either kind (see --cut)"
        )
    train, test = train_test_rows(len(rows), TEST_FRACTION, seed)
    return Sample(
        rows=rows,
        is_high=is_high[rows],
        train=train,
        test=test,
        cut=cut,
        variant=variant,
        n_cut=int(inside.sum()),
    )


def classifier_inputs(
    catalog: Catalog, sample: Sample, *, full: bool = False
) -> tuple[list[Inputs], dict[str, str]]:
    """The inputs of Table 1 and of honest baselines, one row a star.

    [M/H]; BP−RP; J−K; Teff, log g, [M/H]; these with J−H and J−K; the active latents' posterior
    means; these with the labels; as many principal components of the coefficients as there are
    active latents (`xpmodel.studies.principal_components.fit_components` of the training stars);
    the coefficients per unit G flux.

    Parameters
    ----------
    catalog : Catalog
    sample : Sample
    full : bool
        Grow the forest on coefficients on all training stars, instead of 20,000 drawn at random.

    Returns
    -------
    inputs : list of Inputs
    skipped : dict of str to str
        Why others cannot be had, by name.
    """
    sets: dict[str, tuple[str, ...]] = {
        "[M/H]": ("m_h",),
        **{name: (column,) for name, column in SINGLE_COLORS.items()},
        "labels": CONDITIONED_ON,
        "labels + colors": CONDITIONED_ON + COLORS,
        "latents": tuple(catalog.active),
        "labels + latents": (*CONDITIONED_ON, *catalog.active),
    }
    inputs, skipped = [], {}
    for name, columns in sets.items():
        lacking = [column for column in columns if column not in catalog.numeric]
        if lacking:
            skipped[name] = f"{catalog.path}: no column {', '.join(lacking)}"
        elif not catalog.active and "latents" in name:
            skipped[name] = f"{catalog.path}: no latent is active"
        else:
            inputs.append(Inputs(name, columns, _stack(catalog, columns, sample.rows)))
    try:
        spectra = catalog.spectra[sample.rows]
    except InputError as error:
        return inputs, skipped | dict.fromkeys(("PCA", "coefficients"), str(error))
    if n := len(catalog.active):
        fitted = fit_components(catalog, sample.rows[sample.train], n)
        names = tuple(f"component {i}" for i in range(1, n + 1))
        inputs.append(Inputs(f"PCA, {n} components", names, fitted.project(spectra)))
    values = per_flux(spectra).astype(np.float32)
    names = tuple(f"coefficient {j}" for j in range(1, values.shape[1] + 1))
    n_train = None if full or len(sample.train) <= COEFFICIENT_STARS else COEFFICIENT_STARS
    return [*inputs, Inputs("coefficients", names, values, n_train)], skipped


def released_inputs(
    catalog: Catalog, sample: Sample, seed: int = 0
) -> tuple[list[Inputs], dict[str, str]]:
    """The inputs as the released code makes them: mixed rows, and one draw of all latents.

    The code reshapes ``np.array([m_h, teff, logg])`` to rows of three, which is no transpose:
    a row holds one label of three stars in succession. Its latents are one random draw of each
    star's posterior, of all K latents, without a seed.

    Parameters
    ----------
    catalog : Catalog
    sample : Sample
    seed : int
        Of the draw.

    Returns
    -------
    inputs, skipped
        As from `classifier_inputs`.
    """
    sets = {
        "[M/H]": ("m_h",),
        "labels": ("m_h", "teff", "logg"),
        "labels + colors": ("m_h", "teff", "logg", *COLORS),
    }
    inputs, skipped = [], {}
    for name, columns in sets.items():
        lacking = [column for column in columns if column not in catalog.numeric]
        if lacking:
            skipped[name] = f"{catalog.path}: no column {', '.join(lacking)}"
            continue
        mixed = np.array([catalog[c][sample.rows] for c in columns]).reshape(-1, len(columns))
        inputs.append(Inputs(name, columns, mixed))
    names = tuple(catalog.latents)
    return [*inputs, Inputs("latents", names, latent_draw(catalog, sample, names, seed))], skipped


def latent_draw(
    catalog: Catalog, sample: Sample, latents: tuple[str, ...], seed: int = 0
) -> np.ndarray:
    """One random draw of the posteriors of a sample's stars, (M, len(latents)) float64.

    Raises
    ------
    InputError
        When errors of latents are not finite.
    """
    mean = _stack(catalog, latents, sample.rows)
    std = _stack(catalog, tuple(f"{z}_err" for z in latents), sample.rows)
    if n := int((~np.isfinite(std)).any(axis=1).sum()):
        raise InputError(
            f"{catalog.path}: {n} of {len(std)} stars have latents whose errors are not finite, so "
            "that no draw can be made of them"
        )
    return mean + std * np.random.default_rng(seed).standard_normal(mean.shape)


def judge(
    sample: Sample,
    inputs: list[Inputs],
    seed: int = 0,
    progress: Callable[[str], None] | None = None,
) -> list[Verdict]:
    """Grow a forest on each of some inputs, and call the test stars.

    Parameters
    ----------
    sample : Sample
    inputs : list of Inputs
    seed : int
        Of the forests, and of the choice of training stars where not all are used.
    progress : callable, optional
        Called with the name of the inputs before each forest.

    Returns
    -------
    list of Verdict
        The first always answers with the training stars' larger class.
    """
    truth = sample.is_high[sample.test]
    larger = np.full(len(truth), sample.is_high[sample.train].mean() > 0.5)
    verdicts = [Verdict(LARGER, 0, len(sample.train), larger, Confusion.of(truth, larger))]
    for one in inputs:
        if progress is not None:
            progress(one.name)
        train = sample.train
        if one.n_train is not None:
            train = np.random.default_rng(seed).permutation(train)[: one.n_train]
        called = calls_of(one.values, sample.is_high, train, sample.test, seed)
        confusion = Confusion.of(truth, called)
        verdicts.append(Verdict(one.name, len(one.features), len(train), called, confusion))
    return verdicts


def _columns(catalog: Catalog) -> list[str]:
    """Columns of the catalog that some classifier takes."""
    taken = dict.fromkeys((*CONDITIONED_ON, *COLORS, *SINGLE_COLORS.values(), *catalog.latents))
    return [name for name in taken if name in catalog.numeric]


def _stack(catalog: Catalog, columns: tuple[str, ...], rows: np.ndarray) -> np.ndarray:
    """A row a star, a column each, (M, F) float32."""
    return np.stack([catalog[name][rows] for name in columns], axis=1).astype(np.float32)
