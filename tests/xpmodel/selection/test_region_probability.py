"""Membership: probabilities against closed forms and against counting random draws."""

import json
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from tests.support.catalogs import write_catalog
from xpmodel.catalog.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.selection import region_probability as module
from xpmodel.selection.recipe import Probable, Step, make_recipe, recipe_notes, replay_recipe
from xpmodel.selection.region_probability import (
    probability_inside,
    region_probability,
    stand_ins,
)
from xpmodel.selection.regions import Region, polygon_contains

SQUARE = np.array([(0.0, 0.0), (2.0, 0.0), (2.0, 1.0), (0.0, 1.0)])
PENTAGRAM = np.stack([(np.cos(t), np.sin(t)) for t in np.arange(5) * 0.8 * np.pi])


def random_polygon(rng, n, crossing) -> np.ndarray:
    angle = rng.uniform(0, 2 * np.pi, n)
    angle = angle if crossing else np.sort(angle)
    radius = rng.uniform(0.4, 1.6, n)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def random_stars(rng, n, spread=1.3, error=0.5):
    return (*rng.normal(0, spread, (2, n)), *rng.uniform(0.01, error, (2, n)))


def box_probability(low, high, x, y, x_err, y_err):
    along = [
        norm.cdf((high[i] - v) / e) - norm.cdf((low[i] - v) / e)
        for i, (v, e) in enumerate(((x, x_err), (y, y_err)))
    ]
    return along[0] * along[1]


def test_a_box_is_a_product():
    rng = np.random.default_rng(1)
    x, y, x_err, y_err = random_stars(rng, 5000, error=2.0)
    found = probability_inside(SQUARE, x, y, x_err, y_err)
    assert found.dtype == np.float32 and found.shape == (5000,)
    wanted = box_probability((0, 0), (2, 1), x, y, x_err, y_err)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_units_of_the_axes_do_not_matter():
    """K along one axis and dex along the other; float32, as the catalog has them."""
    rng = np.random.default_rng(2)
    x, y, x_err, y_err = np.float32(random_stars(rng, 2000))
    scale, shift = np.array([700.0, 0.01]), np.array([5000.0, -0.2])
    found = probability_inside(
        SQUARE * scale + shift, x * 700 + 5000, y * 0.01 - 0.2, x_err * 700, y_err * 0.01
    )
    wanted = box_probability((0, 0), (2, 1), x, y, x_err, y_err)
    np.testing.assert_allclose(found, wanted, atol=5e-4)  # 5000 K in float32


@pytest.mark.parametrize("angle", [0.0, 0.4, np.pi / 2, 2.0, -1.1])
def test_half_planes(angle):
    rng = np.random.default_rng(3)
    x, y, x_err, y_err = random_stars(rng, 2000)
    normal, along = np.array([(np.cos(angle), np.sin(angle)), (-np.sin(angle), np.cos(angle))])
    far = 1e4
    corners = np.array([(0.3, far), (0.3, -far), (far, -far), (far, far)])
    outline = corners @ np.stack([normal, along])
    distance = x * normal[0] + y * normal[1] - 0.3
    wanted = norm.cdf(distance / np.hypot(x_err * normal[0], y_err * normal[1]))
    found = probability_inside(outline, x, y, x_err, y_err)
    np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("crossing", [False, True])
@pytest.mark.parametrize("vertices", [3, 5, 12, 60])
def test_random_draws(vertices, crossing):
    rng = np.random.default_rng(vertices)
    outline = random_polygon(rng, vertices, crossing)
    stars = random_stars(rng, 40)
    found = probability_inside(outline, *stars)
    draws = 100_000
    for p, x, y, x_err, y_err in zip(found, *stars, strict=True):
        noise = rng.normal(size=(2, draws))
        counted = polygon_contains(outline, x + x_err * noise[0], y + y_err * noise[1]).mean()
        assert abs(p - counted) < 5 * np.sqrt(max(p * (1 - p), 1e-4) / draws)


