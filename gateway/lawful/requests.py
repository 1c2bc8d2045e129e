"""Opens, approves and ends lawful requests. Every step is an entry of the ledger, in the transaction of the step.

The school decides: two of its administrators approve. Only while the law forbids to tell the school do two operators,
and then nothing of it stands in the school's chain or under its keys, until the ban is lifted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final, Protocol

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import Scope
from cache.vault import Vault
from gateway.approvals import OPEN
from gateway.approvals import Request as Approval
from gateway.db.engine import Database
from gateway.db.tables_approvals import approvals as approvals_table
from gateway.db.tables_lawful import lawful_requests as table
from gateway.db.tables_people import persons
from gateway.erasure.restoring import Restored
from gateway.ids import new_id
from gateway.lawful.model import (
    KIND,
    Actor,
    LawfulRequest,
    NoSuchPerson,
    NoSuchRequest,
    Order,
    SecondNeeded,
    State,
    WrongState,
)
from gateway.ledger import Event, Ledger
from gateway.ledger.checkpoints import Retention
from gateway.policy import POLICY_VERSION
from gateway.signing import DEPLOYMENT
from gateway.webhooks import outbox

NAME: Final = "lawful_requests"
NEEDED: Final = 2


class Approving(Protocol):
    """`gateway.approvals.Approvals`; it is made after this, because it runs what was approved here."""

    async def propose(
        self, tx: AsyncConnection, school: str, by: str, kind: str, subjects: Sequence[str],
        details: Mapping[str, Any], *, delay: int,
    ) -> str: ...  # fmt: skip
    async def approve(self, school: str, by: str, request: str) -> Approval: ...


class LawfulRequests:
    """The requests of all schools."""

    def __init__(self, vault: Vault, database: Database, ledger: Ledger, life: Retention) -> None:
        """``life``: how long a school keeps its ledger, and with it what it was made to hand out."""
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self._life = life

    async def open(self, school: str, by: Actor, order: Order) -> LawfulRequest:
        """Write down what an authority asks for. Nothing is handed out by this.

        The school is told of an operator's, unless that is forbidden; then whoever opens it is the first of two.
        NoSuchPerson.
        """
        request = new_id()
        told: dict[str, Any] = {"order": order.told(), "by": asdict(by), "approved_by": [], "why": ""}
        if order.forbidden:
            told["approved_by"] = [by.operator]
        async with self._database.write() as tx:
            await self._require_people(tx, school, order.people)
            now = await self._database.now(tx)
            row = {"id": request, "school": school, "state": State.OPEN, "keeper": _keeper(school, told)}
            box = await self._sealed(school, request, told)
            await tx.execute(insert(table).values(**row, told=box, made=now))
            if not order.forbidden and by.person is None:
                await self._notify(tx, school, request, now)
            await self._tell(tx, school, told, "lawful.opened", request, by)
        return await self.get(school, request, secret=bool(order.forbidden))

    async def propose(self, approvals: Approving, school: str, person: str, request: str) -> LawfulRequest:
        """An administrator stands behind it, as the first of two; also after an approval that came to nothing.

        NoSuchRequest, WrongState where somebody does.
        """
        async with self._database.write() as tx:
            row, told = await self._locked(tx, school, request, secret=False)
            if row.state != State.OPEN or await _waits(tx, row.approval):
                raise WrongState("this request does not wait for a first approval")
            people = told["order"]["people"]
            about = {"request": request, "authority": told["order"]["authority"]}
            approval = await approvals.propose(tx, school, person, KIND, people, about, delay=0)
            await tx.execute(update(table).where(table.c.id == request).values(approval=approval))
            await self._tell(tx, school, told, "lawful.proposed", request, Actor(person))
        return await self.get(school, request)

    async def approve(self, approvals: Approving, school: str, person: str, request: str) -> LawfulRequest:
        """An administrator stands behind it, as the first or the second. As `propose`; ApprovalError."""
        found = await self.get(school, request)
        async with self._database.read() as tx:
            waits = await _waits(tx, found.approval)
        if found.approval is None or not waits:
            return await self.propose(approvals, school, person, request)
        await approvals.approve(school, person, found.approval)
        return found

    async def approved(self, tx: AsyncConnection, approval: Approval) -> None:
        """Two administrators have approved: the act of `gateway.approvals`. Suspended while its key may not be used."""
        mine = (table.c.school == approval.school) & (table.c.approval == approval.id)
        request = (await tx.execute(select(table.c.id).where(mine))).scalar_one_or_none()
        if request is None:
            return  # it was opened anew since
        row, told = await self._locked(tx, approval.school, request, secret=False)
        if row.state == State.OPEN:
            await tx.execute(update(table).where(table.c.id == request).values(state=State.APPROVED))
            await self._tell(tx, approval.school, told, "lawful.approved", request, Actor())

    async def approve_secretly(self, school: str, by: Actor, request: str) -> LawfulRequest:
        """Another operator stands behind a request of which the school may not be told. SecondNeeded, WrongState."""
        async with self._database.write() as tx:
            row, told = await self._locked(tx, school, request, secret=True)
            if row.state != State.OPEN:
                raise WrongState("this request does not wait for an approval")
            if by.operator in told["approved_by"]:
                raise SecondNeeded("another operator must approve this")
            told["approved_by"].append(by.operator)
            values: dict[str, Any] = {"told": await self._sealed(school, request, told)}
            if len(told["approved_by"]) >= NEEDED:
                values["state"] = State.APPROVED
            await tx.execute(update(table).where(table.c.id == request).values(**values))
            await self._tell(tx, school, told, "lawful.approved", request, by)
        return await self.get(school, request, secret=True)

    async def lift(self, school: str, by: Actor, request: str) -> LawfulRequest:
        """The law no longer forbids to tell the school: it is told now, and the request is its own from here on."""
        async with self._database.write() as tx:
            row, told = await self._locked(tx, school, request, secret=True)
            lifted = {**told, "order": {**told["order"], "forbidden": ""}}
            box = await self._sealed(school, request, lifted)
            await tx.execute(update(table).where(table.c.id == request).values(keeper=school, told=box))
            await self._notify(tx, school, request, await self._database.now(tx))
            await self._tell(tx, school, told, "lawful.lifted", request, by)
            await self._tell(tx, school, lifted, "lawful.opened", request, by)
            if row.state == State.HANDED_OUT:
                await self._handed(tx, school, lifted, request, by)
        return await self.get(school, request)

    async def refuse(self, school: str, by: Actor, request: str, why: str, *, secret: bool = False) -> LawfulRequest:
        """Nothing is handed out, for a reason. NoSuchRequest, WrongState."""
        async with self._database.write() as tx:
            row, told = await self._locked(tx, school, request, secret=secret)
            if row.state not in (State.OPEN, State.APPROVED):
                raise WrongState("this request is over")
            told["why"] = why
            await self._end(tx, row, told, State.REFUSED)
            await self._tell(tx, school, told, "lawful.refused", request, by, why=why)
        return await self.get(school, request, secret=secret)

    async def hand_out(self, school: str, by: Actor, request: str, *, secret: bool = False) -> LawfulRequest:
        """From here on it counts as handed out; the entries are there before the first byte. May be repeated.

        NoSuchRequest, WrongState where it was not approved.
        """
        async with self._database.write() as tx:
            row, told = await self._locked(tx, school, request, secret=secret)
            if row.state not in (State.APPROVED, State.HANDED_OUT):
                raise WrongState("this request was not approved")
            await self._end(tx, row, told, State.HANDED_OUT)
            await self._handed(tx, school, told, request, by)
        return await self.get(school, request, secret=secret)

    async def delivered(self, found: LawfulRequest, by: Actor, lines: int, digest: str) -> None:
        """What was handed out is told by its length and SHA-256: whoever has it can show that it is this."""
        told = {"order": found.order.told()}
        async with self._database.write() as tx:
            await self._tell(
                tx, found.school, told, "lawful.delivered", found.id, by, lines=lines, sha256=digest
            )  # fmt: skip

    async def get(self, school: str, request: str, *, secret: bool = False) -> LawfulRequest:
        """One of a school's requests. NoSuchRequest."""
        mine = (table.c.id == request) & (table.c.school == school) & _kept(secret=secret)
        async with self._database.read() as tx:
            row = (await tx.execute(select(table).where(mine))).one_or_none()
        if row is None:
            raise NoSuchRequest("there is no such request")
        return self._request(row, await self._opened(row))

    async def find(self, request: str) -> LawfulRequest:
        """A request by its id alone, for the operator. NoSuchRequest."""
        async with self._database.read() as tx:
            row = (await tx.execute(select(table).where(table.c.id == request))).one_or_none()
        if row is None:
            raise NoSuchRequest("there is no such request")
        return self._request(row, await self._opened(row))

    async def list(
        self, school: str | None, before: tuple[int, str] | None = None, limit: int = 50, *, secret: bool = False
    ) -> tuple[Sequence[LawfulRequest], tuple[int, str] | None]:
        """A school's requests (None: all schools'), the newest first, and where the next page begins."""
        query = select(table).where(_kept(secret=secret))
        if school is not None:
            query = query.where(table.c.school == school)
        if before is not None:
            made, last = before
            query = query.where((table.c.made < made) | ((table.c.made == made) & (table.c.id < last)))
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(table.c.made.desc(), table.c.id.desc()).limit(limit + 1))).all()
        found = [self._request(row, await self._opened(row)) for row in rows[:limit]]
        return found, (found[-1].made, found[-1].id) if len(rows) > limit else None

    async def sweep(self, limit: int) -> int:
        """Let go of what ended longer ago than its school keeps its ledger. How many."""
        oldest = select(table.c.id, table.c.school, table.c.ended).where(table.c.ended.is_not(None))
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            rows = (await tx.execute(oldest.order_by(table.c.ended).limit(limit))).all()
        gone = [row.id for row in rows if row.ended <= now - await self._life(row.school)]
        if gone:
            async with self._database.write() as tx:
                await tx.execute(delete(table).where(table.c.id.in_(gone)))
        return len(gone)

    # rows

    async def _require_people(self, tx: AsyncConnection, school: str, people: Sequence[str]) -> None:
        mine = select(persons.c.id).where(persons.c.school == school, persons.c.id.in_(people))
        if set((await tx.execute(mine)).scalars()) != set(people):
            raise NoSuchPerson("somebody who is named is not of this school")

    async def _locked(
        self, tx: AsyncConnection, school: str, request: str, *, secret: bool
    ) -> tuple[Row[Any], dict[str, Any]]:
        mine = (table.c.id == request) & (table.c.school == school) & _kept(secret=secret)
        row = (await tx.execute(select(table).where(mine).with_for_update())).one_or_none()
        if row is None:
            raise NoSuchRequest("there is no such request")
        return row, await self._opened(row)

    async def _end(self, tx: AsyncConnection, row: Row[Any], told: Mapping[str, Any], state: State) -> None:
        values = {"state": state, "told": await self._sealed(row.school, row.id, told)}
        ended = row.ended or await self._database.now(tx)
        await tx.execute(update(table).where(table.c.id == row.id).values(**values, ended=ended))

    async def _opened(self, row: Row[Any]) -> dict[str, Any]:
        fields = await self._vault.fields(Scope(row.keeper, None))
        told: dict[str, Any] = json.loads(fields.text(NAME, "told", row.id, row.told))
        return told

    async def _sealed(self, school: str, request: str, told: Mapping[str, Any]) -> bytes:
        fields = await self._vault.fields(Scope(_keeper(school, told), None))
        return fields.seal(NAME, "told", request, json.dumps(told))

    def _request(self, row: Row[Any], told: Mapping[str, Any]) -> LawfulRequest:
        return LawfulRequest(
            row.id, row.school, State(row.state), Order.of(told["order"]), Actor(**told["by"]), told["approved_by"],
            row.approval, told["why"], row.made, row.ended,
        )  # fmt: skip

    # what is told

    async def _tell(
        self, tx: AsyncConnection, school: str, told: Mapping[str, Any], action: str, request: str, by: Actor,
        **more: Any,
    ) -> None:  # fmt: skip
        """In the school's chain; while that is forbidden in the deployment's, which no school reads. Last in ``tx``."""
        order = told["order"]
        about = {name: order[name] for name in ("authority", "reference", "basis", "people", "parts")}
        hidden = {"school": school, "forbidden": order["forbidden"]} if order["forbidden"] else {}
        named = {"operator": by.operator} if by.operator else {}
        details = {**about, **hidden, **named, **more}
        event = Event(action, by.person, None, request, POLICY_VERSION, details)
        await self._ledger.append(tx, DEPLOYMENT.tenant if hidden else school, event)

    async def _handed(
        self, tx: AsyncConnection, school: str, told: Mapping[str, Any], request: str, by: Actor
    ) -> None:  # fmt: skip
        """Also for each person it is about, who sees it among the accesses, unless they or the school may not know."""
        order = told["order"]
        for person in order["people"] if order["tells"] and not order["forbidden"] else ():
            event = Event("lawful.handed_out", by.person, person, request, POLICY_VERSION)
            await self._ledger.append(tx, school, event)
        await self._tell(tx, school, told, "lawful.exported", request, by)

    async def _notify(self, tx: AsyncConnection, school: str, request: str, now: int) -> None:
        """The school's own address is told that there is a request, if it has set one; the request is in its list."""
        await outbox.put(
            tx, school=school, person="", kind="lawful.opened", now=now, lasted=outbox.ALWAYS, data={"request": request}
        )  # fmt: skip


