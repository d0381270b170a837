"""Sets: gestures, undo, names, algebra, and sets from filters, track bins and pasted ids."""

import re

import numpy as np
import pytest

from tests.browser.explorer import Explorer
from tests.browser.reference import drawn, ids, members
from xpapp.colors import FIRST_SET_LEVEL

LEFT = [(0.25, 0.10), (0.58, 0.10), (0.56, 0.55), (0.25, 0.60)]
RIGHT = [(0.50, 0.05), (0.85, 0.08), (0.80, 0.40), (0.48, 0.45)]
MIDDLE = [(0.40, 0.20), (0.70, 0.15), (0.65, 0.45), (0.42, 0.40)]


def chosen(explorer: Explorer) -> set[int]:
    return ids(explorer, members(explorer))


def wait_for(explorer: Explorer, mask: np.ndarray) -> None:
    """The active set has these stars, and the page counts them."""
    expected = ids(explorer, mask)
    explorer.until(lambda: chosen(explorer) == expected)
    n = f"{len(expected):,} of 4,000 selected"
    explorer.until(lambda: explorer.shows(n))


def press(explorer: Explorer, keys: str) -> None:
    explorer.page.locator("body").press(keys)


def test_gestures(explorer):
    left = drawn(explorer, LEFT, "latent")
    wait_for(explorer, left)
    right = drawn(explorer, RIGHT, "latent", "Shift")
    assert (left & right).any() and (right & ~left).any() and (left & ~right).any()
    wait_for(explorer, left | right)
    middle = drawn(explorer, MIDDLE, "latent", "Alt")
    wait_for(explorer, (left | right) & ~middle)
    kiel = drawn(explorer, LEFT, "kiel", "Shift+Alt")
    wait_for(explorer, (left | right) & ~middle & kiel)
    steps = [step.operation for step in explorer.visit.current.steps]
    assert steps == ["replace", "add", "subtract", "intersect"]
    # The keys are for one outline only; the buttons stay.
    left = drawn(explorer, LEFT, "latent")
    wait_for(explorer, left)
    mask = left
    for label, change in (
        ("Add", lambda a, b: a | b),
        ("Intersect", lambda a, b: a & b),
        ("Subtract", lambda a, b: a & ~b),
        ("Replace", lambda a, b: b),
    ):
        explorer.button(label).click()
        explorer.until(lambda label=label: explorer.visit.operation == label.lower())
        shape = {"Add": RIGHT, "Intersect": MIDDLE, "Subtract": RIGHT}.get(label, LEFT)
        mask = change(mask, drawn(explorer, shape, "latent"))
        wait_for(explorer, mask)
    # A key that is held goes before the button.
    explorer.button("Subtract").click()
    explorer.until(lambda: explorer.visit.operation == "subtract")
    mask = mask | drawn(explorer, RIGHT, "latent", "Shift")
    wait_for(explorer, mask)


def test_escape_and_undo(explorer):
    left = drawn(explorer, LEFT, "latent")
    right = drawn(explorer, RIGHT, "latent", "Shift")
    # An outline that is dropped leaves the set and the next outline as they are.
    frame, mouse = explorer.frame(), explorer.page.mouse
    before = explorer.visit.sets
    mouse.move(*frame.pixel(0.2, 0.2))
    mouse.down()
    for place in ((0.5, 0.2), (0.6, 0.6), (0.3, 0.7)):
        mouse.move(*frame.pixel(*place))
    explorer.page.keyboard.press("Escape")
    mouse.move(*frame.pixel(0.25, 0.5))
    mouse.up()
    explorer.page.wait_for_timeout(400)
    assert explorer.visit.sets is before
    wait_for(explorer, left | right)
    middle = drawn(explorer, MIDDLE, "latent")
    wait_for(explorer, middle)

    press(explorer, "Control+z")
    wait_for(explorer, left | right)
    press(explorer, "Meta+z")
    wait_for(explorer, left)
    press(explorer, "Control+Shift+z")
    wait_for(explorer, left | right)
    press(explorer, "Control+y")
    wait_for(explorer, middle)
    assert explorer.button("Redo").is_disabled()
    press(explorer, "Meta+z")
    wait_for(explorer, left | right)
    press(explorer, "Meta+Shift+z")
    wait_for(explorer, middle)
    explorer.button("Undo").click()
    wait_for(explorer, left | right)

    # In a text field the keys are the field's own.
    explorer.tab("Sets")
    field = explorer.page.get_by_label("Name", exact=True)
    field.click()
    field.press("End")
    field.type("xyz")
    field.press("Control+z")
    explorer.page.wait_for_timeout(300)
    wait_for(explorer, left | right)
    pasted = explorer.page.get_by_label("source_id, pasted")
    pasted.fill("12")
    pasted.press("Control+z")
    explorer.page.wait_for_timeout(300)
    wait_for(explorer, left | right)


