"""Checkpoints of long work: who watches hears of them, and may end the work."""

import threading

import pytest

from xpmodel._long_work import Canceled, checkpoint, stage, watched


def test_without_a_watcher_nothing_happens():
    checkpoint(0.5)
    with stage(1, 2):
        checkpoint(0.5)


def test_stages_add_up():
    heard = []
    with watched(heard.append):
        for number in range(2):
            with stage(number, 2):
                checkpoint(0.5)
                with stage(1, 2):
                    checkpoint(0.5)
        checkpoint(1.0)
    assert heard == [0, 0.25, 0.25, 0.375, 0.5, 0.75, 0.75, 0.875, 1.0]


def test_the_watcher_ends_the_work_of_its_own_thread_alone():
    def end(done: float) -> None:
        raise Canceled

    ended = []
    with watched(end):
        other = threading.Thread(target=lambda: ended.append(checkpoint(0.5)))
        other.start()
        other.join()
        with pytest.raises(Canceled):
            checkpoint(0.5)
    checkpoint(0.5)
    assert ended == [None]
