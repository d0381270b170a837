"""The HTTP route of downloads: files made for a visitor and streamed, whatever their length."""

from __future__ import annotations

import asyncio
import logging
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tornado.iostream import StreamClosedError
from tornado.web import HTTPError, RequestHandler

log = logging.getLogger("xpapp")
CHUNK = 1 << 20
# What is offered and not fetched is forgotten, the oldest first.
MAX_OFFERS = 1000


@dataclass(frozen=True)
class Offer:
    """A file that can be fetched once.

    Attributes
    ----------
    filename, mime : str
    write : callable
        Writes the file to a path; runs in a thread.
    done : callable
        Told of the error, or None, when the browser has it all; runs in the event loop.
    """

    filename: str
    mime: str
    write: Callable[[Path], object]
    done: Callable[[Exception | None], None]


_offers: dict[str, Offer] = {}


def offer(
    filename: str,
    mime: str,
    write: Callable[[Path], object],
    done: Callable[[Exception | None], None],
) -> str:
    """Offer a file; the path, below the page's ``export/``, under which it can be fetched once."""
    while len(_offers) >= MAX_OFFERS:
        _offers.pop(next(iter(_offers)))
    token = secrets.token_urlsafe(16)
    _offers[token] = Offer(filename, mime, write, done)
    return f"{token}/{filename}"


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
        problem: Exception | None = None
        try:
            await asyncio.to_thread(wanted.write, path)
            self.set_header("Content-Type", wanted.mime)
            self.set_header("Content-Disposition", f'attachment; filename="{wanted.filename}"')
            self.set_header("Content-Length", str(path.stat().st_size))
            self.set_header("Cache-Control", "no-store")
            with path.open("rb") as file:
                while chunk := await asyncio.to_thread(file.read, CHUNK):
                    self.write(chunk)
                    await self.flush()
        except StreamClosedError:
            log.info("%s: the browser did not want all of it", wanted.filename)
        except Exception as error:
            problem = error
            log.exception("Making %s failed", wanted.filename)
            raise HTTPError(500, f"{wanted.filename} could not be made") from None
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            wanted.done(problem)


PATTERN = r"/export/([\w-]+)/([\w.-]+)"
