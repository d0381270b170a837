"""Send stars to other programs on this machine (TOPCAT, Aladin) and take their tables: SAMP."""

from __future__ import annotations

import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, urlsplit
from urllib.request import url2pathname
from xmlrpc.client import Fault

import numpy as np

from xpmodel.catalog.catalog import Catalog
from xpmodel.errors import InputError
from xpmodel.export.stars import write_stars
from xpmodel.tables.id_column import IdColumn
from xpmodel.tables.origin import Origin
from xpmodel.tables.reader import open_table
from xpmodel.tables.sizes import unpacked_bytes

if TYPE_CHECKING:
    from pyvo.samp import SAMPIntegratedClient

NAME = "XP latent space"
LOAD_VOTABLE, LOAD_FITS = "table.load.votable", "table.load.fits"
LOCAL = ("localhost", "127.0.0.1")
SIZE_LIMIT = 200 * 10**6  # bytes of a table from another program, unpacked
TIMEOUT = 30.0  # seconds between two pieces of an answer
LONGEST = 300.0  # seconds for the whole of it
BLOCK = 1 << 20  # bytes
_SHOWN = 300  # characters of what another program says

OnTable = Callable[[str, np.ndarray], None]
OnProblem = Callable[[str], None]

# PyVO's leave to use the internet is one for all threads: of two that took it away and gave it
# back at once, one would give it back too early, or the other never.
_connecting = threading.Lock()


class SampLink:
    """A connection to the SAMP hub that TOPCAT, Aladin or another program runs.

    As a context manager it connects and disconnects. Nothing beyond this machine is asked.
    """

    def __init__(self) -> None:
        self._client: SAMPIntegratedClient | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> SampLink:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    def connect(self) -> None:
        """Register with the running hub, after disconnecting from the one before.

        Raises
        ------
        InputError
            When there is no hub, or it does not answer.
        """
        self.disconnect()
        from pyvo.samp import SAMPIntegratedClient, conf

        about = {"samp.name": NAME, "samp.description.text": "Latents of Gaia XP spectra"}
        client = SAMPIntegratedClient(metadata=about, addr="127.0.0.1")
        try:
            # PyVO asks google.com for the sake of an address that we do not need,
            with _asking_hub(), _connecting, conf.set_temp("use_internet", False):
                client.connect()
                # and tells whoever asks the variables of the environment, secrets among them.
                client.unbind_receive_call("client.env.get")
            folder = tempfile.TemporaryDirectory(prefix="xpmodel-samp-", ignore_cleanup_errors=True)
        except BaseException:
            with suppress(Exception):
                client.disconnect()
            raise
        self._client, self._folder = client, folder

    def disconnect(self) -> None:
        """Leave the hub and remove the files of all sets that were sent.

        Nothing happens where there is no connection. It waits (10 s at most) for tables that
        are arriving, so the callbacks of `on_table` must not call it.
        """
        client, self._client = self._client, None
        folder, self._folder = self._folder, None
        if client is not None:
            with suppress(Exception):  # the hub may have ended before
                client.disconnect()
        if folder is not None:
            folder.cleanup()

    @property
    def clients(self) -> dict[str, str]:
        """Programs that take VOTables: from their names to their public ids.

        Names that several programs share have the id behind them: ``topcat (cli#2)``.

        Raises
        ------
        InputError
            When there is no connection, or the hub does not answer.
        """
        client = self._connected()
        names = {}
        with _asking_hub():
            for public_id in client.get_subscribed_clients(LOAD_VOTABLE):
                with suppress(Fault):  # it has left meanwhile
                    metadata = client.get_metadata(public_id)
                    names[public_id] = str(metadata.get("samp.name") or public_id)
        count = Counter(names.values())
        return {
            n if count[n] == 1 else f"{n} ({public_id})": public_id
            for public_id, n in names.items()
        }

    def send(
        self, catalog: Catalog, mask: np.ndarray | None, name: str, to: str | None = None
    ) -> int:
        """Send stars with their columns as a VOTable, which lies on disk until `disconnect`.

        Parameters
        ----------
        catalog : Catalog
        mask : ndarray, (N,) bool, or None for all stars
        name : str
            What the other program calls the table. SAMP has ASCII alone: other characters
            become question marks.
        to : str, optional
            One of `clients`; default: all of them.

        Returns
        -------
        n : int
            Number of programs that it was sent to; 0 where none takes VOTables. Whether they
            could read it they do not say.

        Raises
        ------
        InputError
            When there is no connection, no such program, the hub does not answer, or the stars
            cannot be written (see `xpmodel.write_stars`).
        """
        client, clients = self._connected(), self.clients
        if to is not None and to not in clients:
            known = ", ".join(clients) or "none"
            raise InputError(f"no program {to!r} takes tables (those that do: {known}); start it")
        if not clients:
            return 0
        table_id = f"xpmodel-{uuid.uuid4().hex}"
        assert self._folder is not None  # there is one with every client
        path = Path(self._folder.name, f"{table_id}.vot")
        write_stars(catalog, mask, path)
        ascii_name = "".join(c if " " <= c <= "~" else "?" for c in name)
        params = {"url": path.as_uri(), "table-id": table_id, "name": ascii_name}
        message = {"samp.mtype": LOAD_VOTABLE, "samp.params": params}
        with _asking_hub():
            if to is None:
                return len(set(client.notify_all(message)))
            client.notify(clients[to], message)
            return 1

    def on_table(self, callback: OnTable, on_problem: OnProblem) -> None:
        """Take the tables that other programs send, from now until `disconnect`.

        Both functions are called in a thread of SAMP's, perhaps in several at once: a page must
        pass on what they get to its own thread.

        Parameters
        ----------
        callback : callable
            Told a table's name and its ids, (n,) int64, exact, each once, in the table's order.
        on_problem : callable
            Told in one line what is wrong: a table that cannot be used, rows without an id,
            an error of `callback`. It must not raise.

        Raises
        ------
        InputError
            When there is no connection, or the hub does not answer.
        """
        client = self._connected()
        assert self._folder is not None  # there is one with every client
        folder = self._folder.name

        def receive(
            key: str,
            sender: str,
            message_id: str | None,
            mtype: str,
            params: Mapping[str, Any],
            _: object,
        ) -> None:
            status, problem = _take(params, folder, callback)
            if message_id is not None:  # the sender waits for an answer
                error = {"samp.errortxt": problem} if problem else None
                with suppress(Exception):  # the hub may have ended
                    client.ereply(message_id, status, result={}, error=error)
            if problem:
                on_problem(problem)

        with _asking_hub():
            for mtype in (LOAD_VOTABLE, LOAD_FITS):
                client.bind_receive_message(mtype, receive)

    def _connected(self) -> SAMPIntegratedClient:
        if self._client is None:
            raise InputError("not connected to a SAMP hub; start TOPCAT or Aladin, then connect")
        return self._client