def test_the_middle_of_a_pentagram_is_outside():
    found = probability_inside(PENTAGRAM, [0.0, 0.7], [0.0, 0.0], [0.01, 0.01], [0.01, 0.01])
    np.testing.assert_allclose(found, [0, 1], atol=1e-6)


def test_parts_add_up():
    rng = np.random.default_rng(4)
    stars = random_stars(rng, 3000)
    outline = random_polygon(rng, 30, crossing=False)
    center = np.zeros((1, 2))
    cuts = (0, 7, 19, 30)  # three wedges, one or more of them perhaps turned inside out
    closed = np.concatenate([outline, outline[:1]])
    parts = [np.concatenate([closed[a : b + 1], center]) for a, b in pairwise(cuts)]
    total = sum(probability_inside(part, *stars) for part in parts)
    np.testing.assert_allclose(total, probability_inside(outline, *stars), atol=2e-5)


def test_short_edges_make_no_difference():
    rng = np.random.default_rng(5)
    stars = random_stars(rng, 3000, error=1.0)
    outline = random_polygon(rng, 9, crossing=True)
    part = np.linspace(0, 1, 40, endpoint=False)[:, None]
    fine = np.concatenate(
        [a + part * (b - a) for a, b in zip(outline, np.roll(outline, -1, axis=0), strict=True)]
    )
    coarse = probability_inside(outline, *stars)
    np.testing.assert_allclose(probability_inside(fine, *stars), coarse, atol=1e-5)


def test_turning_round_and_closing_make_no_difference():
    rng = np.random.default_rng(6)
    stars = random_stars(rng, 500)
    outline = random_polygon(rng, 8, crossing=True)
    wanted = probability_inside(outline, *stars)
    closed = np.concatenate([outline, outline[:1], outline[:1]])
    for other in (outline[::-1], np.roll(outline, 3, axis=0), closed):
        np.testing.assert_allclose(probability_inside(other, *stars), wanted, atol=1e-6)


def test_stars_on_the_outline():
    x = np.array([1.0, 2.0, 0.0, 2.0, 0.0, 0.3])
    y = np.array([0.0, 0.5, 0.0, 1.0, 0.25, 1.0])
    wanted = [0.5, 0.5, 0.25, 0.25, 0.5, 0.5]
    for error in (0.01, 1e-5):
        found = probability_inside(SQUARE, x, y, np.full(6, error), np.full(6, error))
        np.testing.assert_allclose(found, wanted, atol=1e-5)
    # On the long diagonal edges of a triangle, to within rounding.
    part = np.linspace(0.1, 0.9, 1000)
    triangle = np.array([(0.0, 0.0), (np.pi, np.e), (-1.0, 7.0)])
    points = part[:, None] * triangle[1]
    found = probability_inside(triangle, *points.T, np.full(1000, 1e-3), np.full(1000, 1e-3))
    np.testing.assert_allclose(found, 0.5, atol=1e-5)


def test_a_sliver_on_whose_edge_stars_lie():
    part = np.linspace(0.1, 0.9, 1000)
    sliver = np.array([(0.0, 0.0), (np.pi, np.e), (np.pi, np.e + 1e-4)])
    points = part[:, None] * sliver[1]
    found = probability_inside(sliver, *points.T, np.full(1000, 0.1), np.full(1000, 0.1))
    assert (found < 1e-3).all()


def test_no_errors():
    rng = np.random.default_rng(7)
    outline = random_polygon(rng, 12, crossing=True)
    x, y = rng.normal(size=(2, 2000))
    none = np.zeros(2000)
    found = probability_inside(outline, x, y, none, none)
    np.testing.assert_array_equal(found, polygon_contains(outline, x, y))
    # Without an error along y the star moves along x only.
    x_err = rng.uniform(0.1, 0.5, 2000)
    found = probability_inside(SQUARE, x, y, x_err, none)
    wanted = (norm.cdf((2 - x) / x_err) - norm.cdf(-x / x_err)) * ((y > 0) & (y < 1))
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_tiny_and_huge_errors():
    x, y = np.array([1.0, 5.0]), np.array([0.5, 0.5])
    tiny, huge = np.full(2, 1e-300), np.full(2, 1e9)
    np.testing.assert_array_equal(probability_inside(SQUARE, x, y, tiny, tiny), [1, 0])
    np.testing.assert_allclose(probability_inside(SQUARE, x, y, huge, huge), 0, atol=1e-6)


