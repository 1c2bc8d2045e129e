"""Forgetting many people of a school at once, or the school itself. Each person is an erasure of their own.

people   begun    everybody is marked
         done     everybody is forgotten, one receipt of counts is signed
school   begun    the school has left, everybody is marked; nobody can sign in to it any more
         people   its journal line is on disk
         shredded everybody is forgotten, the school's own keys are destroyed
         erased   its settings, its webhook, its ledger are gone; only the end of the ledger's chain stays
         done     that end and one receipt of counts are signed
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Vault
from gateway import books
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasures
from gateway.db.tables_ledger import ledger_heads
from gateway.erasure.held import Holds, loaded
from gateway.erasure.model import DONE, Erasure, Held
from gateway.erasure.person import count, empty
from gateway.erasure.receipt import of_many
from gateway.erasure.steps import BATCH, Conclusion, Flow, Journalled, Next
from gateway.erasure.stores import Store
from gateway.ledger import Ledger, operated
from gateway.ledger.checkpoints import Close
from gateway.signing import DEPLOYMENT

_PAGE: Final = 500


class ForgetMany:
    """The steps of an erasure of many people."""

    def __init__(self, database: Database, conclusion: Conclusion, stores: Sequence[Store]) -> None:
        self._database = database
        self._conclusion = conclusion
        self._stores = stores

    @property
    def flow(self) -> Flow:
        """By the last finished step."""
        return {"begun": self._conclude}

    async def _conclude(self, erasure: Erasure) -> Next | None:
        if await unfinished(self._database, erasure):
            return None
        return await self._conclusion.end(erasure, self._says)

    async def _says(self, erasure: Erasure, now: int, dead_by: int | None) -> Mapping[str, Any]:
        sums = Sums()
        async for one in _people(self._database, erasure):
            sums.add(one)
        held = list(sums.held.values())
        return of_many(erasure, now, dead_by, self._stores, sums.counts, sums.people, sums.left, held)


class ForgetSchool:
    """The steps of the erasure of a school that leaves."""

    def __init__(
        self,
        *,
        vault: Vault,
        database: Database,
        ledger: Ledger,
        journalled: Journalled,
        conclusion: Conclusion,
        stores: Sequence[Store],
        holds: Holds,
        close: Callable[[str], Awaitable[Close]],
    ) -> None:
        """``close``: says the last word about a school's chain."""
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self._holds = holds
        self._journalled = journalled
        self._conclusion = conclusion
        self._stores = stores
        self._close = close

    @property
    def flow(self) -> Flow:
        """By the last finished step."""
        return {
            "begun": self._write,
            "people": self._shred,
            "shredded": self._erase,
            "erased": self._conclude,
        }

    async def _write(self, erasure: Erasure) -> Next:
        await self._journalled.write([erasure])
        return Next("people")

    async def _shred(self, erasure: Erasure) -> Next | None:
        """Once nobody of the school is left. What is counted now is the school's own; its people were counted each."""
        if await unfinished(self._database, erasure):
            return None
        async with self._database.read() as tx:
            if await self._holds.standing(tx, erasure.school):
                return None  # it waits until they are released: only a restore can lead here
            head = (await tx.execute(select(ledger_heads).where(ledger_heads.c.school == erasure.school))).one_or_none()
        counts = {**erasure.counts, **await count(self._database, self._stores, erasure.whose)}
        counts["head"] = None if head is None else {"sequence": head.sequence, "hash": head.hash.hex()}
        async with self._database.write() as tx:
            for scope in (erasure.whose, books.scope(erasure.school)):
                await self._vault.shred_keys(tx, scope)
            now = await self._database.now(tx)
        self._conclusion.destroyed(erasure)
        await self._vault.hasten()
        return Next("shredded", {"destroyed": now, "counts": json.dumps(counts)})

    async def _erase(self, erasure: Erasure) -> Next:
        for scope in (erasure.whose, books.scope(erasure.school)):
            while await self._vault.clear(scope, BATCH):
                pass
        await self._emptied(erasure)
        await self._conclusion.flushed()
        return Next("erased")

    async def _emptied(self, erasure: Erasure) -> None:
        for store in self._stores:
            await empty(self._database, store, erasure.whose)

    async def _conclude(self, erasure: Erasure) -> Next:
        """Once more what a request wrote that was still on its way, and then the operator's chain tells of it."""
        done = await self._conclusion.end(erasure, self._says)
        await self._emptied(erasure)
        await self._conclusion.flushed()
        closed = await self._close(erasure.school)

        async def also(tx: AsyncConnection) -> None:
            await closed(tx)
            if done.also is not None:
                await done.also(tx)
            told = {"school": erasure.school, "erasure": erasure.id, "head": erasure.counts.get("head")}
            await self._ledger.append(tx, DEPLOYMENT.tenant, operated("operator.school_left", told))

        return Next(done.step, done.values, also)

    async def _says(self, erasure: Erasure, now: int, dead_by: int | None) -> Mapping[str, Any]:
        sums = Sums()
        sums.count(erasure.counts)
        async for one in _people(self._database, erasure):
            sums.add(one)
        return of_many(erasure, now, dead_by, self._stores, sums.counts, sums.people, sums.left, [])


class Sums:
    """What the erasures of many people add up to. ``left``: who has a grant outside that could not be given back."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.people = 0
        self.left: list[dict[str, Any]] = []
        self.held: dict[str, Held] = {}

    def count(self, counts: Mapping[str, Any]) -> None:
        """Add the numbers of stores."""
        self.counts.update({name: told["erased"] for name, told in counts.items() if _is_count(told)})

    def add(self, person: Erasure) -> None:
        """One person."""
        self.people += 1
        self.count(person.counts)
        for one in loaded(person.counts):
            before = self.held.get(one.hold, Held(one.hold, 0, 0, one.tells))
            self.held[one.hold] = replace(before, count=before.count + one.count, bytes=before.bytes + one.bytes)
        outside = person.counts.get("outside", [])
        kept = Counter(one["provider"] for one in outside if not one["revoked"])
        if kept:
            self.left.append({"person": person.person, "not_revoked": dict(kept)})


def _is_count(told: Any) -> bool:
    return isinstance(told, dict) and "erased" in told


async def unfinished(database: Database, erasure: Erasure) -> int:
    """How many people are still to be forgotten before this is done: of a school also those who asked themselves."""
    mine = erasures.c.batch == erasure.id
    if erasure.scope == "school":
        mine = (erasures.c.school == erasure.school) & (erasures.c.scope != "school")
    query = select(func.count()).where(mine, erasures.c.step != DONE, erasures.c.id != erasure.id)
    async with database.read() as tx:
        return int((await tx.execute(query)).scalar_one())


async def _people(database: Database, erasure: Erasure) -> AsyncIterator[Erasure]:
    """Those who were forgotten with it, a page at a time."""
    after = ""
    while True:
        mine = (erasures.c.batch == erasure.id) & (erasures.c.id > after)
        async with database.read() as tx:
            rows = (await tx.execute(select(erasures).where(mine).order_by(erasures.c.id).limit(_PAGE))).mappings()
            found = [Erasure.of(dict(row)) for row in rows.all()]
        for one in found:
            yield one
        if len(found) < _PAGE:
            return
        after = found[-1].id