def names(explorer: Explorer) -> list[str]:
    return [s.name for s in explorer.visit.sets]


def activate(explorer: Explorer, name: str) -> None:
    """Choose a set in the list, which is drawn anew after each change."""
    explorer.page.wait_for_timeout(400)
    explorer.page.get_by_role("button", name=re.compile(rf"^{name} · ")).click()
    explorer.until(lambda: explorer.visit.active_set == name)


def combine(explorer: Explorer, a: str, how: str, b: str) -> None:
    explorer.choose("Set", a)
    explorer.choose("Operation", how)
    explorer.choose("and set", b)
    n = len(explorer.visit.sets)
    explorer.button("Combine").click()
    explorer.until(lambda: len(explorer.visit.sets) == n + 1)


@pytest.mark.slow
def test_names_and_algebra(explorer):
    left = drawn(explorer, LEFT, "latent")
    explorer.tab("Sets")
    explorer.button("New empty set").click()
    explorer.until(lambda: names(explorer) == ["A", "B"] and explorer.visit.active_set == "B")
    right = drawn(explorer, RIGHT, "latent")
    wait_for(explorer, right)
    assert ids(explorer, members(explorer, "A")) == ids(explorer, left)
    explorer.until(lambda: len(explorer.outlines()) == 2)

    field = explorer.page.get_by_label("Name", exact=True)
    field.fill("giants <b>α")
    field.press("Enter")
    explorer.until(lambda: names(explorer) == ["A", "giants <b>α"])
    explorer.until(lambda: explorer.shows(re.compile(rf"giants <b>α · {right.sum():,}")))
    field.fill("A")  # taken
    field.press("Enter")
    explorer.until(lambda: explorer.shows(re.compile("there is a set 'A' already")))
    explorer.until(lambda: field.input_value() == "giants <b>α")
    field.fill("B")
    field.press("Enter")
    explorer.until(lambda: names(explorer) == ["A", "B"])

    color = explorer.page.get_by_label("Color", exact=True)
    color.fill("#123456")
    color.press("Enter")
    explorer.until(lambda: explorer.visit.current.color == "#123456")
    explorer.until(lambda: explorer.data("latent_outlines")["color"][1] == "#123456")
    palette = "renderers.0.glyph.color_mapper.palette"
    explorer.until(lambda: "#123456ff" in explorer.model("latent", palette))

    explorer.page.wait_for_timeout(400)
    explorer.button("Hide").nth(1).click()
    explorer.until(lambda: len(explorer.outlines()) == 1)
    top = "#123456ff"
    explorer.until(lambda: top not in explorer.model("latent", palette))
    explorer.page.wait_for_timeout(400)
    explorer.button("Show").click()
    explorer.until(lambda: len(explorer.outlines()) == 2)
    activate(explorer, "A")
    wait_for(explorer, left)

    for how, mask in (
        ("union", left | right),
        ("intersection", left & right),
        ("difference", left & ~right),
        ("symmetric difference", left ^ right),
    ):
        combine(explorer, "A", how, "B")
        wait_for(explorer, mask)
        explorer.button("Undo").click()
        explorer.until(lambda: names(explorer) == ["A", "B"])
    combine(explorer, "B", "difference", "A")
    wait_for(explorer, right & ~left)
    # What was combined stays as it was when its parts change.
    activate(explorer, "A")
    middle = drawn(explorer, MIDDLE, "latent")
    assert ids(explorer, members(explorer, "B ∖ A")) == ids(explorer, right & ~left)
    explorer.choose("Set", "A")
    explorer.button("Complement of the first").click()
    explorer.until(lambda: explorer.visit.active_set == "not A")
    wait_for(explorer, ~middle)

    for n in (3, 2, 1):
        explorer.page.wait_for_timeout(400)
        explorer.page.locator("button", has_text="✕").first.click()
        explorer.until(lambda n=n: len(explorer.visit.sets) == n)
    assert names(explorer) == ["not A"]
    explorer.page.wait_for_timeout(400)
    explorer.page.locator("button", has_text="✕").first.click()
    explorer.until(lambda: names(explorer) == ["A"])
    assert not explorer.visit.current.steps
    explorer.until(lambda: not (explorer.image() >= FIRST_SET_LEVEL).any())
    press(explorer, "Control+z")
    wait_for(explorer, ~middle)


