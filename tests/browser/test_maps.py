"""The maps: outlines on any axes, colors, the corner view and the tooltip, star by star."""

import re

import numpy as np
import pytest
from astropy import units
from astropy.coordinates import SkyCoord

from tests.browser.explorer import FRAME, Explorer, Pixel
from tests.browser.reference import (
    Bins,
    agrees,
    drawn,
    ids,
    inside,
    members,
    nearest,
    scaled,
)
from xpapp.colors import BASE_LEVELS, FIRST_SET_LEVEL, NO_VALUE

MAPS = ("latent", "kiel", "abundance", "latent2")
SHAPE = [(0.35, 0.15), (0.80, 0.10), (0.75, 0.55), (0.40, 0.50)]
# A pentagram over the middle of a map.
CROSSING = [
    (0.5 + 0.42 * np.sin(4 * np.pi * i / 5), 0.5 - 0.42 * np.cos(4 * np.pi * i / 5))
    for i in range(5)
]
TEFF, LOGG = "effective temperature [K]", "surface gravity, log10 of cm s⁻² [dex]"


def shows_set(explorer: Explorer, mask: np.ndarray, keys: tuple[str, ...] = MAPS) -> None:
    """Every map has the set's colors in the bins of its stars, and in no other."""
    for key in keys:

        def same(key: str = key) -> bool:
            image = explorer.image(f"{key}_image")
            bins = Bins(explorer, key, image)
            here = bins.count(mask) > 0
            return agrees(image >= FIRST_SET_LEVEL, here, bins.unsure) and agrees(
                image > 0, bins.count() > 0, bins.unsure
            )

        explorer.until(same)


def test_an_outline_in_any_map_shows_in_all(explorer):
    for key, shape in zip(MAPS, (SHAPE, CROSSING, SHAPE, CROSSING), strict=True):
        mask = drawn(explorer, shape, key)
        assert mask.sum() > 50
        assert ids(explorer, members(explorer)) == ids(explorer, mask)
        state = explorer.visit.map_state(key)
        unknown = np.isnan([explorer.stars[name] for name in state.columns]).any(axis=0)
        assert not members(explorer)[unknown].any()
        shows_set(explorer, mask)
        n = f"{mask.sum():,} of 4,000 selected"
        explorer.until(lambda n=n: explorer.shows(n))
    frame = explorer.frame("kiel")
    assert frame.x0 > frame.x1 and frame.y0 > frame.y1


def test_logarithmic_axes(explorer):
    for label, column in ((TEFF, "teff"), ("G magnitude [mag]", "phot_g_mean_mag")):
        explorer.axes(label, "z4")
        explorer.page.get_by_label("log x").click()
        explorer.until(lambda: explorer.model("latent", "x_scale.type") == "LogScale")
        explorer.wait_for_map()
        frame = explorer.frame()
        assert frame.x0 > frame.x1 > 0
        # Where two axes differ most: the outline's sides are long, and straight in log10 alone.
        shape = [(0.05, 0.30), (0.95, 0.05), (0.60, 0.45), (0.15, 0.70)]
        pixels = [frame.pixel(*fraction) for fraction in shape]
        mask = drawn(explorer, shape, "latent")
        assert ids(explorer, members(explorer)) == ids(explorer, mask)
        straight = inside(frame.data(pixels), explorer.stars[column], explorer.stars["z4"])
        assert (straight != mask).sum() > 10  # or the test could not tell
        shows_set(explorer, mask)
        known = np.isfinite(explorer.stars[column])
        assert (members(explorer) & known).sum() == mask.sum() > 200

        ring = scaled(frame, ("log", "linear")).data(pixels)
        explorer.until(lambda: len(explorer.outlines()) == 1)
        shown = explorer.outlines()[0]
        np.testing.assert_allclose(np.log10(shown[:-1, 0]), ring[:, 0], atol=1e-9)
        np.testing.assert_allclose(shown[:-1, 1], ring[:, 1], atol=1e-9)
        # On a linear axis the same outline is curved: it comes in pieces, all of them on it.
        explorer.page.get_by_label("log x").click()
        explorer.until(lambda: explorer.model("latent", "x_scale.type") == "LinearScale")
        explorer.wait_for_map()
        explorer.until(lambda: explorer.outlines() and len(explorer.outlines()[0]) > 20)
        curve = explorer.outlines()[0]
        corners = np.array([*ring, ring[0]])
        for x, y in zip(np.log10(curve[:, 0]), curve[:, 1], strict=True):
            start, run = corners[:-1] - (x, y), np.diff(corners, axis=0)
            along = np.clip(-(start * run).sum(1) / (run**2).sum(1), 0, 1)[:, None]
            assert np.hypot(*(start + along * run).T).min() < 1e-6
        assert ids(explorer, members(explorer)) == ids(explorer, mask)


