"""Two sets in numbers, and the stars as a table, against numpy and scipy."""

import re
from urllib.parse import parse_qs, urlparse

import numpy as np
import pytest
from scipy.stats import mannwhitneyu

from tests.browser.explorer import Explorer
from tests.browser.reference import drawn, members
from tests.support.mock import MOCK_ID

LEFT = [(0.25, 0.10), (0.58, 0.10), (0.56, 0.55), (0.25, 0.60)]
RIGHT = [(0.50, 0.05), (0.85, 0.08), (0.80, 0.40), (0.48, 0.45)]
COMPARED = ("z1", "z2", "z4", "teff", "logg", "m_h", "alpha_m", "phot_g_mean_mag")
REST, ALL = "all other stars shown", "all stars shown"


def shows_comparison(explorer: Explorer, a: np.ndarray, b: np.ndarray) -> None:
    """The table's numbers are those of two masks, to the digits that it prints."""
    stars = explorer.stars
    expected, p_values = {}, []
    for name in COMPARED:
        values = stars[name].astype(np.float64)
        va, vb = (values[mask & np.isfinite(values)] for mask in (a, b))
        test = mannwhitneyu(va, vb, alternative="two-sided", method="asymptotic")
        expected[name] = (va, vb, 2 * test.statistic / (len(va) * len(vb)) - 1)
        p_values.append(test.pvalue)
    # Holm: the smallest times their number, the next times one less, never falling.
    order, corrected, running = np.argsort(p_values), {}, 0.0
    for i, place in enumerate(order):
        running = max(running, min(1.0, p_values[place] * (len(order) - i)))
        corrected[COMPARED[place]] = running
    both = (a & b).sum()

    def right() -> bool:
        table = explorer.data("compare_source")
        if not table or set(table["column"]) != set(COMPARED):
            return False
        deltas = [abs(expected[name][2]) for name in table["column"]]
        if (np.diff(deltas) > 1e-12).any():
            return False
        for i, name in enumerate(table["column"]):
            va, vb, delta = expected[name]
            if table["n"][i] != f"{len(va):,}, {len(vb):,}":
                return False
            if abs(float(table["delta"][i]) - delta) > 6e-4:
                return False
            for side, values in (("a", va), ("b", vb)):
                numbers = re.findall(r"-?\d[\d.e+-]*", table[side][i])
                found = list(map(float, numbers))
                wanted = np.percentile(values, [50, 16, 84])
                if not np.allclose(found, wanted, rtol=6e-3, atol=1e-12):
                    return False
            p = float(table["p"][i])
            if not (
                p == pytest.approx(corrected[name], rel=0.06) or max(p, corrected[name]) < 1e-290
            ):
                return False
        return True

    explorer.until(right)
    text = f"A {a.sum():,} stars, B {b.sum():,} stars" + (f", {both:,} in both" if both else "")
    explorer.until(
        lambda: text in explorer.page.locator("body").inner_text() or shown(explorer, text)
    )


def shown(explorer: Explorer, text: str) -> bool:
    """Whether some element's text is this, whatever of it is bold."""
    return explorer.page.get_by_text(re.compile(f"^{re.escape(text)}$")).count() > 0


def test_compare(explorer):
    left = drawn(explorer, LEFT, "latent")
    explorer.tab("Sets")
    explorer.button("New empty set").click()
    explorer.until(lambda: explorer.visit.active_set == "B")
    right = drawn(explorer, RIGHT, "latent")
    assert (left & right).any()
    explorer.tab("Compare")
    shows_comparison(explorer, right, ~right)
    explorer.choose("against B", "A")
    shows_comparison(explorer, right, left)
    explorer.choose("against B", ALL)
    shows_comparison(explorer, right, np.ones(4000, bool))
    explorer.choose("against B", REST)
    explorer.choose("A", "A")
    shows_comparison(explorer, left, ~left)

    # A row's histogram: parts of either set's stars.
    names = explorer.data("compare_source")["column"]
    row = names.index("teff")
    explorer.page.locator(".slick-row").nth(row).locator(".slick-cell").nth(1).click()
    explorer.until(lambda: explorer.model("compare", "below.0.axis_label") == "Teff [K]")
    teff = explorer.stars["teff"].astype(np.float64)
    edges = np.linspace(*np.nanpercentile(teff, [0.1, 99.9]), 60)

    def histograms() -> bool:
        bars = {name: explorer.array("compare_histogram", name) for name in ("left", "a", "b")}
        return len(bars["left"]) == 60 and all(
            np.allclose(
                bars[side][:-1],
                np.histogram(teff[mask], edges)[0] / mask.sum(),
                atol=2.5 / mask.sum(),
            )
            for side, mask in (("a", left), ("b", ~left))
        )

    explorer.until(histograms)
    # The filter takes its stars out of what a set is compared with.
    explorer.tab("Filter")
    field = explorer.page.get_by_label("Condition, such as")
    field.fill("z1 < 0.5")
    field.press("Enter")
    few = explorer.stars["z1"].astype(np.float64) < 0.5
    shows_comparison(explorer, right, few & ~right)