@pytest.mark.slow
def test_sets_from_elsewhere(explorer):
    stars = explorer.stars
    explorer.tab("Filter")
    field = explorer.page.get_by_label("Condition, such as")
    field.fill("z1 > 0.5")
    field.press("Enter")
    explorer.until(lambda: explorer.visit.n_shown == (stars["z1"] > 0.5).sum())
    explorer.tab("Sets")
    explorer.button("Set of all stars shown").click()
    explorer.until(lambda: explorer.visit.active_set == "shown")
    wait_for(explorer, stars["z1"] > 0.5)
    press(explorer, "Control+z")
    press(explorer, "Control+z")
    explorer.until(lambda: not explorer.visit.filter)

    explorer.until(lambda: explorer.button("Set of the track's bin").is_disabled())
    explorer.tab("Tracks")
    explorer.page.get_by_label("Giant branch").click()
    explorer.until(lambda: len(explorer.array("kiel_track_points", "x")) > 3)
    x, y = (explorer.array("kiel_track_points", c) for c in "xy")
    centre = 3590 + 440 * np.linspace(0, 3.65, 20)
    teff, logg = (stars[name].astype(np.float64) for name in ("teff", "logg"))
    point = int(np.argmin(np.abs(y - 2.4)))
    frame = explorer.frame("kiel")
    pixel = frame.screen(x[point : point + 1], y[point : point + 1])[0]
    explorer.page.mouse.click(*pixel)
    explorer.until(lambda: explorer.visit.track_point is not None)
    index = explorer.visit.track_point.index
    here = np.abs(teff - centre[index]) < 100
    here &= np.abs(logg - np.linspace(0, 3.65, 20)[index]) < 0.2
    assert np.mean(teff[here]) == pytest.approx(x[point]) and here.sum() > 10
    explorer.tab("Sets")
    explorer.button("Set of the track's bin").click()
    explorer.until(lambda: explorer.visit.active_set == f"Giant branch, bin {index + 1}")
    wait_for(explorer, here)

    rows = np.array([3, 1500, 3999, 42])
    known = [int(i) for i in stars["source_id"][rows]]
    unknown = [known[0] + 1, 4]
    text = f"Gaia DR3 {known[0]}, {known[1]};{known[2]}\n'{known[3]}' {unknown[0]} {unknown[1]} "
    text += f"star 1.5e18 -7 {known[0]} 99999999999999999999"
    explorer.page.get_by_label("source_id, pasted").fill(text)
    explorer.page.get_by_label("source_id, pasted").press("Tab")
    explorer.button("Set of these ids").click()
    explorer.until(lambda: explorer.visit.active_set == "ids")
    mask = np.zeros(4000, bool)
    mask[rows] = True
    wait_for(explorer, mask)
    said = "4 of 6 ids are in the catalog; 2 are not, and 4 entries are no ids."
    explorer.until(lambda: explorer.shows(said))
    unused = explorer.page.get_by_label("Not found, and no ids")
    listed = [*map(str, unknown), "star", "1.5e18", "-7", "99999999999999999999"]
    explorer.until(lambda: unused.input_value().split() == listed)

    # Ids from a file.
    table = "source_id,note\n" + "".join(f"{i},x\n" for i in known[:2])
    explorer.page.get_by_label("source_id, pasted").fill("")
    explorer.page.get_by_label("source_id, pasted").press("Tab")
    explorer.page.locator("input[type=file]").first.set_input_files(
        {"name": "ids.csv", "mimeType": "text/csv", "buffer": table.encode()}
    )
    explorer.page.wait_for_timeout(500)
    explorer.button("Set of these ids").click()
    explorer.until(lambda: explorer.visit.active_set == "ids 2")
    mask[rows[2:]] = False
    wait_for(explorer, mask)


@pytest.mark.slow
def test_visits_do_not_see_each_other(explorer, visitor, browser):
    """Two tabs of one browser, and another browser."""
    same = visitor()
    with browser.new_context(viewport={"width": 1280, "height": 720}) as context:
        other = visitor(context=context)
        pages = (explorer, same, other)
        for page in pages:
            page.wait_for_maps()
        masks = []
        for page, shape in zip(pages, (LEFT, RIGHT, MIDDLE), strict=True):
            page.page.bring_to_front()
            masks.append(drawn(page, shape, "latent"))
        for page, mask in zip(pages, masks, strict=True):
            page.page.bring_to_front()
            wait_for(page, mask)
            page.until(lambda page=page: len(page.outlines()) == 1)
        same.page.bring_to_front()
        same.tab("Sets")
        same.button("New empty set").click()
        same.until(lambda: names(same) == ["A", "B"])
        press(same, "Control+z")
        press(same, "Control+z")
        same.until(lambda: not same.visit.current.steps)
        for page, mask in zip((explorer, other), (masks[0], masks[2]), strict=True):
            page.page.bring_to_front()
            assert names(page) == ["A"]
            wait_for(page, mask)
        other.page.close()
