"""SAMP: sets go to other programs and tables come from them, over a hub of our own."""

import gzip
import os
import queue
import re
import stat
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from astropy.table import Table
from pyvo.samp import SAMPHubServer, SAMPIntegratedClient, conf

from tests.support.catalogs import write_catalog
from xpmodel.catalog.catalog import open_catalog
from xpmodel.errors import InputError
from xpmodel.export import samp
from xpmodel.export.samp import LOAD_FITS, LOAD_VOTABLE, NAME, SampLink

N = 50
WAIT = 5.0  # seconds
IDS = np.array([2**53 + 1, 2**62 + 3, 5, 2**53 + 1], np.int64)
UNIQUE = IDS[:3].tolist()


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    return open_catalog(write_catalog(tmp_path_factory.mktemp("samp") / "stars.parquet", N))


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path) -> Path:
    """Where the hub leaves word of itself; temporary files lie beside it."""
    monkeypatch.delenv("SAMP_HUB", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


@contextmanager
def running_hub():
    with conf.set_temp("use_internet", False):
        hub = SAMPHubServer(web_profile=False, addr="127.0.0.1")
        hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def hub(home):
    with running_hub() as hub:
        yield hub


class Other:
    """Another program: it keeps the tables that it is told to load."""

    def __init__(self, name="topcat"):
        with conf.set_temp("use_internet", False):
            self.client = SAMPIntegratedClient(metadata={"samp.name": name}, addr="127.0.0.1")
            self.client.connect()
        self.got = queue.Queue()
        self.client.bind_receive_notification(LOAD_VOTABLE, self.receive)

    def receive(self, key, sender, mtype, params, extra):
        self.got.put(params)

    def send(self, url, mtype=LOAD_VOTABLE, **params):
        message = {"samp.mtype": mtype, "samp.params": {"url": url, "name": "mine", **params}}
        self.client.notify_all(message)

    def ask(self, mtype, **params):
        """Send a table, or a question, to our program and wait for its answer."""
        ids = self.client.get_registered_clients()
        us = next(i for i in ids if self.client.get_metadata(i).get("samp.name") == NAME)
        return self.client.ecall_and_wait(us, mtype, "5", **params)


@pytest.fixture
def other(hub):
    program = Other()
    yield program
    program.client.disconnect()


class Heard:
    """What a link tells of tables: `(name, ids)` or a problem."""

    def __init__(self, link):
        self.all = queue.Queue()
        link.on_table(lambda name, ids: self.all.put((name, ids)), self.all.put)

    def next(self):
        return self.all.get(timeout=WAIT)


@pytest.fixture
def link(other):
    with SampLink() as link:
        yield link


@pytest.fixture
def heard(link):
    return Heard(link)


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "my table.vot"
    Table({"source_id": IDS, "ra": np.zeros(4)}).write(path, format="votable")
    return path


class Server(BaseHTTPRequestHandler):
    """Serves a file as its path says; `/moved` refers to another place."""

    def do_GET(self):
        if self.path.startswith("/moved"):
            self.send_response(302)
            self.send_header("Location", "http://example.org/")
            self.end_headers()
            return
        content = self.server.file.read_bytes()
        self.send_response(200)
        if self.path.startswith("/cut"):
            self.send_header("Content-Length", str(len(content) + 1))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def served(table):
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.file = table
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()
        thread.join()


def file_of(params) -> Path:
    return Path(unquote(urlsplit(params["url"]).path))


@pytest.mark.parametrize("to", ["topcat", None])
def test_a_set_arrives(catalog, link, other, to):
    mask = np.arange(N) % 3 == 0
    assert link.send(catalog, mask, "metal-poor α\n", to=to) == 1
    params = other.got.get(timeout=WAIT)
    assert params["name"] == "metal-poor ??"
    assert params["url"].startswith("file:///") and params["table-id"]
    path = file_of(params)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of units
        ids = np.asarray(Table.read(path, format="votable")["source_id"])
    assert ids.min() > 2**53
    np.testing.assert_array_equal(ids, catalog.source_id[mask])
    link.disconnect()
    assert not path.parent.exists()


def test_who_is_there(catalog, link, other):
    assert list(link.clients) == ["topcat"]
    second, third = Other(), Other("Aladin")
    own_id = third.client.get_public_id()
    ids = sorted([other.client.get_public_id(), second.client.get_public_id()])
    expected = {f"topcat ({i})": i for i in ids} | {"Aladin": own_id}
    assert link.clients == expected
    assert link.send(catalog, None, "all") == 3
    assert link.send(catalog, None, "all", to="Aladin") == 1
    with pytest.raises(InputError, match="no program 'ds9'.*Aladin.*start it"):
        link.send(catalog, None, "all", to="ds9")
    for program in (second, third):
        program.got.get(timeout=WAIT)
        program.client.disconnect()
    assert list(link.clients) == ["topcat"]
    other.client.unbind_receive_notification(LOAD_VOTABLE)
    assert link.clients == {} and link.send(catalog, None, "all") == 0


def test_a_table_of_another_program(link, other, heard, table, served, tmp_path):
    fits = tmp_path / "t.fits"
    Table({"SOURCE_ID": IDS}).write(fits)
    packed = tmp_path / "t.vot.gz"
    packed.write_bytes(gzip.compress(table.read_bytes()))
    for url, mtype in [
        (table.as_uri(), LOAD_VOTABLE),
        (table.as_uri().replace("file://", "file://localhost"), LOAD_VOTABLE),
        (table.as_uri().replace("file://", "file:"), LOAD_VOTABLE),
        (packed.as_uri(), LOAD_VOTABLE),
        (fits.as_uri(), LOAD_FITS),
        (f"{served}/t.vot?x=1", LOAD_VOTABLE),
        (served.replace("localhost", "127.0.0.1"), LOAD_VOTABLE),
    ]:
        other.send(url, mtype)
        name, ids = heard.next()
        assert name == "mine" and ids.dtype == np.int64 and ids.tolist() == UNIQUE
    link.disconnect()
    assert heard.all.empty() and not list(tmp_path.glob("xpmodel-samp-*"))


def test_a_caller_is_answered(other, heard, table):
    answer = other.ask(LOAD_VOTABLE, url=table.as_uri(), name="mine")
    assert answer["samp.status"] == "samp.ok" and heard.next()[1].tolist() == UNIQUE
    answer = other.ask(LOAD_VOTABLE, url="file:///nowhere", name="mine")
    assert answer["samp.status"] == "samp.error"
    assert answer["samp.error"]["samp.errortxt"] == heard.next()


def test_bad_addresses(link, other, heard, served, tmp_path):
    no_ids = tmp_path / "no_ids.vot"
    Table({"ra": [1.0]}).write(no_ids, format="votable")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    port = urlsplit(served).port
    for url, problem in [
        ((tmp_path / "gone.vot").as_uri(), "no such file"),
        (tmp_path.as_uri(), "a folder"),
        (pipe.as_uri(), "no such file"),
        ("file:///a%00b", "no such file"),
        (f"file:///{'a' * 5000}", "File name too long"),
        (f"file://example.org{tmp_path}/my%20table.vot", "neither a file of this machine"),
        (no_ids.as_uri(), "no column 'source_id'"),
        ("ftp://localhost/t.vot", "neither a file"),
        ("http://example.org/t.vot", "neither a file"),
        (f"http://localhost@example.org:{port}/", "neither a file"),
        (f"http://example.org@localhost:{port}/", "neither a file"),
        (f"https://localhost:{port}/", "neither a file"),
        ("http://localhost:99999999/", "Port out of range"),
        ("http://[::1", "Invalid IPv6"),
        ("http://127.0.0.1:1/", "cannot be read .*refused"),
        (f"{served}/moved", "HTTP status 302"),
        (f"{served}/cut", "bytes came"),
        (f"{served}/a b\u00e9", "control characters|ascii"),
        (f"ftp://{'a' * 5000}", "send it from there$"),
        ("", "neither a file"),
    ]:
        other.send(url)
        message = heard.next()
        assert isinstance(message, str) and message.startswith("table mine: "), url
        assert re.search(problem, message), message
        assert "\n" not in message
    assert heard.all.empty()


def test_messages_without_what_they_need(other, heard, table):
    other.client.notify_all({"samp.mtype": LOAD_VOTABLE, "samp.params": "x"})
    assert heard.next().startswith("table without a name: ")
    other.send(table.as_uri(), name=["a"], **{"table-id": "b"})
    assert heard.next()[0] == "['a']"


def test_size_limit(monkeypatch, other, heard, table, served):
    packed = table.with_name("zeros.vot.gz")
    packed.write_bytes(gzip.compress(table.read_bytes() + b" " * 10**6))
    size = table.stat().st_size
    monkeypatch.setattr(samp, "SIZE_LIMIT", size)
    other.send(table.as_uri())
    assert heard.next()[0] == "mine"
    other.send(packed.as_uri())
    assert "larger than" in heard.next()
    monkeypatch.setattr(samp, "SIZE_LIMIT", size - 1)
    for url in (table.as_uri(), served):
        other.send(url)
        assert "larger than" in heard.next()


def test_time_limit(monkeypatch, other, heard, served):
    monkeypatch.setattr(samp, "LONGEST", 0.0)
    other.send(served)
    assert "takes longer than 0 s" in heard.next()


def test_ids_that_are_not_exact(other, heard, tmp_path):
    path = tmp_path / "t.fits"
    Table({"source_id": IDS.astype(float)}).write(path)
    other.send(path.as_uri(), LOAD_FITS)
    name, ids = heard.next()
    assert ids.tolist() == [5]
    assert heard.next() == (
        "table mine: left out 3 rows without an exact integer in source_id "
        "(the first, row 1: '9007199254740992.0')"
    )
    Table({"source_id": [0.5]}).write(path, overwrite=True)
    other.send(path.as_uri(), LOAD_FITS)
    assert "no row has an integer id" in heard.next()


def test_an_error_of_the_callback_is_told(link, other, table):
    problems = queue.Queue()

    def fail(name, ids):
        raise RuntimeError("no\nplace")

    link.on_table(fail, problems.put)
    other.send(table.as_uri())
    assert problems.get(timeout=WAIT) == "table mine: no place"


def test_the_environment_stays_ours(link, other):
    us = next(i for i in other.client.get_registered_clients() if i != "cli#hub")
    assert other.client.get_metadata(us)["samp.name"] == NAME
    assert "client.env.get" not in other.client.get_subscriptions(us)


def test_nothing_beyond_this_machine_is_asked(monkeypatch, hub):
    asked = []
    monkeypatch.setattr("pyvo.samp.utils.urlopen", lambda *args, **_: asked.append(args))
    with SampLink():
        pass
    assert conf.use_internet and not asked


def test_nothing_beyond_this_machine_is_asked_by_several_at_once(monkeypatch, hub):
    """One that leaves while another connects does not give that one the internet back."""
    asked = []
    monkeypatch.setattr("pyvo.samp.utils.urlopen", lambda *args, **_: asked.append(args))
    begin = threading.Barrier(4)

    def visit(_: int) -> None:
        for _ in range(5):
            begin.wait()
            with SampLink():
                pass

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))
    assert conf.use_internet and not asked


