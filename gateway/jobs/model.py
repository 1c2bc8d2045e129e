"""What work looks like: jobs, the items they consist of, and how an item can end. Values only; no SQL, no drive."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection

Hook = Callable[[AsyncConnection], Awaitable[object]]
"""Work to be done in the same transaction as a change of an item. It never commits."""


class JobState(StrEnum):
    """Where a job is. ``done`` may have failed items in its report; ``failed`` means that nothing arrived.

    ``unconfirmed``: it was under way in a copy of the database that was restored; its person must say that it goes on.
    """

    PLANNING = "planning"
    RUNNING = "running"
    PAUSED = "paused"
    UNCONFIRMED = "unconfirmed"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class ItemState(StrEnum):
    """Where an item is. ``done`` ends a step that is no item of the person's: a finished listing, a cleaned folder."""

    BLOCKED = "blocked"
    READY = "ready"
    RUNNING = "running"
    COPIED = "copied"
    SKIPPED = "skipped"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"
    DONE = "done"


OPEN: Final = (ItemState.BLOCKED, ItemState.READY, ItemState.RUNNING)
ENDED: Final = (ItemState.COPIED, ItemState.SKIPPED, ItemState.FAILED, ItemState.UNSUPPORTED, ItemState.DONE)
HALTED: Final = (JobState.PAUSED, JobState.UNCONFIRMED)
FINISHED: Final = (JobState.DONE, JobState.FAILED, JobState.CANCELLED)
LEADING: Final = ("folder", "scan")
"""Kinds of items whose end lets others begin: up to all children of a folder."""
STEPS: Final = ("scan", "prune", "survey")
"""Kinds that are steps and not items of the person: counted only where they failed."""


PLACE: Final = 8
"""Parts of one place at work: so many small files take up what one large one does."""
SMALL: Final = 1024 * 1024
"""Up to this many bytes a file is small: its cost is its requests, and the account's pace bounds those."""


def parts(kind: str, size: int | None) -> int:
    """How much of a place an item takes, in parts of it."""
    return 1 if kind == "copy" and size is not None and size <= SMALL else PLACE


@dataclass(frozen=True, slots=True)
class NewItem:
    """An item to be stored. ``lane`` and ``other`` name the drives it needs; ``identity`` is met once per job and kind.

    ``folder`` is the folder step that must be made before it, ``after`` the one whose contents must have ended before.
    ``entry`` and ``result`` are sealed. ``taken`` is the destination name's collision key.
    """

    id: str
    kind: str
    lane: str
    entry: Mapping[str, Any]
    other: str | None = None
    state: ItemState = ItemState.READY
    folder: str | None = None
    after: str | None = None
    depth: int = 0
    size: int | None = None
    identity: str | None = None
    taken: str | None = None
    reason: str | None = None
    priority: int = 0
    result: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item that was claimed: ``attempt`` fences every write of this turn. Sizes in bytes.

    ``pauses``: how often its job had been paused by then.
    """

    id: str
    job: str
    tenant: str
    person: str
    kind: str
    attempt: int
    failures: int
    losses: int
    lane: str
    other: str | None
    folder: str | None
    after: str | None
    depth: int
    priority: int
    size: int | None
    done: int
    entry: Mapping[str, Any]
    work: Mapping[str, Any]
    spec: Mapping[str, Any]
    instruction: str
    policy_version: str
    mode: str
    strikes: int
    pauses: int
    cancelled: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an item's turn ended. ``result`` is sealed; ``then`` runs in the same transaction as the change of state."""

    state: ItemState
    reason: str | None = None
    result: Mapping[str, Any] | None = None
    then: Hook | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """found = copied + skipped + failed + unsupported + waiting; waiting is 0 once the job has ended."""

    found: int = 0
    copied: int = 0
    skipped: int = 0
    failed: int = 0
    unsupported: int = 0
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing goes on before ``until``, epoch ms; None: before somebody lifts what halts it.

    ``drive``: whose provider asked for it, where one did.
    """

    until: int | None
    reason: str
    drive: str | None


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as its person sees it. Times in epoch ms, bytes known so far.

    ``kept``: originals of a move that stayed, known once it has ended.
    """

    id: str
    kind: str
    mode: str
    state: JobState
    created: int
    ended: int | None
    cancelling: bool
    counts: Counts
    bytes_total: int
    bytes_done: int
    spec: Mapping[str, Any] = field(default_factory=dict)
    wait: Wait | None = None
    kept: int | None = None

    @property
    def tag(self) -> str:
        """Differs whenever anything shown differs: the id of a progress event."""
        shown = [self.id, self.state, self.cancelling, asdict(self.counts), self.bytes_total, self.bytes_done]
        shown += [] if self.wait is None else [asdict(self.wait)]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item in a report. ``path`` is below what was chosen; ``renamed_to`` the name it had to take."""

    seq: int
    id: str
    kind: str
    name: str
    path: str
    state: ItemState
    size: int | None
    done: int
    renamed_to: str | None
    reason: str | None
    advice: str | None
    destination: tuple[str, str] | None
    wait: Wait | None = None


class Fenced(Exception):
    """The item is no longer this process's: taken over, cancelled or forgotten. Stop at once and write nothing."""


class Parked(Exception):
    """A lane is throttled for ``seconds`` (None: the provider did not say). No failed attempt of the item."""

    def __init__(self, lane: str, seconds: float | None) -> None:
        super().__init__("throttled")
        self.lane = lane
        self.seconds = seconds
