"""How a hold begins, beside the service: its line in the journal, what it keeps, the key that is its own.

A hold holds from the transaction on in which its line is applied; no restore loses that. What it keeps is written down
there, and put under its key right after, a page at a time.
"""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import structlog
from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Corrupt, Missing, Shredded
from cache.keyrows import is_shredded
from cache.vault import Scope, Vault
from gateway.approvals import OPEN as PENDING
from gateway.approvals import State as Approval
from gateway.db.engine import Database
from gateway.db.tables_approvals import approvals
from gateway.db.tables_erasure import erasures
from gateway.db.tables_holds import holds as table
from gateway.db.tables_people import persons, schools
from gateway.erasure.journal import Line
from gateway.erasure.model import Target
from gateway.erasure.restoring import Restorer
from gateway.holds.model import HERE, OVER, WAITING, Order, State, keeper
from gateway.holds.rows import NAME, Rows
from gateway.holds.words import Words
from gateway.ledger.checkpoints import Retention
from providers.errors import NotFound
from providers.native import keeping, owners

log = structlog.get_logger()

PAGES: Final = 50
"""Pages of contents that one round takes for one hold."""


class Opening:
    """Begins the holds of all schools, and lets go of what is long over."""

    def __init__(
        self, vault: Vault, database: Database, restorer: Restorer, rows: Rows, words: Words, life: Retention
    ) -> None:  # fmt: skip
        """``life``: how long a school keeps its ledger, and with it what it says of holds that are over."""
        self._vault = vault
        self._database = database
        self._restorer = restorer
        self._rows = rows
        self._words = words
        self._life = life

    async def sweep(self, limit: int) -> int:
        """Begin what was approved, go on with what is opening, end what nobody approved or is long over. How many."""
        return await self._lapse(limit) + await self.go_on(limit) + await self._tidy(limit)

    async def go_on(self, limit: int) -> int:
        """Begin what was approved, go on with what is opening: that ends nothing, whatever time it is. How many."""
        done = 0
        for state, step in ((State.APPROVED, self._begin), (State.VOID, self._note_void), (State.OPENING, self._go_on)):
            async with self._database.read() as tx:
                query = select(table.c.id, table.c.school).where(table.c.state == state, table.c.ended.is_(None))
                rows = (await tx.execute(query.order_by(table.c.made).limit(limit))).all()
            for row in rows:
                try:
                    done += await step(row.school, row.id)
                except Exception as error:  # noqa: BLE001  # one hold's trouble must not keep the others waiting
                    log.warning("hold_waits", request=row.id, why=type(error).__name__)
        return done

    async def _lapse(self, limit: int) -> int:
        """Holds whose approval is over without the second administrator."""
        running = select(approvals.c.id).where(approvals.c.state.in_((*PENDING, Approval.DONE)))
        old = select(table.c.id).where(table.c.state == State.PROPOSED, table.c.approval.not_in(running)).limit(limit)
        async with self._database.write() as tx:
            values = {"state": State.CANCELLED, "ended": await self._database.now(tx)}
            return (await tx.execute(update(table).where(table.c.id.in_(old)).values(**values))).rowcount

    async def _begin(self, school: str, hold: str) -> int:
        """Its line in the journal, and with it what it says. OSError, JournalRefused: again later."""
        async with self._database.write() as tx:
            row = await self._rows.locked(tx, school, hold)
            order, by = await self._rows.opened(row)
            lasting = await self._vault.records(Scope(school, None), tx)
            told = json.dumps({"order": order.dump(), "by": by, "made": row.made, "approval": row.approval})
            note = base64.b64encode(lasting.seal(NAME, "note", hold, told)).decode()
            now = await self._database.now(tx)
        await self._restorer.record(Line(0, hold, school, order.person, "hold", now, note))
        return 1

    async def replay(self, tx: AsyncConnection, line: Line) -> None:
        """What the journal's line says: this hold keeps what is there of the things that it names."""
        mine = (table.c.id == line.erasure) & (table.c.school == line.school)
        row = (await tx.execute(select(table).where(mine).with_for_update())).one_or_none()
        if row is None:
            row = await self._restored(tx, line)
        if row is None or row.state not in WAITING:
            return
        order, _ = await self._rows.opened(row)
        if await is_shredded(tx, keeper(line.school, line.erasure)):  # let go of since: that line waits for no key
            over = {"state": State.RELEASED, "began": line.at, "ended": await self._database.now(tx)}
            await tx.execute(update(table).where(mine).values(**over))
            await self._words.entry(tx, line.school, line.erasure, order, "hold.released", None)
            return
        begun = await self._keep(tx, line.school, line.erasure, order)
        values = {"state": State.OPENING if begun else State.VOID, "began": line.at if begun else None, "ended": None}
        await tx.execute(update(table).where(mine).values(**values))
        if begun:
            await self._words.opened(tx, line.school, line.erasure, order, line.at, begun)
        await self._words.entry(
            tx, line.school, line.erasure, order, "hold.opened" if begun else "hold.void", None, contents=begun
        )

    async def _restored(self, tx: AsyncConnection, line: Line) -> Row[Any] | None:
        """The row again in an older copy. Where its words cannot be read there, everything of the person is kept."""
        school = Scope(line.school, None)
        try:
            lasting = await self._vault.records(school, tx)
            told = json.loads(lasting.unseal(NAME, "note", line.erasure, base64.b64decode(line.note or "")))
            order = Order.load(told["order"])
        except (Corrupt, Shredded):
            told, order = {"by": None, "made": line.at, "approval": None}, Order(line.person, None, "", "", "", line.at)
        except Missing:
            return None  # the school is not there either
        row = {"id": line.erasure, "school": line.school, "person": line.person, "state": State.APPROVED}
        kept_as = {"tells": order.tells, "review": order.review, "made": told["made"], "approval": told["approval"]}
        box = await self._rows.sealed(line.school, line.erasure, order, told["by"])
        await tx.execute(insert(table).values(**row, **kept_as, told=box))
        return (await tx.execute(select(table).where(table.c.id == line.erasure))).one()

    async def _keep(self, tx: AsyncConnection, school: str, hold: str, order: Order) -> int:
        """Write down what it keeps, if anybody is there; how many contents. Not what is being deleted already."""
        there = (schools.c.id == school) & schools.c.left.is_(None)
        mine = (persons.c.id == order.person) & (persons.c.school == school) & persons.c.state.in_(HERE)
        for query in (select(schools.c.id).where(there), select(persons.c.id).where(mine)):
            if (await tx.execute(query.with_for_update(read=True))).first() is None:
                return 0
        scope = Scope(school, order.person)
        try:
            await owners.hold(tx, scope)
        except NotFound:
            return 0
        await self._vault.enrol(tx, keeper(school, hold))
        going = (erasures.c.person == order.person) & (erasures.c.scope == "item") & (erasures.c.step == "begun")
        found = (await tx.execute(select(erasures.c.target).where(going, erasures.c.target.is_not(None)))).scalars()
        targets = [Target.load(one) for one in found]
        spared = [(one.id, one.version) for one in targets if one.kind in ("native", "version")]
        return await keeping.keep(tx, scope, keeper(school, hold), order.items, spared)

    async def _note_void(self, school: str, hold: str) -> int:
        """It began too late: that, too, no restore undoes."""
        async with self._database.read() as tx:
            person = (await tx.execute(select(table.c.person).where(table.c.id == hold))).scalar_one()
        note = base64.b64encode(Target("hold", hold).dump().encode()).decode()
        await self._restorer.record(Line(0, hold, school, person, "released", await self._database.now(), note))
        return 1

    async def _go_on(self, school: str, hold: str) -> int:
        async with self._database.read() as tx:
            person = (await tx.execute(select(table.c.person).where(table.c.id == hold))).scalar_one()
        for _ in range(PAGES):
            if not await self._rows.take(Scope(school, person)):
                break
        async with self._database.write() as tx:
            if await keeping.left(tx, keeper(school, hold)):
                return 1
            mine = (table.c.id == hold) & (table.c.state == State.OPENING)
            await tx.execute(update(table).where(mine).values(state=State.OPEN))
        return 1

    async def _tidy(self, limit: int) -> int:
        """Holds that are over for longer than the school keeps its ledger."""
        over = select(table.c.id, table.c.school, table.c.ended).where(table.c.state.in_(OVER))
        async with self._database.read() as tx:
            now = await self._database.now(tx)
            rows = (await tx.execute(over.order_by(table.c.ended).limit(limit))).all()
        gone = [row.id for row in rows if row.ended is not None and row.ended <= now - await self._life(row.school)]
        if gone:
            async with self._database.write() as tx:
                await tx.execute(delete(table).where(table.c.id.in_(gone)))
        return len(gone)
