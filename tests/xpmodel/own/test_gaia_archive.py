"""Spectra from the Gaia Archive: from one on this machine, as astroquery asks it."""

import contextlib
import gc
import io
import os
import threading
import zipfile
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import numpy as np
import pytest

from tests.support.archive import archive_rows, text_rows, write_csv
from tests.support.mock import MOCK_ID
from xpmodel import load_model
from xpmodel.errors import InputError
from xpmodel.own import gaia_archive
from xpmodel.own.gaia_archive import MAX_IDS, NO_SPECTRUM, fetch_own, fetch_spectra
from xpmodel.own.gaia_request import COLUMNS
from xpmodel.spectra.report import MISSING_BAND
from xpmodel.spectra.spectra import read_spectra

IDS = [4295806720, 5853498713190525696, 38655544960]
HERE = "http://127.0.0.1:{}/"
# Astroquery's first connection, as its module is imported, goes nowhere from a test.
OFFLINE = "import socket\n_f = socket.getaddrinfo\ndef g(h, *a, **k):\n if h != '127.0.0.1':\n"
OFFLINE += "  raise socket.gaierror(-2, 'no network in a test')\n return _f(h, *a, **k)\n"
OFFLINE += "socket.getaddrinfo = g\n"


@pytest.fixture(scope="module")
def model(mock):
    return load_model(mock.model, "cpu")


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """Keep the child process off the network, whatever there is of one."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(OFFLINE)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    # Where astropy keeps its settings and what it downloads.
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def rows_of(ids, magnitudes=False):
    rows = archive_rows(len(ids))
    rows["source_id"] = np.array(ids)
    # The G flux that is synthesized must be positive.
    for band in ("bp", "rp"):
        rows[f"{band}_coefficients"][:, 0] = 1e6
    if not magnitudes:
        del rows["phot_g_mean_mag"]
    return rows


def sources_csv(ids):
    lines = [
        f"{i},{1000.0 * (n + 1)},{14.5 + n},1.25,0.5,0.1,10.5,-20.25" for n, i in enumerate(ids)
    ]
    return "\n".join([COLUMNS.replace(" ", ""), *lines]) + "\n"


def loader(rows, sources=None, asked=None):
    """An archive with some rows, and perhaps what its main table has of the stars."""

    def load(ids, folder, timeout):
        if asked is not None:
            asked.append((ids, timeout))
        here = np.isin(rows["source_id"], ids)
        if here.any():
            (folder / "spectra").mkdir()
            columns = text_rows({name: values[here] for name, values in rows.items()})
            write_csv(folder / "spectra" / "XP_CONTINUOUS_RAW.csv", columns)
        if sources is not None:
            (folder / "gaia_source.csv").write_text(sources)

    return load


# ---------------------------------------------------------------- what comes


def test_stars_come_in_the_order_of_the_ids(model):
    ids = [IDS[2], IDS[0], IDS[1]]
    own = fetch_own(ids, model, load=loader(rows_of(IDS), sources_csv(IDS)))
    assert own.source_id.tolist() == ids
    assert own.name == "Gaia Archive"
    assert own.spectra.g_flux.tolist() == [3000, 1000, 2000]
    assert own.spectra.g_flux_source == "photometry"
    assert own.values("parallax").tolist() == [0.5] * 3
    assert own.values("phot_g_mean_mag").tolist() == [16.5, 14.5, 15.5]
    assert own.values("dec").tolist() == [-20.25] * 3
    assert own.values("abs_g_mag") is not None
    assert own.spectra.correlations.shape == (3, 2, 55, 55)
    assert (own.report.n_read, own.report.counts, own.notes) == (3, {}, [])


def test_ids_without_a_spectrum_are_listed(model):
    own = fetch_own([7, IDS[1], 8, IDS[0]], model, load=loader(rows_of(IDS)))
    assert own.source_id.tolist() == [IDS[1], IDS[0]]
    assert own.report.left_out.values.tolist() == [
        ["Gaia Archive", 1, "7", NO_SPECTRUM],
        ["Gaia Archive", 3, "8", NO_SPECTRUM],
    ]
    assert str(own.report).startswith("2 of 4 rows used")


def test_a_spectrum_that_cannot_be_used_is_listed(model):
    rows = rows_of(IDS)
    rows["rp_coefficients"][2] = np.nan
    load = loader(rows)
    own = fetch_own(IDS, model, load=load)
    assert own.report.left_out["row"].tolist() == [3]
    assert own.report.left_out["source_id"].tolist() == [str(IDS[2])]
    own = fetch_own([IDS[2]], model, load=load)
    assert (len(own), own.report.n_read) == (0, 1)


def test_a_missing_band(model, shared):
    path = shared / "real_xp" / "XP_CONTINUOUS_RAW_with_missing_BP.csv"

    def load(ids, folder, timeout):
        (folder / "spectra").mkdir()
        (folder / "spectra" / path.name).write_bytes(path.read_bytes())

    read = read_spectra(path)
    ids = [5405570973190252288, *read.source_id[::-1].tolist()]
    own = fetch_own(ids, model, load=load)
    assert own.source_id.tolist() == ids[1:]
    assert own.report.left_out.values.tolist() == [["Gaia Archive", 1, str(ids[0]), MISSING_BAND]]


def test_real_votable(model, shared):
    path = shared / "real_xp" / "xp_continuous_4_with_correlations.vot"

    def load(ids, folder, timeout):
        (folder / "spectra").mkdir()
        (folder / "spectra" / "XP_CONTINUOUS_RAW.xml").write_bytes(path.read_bytes())

    ids = read_spectra(path).source_id
    spectra = fetch_spectra(ids, load=load)
    np.testing.assert_array_equal(spectra.source_id, ids)
    assert np.isfinite(spectra.correlations).all()


def test_nothing_at_all(model):
    own = fetch_own([7, 8], model, load=lambda *_: None)
    assert len(own) == 0
    assert own.report.counts == {NO_SPECTRUM: 2}
    assert own.values("z1").shape == (0,)


@pytest.mark.parametrize("sources", [None, "", "<html>down</html>", "a,b\n1,2\n"])
def test_without_the_main_table_the_flux_is_synthesized(model, sources):
    own = fetch_own(IDS, model, load=loader(rows_of(IDS), sources))
    assert own.spectra.g_flux_source == "synthetic"
    assert own.notes[0] == "G flux of 3 stars synthesized with GaiaXPy (Gaia_DR3_Vega)"


def test_blocks_and_progress(monkeypatch, model):
    monkeypatch.setattr(gaia_archive, "IDS_PER_REQUEST", 2)
    ids = [*range(100, 105), 100]
    asked, told = [], []
    spectra = fetch_spectra(
        ids,
        timeout=7,
        progress=lambda *pair: told.append(pair),
        load=loader(rows_of([104, 101]), asked=asked),
    )
    assert asked == [([100, 101], 7), ([102, 103], 7), ([104], 7)]
    assert told == [(2, 5), (4, 5), (5, 5)]
    assert spectra.source_id.tolist() == [101, 104]
    assert spectra.report.left_out["row"].tolist() == [1, 3, 4]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([], "no ids"),
        ([1.0e18], "must be integers of int64, not float64"),
        (["5853498713190525696"], "must be integers"),
        ([1, MOCK_ID], f"{MOCK_ID}: no id of Gaia DR3 .mock stars"),
        ([0, -5, MOCK_ID, 2**63 - 1], "0, -5, .* and 1 more: no id"),
        ([2**64 - 1], "no id of Gaia DR3"),
        (range(1, MAX_IDS + 2), "501 ids are more than 500"),
    ],
)
def test_ids_that_cannot_be(ids, message):
    with pytest.raises(InputError, match=message):
        fetch_spectra(ids, load=None)


def test_ids_stay_exact():
    asked = []
    ids = np.array([2**62 + 1, 2**53 + 1])
    fetch_spectra(ids, load=loader(rows_of(IDS), asked=asked))
    assert asked[0][0] == [2**62 + 1, 2**53 + 1]


# ---------------------------------------------------------------- an archive over HTTP


@dataclass
class Archive:
    """What it answers to requests for spectra and to queries, after a pause [s]."""

    spectra: tuple[int, bytes] = (200, b"")
    sources: tuple[int, bytes] = (200, b"")
    pause: float = 0.0
    asked: list[dict[str, list[str]]] = field(default_factory=list)


@pytest.fixture
def archive(monkeypatch):
    archive = Archive()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            archive.asked.append(parse_qs(self.rfile.read(length).decode()))
            stop.wait(archive.pause)
            to_spectra = self.path.startswith("/data-server/data")
            status, body = archive.spectra if to_spectra else archive.sources
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

        def handle(self):
            with contextlib.suppress(ConnectionError):  # nobody waits any more
                super().handle()

    stop = threading.Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(gaia_archive, "SERVER", HERE.format(server.server_port))
    yield archive
    stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


def zipped(**files):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            file.writestr(f"{name}.csv", content)
    return packed.getvalue()


EARLIER_THREADS: set[threading.Thread] = set()


@pytest.fixture(autouse=True)
def note_earlier_threads():
    """Other tests of this process have left theirs."""
    EARLIER_THREADS.clear()
    EARLIER_THREADS.update(threading.enumerate())


def check_nothing_is_left():
    gc.collect()  # whatever was not closed would complain
    # Those of the server in this file.
    others = {"(serve_forever)", "(process_request_thread)", "tqdm_monitor"}
    new = set(threading.enumerate()) - EARLIER_THREADS
    assert {thread.name.split()[-1] for thread in new} <= others
    assert not [name for name in os.listdir() if name.startswith(("datalink", "temp_"))]


@pytest.mark.slow
def test_astroquery_asks_and_unpacks(archive, model, shared):
    path = shared / "real_xp" / "XP_CONTINUOUS_RAW.csv"
    expected = read_spectra(path, correlations=True)
    ids = expected.source_id.tolist()
    archive.spectra = (200, zipped(XP_CONTINUOUS_RAW=path.read_bytes()))
    archive.sources = (200, sources_csv(ids).encode())
    own = fetch_own([*ids, 77], model)
    np.testing.assert_array_equal(own.source_id, expected.source_id)
    np.testing.assert_array_equal(own.spectra.coefficients, expected.coefficients)
    np.testing.assert_array_equal(own.spectra.correlations, expected.correlations)
    assert own.spectra.g_flux.tolist() == [1000, 2000]
    assert own.report.left_out["source_id"].tolist() == ["77"]
    spectra, sources = archive.asked
    assert spectra["ID"] == [f"{ids[0]},{ids[1]},77"]
    assert spectra["RETRIEVAL_TYPE"] == ["XP_CONTINUOUS"]
    assert spectra["RELEASE"] == ["Gaia DR3"]
    assert spectra["DATA_STRUCTURE"] == ["RAW"]
    assert f"source_id IN ({ids[0]},{ids[1]},77)" in sources["QUERY"][0]
    check_nothing_is_left()


@pytest.mark.parametrize("body", [b"", zipped()], ids=["no bytes", "an empty zip"])
def test_astroquery_finds_nothing(archive, model, body):
    archive.spectra = (200, body)
    own = fetch_own([77], model)
    assert own.report.counts == {NO_SPECTRUM: 1}


def test_astroquery_without_the_main_table(archive, model, tmp_path):
    rows = write_csv(tmp_path / "x", text_rows(rows_of(IDS))).read_bytes()
    archive.spectra = (200, zipped(XP_CONTINUOUS_RAW=rows))
    archive.sources = (500, b"no")
    assert fetch_own(IDS, model).spectra.g_flux_source == "synthetic"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((500, b"<li><b>Message: </b>down for maintenance</li>"), "refuses .*: try again later"),
        ((404, b"gone"), "refuses .*: try again later"),
        ((200, b"<html>log in</html>"), "answers with something else than spectra"),
        ((200, zipped(XP_CONTINUOUS_RAW=b"a,b\n1,2\n")), "no column 'source_id'"),
    ],
    ids=["500", "404", "page", "other table"],
)
def test_astroquery_is_refused(archive, answer, message):
    archive.spectra = answer
    with pytest.raises(InputError, match=message) as caught:
        fetch_spectra(IDS)
    assert "\n" not in str(caught.value)
    assert "/tmp" not in str(caught.value)
    check_nothing_is_left()


@pytest.mark.slow
def test_an_archive_that_does_not_answer(archive):
    archive.pause = 60.0
    with pytest.raises(InputError, match="has not answered within 4 s.*give the file"):
        fetch_spectra(IDS, timeout=4.0)
    check_nothing_is_left()


@pytest.mark.parametrize("server", [HERE.format(1), gaia_archive.SERVER], ids=["closed", "unknown"])
def test_no_network(server, monkeypatch, capfd):
    monkeypatch.setattr(gaia_archive, "SERVER", server)
    message = r"the Gaia Archive cannot be reached \(.*\): is there a network\? .*give the file"
    with pytest.raises(InputError, match=message):
        fetch_spectra(IDS, timeout=30.0)
    assert capfd.readouterr() == ("", "")
    check_nothing_is_left()