def galactic(explorer: Explorer) -> tuple[np.ndarray, np.ndarray]:
    stars = explorer.stars
    sky = SkyCoord(stars["ra"], stars["dec"], unit=units.deg, frame="icrs").galactic
    return sky.l.deg, sky.b.deg


def test_the_sky(explorer):
    explorer.tab("Maps")
    explorer.button("Sky").click()
    explorer.until(lambda: len(explorer.visit.maps) == 5)
    key = explorer.visit.active_map
    assert explorer.visit.map_state(key).columns == ("l", "b")
    explorer.button("Enlarge").click()
    explorer.until(lambda: explorer.visit.enlarged == key)
    explorer.wait_for_map(key)
    explorer.stars["l"], explorer.stars["b"] = galactic(explorer)
    longitude, b = explorer.stars["l"], explorer.stars["b"]
    frame = explorer.frame(key)
    assert frame.width > 400 and (frame.x0, frame.x1) == (180, -180)

    def held(outline: np.ndarray) -> np.ndarray:
        turns = (inside(outline, longitude + 360 * turn, b) for turn in (-2, -1, 0, 1, 2))
        return np.logical_or.reduce(list(turns))

    across = [(0.30, 0.20), (0.70, 0.30), (0.65, 0.80), (0.35, 0.70)]
    mask = held(explorer.outline(across, map_key=key))
    assert ids(explorer, members(explorer)) == ids(explorer, mask)
    near = members(explorer)
    assert (longitude[near] < 60).any() and (longitude[near] > 300).any()
    explorer.until(lambda: len(explorer.outlines(key)) == 1)

    # Panned by more than half a turn, and all stars are still in view.
    explorer.press("Pan", key)
    explorer.drag([frame.pixel(0.3, 0.5), frame.pixel(0.6, 0.5), frame.pixel(0.95, 0.5)])
    explorer.until(lambda: explorer.frame(key) != frame and explorer.map_drawn(key))
    explorer.wait_for_map(key)
    moved = explorer.frame(key)
    assert abs(moved.x0 - frame.x0) > 200
    placed = np.isfinite(longitude).sum()  # all but the mock star, whose id has no place
    explorer.until(lambda: explorer.shows(f"{placed:,} of 4,000 stars in view"))
    image = explorer.image(f"{key}_image")
    low = min(moved.x0, moved.x1)
    explorer.stars["l"] = (longitude - low) % 360 + low
    bins = Bins(explorer, key, image)
    assert agrees(image > 0, bins.count() > 0, bins.unsure)
    assert agrees(image >= FIRST_SET_LEVEL, bins.count(mask) > 0, bins.unsure)
    explorer.press("Lasso Select", key)
    wide = [(0.05, 0.10), (0.95, 0.15), (0.80, 0.90), (0.50, 0.30), (0.10, 0.85)]
    mask = held(explorer.outline(wide, map_key=key))
    assert mask.sum() > 500
    assert ids(explorer, members(explorer)) == ids(explorer, mask)


