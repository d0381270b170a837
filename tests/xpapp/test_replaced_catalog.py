"""A catalog that was made anew: the page keeps nothing of the one before."""

import gc
import os
import weakref

from tests.support.mock import Mock
from xpapp.color_modes import COLOR_MODES, categories
from xpapp.maps.data import MapData
from xpapp.settings import Settings, open_data
from xpapp.state.track_names import choices
from xpapp.state.visit import Visit
from xpapp.tracks import measured
from xpmodel import Region
from xpmodel.tracks.bins import Bin
from xpmodel.tracks.definitions import TrackDefinition


def look_at(visit: Visit) -> None:
    """Ask for all that is kept of a catalog."""
    catalog = visit.catalog
    for name in choices(catalog):
        if name in measured.COLORS:
            measured.tracks(catalog, name)
    own = Bin((("teff", 5000.0, 100.0), ("logg", 4.0, 0.5)))
    measured.own_track(catalog, TrackDefinition("own", "own", ("teff", "logg"), (own,), "own"))
    measured.splits(catalog)
    for column in catalog.categorical:
        categories(catalog, column)
    assert COLOR_MODES and visit.cursor.near.rows.size
    visit.draw(Region("box", ("z1", "z2"), ((-1.0, -1.0), (1.0, 1.0))))
    MapData(visit).load(visit.active_state)


def test_a_replaced_catalog_goes_with_its_last_visit(mock: Mock, tmp_path):
    path = tmp_path / "catalog.parquet"
    path.write_bytes(mock.catalog.read_bytes())
    settings = Settings(path, mock.model)
    opened = open_data(settings)
    visit = Visit(opened.catalog, opened.model)
    look_at(visit)
    before = weakref.ref(opened.catalog)
    os.utime(path, (1, 1))
    again = open_data(settings)
    assert before() is not None and again.catalog is not before()
    del opened, visit
    gc.collect()
    assert before() is None
