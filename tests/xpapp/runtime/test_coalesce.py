"""Many changes are answered once."""

from collections.abc import Callable

from bokeh.models import Div

from tests.support.pages import PageDocument
from xpapp.runtime import coalesce
from xpapp.runtime.coalesce import Pace, Turn


class Page(PageDocument):
    """A page with one model on it, and the turn of its visit."""

    def __init__(self) -> None:
        super().__init__()
        self.next, self._model = Turn(), Div()
        self.add_root(self._model)

    def pace(self, work: Callable[[], None], eager: bool = False) -> Pace:
        return Pace(work, self.next, self._model, eager)


def test_work_off_the_page_is_done_at_once():
    done = []
    pace = Pace(lambda: done.append("drawn"), Turn(), Div())
    pace.soon()
    pace.soon()
    assert done == ["drawn", "drawn"]


def test_changes_before_the_next_turn_are_answered_as_one():
    document = Page()
    state, drawn = {"z": 0}, []
    pace = document.pace(lambda: drawn.append(state["z"]))
    for z in (1, 2, 3):
        state["z"] = z
        pace.soon()
    assert drawn == []
    document.turn()
    assert drawn == [3]
    state["z"] = 4
    pace.soon()
    document.turn()
    assert drawn == [3, 4]


def test_the_work_of_a_page_shares_its_turn():
    document = Page()
    done = []
    first, second = (document.pace(lambda name=name: done.append(name)) for name in ("one", "two"))
    for pace in (second, first, second):
        pace.soon()
    assert len(document.session_callbacks) == 1
    document.turn()
    assert done == ["two", "one"]


def test_pages_do_not_wait_for_each_other():
    document, other = Page(), Page()
    done = []
    document.pace(lambda: done.append("a")).soon()
    other.pace(lambda: done.append("b")).soon()
    other.turn()
    assert done == ["b"]
    document.turn()
    assert done == ["b", "a"]


def test_eager_work_waits_only_when_the_server_lags(monkeypatch):
    document = Page()
    now = [0.0]
    monkeypatch.setattr(coalesce.time, "monotonic", lambda: now[0])
    eager, lazy = [], []
    at_once = document.pace(lambda: eager.append(now[0]), eager=True)
    later = document.pace(lambda: lazy.append(now[0]))
    at_once.soon()
    assert eager == [0.0]
    later.soon()
    now[0] = 1.0  # the turn comes a second late
    document.turn()
    at_once.soon()
    assert eager == [0.0] and lazy == [1.0]
    now[0] = 1.001
    document.turn()  # and this one in time
    assert eager == [0.0, 1.001]
    at_once.soon()
    assert len(eager) == 3
