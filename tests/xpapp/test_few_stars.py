"""The page on catalogs that leave nothing to divide by: one star, equal stars, no values."""

import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.mock import Mock, mock_model, mock_stars
from xpapp.color_modes import COLOR_MODES
from xpapp.colors import BASE_LEVELS, NO_VALUE
from xpapp.keys import ACTIONS
from xpapp.maps.corner import GAP, SIZE, CornerView
from xpapp.maps.view import MapView
from xpapp.own.view import OwnView
from xpapp.page import _Explorer
from xpapp.sets.compare import CompareView
from xpapp.sets.filters import RangeView
from xpapp.sets.stars import StarsView
from xpapp.settings import Settings, open_data, wavelengths
from xpapp.spectrum.medians import GroupView
from xpapp.state.map_state import Coloring
from xpapp.state.track_names import choices
from xpapp.state.visit import Visit
from xpapp.tracks import measured
from xpapp.tracks.controls import TrackControls
from xpmodel import Catalog, Model, Region, encode_files, open_catalog
from xpmodel.selection.filters import Filter


def _changed(folder, n: int, change) -> Catalog:
    """A catalog of n mock stars, its table changed; the spectra stay beside it."""
    model = mock_model()
    spectra, labels = mock_stars(model, n)
    pq.write_table(spectra, folder / "spectra.parquet")
    pq.write_table(labels, folder / "labels.parquet")
    path = folder / "stars.parquet"
    encode_files(folder / "spectra.parquet", model, path, labels=folder / "labels.parquet")
    table = pq.read_table(path)
    pq.write_table(change(table), path)
    return open_catalog(path)


def _each_column(table: pa.Table, change) -> pa.Table:
    for i, field in enumerate(table.schema):
        if pa.types.is_floating(field.type):
            values = change(field.name, table.column(i).to_numpy().copy())
            table = table.set_column(i, field, pa.array(values, field.type))
    return table


def _equal(table: pa.Table) -> pa.Table:
    return _each_column(table, lambda name, v: np.full(len(v), v[np.isfinite(v)].min(initial=9.0)))


def _no_values(table: pa.Table) -> pa.Table:
    return _each_column(table, lambda name, v: np.full(len(v), np.nan))


def _some_unknown(table: pa.Table) -> pa.Table:
    unknown = np.arange(len(table)) % 2 == 0
    latents = {"z1", "z2", "z3", "z4", "teff"}
    return _each_column(
        table, lambda name, v: np.where(unknown, np.nan, v) if name in latents else v
    )


def _infinite(table: pa.Table) -> pa.Table:
    return _each_column(table, lambda name, v: np.where(np.arange(len(v)) % 3 == 0, np.inf, v))


KINDS = {
    "one star": (1, lambda table: table),
    "two stars": (2, lambda table: table),
    "equal stars": (30, _equal),
    "half unknown": (30, _some_unknown),
    "infinite": (30, _infinite),
}


@pytest.fixture(scope="module")
def model() -> Model:
    return mock_model()


@pytest.fixture(scope="module", params=list(KINDS))
def catalog(request, tmp_path_factory) -> Catalog:
    return _changed(tmp_path_factory.mktemp("few"), *KINDS[request.param])


@pytest.fixture
def visit(catalog, model) -> Visit:
    return Visit(catalog, model)


@pytest.fixture(autouse=True)
def nothing_fails(caplog):
    """What a callback raises is logged, and fails the test; what it refuses in a line may come."""
    with caplog.at_level(logging.WARNING, "xpapp"):
        yield
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR] == []


def seen(view: MapView) -> None:
    plot = view._figure.plot
    for name, value in (("inner_width", 120), ("inner_height", 90)):
        plot.set_from_json(name, value)


def test_the_whole_page_opens_and_takes_keys(visit):
    explorer = _Explorer(visit, [], Settings(visit.catalog.path))
    for key in ACTIONS:
        explorer._bridge._on_key(key)
    for tab in range(len(explorer._views._titles)):
        explorer._views.panel.active = tab


def test_each_view_opens_and_follows(visit, model):
    sender = lambda say: None  # noqa: E731
    views = [
        CompareView(visit),
        StarsView(visit),
        RangeView(visit),
        TrackControls(visit),
        OwnView(visit, sender),
    ]
    every = Region("box", ("z1", "z2"), ((-1e6, -1e6), (1e6, 1e6)))
    visit.draw(every)
    GroupView(visit, wavelengths(), lambda say: None)
    for name in choices(visit.catalog):
        visit.switch_track(name, True)
    for name in visit.catalog.numeric:
        visit.show(Filter(ranges=((name, -1.0, 1.0),)))
    visit.show(Filter(expression="z1 > 1e30"))
    assert visit.n_shown == 0
    visit.show(Filter())
    assert views


