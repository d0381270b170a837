"""A path plays by itself, tick by tick."""

import pytest

from tests.support.mock import Mock
from tests.support.pages import open_page
from xpapp.spectrum import player as module
from xpapp.spectrum.player import SECONDS, TICK, Player
from xpapp.state.cursor import Cursor
from xpmodel import open_catalog
from xpmodel.latent.paths import LatentPath

STEP = TICK / (1e3 * SECONDS)


@pytest.fixture
def cursor(mock: Mock) -> Cursor:
    cursor = Cursor(open_catalog(mock.catalog), None)
    cursor.follow(LatentPath("there", [(0.0,) * 4, (1.0, 2.0, 0.0, 0.0)], cursor.metric))
    return cursor


def test_it_plays_and_pauses(cursor):
    with open_page() as page:
        player = Player(cursor)
        player.toggle()
        assert cursor.playing and len(page.session_callbacks) == 1
        page.turn()
        page.turn()
        assert cursor.place == pytest.approx(2 * STEP)
        assert cursor.z[1] == pytest.approx(2 * cursor.z[0]) and cursor.z[0] > 0
        player.toggle()
        assert not cursor.playing and page.session_callbacks == []
        player.toggle()
        page.turn()
        assert cursor.place == pytest.approx(3 * STEP)  # on, not again


def test_it_stops_at_the_end_and_starts_again(cursor):
    with open_page() as page:
        player = Player(cursor)
        cursor.go_along(1 - STEP / 2)
        player.toggle()
        page.turn()
        assert cursor.place == 1 and not cursor.playing and page.session_callbacks == []
        assert cursor.z == pytest.approx((1.0, 2.0, 0.0, 0.0))
        player.toggle()
        assert cursor.place == 0 and cursor.playing


def test_a_failure_stops_it_and_is_told_once(cursor, monkeypatch):
    told = []
    monkeypatch.setattr(module, "notify", told.append)
    with open_page() as page:
        player = Player(cursor)
        player.toggle()
        cursor.path = None
        page.turn()
        assert not cursor.playing and page.session_callbacks == []
    assert len(told) == 1 and told[0].startswith("Playing the path failed: there is no path")


def test_without_a_page_nothing_ticks(cursor):
    Player(cursor).toggle()
    assert cursor.playing and cursor.place == 0