def test_what_is_not_known():
    nan, inf = np.nan, np.inf
    x = np.array([1, nan, 1, 1, nan, inf, 1, 9, 1.0])
    y = np.array([0.5, 0.5, nan, 0.5, 0.5, 0.5, 0.5, 9, 0.5])
    x_err = np.array([0.01, 0.01, 0.01, nan, nan, 0.01, inf, 0.1, 0.1])
    y_err = np.array([0.01, 0.01, 0.01, 0.01, 0.01, 0.01, 0.01, nan, -1])
    found = probability_inside(SQUARE, x, y, x_err, y_err)
    np.testing.assert_allclose(found, [1, 0, 0, nan, 0, 0, nan, nan, nan])


def test_far_stars_are_decided_at_once(monkeypatch):
    rng = np.random.default_rng(8)
    outline = random_polygon(rng, 20, crossing=True)
    x, y = rng.normal(size=(2, 5000))
    error = np.full(5000, 1e-9)
    monkeypatch.setattr(module, "_beyond", lambda height, *ends: np.zeros(len(height)))
    found = probability_inside(outline, x, y, error, error)
    np.testing.assert_array_equal(found, polygon_contains(outline, x, y))


def test_chunks_do_not_matter(monkeypatch):
    rng = np.random.default_rng(9)
    outline = random_polygon(rng, 20, crossing=True)
    stars = random_stars(rng, 700)
    wanted = probability_inside(outline, *stars)
    monkeypatch.setattr(module, "PAIRS", 1)
    np.testing.assert_array_equal(probability_inside(outline, *stars), wanted)
    none = probability_inside(outline, *np.empty((4, 0)))
    assert none.shape == (0,) and none.dtype == np.float32


@pytest.mark.parametrize("outline", [[(1, 1)] * 3, [(0, 0), (1, 1), (2, 2)], [(0, 1), (0, 2)] * 2])
def test_outlines_without_an_area(outline):
    stars = (np.ones(3), np.ones(3), np.full(3, 0.5), np.array([0.5, 0, np.nan]))
    found = probability_inside(np.array(outline, float), *stars)
    np.testing.assert_array_equal(found, [0, 0, np.nan])


def test_region_of_a_catalog(tmp_path):
    """Latents and their errors against the product of two normal distributions, also in log."""
    rng = np.random.default_rng(3)
    n = 400
    teff = rng.uniform(3000, 9000, n)
    labels = {"teff": teff, "teff_err": 0.05 * teff}
    columns = {k: pa.array(v, pa.float32()) for k, v in labels.items()}
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet", n, **columns))
    region = Region("box", ("z1", "teff"), ((-0.5, 4000.0), (0.7, 6000.0)), ("linear", "log"))
    z, z_err = (catalog[name].astype(float) for name in ("z1", "z1_err"))
    logs, log_err = np.log10(catalog["teff"].astype(float)), 0.05 / np.log(10)
    expected = ndtr((0.7 - z) / z_err) - ndtr((-0.5 - z) / z_err)
    expected *= ndtr((np.log10(6000) - logs) / log_err) - ndtr((np.log10(4000) - logs) / log_err)
    probability = region_probability(region, catalog)
    np.testing.assert_allclose(probability, expected, atol=2e-4)
    assert probability.max() > 0.1
    half = Probable(region, 0.3)
    clear = np.abs(expected - 0.3) > 1e-3
    np.testing.assert_array_equal(half.mask(catalog)[clear], (expected >= 0.3)[clear])
    recipe = tmp_path / "recipe.json"
    mask = half.mask(catalog)
    recipe.write_text(make_recipe([Step("replace", half)], catalog, mask.sum()))
    np.testing.assert_array_equal(replay_recipe(recipe, catalog), mask)


