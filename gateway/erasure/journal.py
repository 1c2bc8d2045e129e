"""The erasure journal: what was forgotten, outside the database and its backups, so that a restore cannot undo it.

One JSON line an entry: sequence, random ids, scope, time, and a MAC over the entry and the MAC before it. A line is on
disk before a key dies. The database holds the last sequence it has applied; a journal that is missing or behind refuses
the start.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class JournalRefused(Exception):
    """The journal does not fit this database: it is missing, behind, or was changed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. ``at`` in epoch ms."""

    sequence: int
    erasure: str
    school: str
    person: str
    scope: str
    at: int


class Journal:
    """The file, in a folder of its own outside the data folder."""

    def __init__(self, path: Path, key: bytes) -> None:
        """``key``: 32 bytes for the chain's MAC."""
        self._path = path
        self._key = key
        self._lock = asyncio.Lock()
        self._lines: list[Line] = []
        self._mac = b""
        self._read = 0

    async def open(self, applied: int | None) -> Sequence[Line]:
        """Read and check the whole; ``applied`` is the database's last sequence, None for a new database.

        The lines after ``applied``. JournalRefused.
        """
        if not self._path.exists():
            if applied:
                raise JournalRefused(
                    "The erasure journal is missing, but this database has seen entries of it. Put the journal back: "
                    "without it a restored database could bring forgotten people back."
                )
            await asyncio.to_thread(_make, self._path)
        async with self._lock:
            await asyncio.to_thread(self._hold, self._catch_up)
        if (applied or 0) > len(self._lines):
            raise JournalRefused(
                f"The erasure journal ends at {len(self._lines)}, the database has seen {applied}. "
                "An older journal was put in place: put the newest one back."
            )
        return self._lines[applied or 0 :]

    def _check(self, text: bytes) -> Line:
        try:
            data = json.loads(text)
            mac = bytes.fromhex(data.pop("mac"))
            line = Line(**data)
        except (ValueError, TypeError, KeyError):
            raise JournalRefused("The erasure journal is damaged.") from None
        if not hmac.compare_digest(mac, self._next_mac(line)) or line.sequence != len(self._lines) + 1:
            raise JournalRefused("The erasure journal was changed, or belongs to another deployment.")
        self._mac = mac
        return line

    def _next_mac(self, line: Line) -> bytes:
        return hmac.new(self._key, self._mac + _canonical(line), hashlib.sha256).digest()

    async def append(self, erasure: str, school: str, person: str, scope: str, at: int) -> Line:
        """Write one entry and wait until it is on disk. The same erasure is written once. OSError, JournalRefused."""

        def write(handle: int) -> Line:
            self._catch_up(handle)
            for known in self._lines:
                if known.erasure == erasure:
                    return known
            line = Line(len(self._lines) + 1, erasure, school, person, scope, at)
            text = json.dumps({**json.loads(_canonical(line)), "mac": self._next_mac(line).hex()}) + "\n"
            _append(handle, text.encode(), self._read)
            self._catch_up(handle)
            return line

        async with self._lock:
            return await asyncio.to_thread(self._hold, write)

    def _hold(self, work: Callable[[int], T]) -> T:
        """Work on the open file, alone among all processes. Blocking."""
        handle = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            return work(handle)
        finally:
            os.close(handle)

    def _catch_up(self, handle: int) -> None:
        """Read and check what stands behind the lines known here: another process writes to the same journal."""
        raw = os.pread(handle, os.fstat(handle).st_size - self._read, self._read)
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) != len(raw):  # a crash in the middle of a line: it was never acknowledged
            os.ftruncate(handle, self._read + len(whole))
        for text in whole.splitlines(keepends=True):
            self._lines.append(self._check(text))
            self._read += len(text)


def _canonical(line: Line) -> bytes:
    fields = {
        "sequence": line.sequence,
        "erasure": line.erasure,
        "school": line.school,
        "person": line.person,
        "scope": line.scope,
        "at": line.at,
    }
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    _sync_folder(path)


def _append(handle: int, text: bytes, end: int) -> None:
    """The whole line or nothing of it: half a line, as a full disk leaves it, would damage all that follow."""
    whole = False
    try:
        whole = os.pwrite(handle, text, end) == len(text)
        os.fsync(handle)
    finally:
        if not whole:
            os.ftruncate(handle, end)
    if not whole:
        raise OSError(errno.ENOSPC, "the journal's disk is full")


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