@pytest.mark.parametrize("mode", list(COLOR_MODES))
def test_each_map_is_drawn_in_each_color(visit, mode):
    catalog = visit.catalog
    columns = COLOR_MODES[mode].columns(catalog)
    views = [MapView(visit, state.key) for state in visit.maps]
    for view in views:
        seen(view)
    names = ["z1", "z2", *(n for n in ("l", "b", "teff") if n in catalog.numeric)]
    for scale in ("linear", "log", "equalized"):
        visit.coloring = Coloring(mode, columns[-1], scale)
        for x, y in zip(names, [*names[1:], "z1"], strict=True):
            visit.change_map(visit.maps[0].key, x=x, y=y)
            views[0].redraw()
            view = views[0]._figure.view
            assert view is not None, f"{x}, {y}: an axis without width"
            data = views[0]._data
            known = np.flatnonzero(np.isfinite(catalog[x]) & np.isfinite(catalog[y]))
            places = zip(*(values.tolist() for values in data.plane.within(view)), strict=True)
            places = [place for place in places if np.isfinite(place).all()]
            assert len(places) == len(known)
            for place in places[:3]:
                assert data.nearest(view, place) in known
                n, _ = data.bin_at(view, place)
                assert n >= 1
            if len(set(places)) == 1:
                assert data.base.n_in_view == n == len(known)
    visit.change_map(visit.maps[0].key, x="z1", y="z2", x_scale="log")
    views[0].redraw()
    for view in views:
        view.close()


def test_all_pairs_of_latents_have_their_stars(visit):
    view = CornerView(visit)
    image = view.figure.select_one({"name": "corner_image"}).data["image"][0]
    catalog = visit.catalog
    step, k = SIZE + GAP, len(catalog.latents)
    for row in range(k):
        for column in range(row):
            x, y = catalog[catalog.latents[column]], catalog[catalog.latents[row]]
            places = set(zip(x[np.isfinite(x * y)], y[np.isfinite(x * y)], strict=True))
            panel = image[(k - 1 - row) * step :, column * step :][:SIZE, :SIZE]
            assert set(np.unique(panel).tolist()) <= {*range(BASE_LEVELS + 1), NO_VALUE}
            # A bin has 4 pixels to a side while stars are few.
            assert np.count_nonzero(panel) <= 16 * len(places)
            assert bool(panel.any()) == bool(places)
            if len(places) == 1:
                assert np.count_nonzero(panel) == 16


def test_a_track_drawn_by_hand_has_a_width(visit):
    catalog = visit.catalog
    view = MapView(visit, visit.maps[0].key)
    view._tracks._on_hand("data", {}, {"xs": [[0.0, 1.0]], "ys": [[0.0, 1.0]]})
    assert len(visit.own_tracks) == 1
    for bin_ in visit.own_tracks[0].bins:
        assert all(width > 0 for _, _, width in bin_.centre)
    track = measured.own_track(catalog, visit.own_tracks[0])
    assert np.isfinite(track.n).all()
    view.close()


def test_a_map_without_stars_has_no_bar(mock: Mock):
    visit = Visit(open_catalog(mock.catalog), None)
    visit.show(Filter(expression="z1 > 1e30"))
    for name, mode in COLOR_MODES.items():
        visit.coloring = Coloring(name, mode.columns(visit.catalog)[0], "linear")
        view = MapView(visit, visit.maps[0].key)
        seen(view)
        view.redraw()
        assert not view._figure._bar.visible
        view.close()


def test_a_catalog_without_stars_is_told_of(tmp_path, mock: Mock):
    path = tmp_path / "none.parquet"
    pq.write_table(pq.read_table(mock.catalog).slice(0, 0), path)
    opened = open_data(Settings(path, mock.model))
    assert opened.catalog is None
    assert opened.problems == (f"{path}: it has no stars, so there is nothing to show",)


def test_a_catalog_without_latents_is_told_of(tmp_path, mock: Mock):
    catalog = _changed(tmp_path, 5, _no_values)
    opened = open_data(Settings(catalog.path, mock.model))
    assert opened.catalog is None
    assert "no star has latents" in opened.problems[0]
