"""Forgetting a person, step by step, in an order in which every crash ends with less, never with more.

begun     the person is marked: no new work, no new data
listed    a journal line outside the database is on disk; what must be given back outside is sealed under a key of
          its own that dies within 72 hours
kept      what a legal hold keeps is under the hold's own key; nothing else is kept
shredded  the person's keys are destroyed everywhere: from here on nobody can read anything
revoked   grants and open upload sessions were given back, as far as the providers have a way
erased    blobs and rows are gone, the database's log is empty
done      the list's own key is destroyed, the receipt is signed
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Corrupt, Expired, Missing, Shredded
from cache.vault import Life, Scope, Vault
from gateway.db.engine import Database
from gateway.erasure.held import COUNTS, Holds, dumped
from gateway.erasure.model import Erasure
from gateway.erasure.receipt import of_person
from gateway.erasure.steps import BATCH, Conclusion, Flow, Journalled, Next
from gateway.erasure.stores import Store
from gateway.signing import DEPLOYMENT

log = structlog.get_logger()

BUNDLE_LIFE: Final = 72 * 3_600_000
_AT_ONCE: Final = 4
"""Tasks that are given back side by side."""


class Outside(Protocol):
    """What a person has at providers: listed while their key lives, given back after it died."""

    async def collect(self, scope: Scope) -> Sequence[dict[str, Any]]:
        """Everything to be given back, as JSON: grants, open upload sessions."""
        ...

    async def give_back(self, task: dict[str, Any]) -> dict[str, Any]:
        """One task; {'provider', 'what', 'revoked': bool, 'advice'}. Never raises for a provider's refusal."""
        ...


class People(Protocol):
    """The person's own row."""

    async def begin_erasure(self, tx: AsyncConnection, scope: Scope) -> bool:
        """active or suspended → erasing. False where there is no such person."""
        ...

    async def end_erasure(self, tx: AsyncConnection, scope: Scope) -> None:
        """erasing → erased: nothing is left but the id that is never used again."""
        ...


Stop = Callable[[Scope], Awaitable[None]]
"""Stops what runs for a person in this process: fills, streams, jobs, sessions in memory."""


