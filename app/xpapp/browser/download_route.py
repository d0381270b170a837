"""The HTTP route of downloads: files made for a visitor and streamed, whatever their length."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

from xpapp.browser.file_names import ascii_name, content_disposition
from xpapp.state.visit import Visit

log = logging.getLogger("xpapp")
CHUNK = 1 << 20
# What is offered and not fetched is withdrawn after this time [s], or when there is more of it
# than this, the oldest first: offers of one visit, of all, and the bytes that all of them hold.
MAX_AGE = 600.0
MAX_OF_VISIT = 20
MAX_OFFERS = 1000
MAX_HELD = 256 << 20


class NotSent(Exception):
    """Why the browser has not got all of a file, in words for the visitor."""


@dataclass(frozen=True, eq=False)
class Offer:
    """A file that can be fetched once.

    Attributes
    ----------
    visit : Visit
        Whose it is; when the visit ends, the offer does.
    filename, mime : str
    write : callable
        Writes the file to a path; runs in a thread.
    done : callable
        Told once what became of it: None when the browser has it all, `NotSent` when it has not,
        or the error by which the file could not be made; runs in the event loop.
    held : int
        Bytes that it keeps in memory until it is fetched.
    since : float
        When it was made, in seconds of `time.monotonic`.
    """

    visit: Visit
    filename: str
    mime: str
    write: Callable[[Path], object]
    done: Callable[[Exception | None], None]
    held: int = 0
    since: float = field(default_factory=time.monotonic)


_offers: dict[str, Offer] = {}


def offer(new: Offer) -> str:
    """Offer a file; the path, below the page's ``export/``, under which it can be fetched once."""
    token = secrets.token_urlsafe(16)
    _offers[token] = new
    withdraw_late()
    of_visit = [one for one, other in _offers.items() if other.visit is new.visit]
    for one in of_visit[:-MAX_OF_VISIT]:
        _withdraw(one)
    while len(_offers) > 1 and (
        len(_offers) > MAX_OFFERS or sum(other.held for other in _offers.values()) > MAX_HELD
    ):
        _withdraw(next(iter(_offers)))
    return f"{token}/{ascii_name(new.filename)}"


def withdraw_late() -> None:
    """Withdraw what has waited for too long."""
    latest = time.monotonic() - MAX_AGE
    for token in [token for token, other in _offers.items() if other.since < latest]:
        _withdraw(token)


def _withdraw(token: str) -> None:
    _offers.pop(token).done(NotSent("was not fetched by the browser; ask for it again"))


def forget(visit: Visit) -> None:
    """Drop the offers of a visit that has ended; nobody is told."""
    for token in [token for token, other in _offers.items() if other.visit is visit]:
        del _offers[token]


class ExportHandler(RequestHandler):
    """Makes an offered file and streams it."""

    def initialize(self, **context: Any) -> None:
        """Take what Bokeh gives each of a page's handlers; it is not needed."""

    async def get(self, token: str, filename: str) -> None:
        """Send the file of a token, once."""
        wanted = _offers.pop(token, None)
        if wanted is None:
            raise HTTPError(404, "this file was fetched before, or never offered")
        folder = Path(tempfile.mkdtemp(prefix="xpmodel-export-"))
        path = folder / wanted.filename
        # Until the last byte is on its way.
        problem: Exception | None = NotSent("broke off; ask for it again")
        sent = size = 0
        try:
            await asyncio.to_thread(wanted.write, path)
            size = path.stat().st_size
            self.set_header("Content-Type", wanted.mime)
            self.set_header("Content-Disposition", content_disposition(wanted.filename))
            self.set_header("Content-Length", str(size))
            self.set_header("Cache-Control", "no-store")
            with path.open("rb") as file:
                while sent < size:
                    chunk = await asyncio.to_thread(file.read, CHUNK)
                    self.write(chunk)
                    await self.flush()
                    sent += len(chunk)
            problem = None
        except StreamClosedError:
            log.info("%s: the browser did not want all of it", wanted.filename)
            problem = NotSent(
                f"broke off after {sent / 1e6:.1f} of {size / 1e6:.1f} MB; ask for it again"
            )
        except Exception as error:
            problem = error
            log.exception("Making %s failed", wanted.filename)
            raise HTTPError(500, f"{wanted.filename} could not be made") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            wanted.done(problem)


PATTERN = r"/export/([\w-]+)/([\w.-]+)"
