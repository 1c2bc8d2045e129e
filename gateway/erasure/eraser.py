"""Runs erasures: begins them, takes each from step to step until it is done, and goes on with what others left.

What a step does stands in `person`, `item` and `many`. A row is at work in one process at a time, by a lease that ends
with the process; even where two are at it, only one of them takes a step. Whoever asked themselves is taken up at
once, many people a few at a time.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import ColumnElement, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Suspended
from cache.vault import Scope
from gateway.approvals import Request, subjects
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasures
from gateway.erasure.held import Holds
from gateway.erasure.journal import Line
from gateway.erasure.model import DONE, Asked, Begun, Erasure, Target
from gateway.erasure.receipts import Receipts
from gateway.erasure.restoring import Replays
from gateway.erasure.steps import Flow, Journalled, Next
from gateway.erasure.things import Things
from gateway.ids import new_id
from gateway.ledger import Event, Ledger, merkle_root
from gateway.policy import POLICY_VERSION

log = structlog.get_logger()

LEASE: Final = 15_000
"""Milliseconds after which another process may go on with an erasure whose own gave no sign."""
BEAT: Final = 4.0
CROWD: Final = 8
"""Erasures of many people that one process has at work at the same time."""
BEFORE_SERVING: Final = 30.0
"""Seconds that a start waits for keys to die of people whose erasure is under way. All of them are marked in any case,
so that nobody is served as one of them.
"""
_LOOK: Final = 1.0
_PAGE: Final = 500
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
_UNREADABLE: Final = ("begun", "listed", "kept")
"""Steps after which a person's keys may still live."""


class StillHeld(Exception):
    """A legal hold stands in the way of a school that leaves: it is released first."""


class People(Protocol):
    """Marks people, so that from the commit on nothing new is theirs."""

    async def begin_erasure(self, tx: AsyncConnection, scope: Scope) -> bool:
        """False where there is no such person who is active or suspended."""
        ...

    async def begin_erasures(self, tx: AsyncConnection, school: str, people: Sequence[str]) -> Sequence[str]:
        """Those of ``people`` who were, marked now."""
        ...

    async def everybody(self, tx: AsyncConnection, school: str) -> Sequence[str]:
        """Who is active or suspended at the school."""
        ...

    async def require_active(self, tx: AsyncConnection, person: str) -> None:
        """NotActive."""
        ...


class Schools(Protocol):
    """Marks a school."""

    async def leave(self, tx: AsyncConnection, school: str) -> None:
        """It has left: nobody signs in to it any more, and its id is never used again. May be repeated."""
        ...