@contextmanager
def _asking_hub() -> Iterator[None]:
    """Say in one line that there is no hub, or that it has ended."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  lock files, sockets and XML raise all kinds
        raise InputError(
            f"no SAMP hub answers ({_line(error)}); start TOPCAT or Aladin, then connect again"
        ) from None


def _take(params: Mapping[str, Any], folder: str, callback: OnTable) -> tuple[str, str | None]:
    """Read a table and hand its ids over: the status for its sender, and what is wrong."""
    name = "without a name"
    try:
        name = _line(params.get("name") or params.get("table-id") or name)
        with _fetched(str(params.get("url") or ""), folder) as path:
            ids, remark = _read_ids(path)
        callback(name, ids)
    except Exception as error:  # noqa: BLE001  the hub would send the table again
        return "samp.error", f"table {name}: {_line(error)}"
    if remark:
        return "samp.warning", f"table {name}: {remark}"
    return "samp.ok", None


@contextmanager
def _fetched(url: str, folder: str) -> Iterator[Path]:
    """The file that another program names, if it lies on this machine."""
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        path = Path(url2pathname(parts.path))
        if not path.is_file():  # a pipe would be waited for
            raise InputError(f"{path}: no such file, or a folder; save the table and send it again")
        _check_size(path)
        yield path
    elif parts.scheme == "http" and parts.hostname in LOCAL and "@" not in parts.netloc:
        with tempfile.TemporaryDirectory(dir=folder) as place:
            path = Path(place, "table")
            try:
                _download(parts, path)
            except (OSError, HTTPException) as error:
                raise InputError(
                    f"{url[:80]}: cannot be read ({_line(error)}); send it again"
                ) from None
            _check_size(path)
            yield path
    else:
        raise InputError(
            f"{url[:80]!r} is neither a file of this machine (file://) nor served by it "
            "(http://localhost); open it in TOPCAT and send it from there"
        )


def _download(parts: SplitResult, path: Path) -> None:
    """Fetch from this machine; unlike urllib, ask no proxy and follow no redirection."""
    end = time.monotonic() + LONGEST
    connection = HTTPConnection(parts.hostname or "", parts.port, timeout=TIMEOUT)
    with closing(connection), open(path, "wb") as file:
        connection.request("GET", parts._replace(scheme="", netloc="", fragment="").geturl() or "/")
        answer = connection.getresponse()
        if answer.status != 200:
            raise OSError(f"HTTP status {answer.status}")
        expected = answer.length
        while file.tell() <= SIZE_LIMIT and (block := answer.read1(BLOCK)):
            file.write(block)
            if time.monotonic() > end:
                raise OSError(f"takes longer than {LONGEST:g} s")
        if expected is not None and file.tell() < min(expected, SIZE_LIMIT):
            raise OSError(f"{file.tell()} of {expected} bytes came")


def _check_size(path: Path) -> None:
    """Refuse a table that, unpacked, would not fit into memory together with others."""
    if unpacked_bytes(path, SIZE_LIMIT) > SIZE_LIMIT:
        raise InputError(f"larger than {SIZE_LIMIT / 1e6:g} MB; send fewer columns or rows")


def _read_ids(path: Path) -> tuple[np.ndarray, str]:
    """The ids in a table, each once, and what is to be said of rows or tables not taken."""
    table = open_table(path)
    column = IdColumn(table)
    parts, n_read = [], 0
    for chunk, _ in table.chunks(column.names, rows=65_536):
        found, valid = column.read(chunk, Origin.of(path, n_read, len(chunk)))
        parts.append(found[valid])
        n_read += len(chunk)
    column.check_any()
    ids = np.concatenate(parts)
    _, first = np.unique(ids, return_index=True)
    remarks = [f"left out {column.without}"] if column.n_without else []
    remarks += [remark.removeprefix(f"{path}: ") for remark in table.remarks]
    return ids[np.sort(first)], "; ".join(remarks)


def _line(what: object) -> str:
    """What another program or an error says, as one short line."""
    text = " ".join(str(what).split()) or type(what).__name__
    return "".join(c if c.isprintable() else "?" for c in text)[:_SHOWN]
