"""A callback that fails is told of, and the next one works."""

import logging
from types import SimpleNamespace

import panel as pn
import pytest

from xpapp.runtime.callbacks import guarded, notify
from xpmodel import InputError


def test_guarded(caplog, monkeypatch):
    told = []
    monkeypatch.setattr("xpapp.runtime.callbacks.notify", told.append)

    @guarded("Doing it")
    def callback(error: Exception | None, *, done: list) -> None:
        if error is not None:
            raise error
        done.append(True)

    done = []
    callback(None, done=done)
    assert done == [True] and not told
    with caplog.at_level(logging.WARNING, "xpapp"):
        callback(ValueError("odd"), done=done)
        callback(InputError("no column 'q'"), done=done)
    assert told == ["Doing it failed: odd", "Doing it failed: no column 'q'"]
    unexpected, mistake = caplog.records
    assert unexpected.exc_info is not None and unexpected.levelname == "ERROR"
    assert mistake.exc_info is None and mistake.levelname == "WARNING"


def test_guarded_lets_a_stop_through():
    @guarded("Doing it")
    def callback() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        callback()


def test_a_guarded_callback_keeps_its_name():
    @guarded("Doing it")
    def callback() -> None:
        """Do it."""

    assert callback.__name__ == "callback" and callback.__doc__ == "Do it."


def test_a_notification_where_there_is_a_visitor(monkeypatch):
    shown = []
    there = SimpleNamespace(error=lambda message, duration: shown.append((message, duration)))
    notify("Nobody is there to see it")
    monkeypatch.setattr(type(pn.state), "notifications", property(lambda state: there))
    notify("Drawing the map failed")
    assert shown == [("Drawing the map failed", 10_000)]