class ForgetPerson:
    """The steps of a person's erasure."""

    def __init__(
        self,
        *,
        vault: Vault,
        database: Database,
        journalled: Journalled,
        conclusion: Conclusion,
        stores: Sequence[Store],
        people: People,
        outside: Outside,
        holds: Holds,
        stop: Stop,
    ) -> None:
        self._vault = vault
        self._database = database
        self._journalled = journalled
        self._conclusion = conclusion
        self._stores = stores
        self._people = people
        self._outside = outside
        self._holds = holds
        self._stop = stop

    @property
    def flow(self) -> Flow:
        """By the last finished step."""
        return {
            "begun": self._list,
            "listed": self._keep,
            "kept": self._shred,
            "shredded": self._revoke,
            "revoked": self._erase,
            "erased": self._conclude,
        }

    async def _list(self, erasure: Erasure) -> Next:
        await self._journalled.write([erasure])
        await self._stop(erasure.whose)
        tasks: Sequence[dict[str, Any]] = []
        try:
            tasks = await self._outside.collect(erasure.whose)
        except (Missing, Shredded):
            log.info("erasure_without_keys", erasure=erasure.id)
        counts = {**erasure.counts, "asked": [{"provider": task["provider"]} for task in tasks if "provider" in task]}
        values: dict[str, Any] = {"counts": json.dumps(counts)}
        if not tasks:
            return Next("listed", values)
        bundle = await self._seal(erasure, tasks)

        async def lost() -> None:
            async with self._database.write() as tx:
                await self._vault.destroy(tx, _scope(bundle), [bundle.partition("/")[2]])

        return Next("listed", {**values, "bundle": bundle}, lost=lost)

    async def _seal(self, erasure: Erasure, tasks: Sequence[Mapping[str, Any]]) -> str:
        """Under a key made for this erasure alone: 'subject/object'. What a crash leaves of it dies with that key."""
        scope = Scope(DEPLOYMENT.tenant, f"erasure-{erasure.id}")
        ends = await self._database.now() + BUNDLE_LIFE
        async with self._database.write() as tx:
            await self._vault.enrol(tx, scope)
        async with self._vault.put(scope, Life.SPOOL, ends) as writer:
            await writer.write(json.dumps(list(tasks)).encode())
            await writer.finish()
            async with self._database.write() as tx:
                sealed = await writer.commit(tx)
        return f"{scope.subject}/{sealed.id}"

    async def _unsealed(self, erasure: Erasure) -> list[dict[str, Any]]:
        if erasure.bundle is None:
            return []
        try:
            async with self._vault.open(_scope(erasure.bundle), erasure.bundle.partition("/")[2]) as pieces:
                tasks = json.loads(b"".join([piece async for piece in pieces]))
        except (Missing, Expired, Shredded, Corrupt):  # its 72 hours are over, or the machine restarted:
            return list(erasure.counts.get("asked", []))  # without its grant a task ends as "not revoked"
        return list(tasks)

    async def _keep(self, erasure: Erasure) -> Next:
        """No hold begins for somebody who is being forgotten: what is kept back is all there is."""
        await self._holds.take(erasure.whose)
        async with self._database.read() as tx:
            held = await self._holds.held(tx, erasure.whose)
        counts = {**erasure.counts, **({COUNTS: dumped(held)} if held else {})}
        return Next("kept", {"counts": json.dumps(counts)})

    async def _shred(self, erasure: Erasure) -> Next:
        """In a transaction of its own, before the step is written: whoever comes second finds them dead already."""
        async with self._database.write() as tx:
            await self._vault.shred_keys(tx, erasure.whose)
            now = await self._database.now(tx)
        self._conclusion.destroyed(erasure)
        await self._vault.hasten()
        return Next("shredded", {"destroyed": now})

    async def _revoke(self, erasure: Erasure) -> Next:
        """What was held is counted here, at the last moment at which it is all there."""
        await self._stop(erasure.whose)
        counts = {**erasure.counts, **await count(self._database, self._stores, erasure.whose)}
        told = await self._given_back(await self._unsealed(erasure))
        counts["outside"] = [one for one in told if "revoked" in one]
        counts["sessions"] = sum(one.get("cancelled", 0) for one in told)
        return Next("revoked", {"counts": json.dumps(counts)})

    async def _given_back(self, tasks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Sessions before grants: some providers end them with the grant, and others never."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(task: dict[str, Any]) -> dict[str, Any]:
            async with room:
                return await self._outside.give_back(task)

        sessions = [task for task in tasks if "sessions" in task]
        told = list(await asyncio.gather(*(one(task) for task in sessions)))
        return told + list(await asyncio.gather(*(one(task) for task in tasks if "sessions" not in task)))

    async def _erase(self, erasure: Erasure) -> Next:
        scope = erasure.whose
        while await self._vault.clear(scope, BATCH):
            pass
        for store in self._stores:
            await empty(self._database, store, scope)
        async with self._database.write() as tx:
            await self._people.end_erasure(tx, scope)
        await self._conclusion.flushed()
        return Next("erased")

    async def _conclude(self, erasure: Erasure) -> Next:
        if erasure.bundle is not None:
            async with self._database.write() as tx:
                await self._vault.shred(tx, _scope(erasure.bundle))

        async def says(erasure: Erasure, now: int, dead_by: int | None) -> Mapping[str, Any]:
            return of_person(erasure, now, dead_by, self._stores)

        done = await self._conclusion.end(erasure, says)
        await self._conclusion.flushed()
        return done


def _scope(bundle: str) -> Scope:
    return Scope(DEPLOYMENT.tenant, bundle.partition("/")[0])


async def count(database: Database, stores: Sequence[Store], scope: Scope) -> dict[str, dict[str, int]]:
    """What there is in each store: {'erased', 'bytes'}."""
    found = {}
    async with database.read() as tx:
        for store in stores:
            number, size = await store.count(tx, scope)
            found[store.name] = {"erased": number, **({} if size is None else {"bytes": size})}
    return found


async def empty(database: Database, store: Store, scope: Scope) -> None:
    """Delete all rows of a store, a batch at a time."""
    while True:
        async with database.write() as tx:
            if await store.erase(tx, scope, BATCH) < BATCH:
                return
