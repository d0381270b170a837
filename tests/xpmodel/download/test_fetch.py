"""Downloads, from a server on this machine that misbehaves in every way that we could think of."""

import hashlib
import json
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner

from xpmodel.cli import data as cli_data
from xpmodel.cli.data import fetch_command
from xpmodel.cli.main import main
from xpmodel.download import answers, datasets, fetch
from xpmodel.download.datasets import RemoteFile
from xpmodel.download.fetch import check_space, download, missing_bytes, zenodo_files
from xpmodel.errors import InputError

CONTENT = np.random.default_rng(1).bytes(300_000)
OTHER = np.random.default_rng(2).bytes(300_000)
API, RECORD = "/api", 10951393
NAME = "stars.h5"


def md5(content: bytes) -> str:
    return f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}"


@dataclass
class Served:
    """A file on the server, and how the server gets it wrong."""

    content: bytes = CONTENT
    etag: str | None = '"one"'
    last_modified: str | None = None
    ranges: bool = True
    if_range: bool = True
    breaks: list[int] = field(default_factory=list)  # bytes to send, an answer each, then hang up
    before: list[tuple[int, dict[str, str]]] = field(default_factory=list)  # status and headers
    length: int | None = -1  # in the header; -1: the right one, None: none
    range_shift: int = 0
    content_type: str = "application/octet-stream"
    location: str | None = None


@dataclass
class Server:
    url: str
    files: dict[str, Served]
    asked: list[SimpleNamespace]  # path and headers of each request


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    files, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(SimpleNamespace(path=self.path, headers=dict(self.headers)))
            served = files.get(self.path)
            if served is None:
                self.send_error(404)
            elif served.before:
                status, headers = served.before.pop(0)
                self.answer(status, headers | {"Content-Length": "0"}, b"")
            elif served.location is not None:
                self.answer(302, {"Location": served.location, "Content-Length": "0"}, b"")
            else:
                self.send_file(served)

        def send_file(self, served):
            start, status = 0, 200
            headers = {"Content-Type": served.content_type}
            validator = served.etag or served.last_modified
            if served.ranges and "Range" in self.headers:
                start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-"))
                if served.if_range and self.headers.get("If-Range", validator) != validator:
                    start = 0
                else:
                    start += served.range_shift
                    status = 206
            total = len(served.content)
            if start >= total > 0:
                return self.answer(416, {"Content-Length": "0"}, b"")
            if status == 206:
                headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
            body = served.content[start:]
            length = len(body) if served.length == -1 else served.length
            if length is not None:
                headers["Content-Length"] = str(length)
            if served.etag:
                headers["ETag"] = served.etag
            if served.last_modified:
                headers["Last-Modified"] = served.last_modified
            self.answer(status, headers, body[: served.breaks.pop(0)] if served.breaks else body)

        def answer(self, status, headers, body):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield Server(f"http://127.0.0.1:{httpd.server_port}", files, asked)
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(fetch, "BLOCK", 10_000)


@pytest.fixture(autouse=True)
def pauses(monkeypatch) -> list[float]:
    """The pauses that a download would have made, in seconds."""
    made = []
    monkeypatch.setattr(answers.time, "sleep", made.append)
    return made


@pytest.fixture
def remote(server) -> RemoteFile:
    server.files["/" + NAME] = Served()
    return RemoteFile(NAME, f"{server.url}/{NAME}", len(CONTENT), md5(CONTENT))


@pytest.fixture
def unknown(server, remote) -> RemoteFile:
    """The same file, of which neither size nor checksum are known."""
    return RemoteFile(NAME, remote.url)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def stop_after(n_bytes):
    """A progress callback that interrupts a download, as a person does."""

    def progress(have, total):
        if have >= n_bytes:
            raise KeyboardInterrupt

    return progress


# ---------------------------------------------------------------- one file


def test_download(remote, tmp_path):
    seen = []
    assert download(remote, tmp_path / "new", progress=lambda *pair: seen.append(pair))
    assert (tmp_path / "new" / NAME).read_bytes() == CONTENT
    assert names(tmp_path / "new") == [NAME]
    assert seen[-1] == (len(CONTENT), len(CONTENT))


def test_sha256(remote, tmp_path):
    checksum = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
    assert download(RemoteFile(NAME, remote.url, len(CONTENT), checksum), tmp_path)


def test_what_is_there_and_verified_is_not_asked_for(server, remote, tmp_path):
    download(remote, tmp_path)
    server.asked.clear()
    assert not download(remote, tmp_path)
    assert not server.asked