def table(explorer: Explorer) -> dict[str, list[str]]:
    return explorer.data("stars_source") or {}


def shows_page(explorer: Explorer, rows: np.ndarray, page: int, by: str) -> None:
    """A page of the table has these rows of the catalog, in this order."""
    here = rows[15 * page : 15 * (page + 1)]
    ids = [str(int(i)) for i in explorer.stars["source_id"][here]]
    explorer.until(lambda: table(explorer).get("source_id") == ids)
    values = table(explorer)[by]
    if by != "source_id":
        for text, value in zip(values, explorer.stars[by][here], strict=True):
            assert text == (f"{value:.5g}" if np.isfinite(value) else "–")
    text = f"{15 * page + 1:,} to {15 * page + len(here):,} of {len(rows):,} stars"
    explorer.until(lambda: explorer.shows(text))
    cells = explorer.page.locator(".slick-row .slick-cell:first-child")
    explorer.until(lambda: cells.count() >= min(len(here), 10))
    explorer.until(lambda: cells.first.inner_text() == ids[0])


@pytest.mark.slow
def test_stars(explorer):
    stars = explorer.stars
    source_id, teff = stars["source_id"], stars["teff"]
    explorer.tab("Stars")
    every = np.argsort(source_id, kind="stable")
    shows_page(explorer, every, 0, "source_id")
    before, after = explorer.button("◀ Page before"), explorer.button("Next page ▶")
    assert before.is_disabled()
    after.click()
    shows_page(explorer, every, 1, "source_id")
    before.click()
    shows_page(explorer, every, 0, "source_id")

    explorer.choose("Sorted by", "effective temperature [K]")
    rising = np.argsort(np.where(np.isnan(teff), np.inf, teff), kind="stable")
    shows_page(explorer, rising, 0, "teff")
    explorer.page.get_by_label("largest first").click()
    first = float(np.nanmax(teff))
    explorer.until(lambda: table(explorer)["teff"][0] == f"{first:.5g}")
    falling = np.argsort(np.where(np.isnan(teff), np.inf, -teff), kind="stable")
    shows_page(explorer, falling, 0, "teff")

    # Links have the exact id, and a mock star has none.
    explorer.page.get_by_label("largest first").click()
    explorer.choose("Sorted by", "source_id")
    shows_page(explorer, every, 0, "source_id")
    cells = explorer.page.locator(".slick-row .slick-cell:nth-child(2)")
    for i in range(3):
        star = str(int(source_id[every[i]]))
        links = [a.get_attribute("href") for a in cells.nth(i).locator("a").all()]
        assert len(links) == 3
        simbad, esasky, archive = map(urlparse, links)
        assert parse_qs(simbad.query)["Ident"] == [f"Gaia DR3 {star}"]
        ra, dec = parse_qs(esasky.query)["target"][0].split()
        assert float(ra) == pytest.approx(float(stars["ra"][every[i]]), abs=1e-6)
        assert float(dec) == pytest.approx(float(stars["dec"][every[i]]), abs=1e-6)
        assert f"source_id = {star}" in parse_qs(archive.query)["QUERY"][0]
    explorer.page.get_by_label("largest first").click()
    explorer.until(lambda: table(explorer)["source_id"][0] == str(MOCK_ID))
    explorer.until(lambda: cells.first.inner_text() == "a mock star")
    assert cells.first.locator("a").count() == 0 and cells.nth(1).locator("a").count() == 3

    # A set's stars; its last page; a row leads to its star.
    chosen = drawn(explorer, LEFT, "latent")
    rows = np.flatnonzero(chosen)
    falling = rows[np.argsort(source_id[rows])[::-1]]
    shows_page(explorer, falling, 0, "source_id")
    assert (members(explorer) == chosen).all()
    after.click()
    shows_page(explorer, falling, 1, "source_id")
    explorer.page.locator(".slick-row .slick-cell:first-child").nth(4).click()
    row = int(falling[15 + 4])
    explorer.until(lambda: explorer.visit.cursor.star == row)
    assert explorer.visit.cursor.z == tuple(float(stars[f"z{i}"][row]) for i in (1, 2, 3, 4))
    place = {"x": [float(stars["z2"][row])], "y": [float(stars["z4"][row])]}
    explorer.until(lambda: explorer.data("latent_star") == place)
    explorer.tab("Spectrum")
    explorer.until(lambda: explorer.shows(re.compile(str(source_id[row]))))
