"""The point z: how it moves, what stays, what is near it."""

from dataclasses import replace

import numpy as np
import pytest

from tests.support.mock import INACTIVE, Mock
from xpapp.state.cursor import N_NEAR, Cursor
from xpmodel import Catalog, InputError, load_model, open_catalog
from xpmodel.latent.paths import LatentPath
from xpmodel.own.stars import encode_own


@pytest.fixture
def cursor(catalog: Catalog, mock: Mock) -> Cursor:
    return Cursor(catalog, load_model(mock.model, "cpu"))


def latents(catalog: Catalog, row: int) -> tuple[float, ...]:
    return tuple(float(catalog[name][row]) for name in catalog.latents)


def test_start(cursor, catalog):
    assert cursor.z == pytest.approx([np.median(catalog[name]) for name in catalog.latents])
    assert cursor.star is None and cursor.previous_z is None and cursor.path is None
    assert catalog.latents[cursor.chosen] == catalog.active[0]


def test_drag_keeps_the_place_it_started_from(cursor):
    start = cursor.z
    cursor.move(0, 0.25)
    cursor.move(0, 0.5)
    assert cursor.previous_z == start
    assert cursor.z == (0.5, *start[1:])
    cursor.release()
    cursor.move(1, -1.0)
    assert cursor.previous_z == (0.5, *start[1:])
    assert cursor.z == (0.5, -1.0, *start[2:])


def test_move_to_the_same_place_is_no_move(cursor):
    seen = []
    cursor.param.watch(lambda *events: seen.append(events), ["z", "previous_z"])
    cursor.move(0, cursor.z[0])
    assert not seen and cursor.previous_z is None


def test_star(cursor, catalog):
    start = cursor.z
    seen = []
    cursor.param.watch(lambda *events: seen.append((cursor.star, cursor.z)), ["z", "star", "g_mag"])
    cursor.visit_star(17)
    z = latents(catalog, 17)
    assert seen == [(17, z)]
    assert cursor.z == z and cursor.previous_z == start and cursor.at_star
    own = pytest.approx(catalog["phot_g_mean_mag"][17], abs=1e-5)
    assert cursor.g_mag == cursor.star_g_mag == own
    cursor.move(0, 0.0)
    assert cursor.star == 17 and cursor.previous_z == z and not cursor.at_star
    cursor.leave_star()
    assert cursor.star is None and cursor.z == (0.0, *z[1:])


def test_locked_latents_stay_wherever_z_goes(cursor, catalog):
    cursor.move(1, 0.125)
    cursor.release()
    cursor.lock(1, True)
    for go in (
        lambda: cursor.visit_star(3),
        cursor.reset,
        lambda: cursor.visit_median(catalog["z1"] > 0),
        lambda: cursor.visit_place(("z1", "z2"), (0.5, 0.7)),
        lambda: cursor.follow(LatentPath("p", [[0] * 4, [1] * 4], cursor.metric)),
        lambda: cursor.go_along(0.5),
    ):
        before = cursor.z
        go()
        assert cursor.z[1] == 0.125 and cursor.z != before
    cursor.chosen = 1
    before = cursor.z
    cursor.nudge(1.0)
    assert cursor.z == before
    cursor.lock(1, False)
    cursor.nudge(1.0)
    assert cursor.z[1] == pytest.approx(0.125 + np.std(catalog["z2"]), rel=1e-5)


def test_keys_choose_among_active_latents(cursor, catalog):
    order = []
    for _ in range(len(catalog.active)):
        order.append(catalog.latents[cursor.chosen])
        cursor.choose(1)
    assert order == catalog.active and catalog.latents[cursor.chosen] == order[0]
    assert INACTIVE not in order
    cursor.choose(-1)
    assert catalog.latents[cursor.chosen] == order[-1]


def test_a_places_latents_on_a_map_of_latents(cursor):
    before = cursor.z
    cursor.visit_place(("z4", "z1"), (0.3, -0.2))
    assert cursor.z == (-0.2, before[1], before[2], 0.3) and cursor.previous_z == before


