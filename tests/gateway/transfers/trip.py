"""What a test does to its drives: their rules, bytes that differ, and a trip hazard at any step of a verb."""

from __future__ import annotations

import hashlib
import json
import os
import signal
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from providers.drive import ExportChoice, Traits

UNIT = 16 * 1024
LOOSE = Traits("loose", "sha256", False, False, True, 1 << 40, UNIT, None, 255, None)
STRICT = Traits(
    "strict", "quickxor", True, True, False, 1 << 40, UNIT, 4 * UNIT, 255, 400,
    forbidden=frozenset('"*:<>?/\\|'), reserved=frozenset({"con", "* "}), rewrites=frozenset({"application/msword"}),
)  # fmt: skip
EXPORTS = (
    ExportChoice("office", "application/office", ".docx"),
    ExportChoice("pdf", "application/pdf", ".pdf"),
    ExportChoice("txt", "text/plain", ".txt"),
)


SCHEMA = """
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, parent TEXT, name TEXT, kind TEXT, media_type TEXT,
  version INTEGER, modified TEXT, trashed INTEGER DEFAULT 0, blob TEXT, size INTEGER,
  target TEXT);
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, spec TEXT, item TEXT);
"""


@dataclass
class FileRead:
    start: int
    length: int | None
    total: int | None
    version: str
    pieces: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.pieces


class Trip:
    """Counts what a drive does, and lets the n-th time of a verb fail. Shared by all drives of a process."""

    def __init__(self, die_after: int | None = None, how: signal.Signals = signal.SIGKILL) -> None:
        self.calls: dict[str, int] = defaultdict(int)
        self.log: list[tuple[str, str]] = []
        self._left = die_after
        self._how = how
        self._errors: dict[str, list[tuple[int, Callable[[], BaseException], bool]]] = defaultdict(list)

    def fail(self, verb: str, nth: int, error: Callable[[], BaseException], *, after: bool = False) -> None:
        """``after``: the verb has done its work, only its answer is lost."""
        self._errors[verb].append((nth, error, after))

    def step(self) -> None:
        """A point at which the process may be killed or stopped."""
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._how)

    def call(self, verb: str) -> None:
        self.step()
        self.calls[verb] += 1
        self._raise(verb, after=False)

    def answer(self, verb: str) -> None:
        self._raise(verb, after=True)
        self.step()

    def _raise(self, verb: str, *, after: bool) -> None:
        for nth, error, late in self._errors[verb]:
            if nth == self.calls[verb] and late == after:
                raise error()


def body(name: str, size: int) -> bytes:
    """Bytes that differ from file to file and from place to place."""
    seed = hashlib.sha256(name.encode()).digest()
    return b"".join(hashlib.sha256(seed + at.to_bytes(4, "big")).digest() for at in range(size // 32 + 1))[:size]


def dump(tree: Any) -> str:
    """A tree of a drive as text that can be compared across processes."""
    return json.dumps(tree, default=lambda raw: hashlib.sha256(raw).hexdigest(), sort_keys=True)
