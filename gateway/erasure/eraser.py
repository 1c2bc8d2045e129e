"""Forgetting a person, step by step, in an order in which every crash ends with less, never with more.

    begun     the person is marked: no new work, no new data; a journal line outside the database is on disk
    listed    what must be revoked outside is sealed under a key of its own that dies within 72 hours
    shredded  the person's keys are destroyed everywhere: from here on nobody can read anything
    revoked   grants and open upload sessions were given back, as far as the providers have a way
    erased    rows are deleted, blobs swept, the database's log emptied
    done      the erasure's own key is destroyed, the receipt is signed

Every step may run again. A process that starts finishes what another began.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Corrupt, Expired, Missing, Shredded, Unavailable
from cache.vault import Life, Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasure_state, erasures
from gateway.erasure.journal import Journal, Line
from gateway.erasure.receipt import Statement, statement
from gateway.erasure.stores import Store
from gateway.ids import new_id
from gateway.signing import DEPLOYMENT, SigningKeys

log = structlog.get_logger()

BUNDLE_LIFE = 72 * 3_600_000
RECEIPT_LIFE = 30 * 24 * 3_600_000
SECRET_BYTES = 32


class Outside(Protocol):
    """What a person has at providers: listed while their key lives, given back after it died."""

    async def collect(self, scope: Scope) -> list[dict[str, Any]]:
        """Everything to be given back, as JSON: grants, open upload sessions."""
        ...

    async def give_back(self, task: dict[str, Any]) -> dict[str, Any]:
        """One task; {'provider', 'what', 'revoked': bool, 'advice'}. Never raises for a provider's refusal."""
        ...


class People(Protocol):
    """The person's own row."""

    async def begin_erasure(self, tx: AsyncConnection, scope: Scope) -> bool:
        """active → erasing. False where there is no such active person."""
        ...

    async def end_erasure(self, tx: AsyncConnection, scope: Scope) -> None:
        """erasing → erased: nothing is left but the id that is never used again."""
        ...


Stop = Callable[[Scope], Awaitable[None]]
"""Stops what runs for a person in this process: fills, streams, jobs, sessions in memory."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A new erasure and the secret of its receipt's one-time link."""

    id: str
    secret: str