def test_columns_without_errors_have_no_probability(tmp_path):
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet", 20))
    for columns, match in ((("z1", "teff"), "teff"), (("ra", "z1"), "angle all around")):
        region = Region("box", columns, ((0, 0), (1, 1)))
        with pytest.raises(InputError, match=match):
            region_probability(region, catalog)
    for least in (0, -1, 1.1, float("nan")):
        with pytest.raises(InputError, match="least probability"):
            Probable(region, least)


def noisy_catalog(path):
    """Latents whose noise is three times their posteriors' widths."""
    rng = np.random.default_rng(8)
    widths = {f"z{i}_err": rng.uniform(0.1, 0.3, 400) for i in (1, 2)}
    noise = {f"z{i}_noise": 3 * widths[f"z{i}_err"] for i in (1, 2)}
    return open_catalog(write_catalog(path, **widths, **noise))


BOX = Region("box", ("z1", "z2"), ((-0.5, -0.5), (0.7, 0.9)))


def test_a_membership_is_by_the_noise_of_latents_not_by_the_width_of_posteriors(tmp_path):
    catalog = noisy_catalog(tmp_path / "stars.parquet")
    x, y, x_noise, y_noise = (
        catalog[n].astype(float) for n in ("z1", "z2", "z1_noise", "z2_noise")
    )
    wanted = box_probability((-0.5, -0.5), (0.7, 0.9), x, y, x_noise, y_noise)
    np.testing.assert_allclose(region_probability(BOX, catalog), wanted, atol=1e-4)
    named = Probable.by_errors_of(catalog, BOX, 0.5)
    assert named.errors == ("z1_noise", "z2_noise")
    np.testing.assert_array_equal(named.mask(catalog), Probable(BOX, 0.5).mask(catalog))
    assert not stand_ins(named.errors)


def test_without_noise_the_posterior_stands_in_and_it_is_said(tmp_path):
    catalog = open_catalog(write_catalog(tmp_path / "stars.parquet"))
    named = Probable.by_errors_of(catalog, BOX, 0.5)
    assert named.errors == ("z1_err", "z2_err") == tuple(stand_ins(named.errors))


def test_a_recipe_says_by_which_errors_and_an_old_one_replays_by_those_it_knew(tmp_path):
    catalog = noisy_catalog(tmp_path / "stars.parquet")
    path = tmp_path / "recipe.json"
    new = Probable.by_errors_of(catalog, BOX, 0.3)
    n = new.mask(catalog).sum()
    text = make_recipe([Step("replace", new)], catalog, n)
    path.write_text(text)
    assert json.loads(text)["steps"][0]["errors"] == ["z1_noise", "z2_noise"]
    np.testing.assert_array_equal(replay_recipe(path, catalog), new.mask(catalog))
    assert recipe_notes(path, catalog) == []

    content = json.loads(text)
    del content["steps"][0]["errors"]  # as earlier versions wrote it
    old = Probable(BOX, 0.3, ("z1_err", "z2_err")).mask(catalog)
    content["n_selected"] = int(old.sum())
    path.write_text(json.dumps(content))
    np.testing.assert_array_equal(replay_recipe(path, catalog), old)
    assert old.sum() != n
    assert "widths of posteriors (z1_err, z2_err)" in recipe_notes(path, catalog)[0]


@pytest.mark.parametrize("errors", ["z1_err", ["z1_err"], [1, 2], {}])
def test_errors_of_a_recipe_that_are_none(tmp_path, errors):
    with pytest.raises(InputError, match="names of two columns"):
        Probable.from_json({"region": BOX.to_json(), "least": 0.5, "errors": errors})


def test_a_recipe_by_noise_needs_a_catalog_that_has_it(tmp_path):
    recipe = tmp_path / "recipe.json"
    catalog = noisy_catalog(tmp_path / "new.parquet")
    recipe.write_text(make_recipe([Step("replace", Probable.by_errors_of(catalog, BOX, 0.3))],
                                  catalog, 1))  # fmt: skip
    old = open_catalog(write_catalog(tmp_path / "old.parquet"))
    with pytest.raises(InputError, match="no values in column 'z1_noise'"):
        replay_recipe(recipe, old, other_catalog=True)
