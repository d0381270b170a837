"""What a server answers to a download: read with distrust, and asked again where that may help."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from tqdm import tqdm

from xpmodel._version import __version__
from xpmodel.download.datasets import RemoteFile
from xpmodel.errors import InputError

TIMEOUT = (10.0, 60.0)  # seconds to connect, and between two pieces of an answer
ATTEMPTS = 6  # in a row that bring nothing; the pauses between them double from one second
LONGEST_PAUSE = 300.0  # seconds; a server that asks for more is left alone
FILE_LIMIT = 50 * 10**9  # bytes; what Zenodo allows a record

T = TypeVar("T")


class TryAgain(requests.RequestException):
    """An answer after which the same question may get a better one, perhaps after a pause [s]."""

    def __init__(self, message: str, pause: float = 0.0) -> None:
        super().__init__(message)
        self.pause = pause


def persist(ask: Callable[[], T], url: str, arrived: Callable[[], int]) -> T:
    """Ask until there is an answer, as long as bytes arrive or a better answer may come."""
    failures, begin = 0, arrived()
    while True:
        before = arrived()
        try:
            return ask()
        except requests.RequestException as error:
            failures = 1 if arrived() > before else failures + 1
            offline = isinstance(error, requests.ConnectionError) and arrived() == begin
            if offline and failures == 1:
                raise InputError(
                    f"{urlsplit(url).netloc}: cannot be reached ({_cause(error)}); check the "
                    "network connection and try again"
                ) from None
            if failures == ATTEMPTS:
                kept = f", {bytes_text(arrived())} are kept" if arrived() else ""
                raise InputError(
                    f"{url}: {ATTEMPTS} attempts failed ({_cause(error)}); run this again{kept}"
                ) from None
            time.sleep(max(getattr(error, "pause", 0.0), 2.0 ** (failures - 1)))


def check_answer(answer: requests.Response, url: str) -> None:
    """Raise what an answer calls for that is not the file."""
    status = answer.status_code
    for way in (*answer.history, answer):
        if url.startswith("https:") and not way.url.startswith("https:"):
            raise InputError(f"{url}: leads to {way.url[:80]!r}, which is not encrypted")
    if status == 429 or status >= 500:
        pause = _retry_after(answer)
        if pause > LONGEST_PAUSE:
            raise InputError(f"{url}: busy; the server asks to try again in {pause:.0f} s")
        raise TryAgain(f"status {status}", pause)
    if status not in (200, 206):
        reason = "there is no such file" if status in (404, 410) else answer.reason
        raise InputError(f"{url}: the server answers {status}, {reason}")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise InputError(
            f"{url}: answers with a web page; is there a login page between, or maintenance? "
            "Open it in a browser"
        )


def total_bytes(answer: requests.Response, file: RemoteFile) -> int:
    """The length of the whole file that an answer begins or continues."""
    if answer.status_code == 206:
        total = content_range(answer)[1]
    else:
        length = answer.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise InputError(f"{file.url}: the server does not say how long it is")
        total = int(length)
    if file.size is not None and total != file.size:
        raise InputError(f"{file.url}: has {total} bytes, should have {file.size}; try again later")
    if total > FILE_LIMIT:
        raise InputError(f"{file.url}: has {bytes_text(total)}, more than can be right")
    return total


def content_range(answer: requests.Response) -> tuple[int, int]:
    """The first byte of a partial answer, and the length of the whole."""
    given = answer.headers.get("Content-Range", "")
    match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18})", given)
    if match is None:
        raise InputError(f"{answer.url}: a partial answer without its place ({given[:80]!r})")
    return int(match[1]), int(match[2])


def tag_of(answer: requests.Response) -> str | None:
    """By what a server will know this file again; HTTP admits no weak ETag for that."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified")


def _retry_after(answer: requests.Response) -> float:
    """Seconds that a server asks to wait; 0 where it does not say."""
    given = answer.headers.get("Retry-After", "")
    if given.isdecimal():
        return float(given)
    try:
        moment = parsedate_to_datetime(given)
    except ValueError:
        return 0.0
    return max((moment.astimezone(UTC) - datetime.now(UTC)).total_seconds(), 0.0)


@contextmanager
def get(url: str, wish: dict[str, str] | None = None) -> Iterator[requests.Response]:
    """Ask a server for a file, its content to come in pieces; `wish` are further headers."""
    headers = {
        "User-Agent": f"xpmodel/{__version__}",
        "Accept-Encoding": "identity",  # sizes and ranges count the file's own bytes
    }
    with requests.get(url, headers=headers | (wish or {}), stream=True, timeout=TIMEOUT) as answer:
        yield answer


def _cause(error: requests.RequestException) -> str:
    """A few words of what may be a long story."""
    return str(error) if isinstance(error, TryAgain) else type(error).__name__


def bytes_text(n: int) -> str:
    """A number of bytes as a person reads it, such as "1.23GB"."""
    return tqdm.format_sizeof(n, "B")
