"""Opens, keeps and releases legal holds. Every step is an entry of the ledger, in the transaction of the step.

Two administrators open one, and two release it: what it keeps may be all that is left of somebody, and letting go of
it cannot be undone. A hold begins with a line in the erasure journal, so that no restore loses it. What it keeps is put
under a key of its own at once, while the person's lives: their death, or a deletion, finds it out of reach. It is about
kept contents of the native drive alone; whatever ends by itself ends as if there were no hold.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope, Vault
from gateway.approvals import Request
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasures
from gateway.db.tables_holds import holds as table
from gateway.db.tables_people import persons, schools
from gateway.erasure.model import DONE, Held, Target
from gateway.erasure.restoring import Restorer
from gateway.holds.model import (
    HERE,
    HOLDING,
    KIND,
    RELEASE,
    STANDING,
    WAITING,
    Hold,
    NoSuchHold,
    NothingToHold,
    Order,
    State,
    WrongState,
    hold_of,
    keeper,
)
from gateway.holds.opening import Opening
from gateway.holds.rows import Rows, pending
from gateway.holds.words import Words
from gateway.ids import new_id
from gateway.ledger import Ledger
from gateway.ledger.checkpoints import Retention
from providers.native import erasing, keeping, kept


class Approving(Protocol):
    """`gateway.approvals.Approvals`; it is made after this, because it runs what was approved here."""

    async def propose(
        self, tx: AsyncConnection, school: str, by: str, kind: str, subjects: Sequence[str],
        details: Mapping[str, Any], *, delay: int,
    ) -> str: ...  # fmt: skip


class Holds:
    """The holds of all schools."""

    def __init__(
        self, vault: Vault, database: Database, ledger: Ledger, restorer: Restorer, life: Retention
    ) -> None:  # fmt: skip
        """``life``: how long a school keeps its ledger, and with it what it says of holds that are over."""
        self._vault = vault
        self._database = database
        self._rows = Rows(vault, database)
        self._words = Words(vault, database, ledger)
        self.opening = Opening(vault, database, restorer, self._rows, self._words, life)

    # asked for

    async def open(self, approvals: Approving, school: str, by: str, order: Order) -> Hold:
        """Ask for a hold, as the first of two; it keeps nothing before the second. NothingToHold."""
        hold = new_id()
        subjects = [order.person] if order.tells else []
        async with self._database.write() as tx:
            await self._require(tx, school, order)
            approval = await approvals.propose(tx, school, by, KIND, subjects, _why(hold, order), delay=0)
            row = {"id": hold, "school": school, "person": order.person, "tells": order.tells, "review": order.review}
            told = await self._rows.sealed(school, hold, order, by)
            now = await self._database.now(tx)
            await tx.execute(
                insert(table).values(**row, state=State.PROPOSED, told=told, approval=approval, made=now)
            )  # fmt: skip
            await self._words.entry(tx, school, hold, order, "hold.asked", by)
        return await self.get(school, hold)

    async def _require(self, tx: AsyncConnection, school: str, order: Order) -> None:
        mine = (persons.c.id == order.person) & (persons.c.school == school) & persons.c.state.in_(HERE)
        if (await tx.execute(select(persons.c.id).where(mine))).first() is None:
            raise NothingToHold("there is no such person")
        scope = Scope(school, order.person)
        if order.items is None and not (await erasing.inventory(tx, scope)).files:
            raise NothingToHold("there is nothing in their drive")
        for item in order.items or ():
            if not (await erasing.size_of(tx, scope, item))[0]:
                raise NothingToHold("there is no such item")

    async def approved(self, tx: AsyncConnection, approval: Request) -> None:
        """Two administrators have approved: the act of `gateway.approvals`."""
        mine = (table.c.approval == approval.id) & (table.c.school == approval.school)  # it needs no key to find it
        await tx.execute(update(table).where(mine, table.c.state.in_(WAITING)).values(state=State.APPROVED))

    async def release(self, approvals: Approving, school: str, by: str, hold: str) -> Hold:
        """Ask for its release, as the first of two. NoSuchHold, WrongState where it holds nothing, or is asked for."""
        async with self._database.write() as tx:
            row = await self._rows.locked(tx, school, hold)
            if row.state not in (State.OPENING, State.OPEN) or await pending(tx, row.release):
                raise WrongState("this hold cannot be released now")
            order, _ = await self._rows.opened(row)
            subjects = [order.person] if order.tells else []
            asked = await approvals.propose(tx, school, by, RELEASE, subjects, _why(hold, order), delay=0)
            await tx.execute(update(table).where(table.c.id == hold).values(release=asked))
            await self._words.entry(tx, school, hold, order, "hold.release_asked", by)
        return await self.get(school, hold)

    # looked at

    async def get(self, school: str, hold: str) -> Hold:
        """One of the school's. NoSuchHold."""
        mine = (table.c.id == hold) & (table.c.school == school)
        async with self._database.read() as tx:
            row = (await tx.execute(select(table).where(mine))).one_or_none()
            if row is None:
                raise NoSuchHold("there is no such hold")
            return await self._rows.hold(tx, row)

    async def list(
        self, school: str, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Hold], tuple[int, str] | None]:
        """The school's, the newest first, and where the next page begins."""
        query = select(table).where(table.c.school == school)
        if before is not None:
            made, last = before
            query = query.where((table.c.made < made) | ((table.c.made == made) & (table.c.id < last)))
        async with self._database.read() as tx:
            rows = (await tx.execute(query.order_by(table.c.made.desc(), table.c.id.desc()).limit(limit + 1))).all()
            found = [await self._rows.hold(tx, row) for row in rows[:limit]]
        return found, (found[-1].made, found[-1].id) if len(rows) > limit else None

    async def looked(self, found: Hold, by: str, action: str, **details: Any) -> None:
        """An administrator reads or takes away what it keeps: told before the first byte. WrongState."""
        async with self._database.write() as tx:
            row = await self._rows.locked(tx, found.school, found.id)
            if row.state not in HOLDING:
                raise WrongState("this hold keeps nothing")
            await self._words.entry(tx, found.school, found.id, found.order, action, by, **details)

    async def delivered(self, found: Hold, by: str, **details: Any) -> None:
        """What was taken away, by its length and SHA-256: whoever has it can show that it is this."""
        async with self._database.write() as tx:
            await self._words.entry(tx, found.school, found.id, found.order, "hold.delivered", by, **details)

    # what erasures ask, see `gateway.erasure.held`

    async def standing(self, tx: AsyncConnection, school: str, *, lock: bool = False) -> int:
        """How many holds stand in the way of a school that leaves; ``lock``: none begins until the transaction ends."""
        if lock:
            await tx.execute(select(schools.c.id).where(schools.c.id == school).with_for_update())
        query = select(func.count()).select_from(table).where(table.c.school == school, table.c.state.in_(STANDING))
        return int((await tx.execute(query)).scalar_one())

    async def held(
        self, tx: AsyncConnection, scope: Scope, people: Sequence[str] | None = None, target: Target | None = None
    ) -> Sequence[Held]:
        """What is kept back of a person, of some hundred people, or of a whole school; of one thing with a target."""
        thing: dict[str, str] = {}
        if target is not None:
            if target.kind not in ("native", "version"):
                return []
            thing = {"content": target.version} if target.kind == "version" else {"item": target.id}
        found = await kept.sums(tx, scope, people, **thing)
        holding = (table.c.school == scope.tenant) & table.c.state.in_(HOLDING)
        query = select(table.c.id, table.c.tells).where(holding, table.c.id.in_([hold_of(one) for one in found]))
        tells = {row.id: row.tells for row in await tx.execute(query.order_by(table.c.made, table.c.id))}
        return [Held(hold, *found[keeper(scope.tenant, hold).owner], told) for hold, told in tells.items()]

    async def take(self, scope: Scope) -> None:
        """All that is to be kept of a person, under the keys of its holds. May be repeated. Suspended, Unavailable."""
        while await self._rows.take(scope):
            pass

    async def releasing(self, tx: AsyncConnection, school: str, release: str) -> tuple[str, str] | None:
        """Two administrators have let go of a hold by this request: it and its person. None where it is over already.

        No key is needed for that.
        """
        mine = (table.c.release == release) & (table.c.school == school) & table.c.state.in_(HOLDING)
        gone = update(table).where(mine).values(state=State.RELEASING).returning(table.c.id, table.c.person)
        row = (await tx.execute(gone)).one_or_none()
        return None if row is None else (row.id, row.person)

    async def let_go(self, tx: AsyncConnection, school: str, hold: str) -> None:
        """Its key dies; what it kept can be read by nobody from the commit on. May be repeated.

        It waits for no other key: what only the telling needs is left out while it is suspended.
        """
        mine = (table.c.id == hold) & (table.c.school == school)
        row = (await tx.execute(select(table).where(mine).with_for_update())).one_or_none()
        await self._vault.shred_keys(tx, keeper(school, hold))
        await keeping.forsake(tx, keeper(school, hold))
        if row is None or row.ended is not None:
            return
        now = await self._database.now(tx)
        state = State.VOID if row.state == State.VOID else State.RELEASED
        await tx.execute(update(table).where(mine).values(state=state, ended=now))
        if state is State.RELEASED:
            await self._words.released(tx, row, await self._rows.known(row), now)

    async def total(self, school: str, hold: str) -> tuple[int, int]:
        """How many contents it keeps, and their bytes."""
        async with self._database.read() as tx:
            return await kept.total(tx, keeper(school, hold))

    async def clear(self, school: str, hold: str, limit: int) -> int:
        """Remove what lies under its dead key, blobs first and rows after; how much: 0 at the end. Unavailable."""
        if done := await self._vault.clear(keeper(school, hold), limit):
            return done
        async with self._database.write() as tx:
            return await keeping.let_go(tx, keeper(school, hold), limit)

    async def finishes(self, school: str, person: str) -> Sequence[str]:
        """The erasures of that person which end only with a release: their ids."""
        mine = (erasures.c.school == school) & (erasures.c.person == person) & (erasures.c.step == DONE)
        query = select(erasures.c.id).where(mine, erasures.c.scope == "person")
        async with self._database.read() as tx:
            return (await tx.execute(query.order_by(erasures.c.begun))).scalars().all()


def _why(hold: str, order: Order) -> dict[str, str]:
    """What the second administrator reads at the request; the rest stands at the hold."""
    return {"hold": hold, "reason": f"{order.authority}: {order.reference}"}
