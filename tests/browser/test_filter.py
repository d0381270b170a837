"""The filter: conditions, ranges dragged on histograms, and what sets have to do with it."""

import re

import numpy as np
import pytest

from tests.browser.explorer import Explorer
from tests.browser.reference import Bins, agrees, drawn, ids, members

MAPS = ("latent", "kiel", "abundance", "latent2")
SHAPE = [(0.30, 0.10), (0.85, 0.05), (0.80, 0.60), (0.35, 0.55)]
HISTOGRAMS = ("teff", "logg", "m_h", "alpha_m", "phot_g_mean_mag", "chi2")


def columns(explorer: Explorer) -> dict[str, np.ndarray]:
    return {
        name: values.astype(np.float64)
        for name, values in explorer.stars.items()
        if values.dtype.kind == "f"
    }


def type_condition(explorer: Explorer, text: str) -> None:
    field = explorer.page.get_by_label("Condition, such as")
    field.fill(text)
    field.press("Enter")


def shows_stars(explorer: Explorer, mask: np.ndarray) -> None:
    """The page counts, and its maps draw, these stars and no others."""
    text = f"{mask.sum():,} shown of 4,000"
    explorer.until(lambda: explorer.shows(text))
    assert explorer.visit.n_shown == mask.sum()
    for key in MAPS:

        def same(key: str = key) -> bool:
            image = explorer.image(f"{key}_image")
            bins = Bins(explorer, key, image)
            return agrees(image > 0, bins.count(mask) > 0, bins.unsure)

        explorer.until(same)


def test_condition(explorer):
    explorer.tab("Filter")
    # The mock stars have no flags and no errors, which every cut needs.
    explorer.until(lambda: explorer.shows("The catalog lacks the columns of the named cuts."))
    assert not explorer.page.get_by_role("checkbox", name="labels").count()
    c, stars = columns(explorer), explorer.stars
    type_condition(explorer, "teff < 5000 and m_h > -0.5")
    cool = (c["teff"] < 5000) & (c["m_h"] > -0.5)
    assert 200 < cool.sum() < 3000
    shows_stars(explorer, cool)

    # What cannot be read leaves the filter as it is, and says where.
    type_condition(explorer, "teff < 5000 and m_hh > -0.5")
    mark = explorer.page.locator("mark")
    explorer.until(lambda: mark.count() and mark.first.inner_text() == "m")
    alert = explorer.page.get_by_role("alert").filter(has=mark)
    explorer.until(lambda: alert.count())
    assert "character 17" in alert.inner_text() and "m_h" in alert.inner_text()
    before = alert.locator("code").inner_text()
    assert before == "teff < 5000 and m_hh > -0.5"
    shows_stars(explorer, cool)
    type_condition(explorer, "teff < 5000 and")
    explorer.until(lambda: mark.count() and mark.first.inner_text() == "␣")
    shows_stars(explorer, cool)

    text = """not (teff > 5000) and population != "giant, cool" or abs(z1 - 2 * z2) < 0.1"""
    type_condition(explorer, text)
    known = stars["population"] != None  # noqa: E711 (element by element)
    dwarf = known & (stars["population"] != "giant, cool")
    near = np.abs(c["z1"] - 2 * c["z2"]) < 0.1
    mask = ((c["teff"] <= 5000) & dwarf) | near
    explorer.until(lambda: not mark.count())
    shows_stars(explorer, mask)
    source_id = int(stars["source_id"][17])
    type_condition(explorer, f"source_id == {source_id}")
    shows_stars(explorer, stars["source_id"] == source_id)
    type_condition(explorer, "")
    shows_stars(explorer, np.ones(4000, bool))
    explorer.until(lambda: explorer.shows("All stars are shown."))


def drag_range(explorer: Explorer, name: str, low: float, high: float) -> tuple[float, float]:
    """Drag between two fractions of a histogram; the ends that the mouse was at."""
    explorer.page.evaluate(
        """name => Bokeh.index.find_one(modelNamed(name))
            .el.scrollIntoView({block: "center"})""",
        f"range_{name}",
    )
    frame = explorer.frame(f"range_{name}")
    pixels = [frame.pixel(x, 0.5) for x in (low, 0.5 * (low + high), high)]
    explorer.drag(pixels)
    ends = frame.data(pixels)[[0, -1], 0]
    explorer.until(lambda: any(r[0] == name for r in explorer.visit.filter.ranges))
    return float(ends.min()), float(ends.max())


def shows_histograms(explorer: Explorer, ranges: dict[str, tuple[float, float]]) -> None:
    """Each histogram counts the stars that the other columns' ranges leave."""
    c = columns(explorer)
    for name in HISTOGRAMS:
        others = np.ones(4000, bool)
        for other, (low, high) in ranges.items():
            if other != name:
                others &= (c[other] >= low) & (c[other] <= high)
        source = f"range_{name}_source"

        def right(name: str = name, others: np.ndarray = others, source: str = source) -> bool:
            left, end = (explorer.array(source, k) for k in ("left", "right"))
            counts = explorer.array(source, "shown") ** 2
            every = explorer.array(source, "every") ** 2
            values = c[name]
            inner = np.append(left, end[-1])[1:-1]
            found = []
            for mask in (others, np.ones(4000, bool)):
                known = values[mask & np.isfinite(values)]
                found.append(np.bincount(np.searchsorted(inner, known, "right"), minlength=60))
            totals = [counts.sum() - found[0].sum(), every.sum() - found[1].sum()]
            # A star at the edge of two bins may be counted in either.
            moved = np.abs(np.cumsum(counts - found[0])).max()
            return len(left) == 60 and np.allclose(totals, 0, atol=1e-6) and moved < 3

        explorer.until(right)