def outline_shown(explorer: Explorer, ring: np.ndarray, key: str) -> bool:
    rings = explorer.outlines(key)
    return len(rings) == 1 and np.allclose(rings[0][:-1], ring, rtol=1e-9)


@pytest.mark.slow
def test_what_the_maps_show_does_not_change_the_set(explorer):
    ring = explorer.outline(SHAPE, map_key="kiel")
    chosen = ids(explorer, members(explorer))
    assert len(chosen) > 50

    def same() -> bool:
        return ids(explorer, members(explorer)) == chosen

    explorer.until(lambda: outline_shown(explorer, ring, "kiel"))
    assert not explorer.outlines("latent") and not explorer.outlines("abundance")
    explorer.axes(LOGG, TEFF, "abundance")  # the same two columns, turned
    explorer.until(lambda: outline_shown(explorer, ring[:, ::-1], "abundance"))
    explorer.axes("metallicity [M/H] [dex]", TEFF, "kiel")
    explorer.until(lambda: not explorer.outlines("kiel"))
    assert outline_shown(explorer, ring[:, ::-1], "abundance") and same()

    explorer.choose("Color", "mean of")
    explorer.page.get_by_role("button", name="equalized").click()
    explorer.until(lambda: explorer.visit.coloring.scale == "equalized")
    frame = explorer.frame("abundance")
    explorer.page.mouse.move(*frame.pixel(0.5, 0.5))
    explorer.page.mouse.wheel(0, -200)
    explorer.until(lambda: explorer.frame("abundance") != frame)
    explorer.wait_for_maps()
    assert outline_shown(explorer, ring[:, ::-1], "abundance") and same()

    explorer.page.get_by_role(
        "button", name="Close", exact=True
    ).last.click()  # the Kiel diagram: the active one
    explorer.until(
        lambda: [m.key for m in explorer.visit.maps] == ["latent", "abundance", "latent2"]
    )
    explorer.wait_for_maps()
    explorer.until(lambda: explorer.page.evaluate(FRAME, "kiel") is None)
    assert same()
    explorer.button("Open another").click()
    explorer.until(lambda: len(explorer.visit.maps) == 4)
    key = explorer.visit.active_map
    explorer.wait_for_maps()
    explorer.axes(TEFF, LOGG, key)
    explorer.until(lambda: outline_shown(explorer, ring, key))
    explorer.button("Enlarge").click()
    explorer.until(lambda: explorer.visit.enlarged == key)
    explorer.wait_for_map(key)
    explorer.until(lambda: explorer.frame(key).width > 350 and outline_shown(explorer, ring, key))
    assert same()
    explorer.button("All maps").click()
    explorer.until(lambda: not explorer.visit.enlarged)
    explorer.wait_for_maps()
    assert outline_shown(explorer, ring, key) and same()


def levels_follow(image: np.ndarray, values: np.ndarray, bins: Bins) -> bool:
    """Whether the levels rise with the bins' values, and bins without one are gray."""
    sure = ~bins.unsure & (bins.count() > 0)
    known = sure & np.isfinite(values)
    if not ((image[sure & ~known] == NO_VALUE).all() and (image[known] <= BASE_LEVELS).all()):
        return False
    order = np.argsort(values[known])
    levels = image[known][order].astype(int)
    # Two values that are nearly equal may be rounded to neighboring levels.
    return bool((np.diff(levels) >= -1).all() and levels[-1] - levels[0] > 100)


