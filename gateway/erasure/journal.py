"""The erasure journal: what was forgotten, outside the database and its backups, so that a restore cannot undo it.

One JSON line an entry: sequence, random ids, scope, time, perhaps a sealed note, and a MAC over the entry and the MAC
before it. A line is on disk before a key dies. The database knows which entries it has seen (see
`gateway.erasure.restoring`); a journal that is missing or behind refuses the start.

    scope           what it says
    person, school  is forgotten
    item            one thing of a person is
    suspended       a person, a whole school, or what the note names, may do nothing until `resumed`
    disconnected    the connection of this id, and version, was given up
    guardian_ended  the link of this id has ended
    corrected       what the note says holds now
    hold, released  what a legal hold keeps, until it is released
    start           a process opened the stores when no other had them open
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
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")


class JournalRefused(Exception):
    """The journal does not fit this database: it is missing, behind, or was changed."""


@dataclass(frozen=True, slots=True)
class Line:
    """One entry. ``erasure``: a random id, written once for each scope. ``at`` in epoch ms. ``note``: base64 of a
    sealed box. ``sequence`` 0: not written yet.
    """

    sequence: int
    erasure: str
    school: str
    person: str
    scope: str
    at: int
    note: str | None = None


class Journal:
    """The file, in a folder of its own outside the data folder."""

    def __init__(self, path: Path, key: bytes) -> None:
        """``key``: 32 bytes for the chain's MAC."""
        self._path = path
        self._key = key
        self._lock = asyncio.Lock()
        self._forget()

    def _forget(self) -> None:
        self._last = 0
        self._mac = b""
        self._read = 0
        self._places: dict[tuple[str, str], int] = {}  # where each entry begins in the file

    @property
    def folder(self) -> Path:
        """Where it lies, with what else must outlive the database."""
        return self._path.parent

    async def open(self, applied: int | None) -> Sequence[Line]:
        """Read and check the whole; ``applied``: up to there the database has seen it, None for a new database.

        The lines after ``applied``. JournalRefused.
        """
        if not self._there(applied):
            await asyncio.to_thread(_make, self._path)
        return await self._whole(applied or 0)

    async def look(self, applied: int) -> Sequence[Line]:
        """`open` for who only looks: nothing is made or mended, and a journal that is not there yet has no line.

        OSError, JournalRefused.
        """
        if not self._there(applied):
            return []
        return await self._whole(applied, only=True)

    def _there(self, applied: int | None) -> bool:
        there = self._path.exists()
        if applied and not there:
            raise JournalRefused(
                "The erasure journal is missing, but this database has seen entries of it. Put the journal back: "
                "without it a restored database could bring forgotten people back."
            )
        return there

    async def _whole(self, applied: int, *, only: bool = False) -> Sequence[Line]:
        async with self._lock:
            self._forget()
            work = partial(self._catch_up, after=applied, only=only)
            lines: Sequence[Line] = await asyncio.to_thread(self._hold, work, only=only)
        if applied > self._last:
            raise JournalRefused(
                f"The erasure journal ends at {self._last}, the database has seen {applied}. "
                "An older journal was put in place: put the newest one back."
            )
        return lines

    def _check(self, text: bytes) -> Line:
        line, mac = _parsed(text)
        if not hmac.compare_digest(mac, self._next_mac(self._mac, line)) or line.sequence != self._last + 1:
            raise JournalRefused("The erasure journal was changed, or belongs to another deployment.")
        self._mac = mac
        return line

    def _next_mac(self, before: bytes, line: Line) -> bytes:
        return hmac.new(self._key, before + _canonical(line), hashlib.sha256).digest()

    async def append(
        self, erasure: str, school: str, person: str, scope: str, at: int, note: str | None = None
    ) -> Line:
        """Write one entry and wait until it is on disk. The same id is written once for each scope, and found again
        after that. OSError, JournalRefused.
        """
        return (await self.append_all([Line(0, erasure, school, person, scope, at, note)]))[0]

    async def append_all(self, wanted: Sequence[Line]) -> Sequence[Line]:
        """`append` for many with one write: all are on disk, or none was added."""

        def write(handle: int) -> Sequence[Line]:
            self._catch_up(handle)
            new = {_key(line): line for line in wanted if _key(line) not in self._places}
            _append(handle, b"".join(self._texts(list(new.values()))), self._read)
            self._catch_up(handle)
            return [self._line(handle, _key(line)) for line in wanted]

        async with self._lock:
            return await asyncio.to_thread(self._hold, write)

    def _texts(self, new: Sequence[Line]) -> Sequence[bytes]:
        """The lines as they go into the file, each with its place in the chain."""
        mac, texts = self._mac, []
        for number, one in enumerate(new, self._last + 1):
            line = replace(one, sequence=number)
            mac = self._next_mac(mac, line)
            texts.append(json.dumps({**json.loads(_canonical(line)), "mac": mac.hex()}).encode() + b"\n")
        return texts

    def _hold(self, work: Callable[[int], T], *, only: bool = False) -> T:
        """Work on the open file, alone among all processes; ``only`` look at it. Blocking."""
        handle = os.open(self._path, (os.O_RDONLY if only else os.O_RDWR) | os.O_CLOEXEC)
        try:
            fcntl.flock(handle, fcntl.LOCK_SH if only else fcntl.LOCK_EX)
            return work(handle)
        finally:
            os.close(handle)

    def _catch_up(self, handle: int, after: int | None = None, *, only: bool = False) -> list[Line]:
        """Read and check what stands behind the lines known here: another process writes to the same journal.

        Those after the sequence ``after``; with None none is kept.
        """
        found = []
        with os.fdopen(os.dup(handle), "rb") as file:
            file.seek(self._read)
            for text in file:
                if not text.endswith(b"\n"):  # a crash in the middle of a line: it was never acknowledged
                    if not only:
                        os.ftruncate(handle, self._read)
                    break
                line = self._check(text)
                self._places[_key(line)] = self._read
                self._last, self._read = line.sequence, self._read + len(text)
                if after is not None and line.sequence > after:
                    found.append(line)
        return found

    def _line(self, handle: int, which: tuple[str, str]) -> Line:
        with os.fdopen(os.dup(handle), "rb") as file:
            file.seek(self._places[which])
            return _parsed(file.readline())[0]


def _key(line: Line) -> tuple[str, str]:
    return line.scope, line.erasure


def _parsed(text: bytes) -> tuple[Line, bytes]:
    try:
        data = json.loads(text)
        mac = bytes.fromhex(data.pop("mac"))
        return Line(**data), mac
    except (ValueError, TypeError, KeyError, AttributeError):
        raise JournalRefused("The erasure journal is damaged.") from None


def _canonical(line: Line) -> bytes:
    fields = {
        "sequence": line.sequence,
        "erasure": line.erasure,
        "school": line.school,
        "person": line.person,
        "scope": line.scope,
        "at": line.at,
    }
    if line.note is not None:  # entries of the first version have none, and their MACs still hold
        fields["note"] = line.note
    return json.dumps(fields, sort_keys=True, separators=(",", ":")).encode()


def _make(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    _sync_folder(path)


def _append(handle: int, text: bytes, end: int) -> None:
    """The whole text or nothing of it: half a line, as a full disk leaves it, would damage all that follow.

    An empty text makes durable what another process wrote and perhaps did not live to.
    """
    whole = done = False
    try:
        whole = os.pwrite(handle, text, end) == len(text)
        if whole:
            os.fsync(handle)
            done = True
    finally:
        if not done:
            os.ftruncate(handle, end)
    if not whole:
        raise OSError(errno.ENOSPC, "the journal's disk is full")


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
