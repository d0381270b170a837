"""What is painted and said is what is so: in tables, on empty maps, at the last map."""

import numpy as np

from tests.browser.explorer import Explorer
from tests.browser.reference import drawn

LEFT = [(0.25, 0.10), (0.58, 0.10), (0.56, 0.55), (0.25, 0.60)]
CELL = "r => r.map(row => [row.getBoundingClientRect().top, row.querySelector({}).innerText])"


def painted(explorer: Explorer, nth: int = 1) -> list[str]:
    """The texts of a column of the table, from top to bottom, without scrolling it."""
    rows = explorer.page.locator(".slick-row")
    found = rows.evaluate_all(CELL.format(f"'.slick-cell:nth-child({nth})'"))
    return [text for _, text in sorted(found)]


def paints(explorer: Explorer, source: str, column: str, nth: int) -> bool:
    """Whether the rows that are seen have the source's data, and there are some."""
    data, seen = (explorer.data(source) or {}).get(column, []), painted(explorer, nth)
    return len(seen) > 4 and seen == data[: len(seen)]


def test_a_comparison_is_painted_at_once(explorer):
    left = drawn(explorer, LEFT, "latent")
    explorer.tab("Compare")
    explorer.until(lambda: paints(explorer, "compare_source", "n", 6))
    n_left, n_other = left.sum(), (~left).sum()
    assert painted(explorer, 6)[0].startswith(f"{n_left:,}, {n_other:,}"[:3])
    first = painted(explorer, 3), painted(explorer, 4)
    explorer.choose("against B", "all stars shown")
    explorer.until(lambda: (painted(explorer, 3), painted(explorer, 4)) != first)
    for column, nth in (("column", 1), ("delta", 2), ("a", 3), ("b", 4), ("p", 5), ("n", 6)):
        explorer.until(lambda c=column, n=nth: paints(explorer, "compare_source", c, n))
    # A click on a row draws the column that is written there.
    row = painted(explorer).index("logg")
    explorer.page.locator(".slick-row").nth(row).locator(".slick-cell").nth(1).click()
    explorer.until(lambda: explorer.model("compare", "below.0.axis_label") == "log g [dex]")
    # And another outline is another comparison.
    before = painted(explorer, 6)
    drawn(explorer, [(x + 0.2, y) for x, y in LEFT], "latent")
    explorer.until(lambda: painted(explorer, 6) != before)
    explorer.until(lambda: paints(explorer, "compare_source", "a", 3))


def test_a_set_s_color_and_name_leave_the_tables(explorer):
    left = drawn(explorer, LEFT, "latent")
    explorer.tab("Stars")
    explorer.until(lambda: paints(explorer, "stars_source", "source_id", 1))
    explorer.button("Next page ▶").click()
    ids = np.sort(explorer.stars["source_id"][left])[15:30]
    explorer.until(lambda: (explorer.data("stars_source") or {})["source_id"] == [*map(str, ids)])
    explorer.until(lambda: paints(explorer, "stars_source", "source_id", 1))
    seen = painted(explorer)
    explorer.tab("Sets")
    explorer.button("Hide").click()
    explorer.until(lambda: not explorer.visit.current.visible)
    field = explorer.page.get_by_label("Name", exact=True)
    field.fill("mine")
    field.press("Enter")
    explorer.until(lambda: explorer.visit.active_set == "mine")
    explorer.page.wait_for_timeout(300)
    assert painted(explorer) == seen
    text = f"16 to 30 of {left.sum():,} stars"
    assert explorer.shows(text)
    # A click leads to the star that is written there.
    explorer.page.locator(".slick-row .slick-cell:first-child").nth(2).click()
    row = int(np.flatnonzero(explorer.stars["source_id"] == ids[2])[0])
    explorer.until(lambda: explorer.visit.cursor.star == row)


def test_no_star_passes_the_filter(explorer):
    explorer.tab("Filter")
    field = explorer.page.get_by_label("Condition, such as")
    field.fill("z1 > 1e30")
    field.press("Enter")
    explorer.until(lambda: explorer.shows("No star passes the filter"))
    explorer.until(lambda: explorer.visit.n_shown == 0 and not explorer.visit.busy)
    explorer.button("Drop the filter").click()
    explorer.until(lambda: explorer.visit.shown is None)
    explorer.until(lambda: not explorer.shows("No star passes the filter"))
    explorer.wait_for_maps()
    explorer.until(lambda: explorer.image().any())
    # A condition that cannot be read is marked each time.
    for text, sign in (("teff << 5000", "<<"), ("teff <", "␣"), ("teff << 5000", "<<")):
        field.fill(text)
        field.press("Enter")
        mark = explorer.page.locator("[role=alert] mark")
        explorer.until(lambda m=mark, s=sign: m.count() == 1 and m.inner_text() in (s, s[0]))


def test_the_last_map_and_the_title(explorer):
    explorer.tab("Maps")
    while len(explorer.visit.maps) > 1:
        n = len(explorer.visit.maps)
        explorer.button("Close").click()
        explorer.until(lambda n=n: len(explorer.visit.maps) == n - 1)
    explorer.button("Close").click()
    explorer.until(lambda: explorer.shows("it is the last map: open another one first"))
    visit, before = explorer.visit, explorer.page.evaluate("performance.timeOrigin")
    explorer.page.get_by_role("link", name="XP latent space").click()
    explorer.page.wait_for_timeout(500)
    assert explorer.page.evaluate("performance.timeOrigin") == before
    assert explorer.visit is visit and len(visit.maps) == 1
