"""Drags that begin, end or turn out otherwise than a tool expects: none costs the next."""

import numpy as np
import pytest

from tests.browser.explorer import Explorer
from tests.browser.reference import inside, members, positions

# Fractions of the frame; those below 0 and above 1 lie on axes, the title and the color bar.
RIGHT = [(0.30, 0.30), (0.60, 0.05), (0.75, 0.25), (0.60, 0.60), (0.35, 0.50)]
BEGUN = {
    "on the axis below": [(0.4, 1.06), (0.4, 0.9), (0.7, 0.3), (0.3, 0.2)],
    "on the axis to the left": [(-0.06, 0.5), (0.2, 0.5), (0.7, 0.3), (0.3, 0.2)],
    "on an axis' name": [(0.5, 1.12), (0.5, 0.8), (0.7, 0.3), (0.3, 0.6)],
    "on the color bar": [(1.05, 0.5), (0.8, 0.5), (0.6, 0.2), (0.5, 0.6)],
}
TOOLS = ("Lasso Select", "Box Select", "Pan", "Freehand Draw Tool")


def draws_the_right_ones(explorer: Explorer) -> None:
    """A lasso, a moment later, selects the stars that it holds."""
    outline = explorer.outline(RIGHT)
    wanted = inside(outline, *positions(explorer, "latent"))
    assert wanted.sum() > 100
    np.testing.assert_array_equal(members(explorer), wanted)


def use(explorer: Explorer, tool: str) -> None:
    """Choose a tool; another click on the one in use would put it away."""
    active = "modelNamed('latent').toolbar.gestures.pan.active?.tool_name"
    if explorer.page.evaluate(active) != tool:
        explorer.press(tool)
        explorer.until(lambda: explorer.page.evaluate(active) == tool)


def settle(explorer: Explorer) -> None:
    """Till the server has done what the browser has sent."""
    explorer.page.evaluate("new Promise(done => setTimeout(done, 250))")
    explorer.until(lambda: not explorer.visit.busy and not explorer.busy)


@pytest.mark.parametrize("begun", BEGUN)
def test_an_outline_begun_outside_of_the_frame(explorer, begun):
    draws_the_right_ones(explorer)
    for tool in TOOLS[:2]:
        use(explorer, tool)
        frame, before = explorer.frame(), explorer.visit.sets
        explorer.drag([frame.pixel(*at) for at in BEGUN[begun]])
        # It begins where it comes into the frame.
        explorer.until(lambda before=before: explorer.visit.sets is not before)
        settle(explorer)
        assert explorer.visit.current.n_members > 0
        if tool == "Lasso Select":
            outline = np.array(explorer.visit.current.steps[-1].source.outline)
            assert len(outline) >= 3
            wanted = inside(outline, *positions(explorer, "latent"))
            np.testing.assert_array_equal(members(explorer), wanted)
    use(explorer, "Lasso Select")
    draws_the_right_ones(explorer)


def test_a_drag_that_begins_long_after_the_button_went_down(explorer):
    frame, before, mouse = explorer.frame(), explorer.visit.sets, explorer.page.mouse
    way = [frame.pixel(*at) for at in RIGHT]
    mouse.move(*way[0])
    mouse.down()
    # Bokeh has taken it for a long press by then.
    explorer.page.wait_for_timeout(500)
    for pixel in way[1:]:
        mouse.move(*pixel)
    mouse.up()
    explorer.until(lambda: explorer.visit.sets is not before)
    settle(explorer)
    wanted = inside(frame.data(way), *positions(explorer, "latent"))
    np.testing.assert_array_equal(members(explorer), wanted)


@pytest.mark.parametrize("tool", TOOLS[:2])
def test_a_drag_that_never_comes_into_the_frame_changes_nothing(explorer, tool):
    draws_the_right_ones(explorer)
    use(explorer, tool)
    frame, before = explorer.frame(), explorer.visit.sets
    explorer.drag([frame.pixel(at, 1.05) for at in (0.2, 0.4, 0.6, 0.8)])
    settle(explorer)
    assert explorer.visit.sets is before
    use(explorer, "Lasso Select")
    draws_the_right_ones(explorer)


@pytest.mark.parametrize("tool", TOOLS[:2])
def test_escape_drops_the_outline_that_is_drawn(explorer, tool):
    draws_the_right_ones(explorer)
    use(explorer, tool)
    frame, before, mouse = explorer.frame(), explorer.visit.sets, explorer.page.mouse
    way = [frame.pixel(*at) for at in (*RIGHT, *RIGHT[::-1])]
    mouse.move(*way[0])
    mouse.down()
    for pixel in way[1:5]:
        mouse.move(*pixel)
    explorer.page.keyboard.press("Escape")
    for pixel in way[5:]:
        mouse.move(*pixel)
    mouse.up()
    settle(explorer)
    assert explorer.visit.sets is before
    use(explorer, "Lasso Select")
    draws_the_right_ones(explorer)


def test_odd_ends_of_drags(explorer):
    page, mouse = explorer.page, explorer.page.mouse
    frame = explorer.frame()
    way = [frame.pixel(*at) for at in RIGHT]
    # Two buttons at once; the other one is let go of first, and last.
    for first, second in (("left", "right"), ("right", "left")):
        mouse.move(*way[0])
        mouse.down(button="left")
        mouse.move(*way[1])
        mouse.down(button="right")
        for pixel in way[2:]:
            mouse.move(*pixel)
        mouse.up(button=first)
        mouse.up(button=second)
        settle(explorer)
        page.keyboard.press("Escape")
        draws_the_right_ones(explorer)
    # Let go of outside of the window.
    mouse.move(*way[0])
    mouse.down()
    for pixel in (*way[1:], (-60, 200), (-60, -60)):
        mouse.move(*pixel)
    mouse.up()
    settle(explorer)
    draws_the_right_ones(explorer)
    # A touch of the mouse, and two of its steps.
    for n in (1, 2):
        mouse.move(*way[0])
        mouse.down()
        for step in range(1, n + 1):
            mouse.move(way[0][0] + 4 * step, way[0][1])
        mouse.up()
        settle(explorer)
    draws_the_right_ones(explorer)
    # Other tools' drags from an axis.
    for tool in TOOLS[2:]:
        use(explorer, tool)
        explorer.drag([explorer.frame().pixel(*at) for at in BEGUN["on the axis below"]])
        settle(explorer)
    explorer.press("Reset")
    explorer.wait_for_map()
    use(explorer, "Lasso Select")
    draws_the_right_ones(explorer)