@pytest.mark.slow
def test_colors(explorer):
    before = {key: explorer.image(f"{key}_image") for key in MAPS}
    explorer.tab("Maps")
    explorer.choose("Color", "mean of")
    explorer.choose("Column", TEFF)
    for label, how in (
        ("mean of", np.mean),
        ("median of", np.median),
        ("spread (standard deviation) of", np.std),
    ):
        if label != "mean of":
            explorer.choose("Color", label)
        word = label.split()[0]
        explorer.until(lambda word=word: explorer.shows(f"· {word} Teff [K]"))
        for key in MAPS:

            def right(key: str = key, how=how) -> bool:
                image = explorer.image(f"{key}_image")
                bins = Bins(explorer, key, image)
                teff = explorer.stars["teff"].astype(np.float32)
                return levels_follow(image, np.round(bins.reduce(teff, how), 2), bins)

            explorer.until(right)
            assert not np.array_equal(explorer.image(f"{key}_image"), before[key])

    explorer.choose("Color", "category")
    explorer.choose("Column", "population, where known")
    population = explorer.stars["population"]
    names = ["giant, cool", 'dwarf "main sequence"']
    names.sort(key=lambda name: -(population == name).sum())
    for name in names:
        explorer.until(lambda name=name: explorer.shows(name))
    shades = BASE_LEVELS // 2
    for key in MAPS:

        def shows_most(key: str = key) -> bool:
            image = explorer.image(f"{key}_image").astype(int)
            bins = Bins(explorer, key, image)
            counts = [bins.count(population == name) for name in names]
            sure = ~bins.unsure & (counts[0] != counts[1])
            winner = (image - 1) // shades
            right = np.where(counts[0] > counts[1], winner == 0, winner == 1)
            gray = ~bins.unsure & (counts[0] + counts[1] == 0) & (bins.count() > 0)
            return bool(right[sure].all() and (image[gray] == NO_VALUE).all())

        explorer.until(shows_most)

    explorer.choose("Color", "density of stars")
    explorer.page.get_by_role("button", name="equalized").click()
    for key in MAPS:

        def ranked(key: str = key) -> bool:
            image = explorer.image(f"{key}_image")
            bins = Bins(explorer, key, image)
            counts = bins.count()
            filled = np.sort(counts[counts > 0])
            rank = np.searchsorted(filled, counts) / (len(filled) - 1)
            level = np.where(counts > 0, np.round(1 + rank * (BASE_LEVELS - 1)), 0)
            return bool((np.abs(level - image)[~bins.unsure] <= 2).all())

        explorer.until(ranked)


