"""A real vault, database, journal, people and schools; what is outside is what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from cache.expiry import MemoryExpiry
from cache.roots import Root
from cache.vault import Life, Scope, Vault
from gateway.db.engine import Database
from gateway.db.tables_erasure import erasures
from gateway.db.tables_files import cached_files
from gateway.db.tables_people import persons, schools
from gateway.erasure import steps
from gateway.erasure.journal import Journal
from gateway.erasure.mark import Mark
from gateway.erasure.model import Begun, Erasure
from gateway.erasure.restoring import Restorer
from gateway.erasure.things import Things
from gateway.erasure.voiding import after_a_restore
from gateway.files.cached import CachedFiles
from gateway.files.fills import Fills
from gateway.files.following import Following
from gateway.files.freshness import Freshness
from gateway.files.uploads import Uploads
from gateway.forgetting import Forgetting, forgetting
from gateway.holds import KIND as HOLD
from gateway.holds import Holds
from gateway.identity import People, Schools
from gateway.jobs.service import Jobs
from gateway.ledger import Ends, Ledger
from gateway.ledger.checkpoints import Checkpoints
from gateway.signing import SigningKeys, verify
from providers.native import tables as native
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

__all__ = ["database", "database_url", "pytest_generate_tests"]
LEO, MIA, ADA, ZOE = (Scope("school", one) for one in ("leo", "mia", "ada", "zoe"))
EVERYBODY = (LEO, MIA, ADA, ZOE)
ADMINISTRATORS = (ADA, ZOE)
DEAD_BY = 4_102_444_800_000
"""2100-01-01: when backups are dead in these tests."""


@pytest.fixture
def schema() -> list[object]:
    """The tables these tests need."""
    return [*SCHEMA, native.metadata]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Nobody waits for the second in which another process could still have a key, but in the test of that."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setattr(steps, "LIMIT", 0.0)
        monkeypatch.setattr(steps, "_MARGIN", 0.0)


ROOT = Root(1, bytes(range(32)))


@pytest.fixture
def expiry() -> MemoryExpiry:
    """Where expiry keys live, for all processes of a test."""
    return MemoryExpiry()


@pytest.fixture
async def vault(database: Database, tmp_path: Path, expiry: MemoryExpiry) -> AsyncIterator[Vault]:
    """Started."""
    async with open_vault(database, tmp_path, ROOT, expiry) as opened:
        yield opened


class Outside:
    """What was to be given back, and what was."""

    def __init__(self) -> None:
        self.given: list[str] = []
        self.fails = 0

    async def collect(self, scope: Scope) -> Sequence[dict[str, Any]]:
        return [{"sessions": [f"session of {scope.subject}"]}, {"provider": "google", "grant": "canary-grant-token"}]

    async def give_back(self, task: dict[str, Any]) -> dict[str, Any]:
        if self.fails:
            self.fails -= 1
            raise OSError
        if "sessions" in task:
            self.given += task["sessions"]
            return {"cancelled": 1}
        if "grant" in task:
            self.given.append(task["grant"])
        return {"provider": task["provider"], "what": "connection", "revoked": "grant" in task, "advice": ""}


class World:
    """Everything forgetting needs; `process` makes a new one of it, as a restarted process would."""

    def __init__(self, vault: Vault, database: Database, folder: Path) -> None:
        self.vault, self.database, self.folder = vault, database, folder
        self.outside, self.stopped = Outside(), 0
        self.signing = SigningKeys(vault, database)
        self.made: list[Forgetting] = []
        self.holds: Holds
        self.restored = False

    @property
    def journal(self) -> Path:
        """Where the journal is."""
        return self.folder / "journal" / "erasures"

    async def stop(self, _scope: Scope) -> None:
        self.stopped += 1

    def process(self, database: Any = None, vault: Any = None) -> Forgetting:
        """A fresh one over the same stores."""
        database, vault = database or self.database, vault or self.vault
        people, ledger = People(vault, database), Ledger(vault, database)
        jobs, cached, fills = Jobs(database, vault, people.require_active), CachedFiles(vault, database), Fills(vault)
        uploads = Uploads(vault, database, _nothing_to_send, people.require_active)
        following = Following(database, cached, fills, Freshness())

        async def dead_by(_now: int) -> int:
            return DEAD_BY

        async def delay(_school: str) -> int:
            return 0

        async def for_ever(_school: str) -> int:
            return 1 << 60

        key = self.signing.journal_key
        restorer = Restorer(Journal(self.journal, key), Mark(self.journal.parent, key), database)
        self.holds = Holds(vault, database, ledger, restorer, _for_a_year)
        made = forgetting(
            vault=vault, database=database, ledger=ledger, signing=self.signing, people=people,
            schools=Schools(vault, database), outside=self.outside, stop=self.stop, dead_by=dead_by,
            restorer=restorer, acts={HOLD: self.holds.approved}, delay=delay, holds=self.holds,
            things=Things(vault, database, cached, following, uploads, jobs, fills.stop),
            checkpoints=Checkpoints(ledger, database, Ends(), self.signing, for_ever),
        )  # fmt: skip
        self.made.append(made)
        return made

    async def started(self, made: Forgetting | None = None) -> Forgetting:
        """As the composition root starts it."""
        made = made or self.process()
        replays = {**made.eraser.replays, "hold": self.holds.opening.replay}
        self.restored = await made.restorer.start(replays, [after_a_restore])
        await made.eraser.start()
        return made

    async def close(self) -> None:
        """End all processes."""
        while self.made:
            made = self.made.pop()
            await made.eraser.close()
            await made.restorer.close()

    async def hold_something(self, scope: Scope = LEO, content: bytes = b"canary content") -> str:
        """A cached copy of the person's; its object."""
        assert scope.subject is not None
        ends = await self.database.now() + 3_600_000
        async with self.vault.put(scope, Life.CACHE, ends) as writer:
            await writer.write(content)
            await writer.finish()
            async with self.database.write() as tx:
                sealed = await writer.commit(tx)
                await tx.execute(
                    insert(cached_files).values(
                        id=f"copy of {scope.subject}", school=scope.tenant, person=scope.subject, drive="d",
                        lookup=scope.subject.encode().ljust(32), object=sealed.id, facts=b"f", size=7, stored=1,
                        ends=ends,
                    )
                )  # fmt: skip
        return sealed.id

    async def state(self, scope: Scope) -> str:
        """Of a person."""
        async with self.database.read() as tx:
            return str((await tx.execute(select(persons.c.state).where(persons.c.id == scope.subject))).scalar_one())

    async def row(self, erasure: str) -> Erasure:
        """The erasure as it stands."""
        async with self.database.read() as tx:
            found = (await tx.execute(select(erasures).where(erasures.c.id == erasure))).mappings().one()
        return Erasure.of(dict(found))

    def blobs(self) -> list[Path]:
        """What lies on disk."""
        return [path for path in (self.folder / "blobs").rglob("*") if path.is_file()]

    async def receipt(self, begun: Begun) -> dict[str, Any]:
        """Wait for it; the statement."""
        assert begun.secret is not None
        return await self.statement(begun.secret)

    async def statement(self, secret: str) -> dict[str, Any]:
        """Of a link, once it is there."""
        for _ in range(600):
            signed = await self.made[-1].eraser.receipts.fetch(secret)
            if signed is not None:
                import json

                return verify(json.loads(signed), await self.signing.public())
            await asyncio.sleep(0.02)
        raise AssertionError("no receipt")

    async def done(self, erasure: str) -> Erasure:
        """Wait until it is."""
        for _ in range(600):
            row = await self.row(erasure)
            if row.step == "done":
                return row
            await asyncio.sleep(0.02)
        raise AssertionError(f"not done: {row}")


