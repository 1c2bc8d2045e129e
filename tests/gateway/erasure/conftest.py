"""A real vault, database and journal; people and the outside are what the test says."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_files import cached_files
from gateway.erasure.eraser import Eraser
from gateway.erasure.journal import Journal
from gateway.erasure.stores import Rows, Store
from gateway.signing import SigningKeys
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
LEO = Scope("school", "leo")


@pytest.fixture
def schema() -> list[object]:
    """The tables these tests need."""
    return list(SCHEMA)


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    """Started, with one person enrolled."""
    async with open_vault(database, tmp_path) as opened:
        await enrol(database, opened, LEO.tenant, LEO.subject)
        yield opened


class People:
    """Whose erasure began and ended."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {"leo": "active"}

    async def begin_erasure(self, tx: AsyncConnection, scope: Scope) -> bool:
        if self.state.get(scope.subject or "") != "active":
            return False
        self.state[scope.subject or ""] = "erasing"
        return True

    async def end_erasure(self, tx: AsyncConnection, scope: Scope) -> None:
        self.state[scope.subject or ""] = "erased"


class Outside:
    """What was to be given back, and what was."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.fails = 0

    async def collect(self, scope: Scope) -> list[dict[str, Any]]:
        return [{"provider": "google", "grant": "canary-grant-token"}]

    async def give_back(self, task: dict[str, Any]) -> dict[str, Any]:
        if self.fails:
            self.fails -= 1
            raise OSError
        if "grant" in task:
            self.given.append(task["grant"])
        return {"provider": task["provider"], "what": "connection", "revoked": "grant" in task, "advice": ""}


STORES = (
    Store("cached", "Copies of files you opened", [Rows(cached_files, cached_files.c.person, cached_files.c.size)]),
)


class World:
    """Everything an eraser needs; `eraser` makes a new one, as a restarted process would."""

    def __init__(self, vault: Vault, database: Database, folder: Path) -> None:
        self.vault, self.database, self.folder = vault, database, folder
        self.people, self.outside, self.stopped = People(), Outside(), 0
        self.signing = SigningKeys(vault, database)

    @property
    def journal(self) -> Path:
        """Where the journal is."""
        return self.folder / "journal" / "erasures"

    async def stop(self, _scope: Scope) -> None:
        self.stopped += 1

    def eraser(self) -> Eraser:
        """A fresh one over the same stores."""
        return Eraser(
            vault=self.vault, database=self.database, journal=Journal(self.journal, self.signing.journal_key),
            signing=self.signing, stores=STORES, people=self.people, outside=self.outside, stop=self.stop,
        )  # fmt: skip

    async def hold_something(self) -> None:
        """A row of the person's."""
        async with self.database.write() as tx:
            await tx.execute(
                insert(cached_files).values(
                    id="row", school="school", person="leo", drive="d", lookup=b"l" * 32, object="o", facts=b"f",
                    size=7, stored=1, ends=2,
                )
            )  # fmt: skip


@pytest.fixture
async def world(vault: Vault, database: Database, tmp_path: Path) -> World:
    """With one row of the person's in it."""
    made = World(vault, database, tmp_path)
    await made.signing.start()
    await made.hold_something()
    return made
