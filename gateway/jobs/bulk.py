"""Which work may be overtaken: a job of many items steps behind what the same person orders beside it.

Between people, schools and accounts lanes take turns whatever the priority; this orders what waits in one lane.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.tables_work import items

MANY: Final = 500
"""Items, steps among them, that a job may have before what it finds beyond them counts as bulk."""
BULK: Final = 10
"""The priority of bulk; smaller goes first, and an order that somebody waits for has 0."""


async def priority(tx: AsyncConnection, job: str, usual: int) -> int:
    """Of items that are found now, in a job whose own priority is ``usual``."""
    if usual >= BULK:
        return usual
    beyond = select(items.c.id).where(items.c.job == job).offset(MANY - 1).limit(1)
    return usual if (await tx.execute(beyond)).first() is None else BULK