async def _for_a_year(_school: str) -> int:
    return 365 * 24 * 3_600_000


async def _nothing_to_send(*_: Any) -> str:
    raise AssertionError


@pytest.fixture
async def world(vault: Vault, database: Database, tmp_path: Path) -> AsyncIterator[World]:
    """A school of four, two of them administrators; a row of Leo's in it."""
    made = World(vault, database, tmp_path)
    await made.signing.start()
    async with database.write() as tx:
        await tx.execute(
            insert(schools).values(
                id="school", issuer="https://launchpad.example", claim="riverside", name="Riverside", region="here",
                made=1,
            )
        )  # fmt: skip
        for one in EVERYBODY:
            role = "administrator" if one in ADMINISTRATORS else "student"
            row = {"id": one.subject, "school": "school", "state": "active", "role": role}
            await tx.execute(insert(persons).values(**row))
    for one in EVERYBODY:
        await enrol(database, vault, one.tenant, one.subject)
    await made.hold_something()
    yield made
    await made.close()


async def begin(world: World) -> Begun:
    """An erasure of Leo's by themselves, under way in a started process."""
    made = await world.started()
    begun = await made.eraser.begin(LEO)
    assert begun is not None
    return begun


async def restart(world: World) -> Restorer:
    """A new process on the same stores."""
    return (await world.started()).restorer


async def set_role(world: World, scope: Scope, **values: Any) -> None:
    """Change a person's row."""
    async with world.database.write() as tx:
        await tx.execute(update(persons).where(persons.c.id == scope.subject).values(**values))
