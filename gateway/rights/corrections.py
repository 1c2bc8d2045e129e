"""Corrections: what a person owns is changed at once; what comes from the school's directory, the school is asked for.

    asked ──> accepting ──> accepted ──> settled      the directory said something else since, and that holds
      │                         └──────> superseded   by a later correction of the same
      ├──> refused                                    with the school's reason
      └──> withdrawn                                  by whoever asked, or the person

What was accepted holds over the directory's value for as long as the directory says what it said then: it was wrong
then, and repeating it does not make it right. As soon as it says anything else, that holds. The language is the
person's own: what they chose holds until they choose again. An accepted correction stands in the erasure journal,
sealed under the person's key, so that an older copy of the database does not undo it and forgetting still ends it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, cast

import structlog
from sqlalchemy import Row, and_, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.errors import Corrupt, Missing, Shredded, Suspended
from cache.fields import Fields
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import persons
from gateway.db.tables_rights import corrections
from gateway.erasure.journal import Line
from gateway.identity.people import Claims
from gateway.ids import new_id
from gateway.ledger import Ledger
from gateway.policy import Principal
from gateway.rights.acting import Acting
from gateway.rights.correction import OPEN, OVER, OWN, Correction, CorrectionRefused, Field, checked
from gateway.rights.guardians import Journalling
from gateway.rights.notifications import Notifications

log = structlog.get_logger()

SCOPE: Final = "corrected"
"""The journal's word for a correction that holds."""
TABLE: Final = "corrections"
_SEALED: Final = frozenset({"name", "email"})


