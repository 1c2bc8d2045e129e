"""What would go, for every scope of forgetting, before anything does. It reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope
from gateway.db.engine import Database
from gateway.db.tables_people import accounts, persons
from gateway.erasure.held import Holds
from gateway.erasure.holdings import SCHOOL_STORES, STORES
from gateway.erasure.model import Held, Target
from gateway.erasure.things import WHAT, Things

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class Part:
    """What of one store would go: ``what`` in words, ``bytes`` where they mean something."""

    store: str
    what: str
    count: int
    bytes: int | None


@dataclass(frozen=True, slots=True)
class Many:
    """What of many people would go. ``accounts``: connected accounts by provider, whose files stay there.

    ``held``: what legal holds would keep back; ``waits``: how many keep a school from leaving.
    """

    people: int
    parts: Sequence[Part]
    accounts: Mapping[str, int]
    held: Sequence[Held]
    waits: int = 0


class Plans:
    """Dry runs."""

    def __init__(self, database: Database, things: Things, holds: Holds) -> None:
        self._database = database
        self._things = things
        self._holds = holds

    async def person(self, scope: Scope) -> Sequence[Part]:
        """Everything of a person."""
        async with self._database.read() as tx:
            return [Part(one.name, one.what, *await one.count(tx, scope)) for one in STORES]

    async def item(self, scope: Scope, target: Target) -> Sequence[Part]:
        """One thing of a person. NothingThere, ErasureRefused."""
        async with self._database.read() as tx:
            found = await self._things.find(tx, scope, target)
        return [Part(name, WHAT[name], told["erased"], told.get("bytes")) for name, told in found.items()]

    async def held(self, scope: Scope, target: Target | None = None) -> Sequence[Held]:
        """What legal holds would keep back of a person, or of one thing of theirs, as far as they may know."""
        async with self._database.read() as tx:
            return [one for one in await self._holds.held(tx, scope, target=target) if one.tells]

    async def people(self, school: str, people: Sequence[str]) -> Many:
        """These people of a school; who is not there or is being forgotten already counts for nothing."""
        sums: dict[str, Part] = {one.name: Part(one.name, one.what, 0, None) for one in STORES}
        found, outside, held = 0, Counter[str](), dict[str, Held]()
        async with self._database.read() as tx:
            for at in range(0, len(people), _CHUNK):
                here = await self._here(tx, school, people[at : at + _CHUNK])
                found += len(here)
                for kept in await self._holds.held(tx, Scope(school, None), here):
                    held[kept.hold] = kept  # a hold is about one person
                outside.update(await _accounts(tx, accounts.c.person.in_(here)))
                for one in STORES:
                    sums[one.name] = _plus(sums[one.name], await one.count(tx, Scope(school, None), here))
        return Many(found, list(sums.values()), outside, list(held.values()))

    async def school(self, school: str) -> Many:
        """A school with everybody in it."""
        whole = Scope(school, None)
        mine = (persons.c.school == school) & persons.c.state.in_(("active", "suspended"))
        async with self._database.read() as tx:
            waits = await self._holds.standing(tx, school)
            people = int((await tx.execute(select(func.count()).select_from(persons).where(mine))).scalar_one())
            parts = [Part(one.name, one.what, *await one.count(tx, whole)) for one in SCHOOL_STORES]
            held = await self._holds.held(tx, whole)
            return Many(people, parts, await _accounts(tx, accounts.c.school == school), held, waits)

    async def _here(self, tx: AsyncConnection, school: str, people: Sequence[str]) -> Sequence[str]:
        mine = (persons.c.school == school) & persons.c.state.in_(("active", "suspended"))
        return (await tx.execute(select(persons.c.id).where(mine, persons.c.id.in_(people)))).scalars().all()


def _plus(part: Part, more: tuple[int, int | None]) -> Part:
    count, size = more
    total = part.bytes if size is None else size + (part.bytes or 0)
    return Part(part.store, part.what, part.count + count, total)


async def _accounts(tx: AsyncConnection, which: Any) -> Mapping[str, int]:
    query = select(accounts.c.provider, func.count()).where(which, accounts.c.state != "closed")
    return {provider: int(count) for provider, count in await tx.execute(query.group_by(accounts.c.provider))}
