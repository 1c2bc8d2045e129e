"""Messages that wait to be sent, as rows: written where something ends, claimed for one attempt at a time.

A claim moves the message's next attempt before the attempt begins, so a process that dies in it loses nothing and
holds nothing. Functions take the transaction and never commit; they know no key and no address. Of the two tables the
school's row is locked first, always.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_webhooks import webhook_messages as messages
from gateway.db.tables_webhooks import webhooks
from gateway.ids import new_id
from gateway.suspended import suspended_schools

PAUSES: Final = (30, 60, 300, 900, 1800, 3600, 7200, 14_400)
"""Seconds until the next attempt; the last counts for all that follow. Longer than an attempt can take."""
LIFE: Final = 86_400_000
"""A message is given up so many ms after it came to be."""
ALWAYS: Final = 1 << 53
"""Longer than any job lasts: what every school is told that has an address, also one that hears of long jobs only."""
_MOST: Final = 10_000
"""Messages that wait for one school: whoever lets more gather than that is told of no more until some have gone."""


def message_id() -> str:
    """The same for all attempts of a message, so that a receiver knows a repeat."""
    return f"msg_{new_id()}"


def body(kind: str, at: int, data: Mapping[str, Any]) -> str:
    """The message itself. ``at`` in epoch ms."""
    when = datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds")
    return json.dumps({"type": kind, "timestamp": when, "data": data}, separators=(",", ":"))


async def put(
    tx: AsyncConnection, *, school: str, person: str, kind: str, now: int, lasted: int, data: Mapping[str, Any]
) -> bool:
    """Leave a message for the school, where it wants to hear of what ``lasted`` so many ms. Whether it does."""
    wanted = select(webhooks.c.school).where(
        webhooks.c.school == school, webhooks.c.stopped == 0, webhooks.c.after <= lasted
    )
    if (await tx.execute(wanted)).first() is None or await waiting(tx, school) >= _MOST:
        return False
    row = {"id": message_id(), "school": school, "person": person, "body": body(kind, now, data)}
    await tx.execute(insert(messages).values(**row, created=now, not_before=now, attempts=0))
    return True


async def waiting(tx: AsyncConnection, school: str) -> int:
    """How many messages wait for a school."""
    query = select(func.count()).select_from(messages).where(messages.c.school == school)
    return int((await tx.execute(query)).scalar_one())


async def due(tx: AsyncConnection, now: int, limit: int) -> Sequence[str]:
    """Schools that something can be sent to now, whoever waits longest first. Suspended ones are told after that."""
    first = func.min(messages.c.not_before)
    ready = (messages.c.not_before <= now) & messages.c.school.not_in(suspended_schools())
    query = select(messages.c.school).where(ready).group_by(messages.c.school)
    return (await tx.execute(query.order_by(first).limit(limit))).scalars().all()


async def claim(tx: AsyncConnection, school: str, now: int) -> Row[Any] | None:
    """One message that is due, its next attempt put off already. None where none is due.

    The caller holds the school's row. Messages whose time is over are dropped and counted.
    """
    await _give_up(tx, school, now)
    query = select(messages).where(messages.c.school == school, messages.c.not_before <= now)
    found = await tx.execute(query.order_by(messages.c.not_before).limit(1))
    row = found.one_or_none()
    if row is not None:
        again = {"attempts": row.attempts + 1, "not_before": now + pause(row.attempts)}
        await tx.execute(update(messages).where(messages.c.id == row.id).values(**again))
    return row


def pause(attempts: int) -> int:
    """Ms from an attempt to the next, a little spread, so that not all come back at once."""
    seconds = PAUSES[min(attempts, len(PAUSES) - 1)]
    return round(seconds * random.uniform(1.0, 1.1) * 1000)  # noqa: S311 - spreads retries, keeps no secret


async def _give_up(tx: AsyncConnection, school: str, now: int) -> None:
    over = await tx.execute(delete(messages).where(messages.c.school == school, messages.c.created <= now - LIFE))
    await _count(tx, school, over.rowcount)


async def drop(tx: AsyncConnection, school: str) -> None:
    """Nothing waits for the school any more; counted as given up."""
    await _count(tx, school, (await tx.execute(delete(messages).where(messages.c.school == school))).rowcount)


async def _count(tx: AsyncConnection, school: str, number: int) -> None:
    if number:
        more = {"given_up": webhooks.c.given_up + number}
        await tx.execute(update(webhooks).where(webhooks.c.school == school).values(**more))


async def went(tx: AsyncConnection, school: str, message: str | None, now: int) -> None:
    """An attempt went well; ``message`` None for one that was not kept."""
    await tx.execute(update(webhooks).where(webhooks.c.school == school).values(succeeded=now))
    if message is not None:
        await tx.execute(delete(messages).where(messages.c.id == message))


async def failed(tx: AsyncConnection, school: str, now: int, code: str, status: int | None, *, gone: bool) -> None:
    """An attempt did not. ``gone``: the address does not want to be asked again."""
    told = {"failed": now, "failure": code, "status": status} | ({"stopped": 1} if gone else {})
    await tx.execute(update(webhooks).where(webhooks.c.school == school).values(**told))
    if gone:
        await drop(tx, school)
