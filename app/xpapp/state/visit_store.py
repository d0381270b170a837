"""States of visits that the server keeps for their addresses, and how long it keeps them."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import os
import re
import time
import weakref
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xpapp.settings import VISIT_DAYS, VISIT_MEGABYTES
from xpapp.state.visit_file import FORMAT, MAX_BYTES, VERSION
from xpmodel import InputError
from xpmodel._atomic import read_json, replacing
from xpmodel._folders import data_folder

NAME = re.compile(r"[a-z2-7]{16}")
STATE, IDS = ".json", ".ids"
# Longer lists of ids lie in files of their own, which all states with the same ids share.
LONG = 100
# Files that nobody used for long are looked for so often [s], or when so much of what may lie in
# the folder has been written since.
PRUNE_EVERY, PRUNE_PART = 600.0, 1 / 16
# What a file takes on the disk at least.
BLOCK = 4096


@dataclass
class _Folder:
    """When a folder was pruned, and how many bytes were written to it since."""

    pruned: float = -PRUNE_EVERY
    written: int = 0


_folders: dict[Path, _Folder] = {}
_stores: weakref.WeakSet[VisitStore] = weakref.WeakSet()


class VisitStore:
    """States of one visit under short names, which are made of their content.

    Parameters
    ----------
    folder : path, optional
        Default: the environment's XPMODEL_VISITS, else ``visits`` in the project's data folder.
    days : float
        A state that was neither written nor opened for so long may go.
    megabytes : float
        How much all of them may take; the oldest go first. What a visit that is open here shows
        stays, whatever its age.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        days: float = VISIT_DAYS,
        megabytes: float = VISIT_MEGABYTES,
    ) -> None:
        self.folder = Path(folder or os.environ.get("XPMODEL_VISITS") or data_folder() / "visits")
        self._max_age, self._max_bytes = 86400 * days, round(1e6 * megabytes)
        self._used: frozenset[str] = frozenset()
        _stores.add(self)

    def save(self, content: dict[str, Any]) -> str:
        """Keep a state; its name, which is the same for the same state.

        Raises
        ------
        InputError
            When the folder cannot be written, or the state is too large for it.
        FileNotFoundError
            When ids that were kept for it are there no longer.
        """
        content = self.packed(content)
        files = {one["file"] for one in _ids_in(content) if isinstance(one, dict)}
        name = self._keep(json.dumps(content, sort_keys=True).encode(), STATE)
        for file in files:  # as young as the state that needs it
            os.utime(self.folder / file)
        self._used = frozenset({f"{name}{STATE}", *files})
        return name

    def packed(self, content: dict[str, Any]) -> dict[str, Any]:
        """The same state, with its long lists of ids in files of their own.

        Raises
        ------
        InputError
            When the folder cannot be written, or they are too many.
        """
        return {key: _with_ids(value, self._pack) for key, value in content.items()}

    def load(self, name: str) -> dict[str, Any]:
        """The state of a name.

        Raises
        ------
        InputError
            When there is none.
        """
        if not NAME.fullmatch(name):  # names come from addresses: no path gets through
            raise InputError("the address names no visit")
        path = self.folder / f"{name}{STATE}"
        if not path.exists():
            raise InputError(f"the visit {name} is not kept on this server")
        content = read_json(path, FORMAT, newest=VERSION)
        files = {
            path.name,
            *(str(one["file"]) for one in _ids_in(content) if isinstance(one, dict)),
        }
        unpacked = {key: _with_ids(value, self._unpack) for key, value in content.items()}
        for file in files:
            os.utime(self.folder / file)
        self._used = frozenset(files)
        return unpacked

    def _keep(self, content: bytes, ending: str) -> str:
        """Write a file unless it is there; its name, without the ending."""
        if len(content) > MAX_BYTES:
            raise InputError("the visit is too large for an address")
        name = _name_of(content)
        path = self.folder / f"{name}{ending}"
        try:
            os.utime(path)
        except FileNotFoundError:
            with replacing(path) as temporary:
                temporary.write_bytes(content)
            self._state.written += max(len(content), BLOCK)
        return name

    def _pack(self, ids: object) -> object:
        if not isinstance(ids, list) or len(ids) <= LONG:
            return ids
        numbers = np.array(ids, np.str_).astype("<i8")
        # Bytes of one place beside each other: the first ones of sorted ids are alike.
        places = np.diff(numbers, prepend=0).astype("<i8").view(np.uint8).reshape(-1, 8).T
        name = self._keep(zlib.compress(places.tobytes(), 1), IDS)
        return {"file": f"{name}{IDS}", "n": len(ids)}

    def _unpack(self, kept: object) -> object:
        if not isinstance(kept, dict):
            return kept
        file, n = str(kept["file"]), int(kept["n"])
        name = file.removesuffix(IDS)
        path = self.folder / file
        if not NAME.fullmatch(name) or not path.exists():
            raise InputError("a list of ids of the visit is not kept on this server")
        content = path.read_bytes()
        if _name_of(content) != name or n <= 0:
            raise InputError(f"{path}: damaged")
        places = zlib.decompressobj().decompress(content, 8 * n)
        if len(places) != 8 * n:
            raise InputError(f"{path}: damaged")
        numbers = np.frombuffer(places, np.uint8).reshape(8, n).T.copy().view("<i8").cumsum()
        return list(map(str, numbers.tolist()))

    # Letting go

    @property
    def _state(self) -> _Folder:
        return _folders.setdefault(self.folder, _Folder())

    def prune_is_due(self) -> bool:
        """Whether it is time to look for files that nobody used for long; told once."""
        state, now = self._state, time.monotonic()
        due = now - state.pruned > PRUNE_EVERY or state.written > PRUNE_PART * self._max_bytes
        if due:
            state.pruned, state.written = now, 0
        return due

    def prune(self) -> None:
        """Delete what was not used for long, and the oldest of what is too much."""
        if not self.folder.is_dir():
            return
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                name, dot, ending = entry.name.lstrip(".").partition(".")
                if NAME.fullmatch(name) and dot + ending in (STATE, IDS, f"{STATE}.part"):
                    found.append((entry.stat().st_mtime, max(entry.stat().st_size, BLOCK), entry))
        # The youngest first; ids are younger than the states that need them, and go after them.
        found.sort(key=lambda one: (one[0], one[2].name.endswith(IDS)), reverse=True)
        used = frozenset().union(*(store._used for store in list(_stores)))
        total, oldest = 0, time.time() - self._max_age
        for modified, size, entry in found:
            total += size
            if total > self._max_bytes:
                oldest = math.inf
            if modified < oldest and entry.name not in used:
                Path(entry.path).unlink(missing_ok=True)


def _name_of(content: bytes) -> str:
    return base64.b32encode(hashlib.sha256(content).digest())[:16].decode().lower()


def _with_ids(content: object, change: Callable[[object], object]) -> object:
    """The same content with each list of ids changed."""
    if isinstance(content, dict):
        return {
            key: change(value) if key == "source_id" else _with_ids(value, change)
            for key, value in content.items()
        }
    return [_with_ids(one, change) for one in content] if isinstance(content, list) else content


def _ids_in(content: object) -> list[object]:
    """All lists of ids, or what stands for them."""
    found: list[object] = []
    _with_ids(content, found.append)
    return found
