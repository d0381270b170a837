"""The items of the paper, and what makes each: lists to which a line is added for a new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xpmodel.catalog.catalog import Catalog
from xpmodel.model.model import Model
from xpmodel.studies.paper import alpha_headlines, headlines
from xpmodel.studies.paper.overview import write_overview, write_samples, write_track_spectra
from xpmodel.studies.paper.results import Headline, Results


@dataclass(frozen=True)
class Work:
    """What is done once, for one item or several.

    Attributes
    ----------
    name : str
        Of its folder.
    words : tuple of str
        The command's, with ``{catalog}``, ``{model}``, ``{out}`` (its folder), ``{source}``,
        ``{truth}``, ``{latents}`` and ``{stars}``; empty where `draw` does it.
    with_sky : tuple of str
        More words where there is a sky without α: ``{sky}``, its catalog, and ``{sky_model}``.
    draw : callable, optional
        Takes catalog, model and folder.
    without_alpha : bool
        Whether it is done on the control's sky without α, too.
    needs : str
        An option without which it is not done.
    why : str
        What is said then.
    """

    name: str
    words: tuple[str, ...] = ()
    with_sky: tuple[str, ...] = ()
    draw: Callable[[Catalog, Model, Path], None] | None = None
    without_alpha: bool = False
    needs: str = ""
    why: str = ""


@dataclass(frozen=True)
class Item:
    """A figure, table, equation or claim of the paper.

    Attributes
    ----------
    name : str
    paper : str
        Where it stands, and what it is.
    work : str
        The name of what makes it; empty: nothing does.
    figures : tuple of str
        Files in the work's folder.
    headline : callable
        Reads the number out of the results.
    why : str
        Why nothing makes it.
    """

    name: str
    paper: str
    work: str = ""
    figures: tuple[str, ...] = ()
    headline: Callable[[Results], Headline] | None = None
    why: str = ""


NO_TRUTH = "compares with the truth of a mock sky: give --truth, its truth.parquet"
# In this order: later ones are also done on the control's sky.
WORKS = (
    Work("overview", draw=write_overview),
    Work("samples", draw=write_samples),
    Work("inspect", ("inspect", "{model}", "{catalog}", "--out", "{out}")),
    Work(
        "evaluate",
        ("evaluate", "{catalog}", "--model", "{model}", "--out", "{out}"),
    ),
    Work("track_spectra", draw=write_track_spectra),
    Work("control", ("control", "--out", "{out}", "--stars", "{stars}")),
    Work("tracks", ("tracks", "{catalog}", "--out", "{out}"), without_alpha=True),
    Work(
        "classify",
        ("classify", "{catalog}", "--model", "{model}", "--out", "{out}", "--draws", "5"),
        without_alpha=True,
    ),
    Work("as_released", ("classify", "{catalog}", "--as-released", "--out", "{out}")),
    Work("bound", ("bound", "{catalog}", "--truth", "{truth}", "--out", "{out}"),
         needs="truth", why=NO_TRUTH),
    Work("attribute", ("attribute", "{catalog}", "--model", "{model}", "--out", "{out}"),
         ("--null", "{sky}", "--null-model", "{sky_model}")),
    Work("errors", ("errors", "{catalog}", "--model", "{model}", "--out", "{out}")),
    Work("steering",
         ("steering", "{catalog}", "--model", "{model}", "--truth", "{truth}", "--out", "{out}"),
         needs="truth", why=NO_TRUTH),
    Work(
        "scan",
        ("train", "{source}", "--latents", "{latents}", "--preset", "demo", "--out", "{out}",
         "--resume"),
        needs="source",
        why="trains a model for each number of latents, which takes hours: give --source, the "
        "spectra to train on",
    ),
)  # fmt: skip

ITEMS = (
    Item("fig_1", "Fig. 1: the model (here: one star's spectrum through it)", "overview",
         ("overview.pdf",), headlines.overview),
    Item("samples", "Sect. 2: the full, good and pristine catalogs", "samples",
         ("samples.pdf",), headlines.samples),
    Item("latents", "Sect. 3, Eqs. 1–5: the latents that the loss keeps", "inspect",
         ("widths.pdf",), headlines.latents_used),
    Item("scan", "Sect. 3: the number of latents, K = 1–20", "scan", ("latents.pdf",),
         headlines.scan),
    Item("fig_5", "Fig. 5, Eq. 6: distribution of ℛ(j)", "evaluate", ("residuals_j.pdf",),
         partial(headlines.residuals, "j")),
    Item("fig_6", "Fig. 6, Eq. 7: RMSE(j) against other models", "evaluate",
         ("coefficients.pdf",), partial(headlines.rmse, "j")),
    Item("fig_7", "Fig. 7, Eq. 8: distribution of ℛ(λ)", "evaluate", ("residuals_lambda.pdf",),
         partial(headlines.residuals, "lambda")),
    Item("fig_8", "Fig. 8, Eq. 9: RMSE(λ) against other models; claim: reconstructions are "
         "competitive", "evaluate", ("wavelengths.pdf",), partial(headlines.rmse, "lambda")),
    Item("fig_9", "Fig. 9: RMSE by stellar label", "evaluate",
         ("labels_lambda.pdf", "labels_j.pdf"), headlines.by_label),
    Item("fig_10", "Fig. 10, Eqs. 10–12: main sequence and giant branch in latent space",
         "tracks", ("kiel.pdf",), headlines.kiel),
    Item("fig_11", "Fig. 11: spectra along both", "track_spectra",
         ("main_sequence.pdf", "giant_branch.pdf"), headlines.along),
    Item("fig_12", "Fig. 12: tracks of fixed [M/H]", "tracks",
         ("m_h_main_sequence.pdf", "m_h_giants.pdf"), headlines.families),
    Item("properties", "Claim: latents follow stellar properties", "inspect", ("labels.pdf",),
         headlines.followed),
    Item("fig_13", "Fig. 13, Sect. 5: high- and low-α tracks", "tracks",
         ("alpha.pdf", "alpha_latents.pdf"), headlines.alpha_tracks),
    Item("marginals", "Fig. 13: the latents of both sequences, one by one", "classify",
         ("marginals.pdf",), alpha_headlines.marginals),
    Item("table_1", "Table 1, Eqs. 14–15: classifiers of the sequences, and their confusion "
         "matrices", "classify", ("classify.pdf",), alpha_headlines.table_1),
    Item("as_released", "Table 1 as the released code makes it", "as_released",
         ("classify_as_released.pdf",), alpha_headlines.as_released),
    Item("slices", "Claim: α is known below Teff = 5000 K", "classify", ("slices.pdf",),
         alpha_headlines.slices),
    Item("draws", "Table 1: one random draw of the latents", "classify", (), alpha_headlines.draws),
    Item("pairs", "Claim: XP spectra hold [α/M], not only labels that go with it", "classify",
         ("alpha_spectrum.pdf",), alpha_headlines.pairs),
    Item("control", "The same claim, where the truth is known", "control", (),
         alpha_headlines.control),
    Item("bound", "The same claim: how well [α/M] can be known at all", "bound", ("bound.pdf",),
         alpha_headlines.bound),
    Item("attribution", "The same claim: which wavelengths carry it", "attribute",
         ("attribution.pdf",), alpha_headlines.attribution),
    Item("errors", "Sect. 3.1: the posterior's width, as an error of the latents", "errors",
         ("membership.pdf", "coverage.pdf"), headlines.errors),
    Item("steering", "Sect. 4: spectra along single labels, against the truth", "steering", (),
         headlines.steering),
    Item("enceladus", "Claim: latents know Gaia-Enceladus", "tracks", ("alpha_latents.pdf",),
         headlines.enceladus),
    Item("fig_15", "Fig. 15: all tracks in each pair of latents (of which two are noise there)",
         "tracks", ("kiel.pdf", "alpha_latents.pdf"), headlines.alpha_tracks),
    Item("speed", "Claim: 100,000 spectra encoded in a few seconds",
         why="times differ from run to run: python -m tests.bench encode, where the project's "
         "tests are"),
)  # fmt: skip