@pytest.mark.slow
def test_all_pairs_of_latents(explorer):
    explorer.tab("Maps")
    explorer.button("All pairs of latents").click()
    explorer.until(lambda: explorer.image("corner_image") is not None)
    image = explorer.image("corner_image")
    step = (len(image) + 6) // 4
    size = step - 6
    panels = {
        (row, column): image[(3 - row) * step :, column * step :][:size, :size]
        for row in range(4)
        for column in range(4)
    }
    inactive = 2
    for (row, column), panel in panels.items():
        levels = set(np.unique(panel).tolist())
        if column > row:
            assert levels == {0}
        elif inactive in (row, column):
            assert levels == {0, NO_VALUE}
        else:
            assert 0 < max(levels) <= BASE_LEVELS
    # Which stars lie where, in the panel of two latents: z1 against z2.
    panel = panels[1, 0] > 0
    assert 0.02 < panel.mean() < 0.9
    z1, z2 = explorer.stars["z1"], explorer.stars["z2"]
    spans = [np.percentile(z, [0.1, 99.9]) for z in (z1, z2)]
    (x, y) = (
        (z - low) / (high - low) / 1.1 + 0.05 / 1.1
        for z, (low, high) in zip((z1, z2), spans, strict=True)
    )
    grid = (size // 8, size // 8)  # coarse cells, each of many bins
    counts = np.histogram2d(y, x, grid, ((0, 1), (0, 1)))[0]
    seen = panel[: grid[0] * 8, : grid[1] * 8].reshape(grid[0], 8, grid[1], 8).any(axis=(1, 3))
    assert seen[counts > 8].all()

    frame = explorer.frame("corner")
    side = 4 * step - 6
    at = frame.screen(np.array([0.5 * size]), np.array([0.5 * size]))[0]
    assert frame.x1 == pytest.approx(side)
    explorer.page.mouse.click(*at)  # the first column, the last row: z1 and z4
    explorer.until(lambda: len(explorer.visit.maps) == 5 and not explorer.visit.corner)
    assert explorer.visit.maps[-1].columns == ("z1", "z4")
    explorer.wait_for_maps()
    shows_set(explorer, np.zeros(4000, bool), (explorer.visit.maps[-1].key,))


def tooltip(explorer: Explorer, key: str) -> str:
    """What a map says under the pointer; empty while it says nothing."""
    if not explorer.model(f"{key}_hover", "visible"):
        return ""
    return explorer.model(f"{key}_hover", "content")


def within_a_bin(explorer: Explorer, key: str, pixel: Pixel) -> Pixel:
    """A pixel, or its neighbor where it is the very edge between two bins."""
    frame, (height, width) = explorer.frame(key), explorer.image(f"{key}_image").shape
    ends, sizes = ((frame.x0, frame.x1), (frame.y0, frame.y1)), (width, height)
    bins = [
        (at - min(end)) / abs(end[1] - end[0]) * n
        for at, end, n in zip(frame.data([pixel])[0], ends, sizes, strict=True)
    ]
    return tuple(float(at + (abs(b - round(b)) < 0.1)) for at, b in zip(pixel, bins, strict=True))


def test_tooltip(explorer):
    explorer.tab("Maps")
    explorer.choose("Color", "mean of")
    explorer.choose("Column", TEFF)
    explorer.until(lambda: explorer.shows("· mean Teff [K]"))
    explorer.wait_for_maps()
    teff, source_id = explorer.stars["teff"].astype(np.float64), explorer.stars["source_id"]
    told = []
    for key, places in (
        ("latent", [(0.62, 0.31), (0.70, 0.22), (0.57, 0.43), (0.66, 0.28)]),
        ("kiel", [(0.40, 0.70), (0.52, 0.22), (0.43, 0.73)]),
        ("latent2", [(0.50, 0.44), (0.47, 0.50)]),
    ):
        for place in places:
            frame = explorer.frame(key)
            pixel = within_a_bin(explorer, key, frame.pixel(*place))
            explorer.page.mouse.move(pixel[0] - 3, pixel[1] + 2)
            explorer.page.mouse.move(*pixel)
            row = nearest(explorer, key, pixel)
            text = f"nearest: Gaia DR3 {source_id[row]}"
            image = explorer.image(f"{key}_image")
            bins = Bins(explorer, key, image)
            height, width = image.shape
            (x, y) = frame.data([pixel])[0]
            column = int((x - min(frame.x0, frame.x1)) / abs(frame.x1 - frame.x0) * width)
            line = int((y - min(frame.y0, frame.y1)) / abs(frame.y1 - frame.y0) * height)
            here = np.zeros(len(teff), bool)
            here[bins.which[(bins.row == line) & (bins.column == column)]] = True
            n = int(here.sum())
            plural = "" if n == 1 else "s"
            # The first of the two places is answered, too, when the second comes late.
            first = f"{n} star{plural} in this bin"
            explorer.until(
                lambda key=key, first=first, text=text: (
                    (said := tooltip(explorer, key)).startswith(first) and text in said
                )
            )
            content = tooltip(explorer, key)
            known = teff[here & np.isfinite(teff)]
            if len(known):
                mean = re.search(r"mean teff ([\d.e+]+) of (\d+)", content)
                assert float(mean[1]) == pytest.approx(known.mean(), rel=1e-4)
                assert int(mean[2]) == len(known)
            told.append(n)
    assert max(told) > 2
    explorer.until(lambda: explorer.page.get_by_text(text).first.is_visible())
    # It is gone when the pointer leaves, however soon after the question was asked.
    for rest in (60, 100, 130, 200):
        explorer.page.mouse.move(*explorer.frame("latent").pixel(0.6, 0.3))
        explorer.page.wait_for_timeout(rest)
        explorer.page.mouse.move(5, 300)
        explorer.page.wait_for_timeout(400)
        assert not tooltip(explorer, "latent"), f"left after {rest} ms"
