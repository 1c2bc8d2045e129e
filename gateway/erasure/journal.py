"""The erasure journal: what was forgotten, outside the database and its backups, so that a restore cannot undo it.

One JSON line an entry: sequence, random ids, scope, time, and a MAC over the entry and the MAC before it. A line is on
disk before a key dies. The database holds the last sequence it has applied; a journal that is missing or behind refuses
the start.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


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
        raw = await asyncio.to_thread(self._path.read_bytes)
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) != len(raw):  # a crash in the middle of a line: it was never acknowledged
            await asyncio.to_thread(os.truncate, self._path, len(whole))
        for text in whole.splitlines():
            self._lines.append(self._check(text))
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
        """Write one entry and wait until it is on disk. The same erasure is written once."""
        async with self._lock:
            for known in self._lines:
                if known.erasure == erasure:
                    return known
            line = Line(len(self._lines) + 1, erasure, school, person, scope, at)
            mac = self._next_mac(line)
            text = json.dumps({**json.loads(_canonical(line)), "mac": mac.hex()}) + "\n"
            await asyncio.to_thread(_append, self._path, text.encode())
            self._lines.append(line)
            self._mac = mac
            return line


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


def _append(path: Path, text: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, text)
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