def test_a_places_latents_on_a_map_of_labels(cursor, catalog):
    cursor.visit_place(("teff", "logg"), (4800.0, 2.5))
    teff, logg = catalog["teff"].astype(float), catalog["logg"].astype(float)
    known = np.isfinite(teff) & np.isfinite(logg)
    away = ((teff - 4800) / teff[known].std()) ** 2 + ((logg - 2.5) / logg[known].std()) ** 2
    rows = np.argsort(np.where(known, away, np.inf))[:50]
    assert cursor.z == pytest.approx([np.median(catalog[n][rows]) for n in catalog.latents])
    # Of a latent against a label the latent is what was clicked.
    cursor.visit_place(("z2", "teff"), (0.25, 4800.0))
    assert cursor.z[1] == 0.25


def test_median_of_a_set(cursor, catalog):
    mask = np.arange(len(catalog)) % 7 == 0
    cursor.visit_median(mask)
    assert cursor.z == pytest.approx([np.median(catalog[n][mask]) for n in catalog.latents])
    with pytest.raises(InputError, match="empty"):
        cursor.visit_median(np.zeros(len(catalog), bool))


def test_back_and_reset(cursor, catalog):
    start = cursor.z
    cursor.visit_star(5)
    cursor.go_back()
    assert cursor.z == start and cursor.star is None
    cursor.visit_star(6)
    cursor.reset()
    assert cursor.z == start and cursor.previous_z == latents(catalog, 6)


def test_path(cursor):
    cursor.pin(0)
    start = cursor.z
    cursor.visit_star(8)
    cursor.pin(1)
    end = cursor.z
    assert cursor.pins == (start, end)
    cursor.follow(LatentPath("p", cursor.pins, cursor.metric))
    assert cursor.z == start and cursor.place == 0
    cursor.go_along(0.5)
    assert cursor.z == pytest.approx([(a + b) / 2 for a, b in zip(start, end, strict=True)])
    cursor.go_along(1.0)
    assert cursor.z == pytest.approx(end) and cursor.star is None
    cursor.path = None
    with pytest.raises(InputError, match="pin two points"):
        cursor.go_along(0.1)


def brute_nearest(catalog: Catalog, z, k: int, exclude: int | None = None) -> np.ndarray:
    points = np.stack([catalog[n] for n in catalog.active], axis=1).astype(float)
    scale = points.std(axis=0)
    here = np.array([z[catalog.latents.index(n)] for n in catalog.active])
    away = np.linalg.norm((points - here) / scale, axis=1)
    if exclude is not None:
        away[exclude] = np.inf
    return np.argsort(away, kind="stable")[:k]


def test_near(cursor, catalog):
    rows = brute_nearest(catalog, cursor.z, N_NEAR)
    np.testing.assert_array_equal(cursor.near.rows, rows)
    assert cursor.near is cursor.near  # looked for once
    teff = catalog["teff"][rows]
    assert cursor.value("teff") == pytest.approx(np.nanmedian(teff))
    assert cursor.value("z2") == cursor.z[1]
    cursor.visit_star(11)
    np.testing.assert_array_equal(
        cursor.near.rows, brute_nearest(catalog, cursor.z, N_NEAR, exclude=11)
    )
    mask = cursor.near_source.mask(catalog)
    np.testing.assert_array_equal(np.flatnonzero(mask), np.sort(cursor.near.rows))


def test_scale(cursor, catalog):
    cursor.visit_star(4)
    cursor.mode = "flux_1kpc"
    assert np.isnan(cursor.scale)  # the mock has no parallax
    cursor.mode = "flux"
    assert cursor.scale == pytest.approx(catalog["phot_g_mean_flux"][4], rel=1e-5)