class Corrections:
    """The corrections of all people."""

    def __init__(
        self, vault: Vault, database: Database, ledger: Ledger, notifications: Notifications, journal: Journalling
    ) -> None:
        self._vault = vault
        self._database = database
        self._ledger = ledger
        self._notifications = notifications
        self._journal = journal
        self._held: set[str] = set()

    async def ask(self, acting: Acting, field: Field, wanted: str, why: str) -> Correction:
        """Correct what the person owns, or ask the school for it. BadValue, CorrectionRefused (pending)."""
        value = checked(field, wanted)
        correction = new_id()
        fields = await self._vault.fields(acting.scope)
        row = {
            "id": correction, "school": acting.scope.tenant, "person": acting.person, "field": field,
            "state": "asked", "by": acting.by, "through": acting.link,
            **_boxes(fields, correction, wanted=value, why=why),
        }  # fmt: skip
        async with self._database.write() as tx:
            await self._alone(tx, acting.scope, field)
            await tx.execute(insert(corrections).values(**row, made=await self._database.now(tx)))
            if acting.how != "self":
                await self._notifications.tell(tx, acting.scope, "correction_asked", correction=correction, field=field)
            await self._ledger.append(tx, acting.scope.tenant, acting.event("correction.asked", field=field))
        if field in OWN:
            await self._accept(acting, correction, None)
        return await self.get(acting.scope, correction)

    async def _alone(self, tx: AsyncConnection, scope: Scope, field: Field) -> None:
        """One request for one thing at a time: the person's row is held for it."""
        there = select(persons.c.id).where(persons.c.id == scope.subject, persons.c.school == scope.tenant)
        if (await tx.execute(there.with_for_update())).first() is None:
            raise CorrectionRefused("nobody")
        if field in OWN:
            return
        same = (corrections.c.person == scope.subject) & (corrections.c.field == field)
        if (await tx.execute(select(corrections.c.id).where(same, corrections.c.state.in_(OPEN)))).first() is not None:
            raise CorrectionRefused("pending")

    async def decide(self, admin: Principal, correction: str, *, accept: bool, answer: str) -> Correction:
        """The school accepts, or refuses with a reason. Nobody decides about themselves.

        CorrectionRefused (nobody, decided, oneself). OSError where the journal cannot be written: decide once more.
        """
        row = await self._of_school(admin.school, correction)
        if row.person == admin.person:
            raise CorrectionRefused("oneself")
        acting = Acting(admin.person, Scope(row.school, row.person), "school")
        if accept:
            await self._accept(acting, correction, answer)
        else:
            await self._refuse(acting, correction, answer)
        return await self.get(acting.scope, correction)

    async def _refuse(self, acting: Acting, correction: str, answer: str) -> None:
        box = _boxes(await self._vault.fields(acting.scope), correction, answer=answer)
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            values = {"state": "refused", "decider": acting.by, "decided": now, "ended": now, **box}
            row = await self._moved(tx, correction, ("asked",), **values)
            told = {"correction": correction, "field": row.field}
            await self._notifications.tell(tx, acting.scope, "correction_refused", **told)
            await self._ledger.append(tx, acting.scope.tenant, acting.event("correction.refused", **told))

    async def _accept(self, acting: Acting, correction: str, answer: str | None) -> None:
        """First nobody else can decide any more, then the journal, then everything else in one transaction."""
        fields = await self._vault.fields(acting.scope)
        box = {} if answer is None else _boxes(fields, correction, answer=answer)
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            row = await self._moved(tx, correction, OPEN, state="accepting", decider=acting.by, decided=now, **box)
            note = await self._note(tx, acting.scope, fields, row)
        told = {"correction": correction, "field": row.field}

        async def also(tx: AsyncConnection) -> None:
            if correction not in self._held:
                return  # somebody else was quicker, and told it
            self._held.discard(correction)
            if acting.how == "school":
                await self._notifications.tell(tx, acting.scope, "correction_accepted", **told)
            await self._ledger.append(tx, acting.scope.tenant, acting.event("correction.accepted", **told))

        line = Line(0, correction, acting.scope.tenant, acting.person, SCOPE, now, note)
        await self._journal.record(line, also)

    async def _note(self, tx: AsyncConnection, scope: Scope, fields: Fields, row: Row[Any]) -> str:
        """What the journal must know to make it hold again: the field, what is right, what the directory says.

        Under the key that lasts as long as the person: the journal cannot follow another one.
        """
        told = {
            "field": row.field, "wanted": fields.text(TABLE, "wanted", row.id, row.wanted),
            "told": await self._directory(tx, fields, row), "by": row.by, "made": row.made,
        }  # fmt: skip
        lasting = await self._vault.records(scope, tx)
        return base64.b64encode(lasting.seal(TABLE, "note", row.id, json.dumps(told))).decode()

    async def _directory(self, tx: AsyncConnection, fields: Fields, row: Row[Any]) -> str:
        """What the directory said last: what is held, or what was remembered by a correction that holds now."""
        same = (corrections.c.person == row.person) & (corrections.c.field == row.field)
        query = select(corrections.c.id, corrections.c.told).where(same, corrections.c.state == "accepted")
        for held in await tx.execute(query):
            return fields.text(TABLE, "told", held.id, held.told)
        person = (await tx.execute(select(persons).where(persons.c.id == row.person))).mappings().one()
        value = person[row.field]
        return fields.text("persons", row.field, row.person, value) if row.field in _SEALED else str(value)

    async def _moved(self, tx: AsyncConnection, correction: str, before: Sequence[str], **values: Any) -> Row[Any]:
        """The row after its step. CorrectionRefused (decided) where it was not ``before``."""
        mine = (corrections.c.id == correction) & corrections.c.state.in_(before)
        moved = update(corrections).where(mine).values(**values).returning(corrections)
        row: Row[Any] | None = (await tx.execute(moved)).one_or_none()
        if row is None:
            raise CorrectionRefused("decided")
        return row

    async def replay(self, tx: AsyncConnection, line: Line) -> None:
        """What the journal's line says: this holds. Where its key is gone, the person must ask anew. Suspended."""
        scope = Scope(line.school, line.person)
        try:
            fields = await self._vault.fields(scope)
        except (Missing, Shredded):
            return  # forgotten, with all their corrections
        if await _is_decided(tx, line.erasure):
            return
        try:
            lasting = await self._vault.records(scope, tx)
            box = lasting.unseal(TABLE, "note", line.erasure, base64.b64decode(line.note or ""))
        except (Corrupt, Shredded):  # sealed under a key that this copy of the database is too old for
            await self._notifications.tell(tx, scope, "correction_lost", correction=line.erasure)
            return
        await self._hold(tx, scope, fields, line, json.loads(box))

    async def _hold(
        self, tx: AsyncConnection, scope: Scope, fields: Fields, line: Line, told: Mapping[str, Any]
    ) -> None:
        """The person's row says what is right; earlier corrections of the same are over."""
        field, value = told["field"], told["wanted"]
        mine = (persons.c.id == scope.subject) & persons.c.state.in_(("active", "suspended"))
        held = fields.seal("persons", field, line.person, value) if field in _SEALED else value
        await tx.execute(update(persons).where(mine).values({field: held}))
        same = (corrections.c.person == scope.subject) & (corrections.c.field == field)
        over = {"state": "superseded", "ended": line.at}
        before = ("accepted", "accepting") if field in OWN else ("accepted",)
        others = same & (corrections.c.id != line.erasure) & corrections.c.state.in_(before)
        await tx.execute(update(corrections).where(others).values(**over))
        fixed = {"school": line.school, "person": line.person, "field": field, "by": told["by"], "made": told["made"]}
        boxes = _boxes(fields, line.erasure, wanted=value, told=told["told"])
        accepted = {"state": "accepted", "decided": line.at, **boxes}
        self._held.add(line.erasure)
        await insert_if_absent(tx, corrections, {"id": line.erasure, **fixed, **accepted})
        await tx.execute(update(corrections).where(corrections.c.id == line.erasure).values(**accepted))

    async def over(self, tx: AsyncConnection, scope: Scope, claims: Claims) -> Claims:
        """What holds of what the directory says now, for somebody who is signing in."""
        mine = (corrections.c.person == scope.subject) & (corrections.c.state == "accepted")
        rows = (await tx.execute(select(corrections).where(mine))).all()
        if not rows:
            return claims
        fields = await self._vault.fields(scope)
        for row in rows:
            said = getattr(claims, row.field) or ""
            if row.field in OWN or fields.text(TABLE, "told", row.id, row.told) == said:
                wanted = fields.text(TABLE, "wanted", row.id, row.wanted)
                corrected: dict[str, Any] = {row.field: wanted}
                claims = replace(claims, **corrected)
            else:
                await self._settle(tx, scope, row)
        return claims

    async def _settle(self, tx: AsyncConnection, scope: Scope, row: Row[Any]) -> None:
        values = {"state": "settled", "ended": await self._database.now(tx)}
        await tx.execute(update(corrections).where(corrections.c.id == row.id).values(**values))
        await self._notifications.tell(tx, scope, "correction_settled", correction=row.id, field=row.field)

    async def withdraw(self, acting: Acting, correction: str) -> None:
        """Take a request back. CorrectionRefused (nobody, decided)."""
        await self.get(acting.scope, correction)
        async with self._database.write() as tx:
            row = await self._moved(tx, correction, ("asked",), state="withdrawn", ended=await self._database.now(tx))
            event = acting.event("correction.withdrawn", correction=correction, field=row.field)
            await self._ledger.append(tx, acting.scope.tenant, event)

    async def get(self, scope: Scope, correction: str) -> Correction:
        """One correction of the person. CorrectionRefused (nobody)."""
        mine = (corrections.c.id == correction) & (corrections.c.person == scope.subject)
        async with self._database.read() as tx:
            row = (await tx.execute(select(corrections).where(mine))).one_or_none()
        if row is None:
            raise CorrectionRefused("nobody")
        return _correction(await self._vault.fields(scope), row)

    async def list(
        self, scope: Scope, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Correction], tuple[int, str] | None]:
        """The person's corrections, the newest first, and where the next page begins."""
        query = select(corrections).where(corrections.c.person == scope.subject)
        if before is not None:
            made, last = before
            older = and_(corrections.c.made == made, corrections.c.id < last)
            query = query.where(or_(corrections.c.made < made, older))
        newest = query.order_by(corrections.c.made.desc(), corrections.c.id.desc()).limit(limit + 1)
        async with self._database.read() as tx:
            rows = (await tx.execute(newest)).all()
        fields = await self._vault.fields(scope)
        found = [_correction(fields, row) for row in rows[:limit]]
        return found, (found[-1].made, found[-1].id) if len(rows) > limit else None

    async def waiting(
        self, school: str, after: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Correction], tuple[int, str] | None]:
        """What the school is asked for and has not answered, the oldest first, and where the next page begins.

        Without those of people whose key is suspended: nobody can read what they want, or answer it, meanwhile.
        """
        query = select(corrections).where(corrections.c.school == school, corrections.c.state.in_(OPEN))
        if after is not None:
            made, last = after
            query = query.where(
                or_(corrections.c.made > made, and_(corrections.c.made == made, corrections.c.id > last))
            )
        oldest = query.order_by(corrections.c.made, corrections.c.id).limit(limit + 1)
        async with self._database.read() as tx:
            rows = (await tx.execute(oldest)).all()
        found = [one for row in rows[:limit] if (one := await self._readable(row)) is not None]
        return found, (rows[limit - 1].made, rows[limit - 1].id) if len(rows) > limit else None

    async def _readable(self, row: Row[Any]) -> Correction | None:
        try:
            return _correction(await self._vault.fields(Scope(row.school, row.person)), row)
        except Suspended:
            return None

    async def sweep(self, limit: int, kept: int, others: Mapping[str, int] = MappingProxyType({})) -> int:
        """Delete what ended more than ``kept`` ms ago; ``others``: where a school chose otherwise. How many.

        What they said is dead in older copies of the database with the next cycle of their people's keys.
        """
        now, table = await self._database.now(), corrections
        own = [and_(table.c.school == school, table.c.ended < now - life) for school, life in others.items()]
        old = or_(and_(table.c.school.not_in(list(others)), table.c.ended < now - kept), *own)
        async with self._database.write() as tx:
            some = select(table.c.id).where(table.c.state.in_(OVER), old).limit(limit)
            gone = delete(table).where(table.c.id.in_(some)).returning(table.c.school, table.c.person)
            whose = [(row.school, row.person) for row in await tx.execute(gone)]
            for school, person in sorted(set(whose)):
                await self._vault.renew(tx, Scope(school, person))
            return len(whose)

    async def _of_school(self, school: str, correction: str) -> Row[Any]:
        mine = (corrections.c.id == correction) & (corrections.c.school == school)
        async with self._database.read() as tx:
            row = (await tx.execute(select(corrections).where(mine))).one_or_none()
        if row is None:
            raise CorrectionRefused("nobody")
        return row


async def _is_decided(tx: AsyncConnection, correction: str) -> bool:
    """Whether the database knows already that it holds, or held."""
    query = select(corrections.c.state).where(corrections.c.id == correction)
    return (await tx.execute(query)).scalar_one_or_none() in ("accepted", "settled", "superseded")


def _boxes(fields: Fields, correction: str, **values: str) -> dict[str, bytes]:
    return {name: fields.seal(TABLE, name, correction, value) for name, value in values.items()}


def _correction(fields: Fields, row: Row[Any]) -> Correction:
    def text(column: str) -> str:
        box = getattr(row, column)
        return "" if box is None else fields.text(TABLE, column, row.id, box)

    return Correction(
        id=row.id, person=row.person, field=cast("Field", row.field), state=row.state, wanted=text("wanted"),
        why=text("why"), answer=text("answer"), by=row.by, made=row.made, decided=row.decided, ended=row.ended,
    )  # fmt: skip