async def _waits(tx: AsyncConnection, approval: str | None) -> bool:
    """Whether administrators are about to approve it."""
    mine = (approvals_table.c.id == approval) & approvals_table.c.state.in_(OPEN)
    return (await tx.execute(select(approvals_table.c.id).where(mine))).first() is not None


async def after_a_restore(tx: AsyncConnection, restored: Restored) -> None:
    """What was not handed out in an older copy may have been refused since: nothing is approved any more.

    A school's own are approved anew. Who approved what a school may not know, only its own key could tell: it lapses.
    """
    undecided = table.c.state.in_((State.OPEN, State.APPROVED))
    school, secret = undecided & _kept(secret=False), undecided & _kept(secret=True)
    await tx.execute(update(table).where(school).values(state=State.OPEN, approval=None))
    await tx.execute(update(table).where(secret).values(state=State.LAPSED, ended=restored.now))


def _keeper(school: str, told: Mapping[str, Any]) -> str:
    """Under whose key it is sealed: the school's own, unless it may not know."""
    return DEPLOYMENT.tenant if told["order"]["forbidden"] else school


def _kept(*, secret: bool) -> ColumnElement[bool]:
    return (table.c.keeper == DEPLOYMENT.tenant) if secret else (table.c.keeper != DEPLOYMENT.tenant)