@pytest.mark.parametrize(("error", "shown"), [(0.3, True), (0.5, False), (np.nan, True)])
def test_flux_at_1kpc_needs_a_parallax_of_five_times_its_error(mock, error, shown):
    catalog = open_catalog(mock.catalog)
    n = len(catalog)
    catalog._loaded |= {"parallax": np.full(n, 2.0), "parallax_error": np.full(n, error)}
    catalog.__dict__["numeric"] = [*catalog.numeric, "parallax", "parallax_error"]
    cursor = Cursor(catalog, load_model(mock.model, "cpu"))
    cursor.visit_star(4)
    cursor.mode = "flux_1kpc"
    assert cursor.parallax_over_error == pytest.approx(2.0 / error, nan_ok=True)
    assert np.isfinite(cursor.scale) == shown


def test_the_posterior_is_known_while_z_is_a_stars(cursor, catalog):
    assert cursor.latent_std is None
    cursor.visit_star(17)
    wanted = [catalog[f"{name}_err"][17] for name in catalog.latents]
    np.testing.assert_array_equal(cursor.latent_std, wanted)
    cursor.move(0, 0.3)
    assert cursor.latent_std is None
    cursor.add_own(encode_own("mine", catalog.spectra[np.array([3, 12])], cursor.model))
    cursor.visit_own(1)
    np.testing.assert_array_equal(cursor.latent_std, cursor.own.encoded.std[1])
    cursor.move(0, 0.3)
    assert cursor.latent_std is None


def test_observed_spectra_are_truncated_where_that_is_asked_for(cursor, catalog):
    bases = np.array([[20, 30]], np.int16)
    spectra = replace(catalog.spectra[np.array([3])], n_relevant_bases=bases)
    cursor.add_own(encode_own("mine", spectra, cursor.model))
    cursor.visit_own(0)
    assert cursor.observed.coefficients[0, 20:55].any()
    cursor.truncated = True
    assert not cursor.observed.coefficients[0, 20:55].any()
    assert cursor.observed.coefficients[0, :20].all()


def test_own_stars(cursor, catalog):
    rows = np.array([3, 12, 99])
    spectra = catalog.spectra[rows]
    cursor.add_own(encode_own("mine", spectra, cursor.model))
    assert len(cursor.own) == 3 and cursor.own_star is None
    cursor.visit_own(1)
    assert cursor.z == pytest.approx(latents(catalog, 12), abs=1e-4)
    np.testing.assert_array_equal(cursor.observed.source_id, catalog.source_id[[12]])
    assert cursor.g_mag == pytest.approx(catalog["phot_g_mean_mag"][12], abs=1e-4)
    # The catalog has this star: it is no neighbour of itself.
    expected = brute_nearest(catalog, cursor.z, N_NEAR, exclude=12)
    np.testing.assert_array_equal(cursor.near.rows, expected)
    near = cursor.near_own(1)
    np.testing.assert_array_equal(np.flatnonzero(near.mask(catalog)), np.sort(expected))
    values, known = cursor.own_values("z2")
    assert known and values == pytest.approx(catalog["z2"][rows], abs=1e-4)
    values, known = cursor.own_values("teff")
    assert not known and values[1] == pytest.approx(np.nanmedian(catalog["teff"][expected]))
    again = encode_own("again", catalog.spectra[np.array([12, 50])], cursor.model)
    cursor.add_own(again)
    assert sorted(cursor.own.source_id) == sorted(catalog.source_id[[3, 12, 50, 99]])
    cursor.forget_own()
    assert cursor.own is None and cursor.own_star is None


def test_steering_is_a_drag(cursor, catalog):
    start = cursor.z
    fit = cursor.local_fit()
    name = min(fit.labels, key=lambda n: fit.direction(n).gain_error)
    scatter, value = fit.labels[name].scatter, fit.labels[name].value
    first = cursor.steer(name, value + scatter)
    assert cursor.z == first.z
    second = cursor.steer(name, value + 2 * scatter)
    assert cursor.z == second.z != start and cursor.previous_z == start
    for index in (0, 1, 3):
        cursor.lock(index, True)
    with pytest.raises(InputError, match="locked"):
        cursor.steer(name, value)
    assert cursor.z == second.z
