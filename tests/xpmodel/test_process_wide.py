"""What threads change of the whole process at once, all of them put back."""

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import matplotlib
import pytest

from xpmodel._process_wide import ignored_warnings, matplotlib_settings


def at_once(work) -> None:
    """Call a function in 4 threads, whose calls would overlap if nothing kept them apart."""
    begin = threading.Barrier(4, timeout=5)  # one that fails must not hold the others

    def visit(number: int) -> None:
        for i in range(20):
            begin.wait()
            work(number, i)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))


def test_warnings_are_ignored_by_each_and_afterwards_by_none():
    before = list(warnings.filters)

    def work(number: int, i: int) -> None:
        with ignored_warnings():
            threading.Event().wait(1e-4 * number)
            warnings.warn("not heard", stacklevel=1)  # an error, if the tests' filters were back

    at_once(work)
    assert list(warnings.filters) == before
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)


def test_each_has_its_own_settings():
    before = dict(matplotlib.rcParams)

    def work(number: int, i: int) -> None:
        with matplotlib_settings({"font.size": 10 + number}):
            threading.Event().wait(1e-4 * number)
            assert matplotlib.rcParams["font.size"] == 10 + number

    at_once(work)
    assert dict(matplotlib.rcParams) == before


def test_an_error_puts_settings_back():
    before = dict(matplotlib.rcParams)
    with pytest.raises(RuntimeError), matplotlib_settings({"text.usetex": True}):
        raise RuntimeError
    assert dict(matplotlib.rcParams) == before


def test_defaults_hold_whatever_was_set():
    with matplotlib.rc_context({"font.size": 30, "text.usetex": True}), matplotlib_settings({}):
        assert not matplotlib.rcParams["text.usetex"]
        assert matplotlib.rcParams["font.size"] == matplotlib.rcParamsDefault["font.size"]
