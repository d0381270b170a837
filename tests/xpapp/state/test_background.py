"""Long work in a thread: the visit is busy, and its result comes back on the page's own turn."""

import logging
import threading
from types import SimpleNamespace

import pytest

from tests.support.mock import Mock
from tests.support.pages import PageDocument, open_page
from xpapp.state import background
from xpapp.state.background import in_background
from xpapp.state.visit import Visit
from xpmodel import InputError, open_catalog
from xpmodel._long_work import Canceled, checkpoint


@pytest.fixture
def visit(mock: Mock) -> Visit:
    return Visit(open_catalog(mock.catalog), None)


@pytest.fixture
def told(monkeypatch) -> list[str]:
    messages: list[str] = []
    monkeypatch.setattr(background, "notify", messages.append)
    return messages


def wait_for_a_turn(document: PageDocument) -> None:
    """The thread's answer is there, and the page's next turn comes."""
    came = threading.Event()
    add = document.add_next_tick_callback
    document.add_next_tick_callback = lambda back: (add(back), came.set())
    document.came = came


def test_without_a_page_it_is_done_at_once(visit):
    done = []
    in_background(visit, "Counting", lambda: 7, done.append)
    assert done == [7] and not visit.busy


def test_in_a_thread_of_its_own(visit, told):
    with open_page() as document:
        wait_for_a_turn(document)
        threads, done = [], []
        in_background(
            visit, "Counting", lambda: threads.append(threading.current_thread()) or 7, done.append
        )
        assert visit.busy
        assert document.came.wait(10) and done == []
        document.turn()
    assert done == [7] and not visit.busy and told == []
    assert threads[0] is not threading.current_thread()


def test_the_visit_is_busy_until_the_last_of_its_works_has_ended(visit, told):
    first, second = threading.Event(), threading.Event()
    with open_page() as document:
        wait_for_a_turn(document)
        for end in (first, second):
            in_background(visit, "Counting", lambda end=end: end.wait(10), told.append)
        first.set()
        assert document.came.wait(10)
        document.turn()
        assert told == [True] and visit.busy
        document.came.clear()
        second.set()
        assert document.came.wait(10)
        document.turn()
    assert told == [True, True] and not visit.busy


@pytest.mark.parametrize(
    ("error", "level"), [(InputError("no such column"), "WARNING"), (ValueError("odd"), "ERROR")]
)
def test_what_fails_is_told(visit, told, caplog, error, level):
    def fail() -> None:
        raise error

    done = []
    with open_page() as document, caplog.at_level(logging.WARNING, "xpapp"):
        wait_for_a_turn(document)
        in_background(visit, "Counting", fail, done.append)
        assert document.came.wait(10)
        document.turn()
    assert told == [f"Counting failed: {error}"] and done == [] and not visit.busy
    assert [record.levelname for record in caplog.records] == [level]


def test_a_visitor_who_has_gone_is_told_nothing(visit, told, monkeypatch):
    left, asked = threading.Event(), threading.Event()

    def context(document: PageDocument) -> object:
        if left.is_set():
            asked.set()
            return None
        return SimpleNamespace(request=None, id="visitor")

    monkeypatch.setattr(PageDocument, "session_context", property(context, lambda *a: None))
    with open_page() as document:
        in_background(visit, "Counting", lambda: left.wait(10), told.append)
        left.set()
        assert asked.wait(10)
    assert document.session_callbacks == [] and told == []


def test_it_says_how_far_it_is_and_can_be_canceled(visit, told, caplog, monkeypatch):
    """Nothing comes of work that is no longer wanted; it ends at its next checkpoint."""
    monkeypatch.setattr(background, "TELL", 0.0)
    go, ended, done = threading.Event(), [], []

    def work() -> None:
        try:
            checkpoint(0.25)
            assert go.wait(10)
            checkpoint(0.5)
            ended.append("whole")
        except Canceled:
            ended.append("canceled")
            raise

    with open_page() as document:
        in_background(visit, "Counting", work, done.append)
        (under_way,) = visit.works
        heard = []
        visit.param.watch(lambda event: heard.append([w.done for w in visit.works]), ["works"])
        document.until(lambda: [0.25] in heard)
        under_way.cancel()
        go.set()
        document.until(lambda: not visit.works)
    assert ended == ["canceled"] and done == [] and told == [] and not visit.busy


def test_one_canceled_before_it_begins_is_not_begun(visit, monkeypatch):
    works = []
    monkeypatch.setattr(background, "_workers", SimpleNamespace(submit=works.append))
    begun = []
    with open_page() as document:
        in_background(visit, "Counting", lambda: begun.append(1), begun.append)
        visit.works[0].cancel()
        works[0]()
        document.until(lambda: not visit.works)
    assert begun == [] and not visit.busy


def test_it_ends_when_its_visitor_has_gone(visit):
    left, told, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        told.set()
        assert left.wait(10)
        try:
            checkpoint(0.5)
        except Canceled:
            ended.set()
            raise

    with open_page() as document:
        in_background(visit, "Counting", work, lambda result: None)
        assert told.wait(10)
        document.session_context = None
        left.set()
        assert ended.wait(10)
