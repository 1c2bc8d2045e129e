"""The incident book of each school: opened by the gateway, an administrator or the operator, closed when signed off.

Every step is added, never changed, and stands in the ledger too: who, when, which step. What a step says is sealed.
An incident belongs to one school; one that touched several stands in each one's book.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.books import DEPLOYMENT, Books
from gateway.containment import Word
from gateway.db.engine import Database
from gateway.db.tables_incidents import incidents
from gateway.ids import new_id
from gateway.incidents import entries
from gateway.incidents.model import About, Act, Closed, Draft, Facts, Incident, NoSuchIncident, NotYet, Refused
from gateway.ledger import Event, Ledger
from gateway.policy import POLICY_VERSION
from gateway.webhooks import outbox

EVENT: Final = "incident.opened"
"""The type of the message by which a school is told."""
Values = Mapping[str, Any]
Weigh = Callable[[Mapping[Any, Any], int], Values]
"""(row, now): what a step changes in the row; raises where it makes no sense there."""


class Incidents:
    """The books of all schools."""

    def __init__(self, database: Database, ledger: Ledger, books: Books) -> None:
        self._database = database
        self._ledger = ledger
        self._books = books

    async def open(self, word: Word, draft: Draft, name: str | None = None) -> Incident:
        """A new incident. Refused where its times make no sense.

        ``name``: its random id, where the same request may come again after a crash; it is entered once.
        """
        async with self._database.write() as tx:
            known = select(incidents.c.id).where(incidents.c.id == name, incidents.c.school == word.school)
            made = (await tx.execute(known)).scalar_one_or_none()
            made = str(made) if made is not None else await self.enter(tx, word, draft, name=name)
        return await self.get(word.school, made)

    async def enter(
        self,
        tx: AsyncConnection,
        word: Word,
        draft: Draft,
        *,
        affected: Sequence[tuple[str, str]] = (),
        signs: int = 0,
        name: str | None = None,
    ) -> str:
        """The same inside ``tx``, late in it. Unless its own administrator enters it, the school is told at once."""
        now, made = await self._database.now(tx), name or new_id()
        _check_times(draft.began, draft.ended, now)
        own = word.actor == "administrator" or word.school == DEPLOYMENT
        row: dict[str, Any] = {
            "id": made, "school": word.school, "book": entries.book(word.school), "kind": draft.kind,
            "severity": draft.severity, "origin": word.actor, "state": "open", "opened": now, "began": draft.began,
            "ended": draft.ended, "signs": signs, "acts": 0, "weighed": 0,
        }  # fmt: skip
        box = entries.sealed(await self._books.sealer(tx, word.school), made, draft.told)
        await tx.execute(insert(incidents).values(**row, told=box))
        await entries.touch(tx, made, affected, now)
        await self._add(tx, word, row, now, "opened", asdict(draft.told), {}, weighs=True)
        if own:
            await self._add(tx, word, {**row, "acts": 1}, now, "aware", None, _aware(draft.aware, word)(row, now))
        else:
            await self._give_notice(tx, row, now)
        return made

    async def _give_notice(self, tx: AsyncConnection, row: Mapping[str, Any], now: int) -> None:
        """The school's notice, without delay: in its book from now on, and at its own address where it named one."""
        told = {"school": row["school"], "incident": row["id"], "kind": row["kind"], "severity": row["severity"]}
        sent = await outbox.put(
            tx, school=row["school"], person="", kind=EVENT, now=now, lasted=outbox.ALWAYS, data=told
        )  # fmt: skip
        ways = ["book", *(["webhook"] if sent else [])]
        word = Word(row["school"], gateway=True)
        await self._add(tx, word, {**row, "acts": 1}, now, "noticed", {"ways": ways}, {"noticed": now})

    async def get(self, school: str, incident: str) -> Incident:
        """One of the school's. NoSuchIncident."""
        async with self._database.read() as tx:
            return await entries.view(tx, self._books, await _row(tx, school, incident))

    async def read(self, word: Word, incident: str) -> Incident:
        """The same for an administrator, whose first look makes the school aware. NoSuchIncident."""
        found = await self.get(word.school, incident)
        if found.aware is not None or word.by is None:
            return found
        async with self._database.write() as tx:
            row = await entries.locked(tx, word.school, incident)
            if row["aware"] is None:
                now = await self._database.now(tx)
                await self._add(tx, word, row, now, "aware", None, _aware(None, word)(row, now))
        return await self.get(word.school, incident)

    async def school_of(self, incident: str) -> str:
        """The school whose book it stands in, for the operator. NoSuchIncident."""
        async with self._database.read() as tx:
            found = await tx.execute(select(incidents.c.school).where(incidents.c.id == incident))
        school = found.scalar_one_or_none()
        if school is None:
            raise NoSuchIncident
        return str(school)

    async def list(
        self, school: str, *, state: str | None = None, before: tuple[int, str] | None = None, limit: int = 50
    ) -> tuple[Sequence[Incident], tuple[int, str] | None]:
        """The school's, the newest first, without their words, and where the next page begins."""
        query = select(incidents).where(incidents.c.school == school)
        if state is not None:
            query = query.where(incidents.c.state == state)
        if before is not None:
            at, last = before
            query = query.where((incidents.c.opened < at) | ((incidents.c.opened == at) & (incidents.c.id < last)))
        query = query.order_by(incidents.c.opened.desc(), incidents.c.id.desc()).limit(limit + 1)
        async with self._database.read() as tx:
            rows = (await tx.execute(query)).mappings().all()
        found = [entries.brief(row) for row in rows[:limit]]
        return found, (found[-1].opened, found[-1].id) if len(rows) > limit else None

    async def acts(self, school: str, incident: str, after: int = 0, limit: int = 100) -> Sequence[Act]:
        """Its steps after a sequence, the oldest first. NoSuchIncident."""
        async with self._database.read() as tx:
            return await entries.acts(tx, self._books, await _row(tx, school, incident), after, limit)

    async def amend(self, word: Word, incident: str, expected: int, changes: Mapping[str, Any]) -> Incident:
        """Change what is told, the kind, the severity or the times; signatures under what stood before end.

        NoSuchIncident, Changed, Closed, Refused.
        """
        async with self._database.write() as tx:
            row = await self._open_row(tx, word.school, incident, expected)
            now = await self._database.now(tx)
            plain = {name: changes[name] for name in ("kind", "severity", "began", "ended") if name in changes}
            times = {**row, **plain}
            _check_times(times["began"], times["ended"], now)
            before = (await entries.view(tx, self._books, row)).told
            if before is None:
                raise Refused("unreadable")
            words = {name: value for name, value in changes.items() if name not in plain}
            box = entries.sealed(await self._books.sealer(tx, word.school), incident, replace(before, **words))
            await self._add(tx, word, row, now, "amended", dict(changes), {**plain, "told": box}, weighs=True)
        return await self.get(word.school, incident)

    async def aware(self, word: Word, incident: str, at: int) -> Incident:
        """The school became aware at ``at``, earlier than is known so far. NoSuchIncident, Refused."""
        return await self._step(word, incident, "aware", {"at": at}, _aware(at, word), closed=True, weighs=True)

    async def noticed(self, word: Word, incident: str, at: int, way: str) -> Incident:
        """The operator told the school by another way, such as a telephone call. NoSuchIncident, Refused."""

        def weigh(row: Mapping[Any, Any], now: int) -> Values:
            _check_past(at, now)
            return {"noticed": min(at, row["noticed"] or at)}

        return await self._step(word, incident, "noticed", {"ways": [way], "at": at}, weigh, closed=True)

    async def note(self, word: Word, incident: str, text: str) -> Incident:
        """Something found in the investigation; also after it was closed. NoSuchIncident."""
        return await self._step(word, incident, "note", {"text": text}, closed=True)

    async def decide(self, word: Word, incident: str, about: About, notify: bool, reason: str) -> Incident:
        """Whether the authority, or the people, are to be notified, and why. NoSuchIncident, Closed."""
        told = {"notify": notify, "reason": reason}
        return await self._step(word, incident, f"decided_{about}", told, lambda *_: {about: notify}, weighs=True)

    async def notified(
        self, word: Word, incident: str, about: About, at: int, reference: str = "", delay: str = ""
    ) -> Incident:
        """The authority, or the people, were notified. ``delay``: why later than 72 hours, where it was.

        NoSuchIncident, Closed, Refused.
        """

        def weigh(row: Mapping[Any, Any], now: int) -> Values:
            _check_past(at, now)
            told = {f"{about}_told": at}
            if about == "authority" and not delay and entries.brief({**row, **told}).clock(now).state == "late":
                raise Refused("reason_for_delay")
            return told

        said = {"at": at, "reference": reference, "delay": delay}
        return await self._step(word, incident, f"notified_{about}", said, weigh, weighs=True)

    async def touch(self, word: Word, incident: str, affected: Sequence[tuple[str, str]]) -> int:
        """Note whom and what it touched; how many are new. NoSuchIncident, Closed."""
        async with self._database.write() as tx:
            row = await self._open_row(tx, word.school, incident)
            now = await self._database.now(tx)
            added = await entries.touch(tx, incident, affected, now)
            if added:
                await self._add(tx, word, row, now, "affected", {"count": added}, {}, weighs=True)
        return added

    async def seen_again(
        self, tx: AsyncConnection, incident: str, signs: int, affected: Sequence[tuple[str, str]]
    ) -> None:
        """What made the gateway open it was seen again: counted, and whom it touched noted."""
        await tx.execute(
            update(incidents).where(incidents.c.id == incident).values(signs=incidents.c.signs + signs)
        )  # fmt: skip
        await entries.touch(tx, incident, affected, await self._database.now(tx))

    async def affected(
        self, school: str, incident: str, after: tuple[str, str] = ("", ""), limit: int = 200
    ) -> Sequence[tuple[str, str, int]]:
        """Whom and what it touched: (kind, random id, when noted). NoSuchIncident."""
        async with self._database.read() as tx:
            await _row(tx, school, incident)
            return await entries.touched(tx, incident, after, limit)

    async def counted(self, school: str, incident: str) -> Mapping[str, int]:
        """How many people, accounts, objects and keys are noted. NoSuchIncident."""
        async with self._database.read() as tx:
            await _row(tx, school, incident)
            return await entries.counted(tx, incident)

    async def facts(self, school: str, incident: str, name: str) -> Facts:
        """What drafted notices are made from; ``name``: the school's. NoSuchIncident."""
        async with self._database.read() as tx:
            row = await _row(tx, school, incident)
            one, affected = await entries.view(tx, self._books, row), await entries.counted(tx, incident)
            told = await entries.last_told(tx, self._books, row, ("decided_people", "notified_authority"))
        reasons = {
            "people": told.get("decided_people", {}).get("reason", ""),
            "delay": told.get("notified_authority", {}).get("delay", ""),
        }
        return Facts(one, name, affected, reasons)

    async def sign(self, word: Word, incident: str, expected: int) -> Incident:
        """Put one's name under what stands here. NoSuchIncident, Changed, Closed, Refused where one has done so."""
        async with self._database.write() as tx:
            row = await self._open_row(tx, word.school, incident, expected)
            if (word.by or "operator") in await entries.signed(tx, row):
                raise Refused("signed_already")
            await self._add(tx, word, row, await self._database.now(tx), "signed", None, {})
        return await self.get(word.school, incident)

    async def close(self, word: Word, incident: str) -> Incident:
        """Everything was done and enough people signed. NoSuchIncident, Closed, NotYet."""
        async with self._database.write() as tx:
            row = await self._open_row(tx, word.school, incident)
            if missing := replace(entries.brief(row), signed=await entries.signed(tx, row)).missing:
                raise NotYet(missing)
            now = await self._database.now(tx)
            await self._add(tx, word, row, now, "closed", None, {"state": "closed", "closed": now})
        return await self.get(word.school, incident)

    async def reopen(self, word: Word, incident: str, reason: str) -> Incident:
        """It was not over. NoSuchIncident, Refused where it is open."""

        def weigh(row: Mapping[Any, Any], _now: int) -> Values:
            if row["state"] == "open":
                raise Refused("open")
            return {"state": "open", "closed": None}

        return await self._step(word, incident, "reopened", {"reason": reason}, weigh, closed=True, weighs=True)

    async def _step(
        self,
        word: Word,
        incident: str,
        act: str,
        told: Mapping[str, Any],
        weigh: Weigh = lambda *_: {},
        *,
        closed: bool = False,
        weighs: bool = False,
    ) -> Incident:
        """One step in a transaction of its own. ``closed``: also in a closed incident."""
        async with self._database.write() as tx:
            row = await (entries.locked if closed else self._open_row)(tx, word.school, incident)
            now = await self._database.now(tx)
            await self._add(tx, word, row, now, act, told, weigh(row, now), weighs=weighs)
        return await self.get(word.school, incident)

    async def _add(
        self,
        tx: AsyncConnection,
        word: Word,
        row: Mapping[Any, Any],
        now: int,
        act: str,
        told: Mapping[str, Any] | None,
        values: Values,
        *,
        weighs: bool = False,
    ) -> None:
        step = Act(row["acts"] + 1, now, word.actor, word.by, act, told)
        await entries.add_act(tx, self._books, row, step, values, weighs=weighs)
        event = Event(f"incident.{act}", word.by, None, row["id"], POLICY_VERSION)
        await self._ledger.append(tx, word.school, event)

    async def _open_row(
        self, tx: AsyncConnection, school: str, incident: str, expected: int | None = None
    ) -> Mapping[Any, Any]:
        row = await entries.locked(tx, school, incident, expected)
        if row["state"] != "open":
            raise Closed
        return row


async def _row(tx: AsyncConnection, school: str, incident: str) -> Mapping[Any, Any]:
    mine = (incidents.c.id == incident) & (incidents.c.school == school)
    row = (await tx.execute(select(incidents).where(mine))).mappings().one_or_none()
    if row is None:
        raise NoSuchIncident
    return row


def _aware(at: int | None, word: Word) -> Weigh:
    """The school knows since ``at``, by default since now. An awareness is moved back only, never later."""

    def weigh(row: Mapping[Any, Any], now: int) -> Values:
        since = now if at is None else at
        _check_past(since, now)
        if row.get("aware") is not None and since >= row["aware"]:
            raise Refused("aware_before")
        return {"aware": since, "aware_by": word.by}

    return weigh


def _check_past(at: int, now: int) -> None:
    if at > now:
        raise Refused("in_the_future")


def _check_times(began: int | None, ended: int | None, now: int) -> None:
    for at in (began, ended):
        if at is not None:
            _check_past(at, now)
    if began is not None and ended is not None and ended < began:
        raise Refused("ends_before_it_begins")
