"""How one step of an erasure answers, and what every kind of erasure shares: its journal entry and its end.

A step may run again at any time, also in another process; what it leads to is written in one transaction that only the
first of them wins.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.epoch import LIMIT
from cache.errors import Unavailable
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasures
from gateway.erasure.journal import Line
from gateway.erasure.model import DONE, Erasure
from gateway.erasure.receipts import Receipts
from gateway.erasure.restoring import Restorer
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.signing import SigningKeys

BATCH: Final = 2000
"""Rows and blobs that go at once: nobody who waits for the database notices."""
_MARGIN: Final = 0.25

Hook = Callable[[AsyncConnection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Next:
    """The step that is finished now, with columns to set. ``also`` runs in the same transaction; ``lost`` where
    another process was quicker.
    """

    step: str
    values: Mapping[str, Any] = field(default_factory=dict)
    also: Hook | None = None
    lost: Callable[[], Awaitable[None]] | None = None


Step = Callable[[Erasure], Awaitable[Next | None]]
"""Takes an erasure on from a step; None: it must wait for others, ask again."""
Flow = Mapping[str, Step]
"""By the last finished step."""
DeadBy = Callable[[int], Awaitable[int | None]]
"""When backups made until now are dead too, epoch ms; None where nobody can say."""
Says = Callable[[Erasure, int, int | None], Awaitable[Mapping[str, Any]]]
"""What a receipt states of an erasure that ended now, with backups dead by then (epoch ms)."""


class Journalled:
    """Writes the entries of erasures before anything of theirs is destroyed."""

    def __init__(self, restorer: Restorer, database: Database) -> None:
        self._restorer = restorer
        self._database = database

    async def write(self, some: Sequence[Erasure]) -> None:
        """All of them with one write, on disk when this returns. OSError, JournalRefused."""
        new = [one for one in some if one.sequence is None and one.scope != "people"]
        if not new:
            return
        lines = await self._restorer.write([_line(one) for one in new])
        async with self._database.write() as tx:
            for line in lines:
                mine = erasures.c.id == line.erasure
                await tx.execute(update(erasures).where(mine).values(sequence=line.sequence))
            await self._restorer.seen(tx, *(line.sequence for line in lines))


def _line(erasure: Erasure) -> Line:
    target = erasure.target
    note = None if target is None else base64.b64encode(target.dump().encode()).decode()
    return Line(0, erasure.id, erasure.school, erasure.person, erasure.scope, erasure.begun, note)


class Conclusion:
    """The end that all erasures share: nothing is left in logs and memories, then the receipt."""

    def __init__(
        self,
        *,
        vault: Vault,
        database: Database,
        ledger: Ledger,
        signing: SigningKeys,
        receipts: Receipts,
        dead_by: DeadBy,
    ) -> None:
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self._signing = signing
        self._receipts = receipts
        self._dead_by = dead_by
        self._destroyed: dict[str, float] = {}

    def destroyed(self, erasure: Erasure) -> None:
        """Its keys are dead from now on; other processes may have them for a second more."""
        self._destroyed[erasure.id] = asyncio.get_running_loop().time()

    async def flushed(self) -> None:
        """Blobs of destroyed objects are gone, and the database's log is empty. Unavailable: try again."""
        while await self._vault.empty_graves(BATCH):
            pass
        if not await self._database.checkpoint():
            raise Unavailable("a long read keeps the database's log: deleted rows are still in it")

    async def end(self, erasure: Erasure, says: Says) -> Next:
        """The last step, after the second in which a process could still have had a key."""
        await self._evicted(erasure)
        now = await self._database.now()
        dead_by = await self._dead_by(now)
        signed = None
        if await self._receipts.wanted(erasure.id):
            signed = await self._signing.sign(await says(erasure, now, dead_by))

        async def also(tx: AsyncConnection) -> None:
            if signed is not None:
                await self._receipts.keep(tx, erasure.id, signed, now)
            await self._told(tx, erasure)

        nothing_more = {"bundle": None, "target": None, "owner": None, "until": None}
        return Next(DONE, {"ended": now, "dead_by": dead_by, **nothing_more}, also)

    async def _evicted(self, erasure: Erasure) -> None:
        loop = asyncio.get_running_loop()
        since = self._destroyed.pop(erasure.id, loop.time())
        await asyncio.sleep(max(0.0, since + LIMIT + _MARGIN - loop.time()))

    async def _told(self, tx: AsyncConnection, erasure: Erasure) -> None:
        """In the school's ledger, while there is one: of a school that left the operator's own chain tells."""
        if erasure.scope != "school":
            event = Event("erasure.done", None, erasure.person or None, erasure.id, POLICY_VERSION)
            await self._ledger.append(tx, erasure.school, event)
