"""The schools that this deployment serves: they come from its configuration, never from a request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select, update

from cache.database import insert_if_absent
from cache.model import Scope
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.tables_people import schools
from gateway.ids import new_id
from gateway.settings import IdentityProvider


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


class Schools:
    """Known schools, held in memory after `start`."""

    def __init__(self, vault: Vault, database: Database) -> None:
        self._vault = vault
        self._database = database
        self._by_claim: dict[tuple[str, str], School] = {}
        self._by_id: dict[str, School] = {}

    async def start(self, providers: Iterable[IdentityProvider]) -> None:
        """Bring the table in line with the configuration and make missing keys. Schools are never dropped here.

        Elsewhere.
        """
        async with self._database.write() as tx:
            for provider in providers:
                for claim, told in provider.schools.items():
                    made = {"id": new_id(), "issuer": provider.issuer, "claim": claim}
                    values = {"name": told.name, "region": told.region}
                    await insert_if_absent(tx, schools, {**made, **values, "made": await self._database.now(tx)})
                    mine = (schools.c.issuer == provider.issuer) & (schools.c.claim == claim)
                    row = (await tx.execute(select(schools).where(mine))).one()
                    _stays(row.region, told.region)
                    await tx.execute(update(schools).where(mine).values(**values))
                    await self._vault.enrol(tx, Scope(row.id, None))
                    self._by_claim[provider.issuer, claim] = School(row.id, told.name, told.region)
        self._by_id = {school.id: school for school in self._by_claim.values()}

    @property
    def ids(self) -> Sequence[str]:
        """The ids of all configured schools."""
        return tuple(self._by_id)

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
