"""The schools that this deployment serves: they come from its configuration, never from a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import schools
from gateway.ids import new_id
from gateway.settings import IdentityProvider, SchoolSetting


@dataclass(frozen=True, slots=True)
class School:
    """A school: random ``id``, its ``name`` as people read it, the ``region`` its data must stay in."""

    id: str
    name: str
    region: str


UNNAMED: Final = "local"
"""The region of a deployment that names none: a school of it may still be given one."""


class Elsewhere(Exception):
    """The data of a school that is configured lies in another region; the message says what to do."""


class SchoolStillHere(Exception):
    """A school is configured anew that has not left."""


class Schools:
    """Known schools, held in memory after `start`."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database
        self._by_claim: dict[tuple[str, str], School] = {}
        self._by_id: dict[str, School] = {}

    async def start(self, providers: Iterable[IdentityProvider]) -> None:
        """Bring the table in line with the configuration and make missing keys. Schools are never dropped here.

        A school that left is served only once it is configured anew, as another one. Elsewhere, SchoolStillHere.
        """
        self._by_claim = {}
        async with self._database.write() as tx:
            for provider in providers:
                for claim, told in provider.schools.items():
                    school = await self._settled(tx, provider.issuer, claim, told)
                    if school is not None:
                        self._by_claim[provider.issuer, claim] = school
        self._by_id = {school.id: school for school in self._by_claim.values()}

    @property
    def ids(self) -> Sequence[str]:
        """The ids of all configured schools."""
        return tuple(self._by_id)

    async def _settled(self, tx: AsyncConnection, issuer: str, claim: str, told: SchoolSetting) -> School | None:
        """The school of this claim; None where it has left under this very number."""
        gone = (schools.c.issuer == issuer) & (schools.c.was == _was(told.again, claim))
        if (await tx.execute(select(schools.c.id).where(gone))).first() is not None:
            return None
        values = {"name": told.name, "region": told.region}
        made = {"id": new_id(), "issuer": issuer, "claim": claim, "again": told.again}
        await insert_if_absent(tx, schools, {**made, **values, "made": await self._database.now(tx)})
        mine = (schools.c.issuer == issuer) & (schools.c.claim == claim)
        row = (await tx.execute(select(schools).where(mine))).one()
        if row.again != told.again:
            raise SchoolStillHere(
                f"FILE_ACCESS_IDENTITY_PROVIDERS: a school is here as number {row.again} and configured as number "
                f"{told.again}: `again` is raised by one after a school has left, and never otherwise."
            )
        _stays(row.region, told.region)
        await tx.execute(update(schools).where(mine).values(**values))
        await self._vault.enrol(tx, Scope(row.id, None))
        return School(row.id, told.name, told.region)

    async def leave(self, tx: AsyncConnection, school: str) -> None:
        """It leaves: from the commit on nobody signs in to it, and its id is never used again. May be repeated."""
        mine = (schools.c.id == school) & schools.c.left.is_(None)
        row = (await tx.execute(select(schools).where(mine).with_for_update())).one_or_none()
        if row is not None:
            gone = {"claim": f"left:{school}", "was": _was(row.again, row.claim), "name": ""}
            await tx.execute(update(schools).where(mine).values(left=await self._database.now(tx), **gone))
        self._by_claim = {claim: one for claim, one in self._by_claim.items() if one.id != school}
        self._by_id.pop(school, None)

    def find(self, issuer: str, claim: str) -> School | None:
        """The school that this issuer calls so, None where it is not configured."""
        return self._by_claim.get((issuer, claim))

    def knows(self, school: str) -> bool:
        """Whether the school of this id is still configured: sign-ins of others are nobody's until it is again."""
        return school in self._by_id

    def get(self, school: str) -> School:
        """By id, of somebody who is signed in. KeyError where it is no longer configured."""
        return self._by_id[school]


def _stays(held: str, told: str) -> None:
    if held not in (told, UNNAMED):
        raise Elsewhere(
            f"this database holds a school's data of the region {held!r}, but FILE_ACCESS_IDENTITY_PROVIDERS now says "
            f"{told!r}. Data does not move by another name: a school that moves needs a deployment there"
        )


def _was(again: int, claim: str) -> str:
    return f"{again}:{claim}"
