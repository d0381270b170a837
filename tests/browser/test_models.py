"""What is closed on the page is gone, on the server and in the browser."""

from collections.abc import Callable

import pytest

from tests.browser.explorer import Explorer
from xpapp.state.map_state import Coloring

# What is made once is made by then.
WARM = 2
# Longer than the browser keeps what is closed [ms].
KEPT = 1500
IN_BROWSER = "() => Bokeh.documents[0]._all_models.size"


def on_server(explorer: Explorer, work: Callable[[], None]) -> None:
    """Do something to the visit in the page's own turn, and wait until it is shown."""
    done: list[bool] = []

    def turn() -> None:
        work()
        done.append(True)

    explorer.document.add_next_tick_callback(turn)
    explorer.until(lambda: done and not explorer.visit.busy)


def a_map(explorer: Explorer) -> None:
    visit = explorer.visit
    on_server(explorer, lambda: visit.open_map("z1", "z2"))
    on_server(explorer, lambda: visit.close_map(visit.maps[-1].key))


def a_logarithmic_axis(explorer: Explorer) -> None:
    for scale in ("log", "linear"):
        change = {"x_scale": scale}
        on_server(explorer, lambda c=change: explorer.visit.change_map("kiel", **c))


def an_enlarged_map(explorer: Explorer) -> None:
    for key in ("kiel", ""):
        on_server(explorer, lambda k=key: setattr(explorer.visit, "enlarged", k))


def the_corner_view(explorer: Explorer) -> None:
    for on in (True, False):
        on_server(explorer, lambda on=on: setattr(explorer.visit, "corner", on))


def tracks(explorer: Explorer) -> None:
    for on in (True, False):
        on_server(explorer, lambda on=on: explorer.visit.switch_track("main_sequence", on))


def colors(explorer: Explorer) -> None:
    for coloring in (Coloring("mean", "teff", "linear"), Coloring()):
        on_server(explorer, lambda c=coloring: setattr(explorer.visit, "coloring", c))


def tabs_of_views(explorer: Explorer) -> None:
    for label in ("Compare", "Stars", "Ranges", "Medians", "My stars", "Spectrum"):
        explorer.tab(label)


def tabs_of_the_side_bar(explorer: Explorer) -> None:
    for label in ("Filter", "Sets", "Tracks", "Save", "Maps"):
        explorer.tab(label)


def sets(explorer: Explorer) -> None:
    on_server(explorer, explorer.visit.new_set)
    on_server(explorer, lambda: explorer.visit.delete_set("B"))


def count(explorer: Explorer) -> tuple[int, int]:
    """Numbers of models on the server and in the browser, a moment from now."""
    explorer.page.wait_for_timeout(KEPT)
    return len(explorer.document.models), explorer.page.evaluate(IN_BROWSER)


def settled(explorer: Explorer) -> tuple[int, int]:
    """The same, once they do not change any more."""
    counts = [(0, 0)]

    def once_more() -> bool:
        counts.append(count(explorer))
        return counts[-1] == counts[-2]

    explorer.until(once_more)
    return counts[-1]


@pytest.mark.parametrize("rounds", [5, pytest.param(50, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "way",
    [
        a_map,
        a_logarithmic_axis,
        an_enlarged_map,
        the_corner_view,
        tracks,
        colors,
        tabs_of_views,
        tabs_of_the_side_bar,
        sets,
    ],
)
def test_models_are_as_many_as_before(explorer, way, rounds):
    for _ in range(WARM):
        way(explorer)
    before = settled(explorer)
    for _ in range(rounds):
        way(explorer)
    # A slow browser may have much to draw yet before it lets go of anything.
    explorer.until(lambda: count(explorer) == before)
