"""A school's address over a real vault, a real ledger and a real socket, on the databases of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import MetaData

import gateway.db.schema
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.ledger import Ledger
from gateway.schools import SchoolChoices
from gateway.webhooks import Deliveries, Sender, Wanted, Webhooks, outbox
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault
from tests.gateway.webhooks.receiver import Receiver, receiving

__all__ = ["database", "database_url", "pytest_generate_tests"]
assert gateway.db.schema
NOW = 1_800_000_000_000


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return SCHEMA


@dataclass
class Office:
    """A school's side of it, with a clock that the test turns."""

    vault: Vault
    database: Database
    ledger: Ledger
    choices: SchoolChoices
    webhooks: Webhooks
    now: int = NOW

    async def clock(self) -> int:
        return self.now

    @property
    def deliveries(self) -> Deliveries:
        return Deliveries(self.webhooks, self.database, now=self.clock)

    async def later(self, seconds: float) -> None:
        """Let time pass, and send what is due then."""
        self.now += round(seconds * 1000)
        await self.deliveries.once()

    async def set(self, url: str | None, after: int = 60, school: str = "s1") -> str | None:
        """Set the address; the first secret."""
        change = self.webhooks.change(school, None if url is None else Wanted(url, after))
        version = (await self.choices.get(school)).version
        await self.choices.change(school, "ann", version, {}, change)
        return change.secret

    async def ended(self, lasted: float = 61, school: str = "s1") -> bool:
        """A job of ben ended."""
        data = {"school": school, "person": "ben", "job": "j" * 32, "state": "done"}
        async with self.database.write() as tx:
            return await outbox.put(
                tx, school=school, person="ben", kind="job.ended", now=self.now, lasted=round(lasted * 1000), data=data
            )


@pytest.fixture
async def office(database: Database, tmp_path: Path) -> AsyncIterator[Office]:
    async with open_vault(database, tmp_path) as vault:
        for school in ("s1", "s2"):
            await enrol(database, vault, school, None)
        ledger = Ledger(vault, database)
        webhooks = Webhooks(vault, database, ledger, Sender(here=True))
        yield Office(vault, database, ledger, SchoolChoices(vault, database, ledger), webhooks)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as started:
        yield started