def test_no_hub(catalog, home):
    link = SampLink()
    n_threads = threading.active_count()
    with pytest.raises(InputError, match="no SAMP hub answers.*start TOPCAT or Aladin"):
        link.connect()
    (home / ".samp").write_text("damaged\n")
    with pytest.raises(InputError, match="no SAMP hub answers"):
        link.connect()
    assert threading.active_count() == n_threads
    link.disconnect()
    for use in (
        lambda: link.clients,
        lambda: link.send(catalog, None, "all"),
        lambda: link.on_table(print, print),
    ):
        with pytest.raises(InputError, match="not connected to a SAMP hub; start"):
            use()
    assert not list(home.glob("xpmodel-samp-*"))


def test_a_hub_that_ends(catalog, home):
    link = SampLink()
    with running_hub():
        link.connect()
    with pytest.raises(InputError, match="no SAMP hub answers.*connect again"):
        _ = link.clients
    with running_hub():
        link.connect()
        assert link.clients == {}
        assert len(list(home.glob("xpmodel-samp-*"))) == 1
        link.disconnect()
        link.disconnect()
    assert not list(home.glob("xpmodel-samp-*"))


def test_a_hub_that_refuses_leaves_nothing_behind(hub, home):
    lock = home / ".samp"
    text = lock.read_text()
    lock.write_text(text.replace("samp.secret=", "samp.secret=not-"))
    n_threads = threading.active_count()
    with pytest.raises(InputError, match="Bad secret code"):
        SampLink().connect()
    assert threading.active_count() == n_threads
