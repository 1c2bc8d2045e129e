"""Why an item does not go on now, and when it will: its account was asked to pause, an attempt failed for a while, or
somebody's access is suspended.

A job waits where nothing of it is at work and nothing could begin. It reads rows only; what a drive is called, whoever
shows it knows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from sqlalchemy import Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items, lanes
from gateway.jobs.halting import HALTED, halted
from gateway.jobs.model import ItemState, Wait

THROTTLED: Final = "waiting"
"""The reason where a drive's provider asked for a pause."""

_lane, _other = lanes.alias("lane_of"), lanes.alias("other_of")
UNTIL: Final = (
    _lane.c.not_before.label("lane_until"), _other.c.not_before.label("other_until"), halted().label("halted")
)  # fmt: skip


def with_lanes(query: Select[tuple[object, ...]]) -> Select[tuple[object, ...]]:
    """A query of items that also finds what `UNTIL` names."""
    joined = items.outerjoin(_lane, _lane.c.id == items.c.lane).outerjoin(_other, _other.c.id == items.c.other)
    return query.select_from(joined).add_columns(*UNTIL)


def wait(
    now: int, not_before: int, reason: str | None, pauses: Sequence[tuple[str | None, int | None]], *, halted: bool
) -> Wait | None:
    """Until when, and why. ``pauses``: lanes of the item and until when they rest. None where it can begin."""
    if halted:
        return Wait(None, HALTED, None)
    lane, until = max(((name, end or 0) for name, end in pauses if name is not None), key=lambda pause: pause[1])
    if max(until, not_before) <= now:
        return None
    if until >= not_before:
        return Wait(until, THROTTLED, lane.rpartition(":")[2])
    return Wait(not_before, reason or THROTTLED, None)


async def of_job(tx: AsyncConnection, job: str, now: int) -> Wait | None:
    """What the whole job waits for: the first of its items to go on. None where something is at work or could be."""
    mine = items.c.job == job
    if (await tx.execute(select(exists().where(mine, items.c.state == ItemState.RUNNING)))).scalar_one():
        return None
    query = select(
        items.c.lane, items.c.other, func.min(items.c.not_before).label("own"), func.max(items.c.reason).label("reason")
    )
    found = await tx.execute(
        with_lanes(query.where(mine, items.c.state == ItemState.READY).group_by(items.c.lane, items.c.other, *UNTIL))
    )
    waits = [
        wait(
            now, row.own, row.reason, [(row.lane, row.lane_until), (row.other, row.other_until)], halted=row.halted
        )
        for row in found
    ]  # fmt: skip
    if not waits or None in waits:
        return None
    known = [one for one in waits if one is not None]
    return min(known, key=lambda one: math.inf if one.until is None else one.until)
