"""Adds a job up from its items' rows, so that a report can never drift from what is stored. It only counts."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Column, ColumnElement, or_

from gateway.jobs.model import OPEN, STEPS, Counts, ItemState, JobState


@dataclass(frozen=True, slots=True)
class Totals:
    """``listing``: folders are still being listed. ``waiting``: some item has not ended.

    ``kept``: see `gateway.jobs.outcome.kept`; None until the job has ended.
    """

    counts: Counts
    bytes_total: int
    bytes_done: int
    listing: bool
    waiting: bool
    kept: int | None = None


def counted(kind: Column[Any], state: Column[Any]) -> ColumnElement[bool]:
    """Whether a row is an item of the person: steps of ours count only where they failed."""
    return or_(kind.not_in(STEPS), state == ItemState.FAILED)


def add_up(rows: Sequence[Mapping[Any, Any]]) -> Totals:
    """The totals of `gateway.jobs.queue.count`'s rows."""
    states: Counter[str] = Counter()
    size = done = 0
    listing = waiting = False
    for row in rows:
        is_open = row["state"] in OPEN
        waiting |= is_open
        listing |= is_open and row["kind"] == "scan"
        if row["kind"] in STEPS and row["state"] != ItemState.FAILED:
            continue
        states["waiting" if is_open else str(row["state"])] += row["number"]
        size += int(row["size"] or 0)
        done += int(row["done"] or 0)
    counts = Counts(
        found=sum(states.values()),
        copied=states["copied"],
        skipped=states["skipped"],
        failed=states["failed"],
        unsupported=states["unsupported"],
        waiting=states["waiting"],
    )
    return Totals(counts, size, done, listing, waiting)


def verdict(totals: Totals, *, cancelled: bool) -> JobState:
    """How a job ended: failed only where nothing arrived and something failed; the report tells the rest."""
    if cancelled:
        return JobState.CANCELLED
    nothing = totals.counts.copied == 0 and totals.counts.failed > 0
    return JobState.FAILED if nothing else JobState.DONE


def dump(totals: Totals) -> str:
    """Numbers only, to be kept with an ended job."""
    return json.dumps(asdict(totals))


def load(text: str) -> Totals:
    """What `dump` wrote."""
    data = json.loads(text)
    return Totals(**{**data, "counts": Counts(**data["counts"])})