class Eraser:
    """Runs erasures. Start it before anything is served, after the journal was applied."""

    def __init__(
        self,
        *,
        database: Database,
        ledger: Ledger,
        people: People,
        schools: Schools,
        journalled: Journalled,
        receipts: Receipts,
        things: Things,
        holds: Holds,
        flows: Mapping[str, Flow],
    ) -> None:
        """``flows`` by scope."""
        self._database = database
        self._ledger = ledger
        self._people = people
        self._schools = schools
        self._journalled = journalled
        self._things = things
        self._holds = holds
        self._flows = flows
        self._owner = new_id()
        self.receipts = receipts
        self._running: dict[str, asyncio.Task[None]] = {}
        self._crowd: set[str] = set()
        self._look = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    @property
    def replays(self) -> Replays:
        """What the journal's entries of erasures make so: the mark, and an erasure that is begun."""
        return {
            "person": self._replay,
            "item": self._replay,
            "school": self._replay_school,
            "released": self._replay_release,
        }

    async def start(self) -> None:
        """Destroy the keys of everybody whose erasure is under way, then go on with the rest beside the service."""
        if self._database.dialect == "sqlite":  # it belongs to this process: whoever had a lease is dead
            async with self._database.write() as tx:
                await tx.execute(update(erasures).where(erasures.c.until.is_not(None)).values(until=None))
        with suppress(TimeoutError):
            async with asyncio.timeout(BEFORE_SERVING):
                await self._shred_first()
        await self._let_go()
        self._loops = [asyncio.create_task(self._forever(), name="erasures")]
        self._loops.append(asyncio.create_task(self._beat(), name="erasures-beat"))

    async def close(self) -> None:
        """Stop between two steps; the next start goes on."""
        ending = [*self._loops, *self._running.values()]
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        with suppress(Exception):  # else the leases end by themselves
            await self._let_go()

    async def _let_go(self) -> None:
        """Whoever comes first may go on with what is not at work here any more."""
        async with self._database.write() as tx:
            mine = erasures.c.owner == self._owner
            await tx.execute(update(erasures).where(mine).values(owner=None, until=None))

    async def _shred_first(self) -> None:
        await self._write_down()
        alive = (erasures.c.scope == "person") & erasures.c.step.in_(_UNREADABLE)
        while found := await self._claim(CROWD, alive):
            await self._journalled.write(found)
            await asyncio.gather(*(self._once(one, until=_UNREADABLE) for one in found), return_exceptions=True)

    async def _once(self, erasure: Erasure, until: Sequence[str]) -> None:
        """As long as its last step is one of ``until``. Left to the others where a step fails."""
        with suppress(Exception):
            while erasure.step in until and await self.take(erasure.id):
                erasure = await self._get(erasure.id)

    # beginning

    async def begin(self, scope: Scope, asked: Asked | None = None) -> Begun | None:
        """Forget a person. From the return on no new data of theirs can come. None where it runs already.

        Where nobody asked, but the school's retention ended, there is nobody either who could fetch a receipt.
        """
        async with self._database.write() as tx:
            if not await self._people.begin_erasure(tx, scope):
                return None
            asked = asked or Asked(scope.subject)
            erasure = await self._insert(tx, scope, "person", asked, mine=True)
            secret = await self.receipts.link(tx, erasure) if asked.by is not None else None
            await self._told(tx, scope, erasure, asked)
        await self._begun(erasure)
        return Begun(erasure, secret)

    async def begin_item(
        self, scope: Scope, target: Target, asked: Asked, *, receipt: bool, word: str | None = None
    ) -> Begun:
        """Forget one thing of a person who stays. NothingThere, ErasureRefused, NotActive.

        ``word``: the erasure's id, where a repeat of the request must have the same.
        """
        async with self._database.write() as tx:
            assert scope.subject is not None
            await self._people.require_active(tx, scope.subject)
            counts = {**await self._things.find(tx, scope, target), "kind": target.kind}
            erasure = await self._insert(
                tx,
                scope,
                "item",
                asked,
                mine=True,
                id=word or new_id(),
                target=target.dump(),
                counts=json.dumps(counts),
            )
            secret = await self.receipts.link(tx, erasure) if receipt else None
            await self._told(tx, scope, erasure, asked)
        await self._begun(erasure)
        return Begun(erasure, secret)

    async def begin_people(self, tx: AsyncConnection, request: Request) -> None:
        """The act of an approved request to forget many people: all of them are marked with it."""
        by = Asked(request.votes[0].person, batch=request.id)
        marked: list[str] = []
        after = ""
        while page := await subjects(tx, request.id, after):
            marked += await self._enlist(tx, request.school, page, by)
            after = page[-1]
        await self._insert(tx, Scope(request.school, None), "people", Asked(by.by), id=request.id)
        root = merkle_root([person.encode() for person in marked])
        told = Event("erasure.begun", by.by, None, request.id, POLICY_VERSION, items=len(marked), root=root)
        await self._ledger.append(tx, request.school, told)

    async def begin_school(self, tx: AsyncConnection, request: Request) -> None:
        """The act of an approved request of a school that leaves. It waits for legal holds: StillHeld."""
        if await self._holds.standing(tx, request.school, lock=True):
            raise StillHeld
        await self._leave(tx, request.school, Asked(request.votes[0].person, batch=request.id), id=request.id)

    async def begin_release(self, tx: AsyncConnection, request: Request) -> None:
        """The act of an approved request to release a legal hold: nobody reads what it kept from here on."""
        found = await self._holds.releasing(tx, request.school, request.id)
        if found is None:
            return  # by another request
        hold, person = found
        by, target = Asked(request.votes[0].person), Target("hold", hold)
        await self._insert(tx, Scope(request.school, person), "released", by, id=request.id, target=target.dump())

    async def _leave(self, tx: AsyncConnection, school: str, by: Asked, **values: Any) -> None:
        await self._schools.leave(tx, school)
        await self._enlist(tx, school, await self._people.everybody(tx, school), by)
        await self._insert(tx, Scope(school, None), "school", Asked(by.by), **values)

    async def _enlist(self, tx: AsyncConnection, school: str, people: Sequence[str], by: Asked) -> Sequence[str]:
        """An erasure for each who is not being forgotten already; who they are."""
        now, marked = await self._database.now(tx), list[str]()
        for at in range(0, len(people), _PAGE):
            some = await self._people.begin_erasures(tx, school, people[at : at + _PAGE])
            marked += some
            if some:
                await tx.execute(insert(erasures), [_row(Scope(school, person), "person", by, now) for person in some])
        return marked

    async def _insert(
        self, tx: AsyncConnection, scope: Scope, kind: str, asked: Asked, *, mine: bool = False, **values: Any
    ) -> str:
        """``mine``: this process takes it up at once."""
        now = await self._database.now(tx)
        lease = {"owner": self._owner, "until": now + LEASE} if mine else {}
        row = {**_row(scope, kind, asked, now), **lease, **values}
        await insert_if_absent(tx, erasures, row)
        return str(row["id"])

    async def _told(self, tx: AsyncConnection, scope: Scope, erasure: str, asked: Asked) -> None:
        event = Event("erasure.begun", asked.by, scope.subject, erasure, POLICY_VERSION)
        await self._ledger.append(tx, scope.tenant, event)

    async def _begun(self, erasure: str) -> None:
        """Into the journal before anybody is told; where that fails, the first step does it, before any key dies."""
        try:
            await self._journalled.write([await self._get(erasure)])
        except Exception as error:  # noqa: BLE001  # marked is marked
            log.warning("erasure_journal_waits", erasure=erasure, why=type(error).__name__)
        self._spawn(erasure)

    async def _replay(self, tx: AsyncConnection, line: Line) -> None:
        """After a restore: forget again."""
        scope = Scope(line.school, line.person)
        values: dict[str, Any] = {"id": line.erasure, "sequence": line.sequence, "begun": line.at}
        if line.note is not None:
            values["target"] = base64.b64decode(line.note).decode()
        if line.scope == "person":
            mine = (erasures.c.person == line.person) & (erasures.c.scope == "person")
            if (await tx.execute(select(erasures.c.id).where(mine))).first() is not None:
                return  # with their whole school, or before the copy was made
            await self._people.begin_erasure(tx, scope)
        await self._insert(tx, scope, line.scope, Asked(), **values)

    async def _replay_release(self, tx: AsyncConnection, line: Line) -> None:
        """After a restore: the key dies again at once."""
        await self._replay(tx, line)
        hold = Target.load(base64.b64decode(line.note or "").decode()).id
        await self._holds.let_go(tx, line.school, hold)

    async def _replay_school(self, tx: AsyncConnection, line: Line) -> None:
        again = {"id": line.erasure, "sequence": line.sequence, "begun": line.at}
        await self._leave(tx, line.school, Asked(batch=line.erasure), **again)

    # running

    async def take(self, erasure: str) -> bool:
        """Its next step. False where it must wait for others. Raises as the step does: then it is tried again."""
        now = await self._get(erasure)
        if now.step == DONE:
            return True
        then = await self._flows[now.scope][now.step](now)
        if then is None:
            return False
        if not await self._advance(now, then) and then.lost is not None:
            await then.lost()
        return True

    async def run(self, erasure: str) -> None:
        """All steps that are left, in order."""
        while (await self._get(erasure)).step != DONE:
            if not await self.take(erasure):
                await asyncio.sleep(_FIRST_PAUSE)
        log.info("erasure_done", erasure=erasure)

    async def _get(self, erasure: str) -> Erasure:
        async with self._database.read() as tx:
            row = (await tx.execute(select(erasures).where(erasures.c.id == erasure))).mappings().one()
        return Erasure.of(dict(row))

    async def _advance(self, erasure: Erasure, then: Next) -> bool:
        """From the step that was read to the next. False where another process was quicker: nothing is ever undone."""
        mine = (erasures.c.id == erasure.id) & (erasures.c.step == erasure.step)
        async with self._database.write() as tx:
            done = await tx.execute(update(erasures).where(mine).values(step=then.step, **then.values))
            if done.rowcount == 1 and then.also is not None:
                await then.also(tx)
        return done.rowcount == 1

    def _spawn(self, erasure: str, *, crowd: bool = False) -> None:
        if erasure in self._running:
            return
        task = asyncio.create_task(self._persist(erasure), name="erasure")
        self._running[erasure] = task
        if crowd:
            self._crowd.add(erasure)
        task.add_done_callback(lambda _: self._left(erasure))

    def _left(self, erasure: str) -> None:
        self._running.pop(erasure, None)
        self._crowd.discard(erasure)
        self._look.set()

    async def _persist(self, erasure: str) -> None:
        """Run until it is done: a step that fails is tried again, for ever, ever more slowly."""
        pause = _FIRST_PAUSE
        while True:
            try:
                await self.run(erasure)
                return
            except Suspended:  # a step that needs a key which may not be used now
                log.warning("erasure_waits", erasure=erasure, why=Suspended.__name__)
            except Exception as error:  # noqa: BLE001  # whatever it was, forgetting goes on
                log.warning("erasure_step_failed", erasure=erasure, why=type(error).__name__)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _forever(self) -> None:
        """Take up what nobody has at work: many people, what another process left, what an approval has begun."""
        while True:
            self._look.clear()
            try:
                await self._take_up()
            except Exception as error:  # noqa: BLE001  # a database that is away for a while
                log.warning("erasures_wait", why=type(error).__name__)
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._look.wait()

    async def _take_up(self) -> None:
        for one in await self._claim(CROWD, erasures.c.batch.is_(None)):
            self._spawn(one.id)
        await self._write_down()
        for one in await self._claim(CROWD - len(self._crowd), erasures.c.batch.is_not(None)):
            self._spawn(one.id, crowd=True)

    async def _write_down(self) -> None:
        """Into the journal, everybody of many before the first key of them dies: a restore brings none of them back."""
        new = (erasures.c.step == "begun") & erasures.c.sequence.is_(None) & erasures.c.batch.is_not(None)
        query = select(erasures).where(new, erasures.c.scope == "person").limit(_PAGE)
        while True:
            async with self._database.read() as tx:
                found = [Erasure.of(dict(row)) for row in (await tx.execute(query)).mappings().all()]
            await self._journalled.write(found)
            if len(found) < _PAGE:
                return

    async def _claim(self, most: int, which: ColumnElement[bool]) -> Sequence[Erasure]:
        """Some that nobody has at work, leased to this process."""
        if most <= 0:
            return []
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            free = or_(erasures.c.until.is_(None), erasures.c.until < now)
            query = select(erasures).where(erasures.c.step != DONE, free, which, erasures.c.id.not_in(self._running))
            rows = await tx.execute(query.order_by(erasures.c.begun).limit(most).with_for_update(skip_locked=True))
            found = [Erasure.of(dict(row)) for row in rows.mappings().all()]
            lease = {"owner": self._owner, "until": now + LEASE}
            await tx.execute(update(erasures).where(erasures.c.id.in_([one.id for one in found])).values(**lease))
        return found

    async def _beat(self) -> None:
        """Keep the leases of what is at work here."""
        while True:
            await asyncio.sleep(BEAT)
            with suppress(Exception):  # then another process goes on, which does no harm
                async with self._database.write() as tx:
                    until = await self._database.now(tx) + LEASE
                    mine = erasures.c.id.in_(list(self._running)) & (erasures.c.step != DONE)
                    await tx.execute(update(erasures).where(mine).values(owner=self._owner, until=until))


def _row(scope: Scope, kind: str, asked: Asked, now: int) -> dict[str, Any]:
    """A new erasure."""
    whose = {"by": asked.by, "through": asked.through, "batch": asked.batch}
    what = {"school": scope.tenant, "person": scope.subject or "", "scope": kind}
    return {"id": new_id(), **what, **whose, "step": "begun", "counts": "{}", "begun": now}
