"""The people of the schools: who they are is sealed under their own key, so forgetting the key forgets them.

A person is (issuer, subject) within a school. Which attributes are kept is a list in the code, `Claims`; whatever else
a provider tells is dropped before it gets here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, Select, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache import errors as storage
from cache.fields import Fields
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import persons, schools
from gateway.identity.errors import NotActive, SignInRefused, Suspended
from gateway.identity.schools import School
from gateway.ids import new_id
from gateway.policy import AgeBand, Role

_TABLE: Final = "persons"
_SEALED: Final = ("name", "email", "subject")
_HERE: Final = ("active", "suspended")


@dataclass(frozen=True, slots=True)
class Claims:
    """All that is kept of what an identity provider tells. `proven_at`: when the person signed in there, epoch ms."""

    issuer: str
    subject: str
    role: Role
    age_band: AgeBand
    name: str
    email: str | None
    locale: str
    proven_at: int


@dataclass(frozen=True, slots=True)
class Person:
    """A person, opened: only the person themselves, or their school's administrators, are shown this.

    ``readable``: False while the key is suspended under which the name is sealed; then it is '' here.
    """

    id: str
    name: str
    email: str | None
    role: Role
    age_band: AgeBand
    locale: str
    seen: int
    suspended: bool = False
    readable: bool = True


Corrected = Callable[[AsyncConnection, Scope, Claims], Awaitable[Claims]]
"""(tx, who, what the directory says): what holds of it."""


class People:
    """Makes, reads and ends persons."""

    def __init__(self, vault: Vault, database: Database, corrected: Corrected | None = None) -> None:
        """``corrected``: what holds over what the directory says."""
        self._vault = vault
        self._database = database
        self._corrected = corrected

    async def arrive(self, school: School, claims: Claims) -> str:
        """The id of the person who has just proven to be these claims; new where they are, else brought up to date."""
        for _ in range(3):
            try:
                return await self._arrive(school, claims)
            except IntegrityError:
                continue  # the same person signed in for the first time elsewhere at this moment: they exist now
        raise NotActive("this person cannot sign in now")

    async def _arrive(self, school: School, claims: Claims) -> str:
        fields = await self._vault.fields(Scope(school.id, None))
        labels = fields.indexes("subject", _subject(claims))
        found_by = {"subject_index": labels[fields.version], "subject_version": fields.version}
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            # against `Schools.leave` alone: a stronger lock would keep two who arrive from taking turns in `_known`
            here = select(schools.c.left).where(schools.c.id == school.id).with_for_update(read=True, key_share=True)
            if (await tx.execute(here)).scalar_one_or_none() is not None:
                raise SignInRefused("school")  # it has left, and this process does not know it yet
            found = await self._known(tx, school, labels.values())
            if found is not None:
                _check(found.state)
            await _check_school(tx, school.id, claims.role)
            person = found.id if found is not None else new_id()
            scope = Scope(school.id, person)
            await self._vault.enrol(tx, scope)
            if found is not None and self._corrected is not None:
                claims = await self._corrected(tx, scope, claims)
            values = _row(await self._vault.fields(scope), person, claims) | found_by
            if found is None:
                fixed = {"id": person, "school": school.id, "state": "active", "made": now}
                await tx.execute(insert(persons).values(**fixed, **values, seen=now))
            else:
                await tx.execute(update(persons).where(persons.c.id == person).values(**values, seen=now))
        return str(person)

    async def _known(self, tx: AsyncConnection, school: School, labels: Collection[bytes]) -> Any:
        """The person's id and state, held; where there is none, no other new one of the school until ``tx`` ends.

        While the school's key is being replaced a person may be found under either, so the unique index cannot keep two
        first sign-ins of one person apart.
        """
        mine = (persons.c.school == school.id) & persons.c.subject_index.in_(labels)
        query: Select[Any] = select(persons.c.id, persons.c.state).where(mine).with_for_update()
        found = (await tx.execute(query)).one_or_none()
        if found is None:
            await tx.execute(select(schools.c.id).where(schools.c.id == school.id).with_for_update(key_share=True))
            found = (await tx.execute(query)).one_or_none()
        return found

    async def get(self, scope: Scope) -> Person:
        """The person. NotActive where there is nobody any more."""
        mine = (persons.c.id == scope.subject) & (persons.c.school == scope.tenant) & (persons.c.state == "active")
        async with self._database.read() as tx:
            row = (await tx.execute(select(persons).where(mine))).mappings().one_or_none()
        if row is None:
            raise NotActive("nobody of this id is here")
        return _person(await self._vault.fields(scope), row)

    async def is_here(self, scope: Scope) -> bool:
        """Whether there is such a person whose rights can be asked for: also where they may do nothing themselves."""
        mine = (persons.c.id == scope.subject) & (persons.c.school == scope.tenant)
        here = select(persons.c.id).where(mine, persons.c.state.in_(("active", "suspended")))
        async with self._database.read() as tx:
            return (await tx.execute(here)).first() is not None

    async def of_school(self, school: str, *, after: str = "", limit: int = 100) -> Sequence[Person]:
        """People of a school in the order of their ids: a page for its administrators.

        Also those who are suspended, or whose key is and whose name nobody can read meanwhile.
        """
        mine = (persons.c.school == school) & persons.c.state.in_(("active", "suspended")) & (persons.c.id > after)
        async with self._database.read() as tx:
            rows = (await tx.execute(select(persons).where(mine).order_by(persons.c.id).limit(limit))).mappings().all()
        return [await self._listed(school, row) for row in rows]

    async def _listed(self, school: str, row: RowMapping) -> Person:
        try:
            return _person(await self._vault.fields(Scope(school, row["id"])), row)
        except storage.Suspended:
            return _person(None, row)

    async def require_active(self, tx: AsyncConnection, person: str) -> None:
        """NotActive unless the person is active, and stays so until ``tx`` ends: for whoever makes data of theirs.

        Suspended where their access or their school's is cut off.
        """
        await self._require(tx, person, entering=False)

    async def require_entry(self, tx: AsyncConnection, person: str) -> None:
        """`require_active`, but for administrators of a suspended school: they may look, and lift it."""
        await self._require(tx, person, entering=True)

    async def _require(self, tx: AsyncConnection, person: str, *, entering: bool) -> None:
        found = select(persons.c.state, persons.c.role, persons.c.school).where(persons.c.id == person)
        row = (await tx.execute(found.with_for_update(read=True))).one_or_none()
        _check(None if row is None else row.state)
        assert row is not None
        await _check_school(tx, row.school, row.role if entering else None)

    async def administrators(self, tx: AsyncConnection, school: str, people: Sequence[str]) -> set[str]:
        """Those of ``people`` who are active administrators of the school now."""
        mine = (persons.c.school == school) & (persons.c.state == "active") & (persons.c.role == "administrator")
        return set((await tx.execute(select(persons.c.id).where(mine, persons.c.id.in_(people)))).scalars())

    async def begin_erasure(self, tx: AsyncConnection, scope: Scope) -> bool:
        """From the commit on nothing new is theirs, nobody signs in as them. False if they are not here any more."""
        assert scope.subject is not None
        return bool(await self.begin_erasures(tx, scope.tenant, [scope.subject]))

    async def begin_erasures(self, tx: AsyncConnection, school: str, people: Sequence[str]) -> Sequence[str]:
        """active or suspended → erasing, for some hundred people at once; those who were."""
        mine = (persons.c.school == school) & persons.c.state.in_(_HERE) & persons.c.id.in_(people)
        done = await tx.execute(update(persons).where(mine).values(state="erasing").returning(persons.c.id))
        return list(done.scalars())

    async def everybody(self, tx: AsyncConnection, school: str) -> Sequence[str]:
        """The ids of all people of a school who are not being forgotten."""
        mine = (persons.c.school == school) & persons.c.state.in_(_HERE)
        return (await tx.execute(select(persons.c.id).where(mine))).scalars().all()

    async def end_erasure(self, tx: AsyncConnection, scope: Scope) -> None:
        """erasing → erased: nothing is left but the id. May be repeated."""
        ended = persons.c.state.in_(("erasing", "erased"))
        mine = (persons.c.id == scope.subject) & (persons.c.school == scope.tenant) & ended
        kept = {"id", "school", "state"}
        gone = {column.name: None for column in persons.columns if column.name not in kept}
        await tx.execute(update(persons).where(mine).values(state="erased", **gone))


def _check(state: str | None) -> None:
    """NotActive, Suspended unless this is the state of somebody who may work here."""
    if state == "suspended":
        raise Suspended("this person's access is suspended")
    if state != "active":
        raise NotActive("this person is being forgotten")


async def _check_school(tx: AsyncConnection, school: str, role: str | None) -> None:
    """Suspended where the school is, unless an administrator enters."""
    state = (await tx.execute(select(schools.c.state).where(schools.c.id == school))).scalar_one_or_none()
    if state == "suspended" and role != "administrator":
        raise Suspended("this school's access is suspended")


def _subject(claims: Claims) -> str:
    return f"{claims.issuer}\0{claims.subject}"


def _row(fields: Fields, person: str, claims: Claims) -> dict[str, object]:
    told = {"name": claims.name, "email": claims.email or "", "subject": _subject(claims)}
    sealed = {name: fields.seal(_TABLE, name, person, told[name]) for name in _SEALED}
    return {**sealed, "role": claims.role, "age_band": claims.age_band, "locale": claims.locale}


def _person(fields: Fields | None, row: RowMapping) -> Person:
    """``fields`` None: nobody can read who it is."""
    person = row["id"]
    name, email = (fields.text(_TABLE, column, person, row[column]) if fields else "" for column in ("name", "email"))
    return Person(
        person, name, email or None, row["role"], row["age_band"], row["locale"], row["seen"],
        row["state"] == "suspended", fields is not None,
    )  # fmt: skip
