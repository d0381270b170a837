import itertools

import panel_material_ui as pmui
import pytest

from tests.support.mock import Mock
from xpapp.keys import ACTIONS, NUDGE, PRESSES, SHORTCUTS, KeyActions, Press
from xpapp.spectrum.player import Player
from xpapp.state.visit import Visit
from xpmodel import Region, open_catalog


@pytest.fixture
def visit(mock: Mock) -> Visit:
    return Visit(open_catalog(mock.catalog), None)


@pytest.fixture
def dialog() -> pmui.Dialog:
    return pmui.Dialog()


@pytest.fixture
def actions(visit: Visit, dialog: pmui.Dialog) -> KeyActions:
    return KeyActions(visit, Player(visit.cursor), dialog)


def both(one: Press, other: Press) -> bool:
    """Whether a key could mean either."""
    return (one.event, one.key) == (other.event, other.key) and all(
        None in (a, b) or a == b
        for a, b in zip(
            (one.control, one.shift, one.alt), (other.control, other.shift, other.alt), strict=True
        )
    )


def test_no_key_means_two_things():
    clashes = [pair for pair in itertools.combinations(PRESSES, 2) if both(*pair)]
    assert not clashes
    assert both(Press("z", KeyActions.undo), Press("z", KeyActions.redo, shift=None))


def test_each_line_of_the_help_is_another():
    assert len({s.typed for s in SHORTCUTS}) == len({s.meaning for s in SHORTCUTS}) > 10
    assert len(SHORTCUTS) == len({s.typed for s in SHORTCUTS})


@pytest.mark.parametrize("press", PRESSES, ids=lambda p: f"{p.event} {p.key} {p.action.__name__}")
def test_each_press_is_dispatched(actions, press):
    name = press.for_browser["action"]
    assert ACTIONS[name] is press.action is getattr(KeyActions, name)
    actions.run(name)


def test_each_action_has_a_key():
    methods = {name for name in vars(KeyActions) if not name.startswith("_")} - {"run"}
    assert set(ACTIONS) == methods


def test_keys_are_lower_case():
    assert all(press.key == press.key.lower() for press in PRESSES)


def test_what_the_browser_is_told():
    press = Press("z", KeyActions.redo, control=True, shift=None)
    assert press.for_browser == {
        "key": "z",
        "action": "redo",
        "control": True,
        "shift": None,
        "alt": False,
        "event": "keydown",
        "where": "outside controls",
    }


def test_actions(actions, visit, dialog):
    cursor = visit.cursor
    start, first = cursor.z, cursor.chosen
    actions.run("more")
    assert cursor.moving
    assert cursor.z[first] == pytest.approx(start[first] + NUDGE * cursor.metric.spread[first])
    actions.run("much_less")
    assert cursor.z[first] == pytest.approx(start[first] - 9 * NUDGE * cursor.metric.spread[first])
    actions.run("release")
    assert not cursor.moving
    actions.run("latent_after")
    second = cursor.chosen
    actions.run("lock")
    assert second != first and cursor.locked == {second}
    actions.run("lock")
    assert not cursor.locked
    actions.run("latent_before")
    assert cursor.chosen == first
    actions.run("reset")
    assert cursor.z == start
    actions.run("play")
    assert cursor.playing
    actions.run("play")
    assert not cursor.playing

    actions.run("help")
    assert dialog.open
    actions.run("help")
    assert not dialog.open
    actions.run("help")
    actions.run("escape")
    assert not dialog.open


def test_undo_and_redo(actions, visit):
    everywhere = Region("box", ("z1", "z2"), ((-99, -99), (99, 99)))
    visit.draw(everywhere)
    assert visit.current.n_members
    actions.run("undo")
    assert not visit.current.steps
    actions.run("redo")
    assert visit.current.n_members


def test_what_is_no_action(actions, visit):
    before = visit.cursor.z
    for name in ("run", "__init__", "nothing"):
        actions.run(name)
    assert visit.cursor.z == before
