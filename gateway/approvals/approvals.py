"""Acts that no single administrator may order: a second one approves, and a delay leaves time to cancel.

An act runs in the transaction that ends its request, so it is done exactly once; what it begins goes on by itself.
Every step is an entry in the ledger of the school. Whether a sign-in is fresh enough for a step, the routes check.
A suspended key of the school holds up no request: only its details are not read until the key may be used again.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Final, Protocol

import structlog
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Suspended
from cache.model import Scope
from cache.vault import Vault
from gateway.approvals.model import OPEN, NoSuchApproval, Request, SecondNeeded, State, Vote, WrongState
from gateway.db.engine import Database
from gateway.db.some import delete_some
from gateway.db.tables_approvals import approval_subjects, approval_votes, approvals
from gateway.ids import new_id
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION

log = structlog.get_logger()

Act = Callable[[AsyncConnection, Request], Awaitable[None]]
"""Does what was approved, in the transaction that ends the request: rows only, no network. Raises: tried again."""

TABLE: Final = "approvals"
LAPSES: Final = 14 * 24 * 3_600_000
"""A request that nobody else approved for so long is over, ms."""
KEPT: Final = 365 * 24 * 3_600_000
"""So long an ended request can be looked at, ms."""
_ROWS: Final = 500


class Administrators(Protocol):
    """Who may stand behind a request: `identity.People`."""

    async def administrators(self, tx: AsyncConnection, school: str, people: Sequence[str]) -> set[str]:
        """Those of ``people`` who are active administrators of the school now."""
        ...


async def subjects(tx: AsyncConnection, request: str, after: str = "", limit: int = _ROWS) -> Sequence[str]:
    """The people whom a request is about, in the order of their ids: a page. Who was forgotten since is not there."""
    mine = (approval_subjects.c.approval == request) & (approval_subjects.c.person > after)
    query = select(approval_subjects.c.person).where(mine).order_by(approval_subjects.c.person)
    return (await tx.execute(query.limit(limit))).scalars().all()


class Approvals:
    """The requests of all schools. ``acts`` by kind."""

    def __init__(
        self,
        vault: Vault,
        database: Database,
        ledger: Ledger,
        people: Administrators,
        acts: Mapping[str, Act],
    ) -> None:
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self._people = people
        self._acts = acts

    async def propose(
        self,
        tx: AsyncConnection,
        school: str,
        by: str,
        kind: str,
        subjects: Sequence[str] = (),
        details: Mapping[str, Any] | None = None,
        *,
        delay: int,
        needed: int = 2,
        word: str | None = None,
    ) -> str:
        """The id of a new request; ``by`` asks for it and is the first behind it. ``delay`` in ms after the last.

        ``subjects``: random ids of the people it is about. ``word``: the request's id, where a repeat must have the
        same. Append nothing to the ledger in ``tx`` before this.
        """
        request, now = word or new_id(), await self._database.now(tx)
        if (await tx.execute(select(approvals.c.id).where(approvals.c.id == request))).first() is not None:
            return request
        fields = await self._vault.fields(Scope(school, None))
        box = fields.seal(TABLE, "details", request, json.dumps(details or {}))
        people = list(dict.fromkeys(subjects))
        await tx.execute(
            insert(approvals).values(
                id=request, school=school, kind=kind, state=State.PROPOSED, needed=needed, delay=delay,
                people=len(people), details=box, made=now,
            )
        )  # fmt: skip
        await tx.execute(insert(approval_votes).values(approval=request, person=by, at=now))
        for at in range(0, len(people), _ROWS):
            rows = [{"approval": request, "person": person} for person in people[at : at + _ROWS]]
            await tx.execute(insert(approval_subjects), rows)
        await self._move(tx, request, now)
        await self._tell(tx, school, by, "approval.proposed", request, kind, len(people))
        return request

    async def approve(self, school: str, by: str, request: str) -> Request:
        """One administrator more behind it; with the last one its delay begins.

        NoSuchApproval, WrongState where it is over or approved, SecondNeeded.
        """
        async with self._database.write() as tx:
            row = await self._locked(tx, school, request)
            if row.state != State.PROPOSED:
                raise WrongState("this request is not waiting for an approval")
            if by in await self._behind(tx, request):
                raise SecondNeeded("another administrator must approve this")
            now = await self._database.now(tx)
            await tx.execute(insert(approval_votes).values(approval=request, person=by, at=now))
            await self._move(tx, request, now)
            await self._tell(tx, school, by, "approval.approved", request, row.kind, row.people)
        return await self.get(school, request)

    async def cancel(self, school: str, by: str, request: str) -> Request:
        """It will not be done. NoSuchApproval, WrongState where it is over."""
        async with self._database.write() as tx:
            row = await self._locked(tx, school, request)
            if row.state not in OPEN:
                raise WrongState("this request is over")
            await self._end(tx, row, State.CANCELLED, by)
        return await self.get(school, request)

    async def get(self, school: str, request: str, tx: AsyncConnection | None = None) -> Request:
        """One of the school's requests, as the transaction sees it where there is one. NoSuchApproval."""
        if tx is None:
            async with self._database.read() as own:
                return await self.get(school, request, own)
        mine = (approvals.c.id == request) & (approvals.c.school == school)
        row = (await tx.execute(select(approvals).where(mine))).one_or_none()
        if row is None:
            raise NoSuchApproval("there is no such request")
        return await self._request(tx, row)

    async def list(
        self, school: str, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Request], tuple[int, str] | None]:
        """The school's requests, the newest first, and where the next page begins."""
        query = select(approvals).where(approvals.c.school == school)
        if before is not None:
            made, last = before
            query = query.where((approvals.c.made < made) | ((approvals.c.made == made) & (approvals.c.id < last)))
        query = query.order_by(approvals.c.made.desc(), approvals.c.id.desc()).limit(limit + 1)
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).all()
            found = [await self._request(tx, row) for row in rows[:limit]]
        return found, (found[-1].made, found[-1].id) if len(rows) > limit else None

    async def subjects(self, tx: AsyncConnection, request: str, after: str = "", limit: int = _ROWS) -> Sequence[str]:
        """The people it is about, in the order of their ids: a page. Who was forgotten meanwhile is not there."""
        mine = (approval_subjects.c.approval == request) & (approval_subjects.c.person > after)
        query = select(approval_subjects.c.person).where(mine).order_by(approval_subjects.c.person)
        return (await tx.execute(query.limit(limit))).scalars().all()

    async def sweep(self, limit: int) -> int:
        """Do what is due, end what nobody approved, let go of what ended long ago. How many."""
        now = await self._database.now()
        done = 0
        for which in (
            (approvals.c.state == State.APPROVED) & (approvals.c.due <= now),
            (approvals.c.state == State.PROPOSED) & (approvals.c.made <= now - LAPSES),
        ):
            async with self._database.read() as tx:
                found = await tx.execute(select(approvals.c.id).where(which).order_by(approvals.c.made).limit(limit))
            for request in found.scalars().all():
                done += await self._settle(request)
        return done + await self._tidy(now - KEPT, limit)

    async def at_once(self, kinds: Collection[str], limit: int) -> int:
        """Do what was approved of these kinds and waits for no delay, whatever time it is. How many."""
        ready = (approvals.c.state == State.APPROVED) & (approvals.c.delay == 0) & approvals.c.kind.in_(kinds)
        async with self._database.read() as tx:
            found = await tx.execute(select(approvals.c.id).where(ready).order_by(approvals.c.made).limit(limit))
        return sum([await self._settle(request) for request in found.scalars().all()])

    async def _settle(self, request: str) -> int:
        """Do or end one request, if it is still what the sweep took it for."""
        try:
            async with self._database.write() as tx:
                mine = select(approvals).where(approvals.c.id == request).with_for_update(skip_locked=True)
                row = (await tx.execute(mine)).one_or_none()
                if row is None or row.state not in OPEN:
                    return 0
                if row.state == State.PROPOSED:
                    await self._end(tx, row, State.LAPSED, None)
                elif await self._move(tx, request, await self._database.now(tx)) is State.APPROVED:
                    await self._acts[row.kind](tx, await self._request(tx, row))
                    await self._end(tx, row, State.DONE, None)
        except Exception as error:  # noqa: BLE001  # one request's trouble must not keep the others from being done
            log.warning("approval_waits", request=request, why=type(error).__name__)
            return 0
        return 1

    async def _move(self, tx: AsyncConnection, request: str, now: int) -> State:
        """Count those behind it who are still administrators: enough begin the delay, too few end it again."""
        row = (await tx.execute(select(approvals).where(approvals.c.id == request))).one()
        behind = await self._behind(tx, request)
        standing = await self._people.administrators(tx, row.school, sorted(behind))
        gone = approval_votes.c.person.in_(behind - standing)
        await tx.execute(delete(approval_votes).where(approval_votes.c.approval == request, gone))
        state = State.APPROVED if len(standing) >= row.needed else State.PROPOSED
        if state != row.state:
            due = now + row.delay if state is State.APPROVED else None
            await tx.execute(update(approvals).where(approvals.c.id == request).values(state=state, due=due))
        return state

    async def _end(self, tx: AsyncConnection, row: Row[Any], state: State, by: str | None) -> None:
        values = {"state": state, "ended": await self._database.now(tx)}
        await tx.execute(update(approvals).where(approvals.c.id == row.id).values(**values))
        await self._tell(tx, row.school, by, f"approval.{state}", row.id, row.kind, row.people)

    async def _tidy(self, before: int, limit: int) -> int:
        async with self._database.write() as tx:
            return await delete_some(tx, approvals, approvals.c.ended < before, limit)

    async def _locked(self, tx: AsyncConnection, school: str, request: str) -> Row[Any]:
        mine = (approvals.c.id == request) & (approvals.c.school == school)
        row = (await tx.execute(select(approvals).where(mine).with_for_update())).one_or_none()
        if row is None:
            raise NoSuchApproval("there is no such request")
        return row

    async def _behind(self, tx: AsyncConnection, request: str) -> set[str]:
        votes = select(approval_votes.c.person).where(approval_votes.c.approval == request)
        return set((await tx.execute(votes)).scalars())

    async def _request(self, tx: AsyncConnection, row: Row[Any]) -> Request:
        votes = select(approval_votes).where(approval_votes.c.approval == row.id).order_by(approval_votes.c.at)
        kept = ("id", "school", "kind", "needed", "delay", "people", "made", "due", "ended")
        return Request(
            **{name: getattr(row, name) for name in kept},
            state=State(row.state),
            votes=[Vote(one.person, one.at) for one in await tx.execute(votes)],
            details=await self._details(row),
        )

    async def _details(self, row: Row[Any]) -> Mapping[str, Any]:
        """Empty while the key may not be used."""
        try:
            fields = await self._vault.fields(Scope(row.school, None))
            told: dict[str, Any] = json.loads(fields.text(TABLE, "details", row.id, row.details))
        except Suspended:
            return {}
        return told

    async def _tell(
        self, tx: AsyncConnection, school: str, by: str | None, action: str, request: str, kind: str, people: int
    ) -> None:
        told = {"kind": kind, "people": people}
        await self._ledger.tell(tx, school, Event(action, by, None, request, POLICY_VERSION, told))