class Eraser:
    """Runs erasures; one at a time for a person, several at once for many."""

    def __init__(
        self,
        *,
        vault: Vault,
        database: Database,
        journal: Journal,
        signing: SigningKeys,
        stores: Sequence[Store],
        people: People,
        outside: Outside,
        stop: Stop,
    ) -> None:
        self._vault = vault
        self._database = database
        self._journal = journal
        self._signing = signing
        self._stores = stores
        self._people = people
        self._outside = outside
        self._stop = stop
        self._running: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Apply journal entries that this database has not seen, then finish what was begun. JournalRefused."""
        async with self._database.read() as tx:
            applied = (await tx.execute(select(erasure_state.c.applied))).scalar_one_or_none()
        for line in await self._journal.open(applied):
            await self._replay(line)
        async with self._database.read() as tx:
            open_ones = (await tx.execute(select(erasures.c.id).where(erasures.c.step != "done"))).scalars().all()
        for erasure in open_ones:
            self._spawn(erasure)

    async def close(self) -> None:
        """Stop between two steps; the next start goes on."""
        for task in list(self._running.values()):
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def _replay(self, line: Line) -> None:
        """After a restore: forget again, before the first request is served."""
        scope = Scope(line.school, line.person)
        async with self._database.write() as tx:
            await self._people.begin_erasure(tx, scope)
            known = (await tx.execute(select(erasures.c.id).where(erasures.c.id == line.erasure))).first()
            if known is None:
                await tx.execute(
                    insert(erasures).values(
                        id=line.erasure, sequence=line.sequence, school=line.school, person=line.person,
                        scope=line.scope, step="begun", counts="{}", begun=line.at,
                    )
                )  # fmt: skip
            await self._applied(tx, line.sequence)
        await self.run(line.erasure)

    async def plan(self, scope: Scope) -> list[dict[str, Any]]:
        """What would go: store, count, bytes, what. Reads only."""
        found = []
        async with self._database.read() as tx:
            for store in self._stores:
                count, size = await store.count(tx, scope)
                found.append({"store": store.name, "count": count, "bytes": size, "what": store.what})
        return found

    async def begin(self, scope: Scope) -> Begun | None:
        """Mark the person and start. From the return on no new data can come. None where it runs already."""
        erasure, secret = new_id(), secrets.token_urlsafe(SECRET_BYTES)
        now = await self._database.now()
        async with self._database.write() as tx:
            if not await self._people.begin_erasure(tx, scope):
                return None
            await tx.execute(
                insert(erasures).values(
                    id=erasure,
                    school=scope.tenant,
                    person=scope.subject,
                    scope="person",
                    step="begun",
                    counts="{}",
                    begun=now,
                    secret=hashlib.sha256(secret.encode()).digest(),
                )
            )
        try:
            await self._write_journal(erasure, scope, now)
        except Exception as error:  # noqa: BLE001  # marked is marked: the first step writes it before any key dies
            log.warning("erasure_journal_waits", erasure=erasure, why=type(error).__name__)
        self._spawn(erasure)
        return Begun(erasure, secret)

    async def _write_journal(self, erasure: str, scope: Scope, at: int) -> None:
        line = await self._journal.append(erasure, scope.tenant, scope.subject or "", "person", at)
        async with self._database.write() as tx:
            await tx.execute(update(erasures).where(erasures.c.id == erasure).values(sequence=line.sequence))
            await self._applied(tx, line.sequence)

    async def _applied(self, tx: AsyncConnection, sequence: int) -> None:
        done = await tx.execute(
            update(erasure_state).where(erasure_state.c.applied < sequence).values(applied=sequence)
        )  # fmt: skip
        if done.rowcount == 0 and (await tx.execute(select(erasure_state.c.id))).first() is None:
            await tx.execute(insert(erasure_state).values(id="journal", applied=sequence))

    def _spawn(self, erasure: str) -> None:
        task = asyncio.create_task(self._persist(erasure), name="erasure")
        self._running[erasure] = task
        task.add_done_callback(lambda _: self._running.pop(erasure, None))

    async def _persist(self, erasure: str) -> None:
        """Run until it is done: a step that fails is tried again, for ever, ever more slowly."""
        wait = 0.5
        while True:
            try:
                await self.run(erasure)
                return
            except Exception as error:  # noqa: BLE001  # whatever it was, forgetting goes on
                log.warning("erasure_step_failed", erasure=erasure, why=type(error).__name__)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 60)

    async def run(self, erasure: str) -> None:
        """All steps that are left, in order."""
        while True:
            async with self._database.read() as tx:
                row = (await tx.execute(select(erasures).where(erasures.c.id == erasure))).mappings().one()
            if row["step"] == "done":
                return
            scope = Scope(row["school"], row["person"])
            step = {
                "begun": self._list,
                "listed": self._shred,
                "shredded": self._revoke,
                "revoked": self._erase,
                "erased": self._conclude,
            }[row["step"]]
            await step(dict(row), scope)

    async def _list(self, row: dict[str, Any], scope: Scope) -> None:
        if row["sequence"] is None:
            await self._write_journal(row["id"], scope, row["begun"])
        await self._stop(scope)
        tasks: list[dict[str, Any]] = []
        try:
            tasks = await self._outside.collect(scope)
        except (Missing, Shredded):
            log.info("erasure_without_keys", erasure=row["id"])
        counts: dict[str, Any] = {e["store"]: {"erased": e["count"]} for e in await self.plan(scope)}
        counts["asked"] = [{"provider": task["provider"]} for task in tasks]
        bundle = await self._seal_bundle(tasks)
        if not await self._advance(row, "listed", bundle=bundle, counts=json.dumps(counts)):
            await self._shred_bundle(bundle)

    async def _seal_bundle(self, tasks: list[dict[str, Any]]) -> str:
        """Under a key made for this alone: 'subject/object'."""
        scope = Scope(DEPLOYMENT.tenant, f"erasure-{new_id()}")
        ends = await self._database.now() + BUNDLE_LIFE
        async with self._database.write() as tx:
            await self._vault.enrol(tx, scope)
        async with self._vault.put(scope, Life.SPOOL, ends) as writer:
            await writer.write(json.dumps(tasks).encode())
            await writer.finish()
            async with self._database.write() as tx:
                sealed = await writer.commit(tx)
        return f"{scope.subject}/{sealed.id}"

    async def _open_bundle(self, row: dict[str, Any]) -> list[dict[str, Any]]:
        subject, _, sealed = row["bundle"].partition("/")
        try:
            async with self._vault.open(Scope(DEPLOYMENT.tenant, subject), sealed) as pieces:
                tasks = json.loads(b"".join([piece async for piece in pieces]))
        except (Missing, Expired, Shredded, Corrupt):  # its 72 hours are over, or the machine restarted:
            return list(json.loads(row["counts"]).get("asked", []))  # without its grant a task ends as "not revoked"
        return list(tasks)

    async def _shred_bundle(self, bundle: str) -> None:
        async with self._database.write() as tx:
            await self._vault.shred(tx, Scope(DEPLOYMENT.tenant, bundle.partition("/")[0]))

    async def _shred(self, row: dict[str, Any], scope: Scope) -> None:
        async with self._database.write() as tx:
            await self._vault.shred(tx, scope)
        await self._vault.hasten()
        await self._stop(scope)
        await self._advance(row, "shredded")

    async def _revoke(self, row: dict[str, Any], scope: Scope) -> None:
        counts = json.loads(row["counts"])
        counts["outside"] = [await self._outside.give_back(task) for task in await self._open_bundle(row)]
        await self._advance(row, "revoked", counts=json.dumps(counts))

    async def _erase(self, row: dict[str, Any], scope: Scope) -> None:
        async with self._database.write() as tx:
            for store in self._stores:
                await store.erase(tx, scope)
            await self._people.end_erasure(tx, scope)
        while await self._vault.sweep(1000):
            pass
        if not await self._database.checkpoint():
            raise Unavailable("a long read keeps the database's log: deleted rows are still in it")
        await self._advance(row, "erased")

    async def _conclude(self, row: dict[str, Any], scope: Scope) -> None:
        now = await self._database.now()
        facts = Statement(row["id"], scope.tenant, row["scope"], row["begun"], now, json.loads(row["counts"]))
        signed = await self._signing.sign(statement(facts, self._stores))
        async with self._database.write() as tx:
            await self._vault.shred(tx, Scope(DEPLOYMENT.tenant, row["bundle"].partition("/")[0]))
            await tx.execute(
                update(erasures)
                .where(erasures.c.id == row["id"], erasures.c.step == row["step"])
                .values(step="done", ended=now, bundle=None, receipt=json.dumps(signed))
            )
        await self._database.checkpoint()
        log.info("erasure_done", erasure=row["id"])

    async def _advance(self, row: dict[str, Any], step: str, **values: Any) -> bool:
        """From the step that was read to the next. False where another process was quicker: nothing is ever undone."""
        mine = (erasures.c.id == row["id"]) & (erasures.c.step == row["step"])
        async with self._database.write() as tx:
            done = await tx.execute(update(erasures).where(mine).values(step=step, **values))
        return done.rowcount == 1

    async def receipt(self, secret: str) -> dict[str, Any] | None:
        """The signed receipt of a one-time link, which ends with this; None while it runs. KeyError: no such link."""
        mine = erasures.c.secret == hashlib.sha256(secret.encode()).digest()
        async with self._database.write() as tx:
            row = (await tx.execute(select(erasures.c.step, erasures.c.receipt).where(mine))).one_or_none()
            if row is None:
                raise KeyError
            if row.step != "done":
                return None
            await tx.execute(update(erasures).where(mine).values(secret=None, receipt=None))
        receipt: dict[str, Any] = json.loads(row.receipt)
        return receipt

    async def sweep(self, limit: int) -> int:
        """Let go of receipts that nobody fetched for a month. How many."""
        before = await self._database.now() - RECEIPT_LIFE
        old = select(erasures.c.id).where(erasures.c.ended < before, erasures.c.receipt.is_not(None)).limit(limit)
        async with self._database.write() as tx:
            gone = update(erasures).where(erasures.c.id.in_(old)).values(secret=None, receipt=None)
            return (await tx.execute(gone)).rowcount
