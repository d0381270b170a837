"""The one table of columns: what all others draw from it, and what a new row of it takes."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.mock import Mock
from tests.support.new_label import make_known, with_new_label
from xpmodel import Catalog, columns, fit_labels, neighbours_of, steer
from xpmodel.diagnostics.label_probe import probe
from xpmodel.diagnostics.latent_use import follow_labels, following_table
from xpmodel.diagnostics.outliers import outlier_table, score_outliers
from xpmodel.latent.neighbours import describe_labels
from xpmodel.report.figure_style import axis_label
from xpmodel.studies.reconstruction.figures import labels_figure
from xpmodel.studies.reconstruction.tables import labels_table
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition
from xpmodel.tracks.measured import measure


@pytest.fixture(scope="module")
def catalog(mock: Mock, tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return with_new_label(mock.catalog, tmp_path_factory.mktemp("label") / "stars.parquet")


@pytest.fixture
def label(monkeypatch: pytest.MonkeyPatch) -> str:
    return make_known(monkeypatch).name


def test_subsets():
    assert columns.parameters() == ("teff", "logg", "m_h", "alpha_m")
    assert columns.stellar_labels() == (*columns.parameters(), "fe_h", "mg_fe")
    assert columns.steerable() == (*columns.parameters(), "j_k")
    assert set(columns.fitted_around()) == {*columns.steerable(), "sfd_ebv"}
    joined = {column.name for column in columns.JOINED}
    assert "teff_err" in joined and not joined & {"chi2", "kl", "phot_g_mean_flux", "j_k"}


def test_names_are_said_once_and_kinds_are_known():
    names = [column.name for column in (*columns.COLUMNS, *columns.DERIVED_COLUMNS)]
    assert len(names) == len(set(names))
    kinds = {column.kind for column in columns.BY_NAME.values()}
    assert kinds == {"", columns.PARAMETER, columns.ABUNDANCE, columns.COLOR}


def test_numbers_as_a_person_is_shown_them():
    shown = {"teff": "4780", "logg": "2.50", "m_h": "-0.40", "alpha_m": "0.124", "j_k": "0.651"}
    values = {"teff": 4780.4, "logg": 2.5, "m_h": -0.4, "alpha_m": 0.1239, "j_k": 0.6512}
    assert {name: columns.number(name, value) for name, value in values.items()} == shown
    assert columns.number("phot_g_mean_mag", 12.345) == "12.35"
    assert columns.number("one of my own", 1.23456) == "1.235"


def test_labels_of_axes():
    assert columns.axis_label("teff") == "Teff [K]"
    assert axis_label("teff") == r"$T_\mathrm{eff}$ [K]"
    assert axis_label("logg") == "log $g$ [dex]"
    assert axis_label("sfd_ebv") == "E(B − V) [mag]"
    assert axis_label("m_h") == columns.axis_label("m_h") == "[M/H] [dex]"
    assert axis_label("z3") == "$z_{3}$"
    assert axis_label("m$own") == r"m\$own"


def test_a_label_that_is_not_known_is_in_no_table(catalog):
    assert "vmic" in catalog.numeric
    assert "vmic" not in fit_labels(catalog, neighbours_of(catalog), start(catalog)).labels
    assert "vmic" not in [row.label for row in probe(catalog)]


def start(catalog: Catalog) -> list[float]:
    return [float(np.median(catalog[name])) for name in catalog.latents]


def test_a_new_label_is_steered_by(catalog, label):
    neighbours, z = neighbours_of(catalog), start(catalog)
    fit = fit_labels(catalog, neighbours, z)
    assert fit.labels[label].value == pytest.approx(1.5 + 0.4 * z[first(catalog)], abs=0.02)
    steered = steer(catalog, neighbours, z, label, fit.labels[label].value + 0.1)
    moved = steered.z[first(catalog)] - z[first(catalog)]
    assert steered.reached and moved == pytest.approx(0.25, abs=0.05)
    assert label in fit.direction("teff").drift


def first(catalog: Catalog) -> int:
    return catalog.latents.index(catalog.active[0])


def test_a_new_label_is_told_of_neighbours(catalog, label):
    near = neighbours_of(catalog).nearest(start(catalog), 50)
    median = np.median(catalog[label][near.rows])
    assert describe_labels(catalog, near.rows)[label].text.startswith(f"vmic {median:.1f} ± ")
    assert describe_labels(catalog, near.rows)[label].text.endswith(" km s⁻¹")


def test_a_new_label_is_in_the_tables(catalog, label):
    rows = {row.label: row for row in probe(catalog)}
    assert rows[label].linear == pytest.approx(0.05, rel=0.2)
    following = follow_labels(catalog)
    assert following.label_of(catalog.active[0])[0] == label
    assert label in following_table(catalog, following).colnames
    odd = outlier_table(catalog, score_outliers(catalog), 5)
    assert odd[label].description == "microturbulence"
    low, high = catalog.span("teff")
    definition = TrackDefinition(
        "all", "all", ("teff", "logg"), (Bin((("teff", (low + high) / 2, high - low),)),), "paper"
    )
    table = measure(definition, catalog).to_table()
    assert table[f"{label}_mean"].unit == "km / s"


def test_a_new_label_is_in_tables_and_figures_of_reconstructions(catalog, label):
    n = len(catalog)
    errors = SimpleNamespace(rmse_coefficient=np.ones(n), rmse_flux=np.ones(n))
    everyone = SimpleNamespace(places=np.arange(n))
    one = SimpleNamespace(name="model", reconstruction=everyone, own=errors, model=errors)
    evaluation = SimpleNamespace(stars=SimpleNamespace(test=np.arange(n)), compared=[one])
    table = labels_table(evaluation, catalog, {})
    assert label in table["label"] and table.meta["units"][label] == "km s⁻¹"
    said = [axes.get_xlabel() for axes in labels_figure(table, "j", "note").axes]
    assert r"$v_\mathrm{mic}$ [km s⁻¹]" in said