def test_ranges(explorer):
    explorer.tab("Ranges")
    explorer.until(lambda: explorer.data("range_chi2_source") is not None)
    shows_histograms(explorer, {})
    c = columns(explorer)
    ranges: dict[str, tuple[float, float]] = {}
    mask = np.ones(4000, bool)
    for name, low, high in (("teff", 0.25, 0.6), ("m_h", 0.7, 0.3), ("chi2", 0.1, 0.5)):
        ends = drag_range(explorer, name, low, high)
        (kept,) = [r[1:] for r in explorer.visit.filter.ranges if r[0] == name]
        np.testing.assert_allclose(kept, ends, rtol=1e-9, atol=1e-9)
        ranges[name] = kept
        here = (c[name] >= kept[0]) & (c[name] <= kept[1])
        assert 0 < (mask & here).sum() < mask.sum()
        mask &= here
        shows_stars(explorer, mask)
    assert mask.sum() > 20
    shows_histograms(explorer, ranges)
    label = explorer.model("range_teff", "below.0.axis_label")
    numbers = re.search(r": ([\d.e+-]+) to ([\d.e+-]+)$", label)
    np.testing.assert_allclose(list(map(float, numbers.groups())), ranges["teff"], rtol=1e-4)

    # Drawn again, a range takes the place of the one before; a click forgets it.
    drag_range(explorer, "teff", 0.3, 0.9)
    explorer.until(lambda: dict(r[::2] for r in explorer.visit.filter.ranges)["teff"] > 5000)
    assert len(explorer.visit.filter.ranges) == 3
    explorer.page.evaluate(
        """() => Bokeh.index.find_one(modelNamed("range_teff"))
            .el.scrollIntoView({block: "center"})"""
    )
    explorer.page.mouse.click(*explorer.frame("range_teff").pixel(0.5, 0.5))
    explorer.until(lambda: {r[0] for r in explorer.visit.filter.ranges} == {"m_h", "chi2"})
    del ranges["teff"]
    mask = np.logical_and.reduce([(c[k] >= a) & (c[k] <= b) for k, (a, b) in ranges.items()])
    shows_stars(explorer, mask)
    shows_histograms(explorer, ranges)
    explorer.button("Forget all ranges").click()
    explorer.until(lambda: not explorer.visit.filter)
    shows_stars(explorer, np.ones(4000, bool))


@pytest.mark.slow
def test_sets_under_a_filter(explorer):
    everything = drawn(explorer, SHAPE, "latent")
    assert ids(explorer, members(explorer)) == ids(explorer, everything)
    explorer.tab("Filter")
    type_condition(explorer, "phot_g_mean_mag < 12")
    bright = columns(explorer)["phot_g_mean_mag"] < 12
    shows_stars(explorer, bright)
    # The filter takes no star out of a set.
    assert ids(explorer, members(explorer)) == ids(explorer, everything)
    here = (everything & bright).sum()
    explorer.until(lambda: explorer.shows(f"{everything.sum():,} of 4,000 selected"))
    explorer.until(lambda: explorer.shows(re.compile(rf"{here:,} of them shown")))

    held = drawn(explorer, SHAPE, "latent") & bright
    assert 50 < held.sum() < everything.sum()
    assert ids(explorer, members(explorer)) == ids(explorer, held)
    type_condition(explorer, "phot_g_mean_mag > 12")
    faint = columns(explorer)["phot_g_mean_mag"] > 12
    shows_stars(explorer, faint)
    kiel = drawn(explorer, SHAPE, "kiel", "Shift") & faint
    assert kiel.sum() > 50
    both = ids(explorer, held | kiel)
    assert ids(explorer, members(explorer)) == both
    explorer.button("Show all stars").click()
    shows_stars(explorer, np.ones(4000, bool))
    assert ids(explorer, members(explorer)) == both

    # Undone one by one: the filters and the outlines, in the order in which they were made.
    body = explorer.page.locator("body")
    for mask, chosen in (
        (faint, held | kiel),
        (faint, held),
        (bright, held),
        (bright, everything),
        (np.ones(4000, bool), everything),
    ):
        explorer.page.mouse.move(5, 400)
        body.press("Control+z")
        shows_stars(explorer, mask)
        explorer.until(lambda c=chosen: ids(explorer, members(explorer)) == ids(explorer, c))
    explorer.until(lambda: not explorer.visit.filter)
    for _ in range(2):
        body.press("Control+Shift+z")
    explorer.until(lambda: ids(explorer, members(explorer)) == ids(explorer, held))
    shows_stars(explorer, bright)