def test_a_file_of_another_content_is_replaced(remote, tmp_path):
    (tmp_path / NAME).write_bytes(OTHER)
    assert download(remote, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_without_checksum_the_length_decides(unknown, tmp_path):
    assert download(unknown, tmp_path)
    assert not download(unknown, tmp_path)
    (tmp_path / NAME).write_bytes(CONTENT[:-1])
    assert download(unknown, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_empty_file(server, tmp_path):
    server.files["/empty.npz"] = Served(content=b"")
    remote = RemoteFile("empty.npz", f"{server.url}/empty.npz", 0, md5(b""))
    assert download(remote, tmp_path)
    assert names(tmp_path) == ["empty.npz"]


@pytest.mark.parametrize(
    "name", ["../x.h5", "a/b", "/etc/passwd", ".x", "", "a\\b", "a\n", "x" * 300]
)
def test_names_must_be_plain(name, tmp_path):
    with pytest.raises(InputError, match="plain file name"):
        download(RemoteFile(name, "http://127.0.0.1:1/x"), tmp_path / "here")
    assert not names(tmp_path)


# ---------------------------------------------------------------- broken connections


@pytest.mark.parametrize("known", [True, False], ids=["checksum", "tag only"])
def test_broken_connection_goes_on(server, remote, unknown, known, tmp_path, pauses):
    server.files["/" + NAME].breaks = [100_000, 50_000]
    assert download(remote if known else unknown, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    asked = [request.headers.get("Range") for request in server.asked]
    assert asked == [None, "bytes=100000-", "bytes=150000-"]
    assert server.asked[1].headers["If-Range"] == '"one"'
    assert len(pauses) == 2


def test_next_run_goes_on(server, unknown, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        download(unknown, tmp_path, progress=stop_after(100_000))
    assert names(tmp_path) == [f".{NAME}.part", f".{NAME}.tag"]
    have = (tmp_path / f".{NAME}.part").stat().st_size
    assert have >= 90_000
    server.asked.clear()
    assert download(unknown, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert names(tmp_path) == [NAME]
    assert [request.headers["Range"] for request in server.asked] == [f"bytes={have}-"]


@pytest.mark.parametrize("if_range", [True, False], ids=["told", "noticed"])
def test_changed_file_begins_anew(server, unknown, if_range, tmp_path):
    server.files["/" + NAME].if_range = if_range
    (tmp_path / f".{NAME}.part").write_bytes(OTHER[:100_000])
    (tmp_path / f".{NAME}.tag").write_text('"before"')
    download(unknown, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert server.asked[0].headers["If-Range"] == '"before"'


@pytest.mark.parametrize("tag", [{}, {"etag": 'W/"weak"'}], ids=["none", "weak"])
def test_bytes_that_nothing_recognises_are_not_joined(server, unknown, tag, tmp_path):
    server.files["/" + NAME] = Served(**{"etag": None} | tag)
    (tmp_path / f".{NAME}.part").write_bytes(OTHER[:100_000])
    download(unknown, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert "Range" not in server.asked[0].headers


def test_time_of_change_serves_as_tag(server, unknown, tmp_path):
    moment = "Mon, 06 Dec 2021 12:00:00 GMT"
    server.files["/" + NAME] = Served(etag=None, last_modified=moment, breaks=[100_000])
    download(unknown, tmp_path)
    assert server.asked[1].headers["If-Range"] == moment
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_range_ignored(server, remote, tmp_path):
    server.files["/" + NAME] = Served(ranges=False, breaks=[100_000])
    download(remote, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_wrong_range_begins_anew(server, remote, tmp_path):
    server.files["/" + NAME] = Served(range_shift=7, breaks=[100_000])
    download(remote, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT


def test_part_longer_than_the_file(server, remote, unknown, tmp_path):
    for file in (remote, unknown):
        (tmp_path / f".{NAME}.part").write_bytes(CONTENT + b"more")
        (tmp_path / f".{NAME}.tag").write_text('"one"')
        download(file, tmp_path)
        assert (tmp_path / NAME).read_bytes() == CONTENT
        (tmp_path / NAME).unlink()


def test_whole_part_is_only_verified(server, remote, tmp_path):
    (tmp_path / f".{NAME}.part").write_bytes(CONTENT)
    download(remote, tmp_path)
    assert (tmp_path / NAME).read_bytes() == CONTENT
    assert not server.asked


def test_server_that_never_gets_further(server, remote, tmp_path, pauses):
    server.files["/" + NAME] = Served(ranges=False, breaks=[100_000] * 20)
    with pytest.raises(InputError, match=r"6 attempts failed .* 100kB are kept"):
        download(remote, tmp_path)
    assert pauses == [1, 2, 4, 8, 16]
    assert not (tmp_path / NAME).exists()


def test_progress_forgives_earlier_failures(server, remote, tmp_path, pauses):
    server.files["/" + NAME].breaks = [10_000] * 20
    assert download(remote, tmp_path)
    assert pauses == [1] * 20


def test_no_connection(tmp_path, pauses, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(InputError, match=r"^127\.0\.0\.1:1: cannot be reached .* network") as error:
        download(RemoteFile(NAME, "http://127.0.0.1:1/x", 5, md5(b"")), tmp_path)
    assert "\n" not in str(error.value)
    assert not pauses
    assert not names(tmp_path)


def test_two_runs_at_once(remote, tmp_path):
    def other_run(have, total):
        with pytest.raises(InputError, match="another run"):
            download(remote, tmp_path)

    assert download(remote, tmp_path, progress=other_run)
    assert (tmp_path / NAME).read_bytes() == CONTENT


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("status", [429, 503])
def test_busy_server_is_given_the_time_it_asks_for(server, remote, status, tmp_path, pauses):
    server.files["/" + NAME].before = [(status, {"Retry-After": "17"}), (status, {})]
    assert download(remote, tmp_path)
    assert pauses == [17, 2]


def test_time_to_come_back_as_a_date(server, remote, tmp_path, pauses):
    moment = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    server.files["/" + NAME].before = [(429, {"Retry-After": moment})]
    assert download(remote, tmp_path)
    assert 80 < pauses[0] <= 90


def test_busy_for_long(server, remote, tmp_path, pauses):
    server.files["/" + NAME].before = [(429, {"Retry-After": "3600"})]
    with pytest.raises(InputError, match="try again in 3600 s"):
        download(remote, tmp_path)
    assert not pauses


def test_always_busy(server, remote, tmp_path, pauses):
    server.files["/" + NAME].before = [(503, {})] * 20
    with pytest.raises(InputError, match=r"6 attempts failed \(status 503\); run this again$"):
        download(remote, tmp_path)
    assert not names(tmp_path)


@pytest.mark.parametrize(
    ("status", "match"), [(404, "404, there is no such file"), (403, "403, Forb")]
)
def test_refused(server, remote, status, match, tmp_path, pauses):
    server.files["/" + NAME].before = [(status, {})]
    with pytest.raises(InputError, match=match):
        download(remote, tmp_path)
    assert not pauses
    assert not names(tmp_path)


def test_web_page_instead_of_the_file(server, unknown, tmp_path):
    server.files["/" + NAME] = Served(b"<html>", content_type="text/html; charset=utf-8")
    with pytest.raises(InputError, match="web page"):
        download(unknown, tmp_path)
    assert not names(tmp_path)


def test_wrong_checksum(server, remote, tmp_path):
    server.files["/" + NAME].content = OTHER
    with pytest.raises(InputError, match=f"has {md5(OTHER)}, not {md5(CONTENT)}"):
        download(remote, tmp_path)
    assert not names(tmp_path)


@pytest.mark.parametrize(
    ("served", "match"),
    [
        (Served(CONTENT[:-1]), "has 299999 bytes, should have 300000"),
        (Served(length=400_000), "has 400000 bytes, should have 300000"),
        (Served(length=None), "does not say how long"),
    ],
)
def test_lies_about_the_size(server, remote, served, match, tmp_path):
    server.files["/" + NAME] = served
    with pytest.raises(InputError, match=match):
        download(remote, tmp_path)
    assert not names(tmp_path)


def test_says_more_than_it_has(server, unknown, tmp_path):
    server.files["/" + NAME] = Served(length=400_000, ranges=False)
    with pytest.raises(InputError, match="6 attempts failed"):
        download(unknown, tmp_path)
    assert not (tmp_path / NAME).exists()


def test_impossibly_large(server, unknown, tmp_path):
    server.files["/" + NAME].length = 10**15
    with pytest.raises(InputError, match="more than can be right"):
        download(unknown, tmp_path)


def test_no_room(server, unknown, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**8 + 5))
    with pytest.raises(InputError, match=r"needs 300kB, has 5.00B to spare; .* --out"):
        download(unknown, tmp_path)
    with pytest.raises(InputError, match="to spare"):
        check_space(tmp_path / "not" / "there", 6)
    check_space(tmp_path / "not" / "there", 5)


def test_encryption_is_not_given_up():
    answer = SimpleNamespace(status_code=200, headers={}, history=[], url="http://a.org/x")
    with pytest.raises(InputError, match="not encrypted"):
        answers.check_answer(answer, "https://a.org/x")


def test_redirect(server, remote, tmp_path):
    server.files["/moved"] = Served(location=f"/{NAME}")
    assert download(RemoteFile(NAME, f"{server.url}/moved", remote.size, remote.checksum), tmp_path)


def test_missing_bytes(remote, unknown, tmp_path):
    assert missing_bytes(remote, tmp_path) == len(CONTENT)
    assert missing_bytes(unknown, tmp_path) == 0
    (tmp_path / f".{NAME}.part").write_bytes(CONTENT[:100_000])
    assert missing_bytes(remote, tmp_path) == 200_000
    download(remote, tmp_path)
    assert missing_bytes(remote, tmp_path) == 0


def test_folder_that_cannot_be_made(remote, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match="cannot be written"):
        download(remote, tmp_path / "file")


# ---------------------------------------------------------------- a Zenodo record


def put_record(server, **contents: bytes) -> list[dict]:
    """Serve a record with some files, and return its description of them, to be spoilt."""
    entries = []
    for word, content in contents.items():
        name = word.replace("_h5", ".h5").replace("_np", ".np")
        path = f"{API}/records/{RECORD}/files/{name}/content"
        server.files[path] = Served(content)
        link = {"self": server.url + path}
        entries.append(
            {"id": "1", "key": name, "size": len(content), "checksum": md5(content), "links": link}
        )
    put_entries(server, entries)
    return entries


def put_entries(server, entries) -> None:
    content = json.dumps({"id": RECORD, "files": entries}).encode()
    server.files[f"{API}/records/{RECORD}"] = Served(content, content_type="application/json")


def test_zenodo_files(server):
    put_record(server, xp_apogee_cat_h5=CONTENT, apogee_norm_npz=b"norm")
    first, second = zenodo_files(RECORD, api=server.url + API)
    assert (first.name, first.size, first.checksum) == (
        "xp_apogee_cat.h5",
        len(CONTENT),
        md5(CONTENT),
    )
    assert second.name == "apogee_norm.npz"
    assert second.url.startswith(server.url)


@pytest.mark.parametrize(
    ("spoil", "match"),
    [
        ({"key": "../xp_apogee_cat.h5"}, "no plain file name"),
        ({"key": "owner/code.zip"}, "no plain file name"),
        ({"links": {"self": "http://elsewhere.org/x"}}, "another server"),
        ({"links": {"self": "file:///etc/passwd"}}, "another server"),
        ({"links": {}}, "something else than a record"),
        ({"size": "12"}, "something else than a record"),
        ({"size": -1}, "something else than a record"),
        ({"size": 10**15}, "something else than a record"),
        ({"checksum": None}, "something else than a record"),
        ({"checksum": "md5:12"}, "something else than a record"),
    ],
)
def test_zenodo_record_that_cannot_be_trusted(server, spoil, match):
    (entry,) = put_record(server, xp_apogee_cat_h5=CONTENT)
    put_entries(server, [entry | spoil])
    with pytest.raises(InputError, match=match):
        zenodo_files(RECORD, api=server.url + API)


@pytest.mark.parametrize(
    ("served", "match"),
    [
        (Served(b"<html>", content_type="text/html"), "web page"),
        (Served(b"<html>"), "something else than a record"),
        (Served(b"[" * 100_000), "something else than a record"),
        (Served(b"[]"), "something else than a record"),
        (Served(b'{"files": 3}'), "something else than a record"),
        (Served(b" " * (5 << 20)), "no record"),
        (Served(before=[(404, {})]), "404"),
    ],
)
def test_zenodo_answers_something_else(server, served, match):
    server.files[f"{API}/records/{RECORD}"] = served
    with pytest.raises(InputError, match=match):
        zenodo_files(RECORD, api=server.url + API)


def test_zenodo_busy(server, pauses):
    put_record(server, xp_apogee_cat_h5=CONTENT)
    server.files[f"{API}/records/{RECORD}"].before = [(429, {"Retry-After": "3"})]
    assert len(zenodo_files(RECORD, api=server.url + API)) == 1
    assert pauses == [3]


# ---------------------------------------------------------------- the command


@pytest.fixture
def laroche24(server, monkeypatch) -> list[dict]:
    """The published files on our server."""
    server.files["/weight.pt"] = Served(b"weights")
    weights = RemoteFile("weight.pt", f"{server.url}/weight.pt", 7, md5(b"weights"))
    monkeypatch.setattr(datasets, "LAROCHE24_WEIGHTS", weights)
    monkeypatch.setattr(datasets, "ZENODO_API", server.url + API)
    return put_record(server, xp_apogee_cat_h5=CONTENT, apogee_norm_npz=b"norm", xp_corrs_npz=OTHER)


def run(*arguments):
    """Run ``xpmodel fetch`` as the shell does: with the group's handling of errors."""
    group = type(main)("xpmodel", commands={"fetch": fetch_command})
    return CliRunner().invoke(group, ["fetch", *map(str, arguments)])


def test_command_laroche24(laroche24, tmp_path):
    done = run("laroche24", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert names(tmp_path) == ["apogee_norm.npz", "weight.pt", "xp_apogee_cat.h5"]
    assert "300kB  xp_corrs.npz  (with --all)" in done.output
    assert f"{tmp_path}/weight.pt: downloaded, verified by md5" in done.output
    assert (
        f"xpmodel import-model {tmp_path}/weight.pt --norm {tmp_path}/apogee_norm.npz "
        f"--out {tmp_path}/model\n"
        f"  xpmodel build {tmp_path}/xp_apogee_cat.h5 --model {tmp_path}/model "
        f"--out {tmp_path}/catalog.parquet\n"
    ) in done.output
    again = run("laroche24", "--out", tmp_path)
    assert again.output.count("already there, verified by md5") == 3


def test_command_all(laroche24, tmp_path):
    done = run("laroche24", "--out", tmp_path, "--all")
    assert done.exit_code == 0, done.output
    assert "xp_corrs.npz" in names(tmp_path)


@pytest.mark.parametrize(("status", "n_run"), [(0, 2), (2, 1)])
def test_command_build(laroche24, tmp_path, monkeypatch, status, n_run):
    ran = []

    def call(command):
        ran.append(command[1:4])
        return SimpleNamespace(returncode=status)

    monkeypatch.setattr(cli_data.subprocess, "run", call)
    done = run("laroche24", "--out", tmp_path, "--build")
    assert done.exit_code == status
    both = [["-m", "xpmodel", "import-model"], ["-m", "xpmodel", "build"]]
    assert ran == both[:n_run]


def test_command_record_without_what_is_needed(server, laroche24, tmp_path):
    put_entries(server, laroche24[1:])
    done = run("laroche24", "--out", tmp_path)
    assert done.exit_code == 2
    assert "no xp_apogee_cat.h5; it has apogee_norm.npz, xp_corrs.npz" in done.stderr
    assert not names(tmp_path)


def test_command_room_for_all_files_at_once(laroche24, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**8 + 5))
    done = run("laroche24", "--out", tmp_path)
    assert done.exit_code == 2
    assert "needs 300kB" in done.stderr
    assert not names(tmp_path)


@pytest.mark.parametrize("dataset", ["apogee", "astronn"])
def test_command_sdss(server, dataset, tmp_path, monkeypatch):
    name = getattr(datasets, dataset.upper()).name
    server.files["/" + name] = Served()
    remote = RemoteFile(name, f"{server.url}/{name}")
    monkeypatch.setattr(datasets, dataset.upper(), remote)
    done = run(dataset, "--out", tmp_path)
    assert done.exit_code == 0, done.output
    assert f"{name}: downloaded, not verified by checksum" in done.output
    assert f"xpmodel labels {tmp_path}/{name} --out {tmp_path}/labels.parquet" in done.output


def test_command_no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(datasets, "ZENODO_API", "http://127.0.0.1:1/api")
    done = run("laroche24", "--out", tmp_path)
    assert done.exit_code == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be reached" in done.stderr


@pytest.mark.parametrize("option", ["--all", "--build"])
def test_command_options_of_laroche24(option):
    assert run("apogee", option).exit_code == 2


def test_listed_files_have_what_a_download_needs():
    for file in (datasets.LAROCHE24_WEIGHTS, datasets.APOGEE, datasets.ASTRONN):
        assert fetch.PLAIN_NAME.fullmatch(file.name)
        assert file.url.startswith("https://")
        assert file.url.endswith("/" + file.name)


def test_listed_weights_are_the_released_ones(shared):
    released = shared / "published" / "weight.pt"
    weights = datasets.LAROCHE24_WEIGHTS
    assert released.stat().st_size == weights.size
    checksum = f"sha256:{hashlib.sha256(released.read_bytes()).hexdigest()}"
    assert checksum == weights.checksum
