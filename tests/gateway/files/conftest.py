"""A real vault and database, and a drive whose pace and failures the test decides."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.files.cached import CachedFiles
from gateway.files.fills import Fills
from gateway.files.following import Following
from gateway.files.freshness import Freshness
from gateway.files.opening import Asked, CachePolicy, Opener
from providers.drive import Entry, ExportChoice, Kind, Page, Read, Ref, Traits
from providers.errors import Changed, DriveError, Offline
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.vaults import SCHEMA, enrol, open_vault

PIECE = 64 * 1024
LEO = Scope("school", "leo")
MIA = Scope("school", "mia")


@pytest.fixture
def schema() -> list[object]:
    """The tables these tests need."""
    return list(SCHEMA)


@pytest.fixture
async def vault(database: Database, tmp_path: Path) -> AsyncIterator[Vault]:
    """Started, with two people of one school enrolled."""
    async with open_vault(database, tmp_path) as opened:
        for scope in (LEO, MIA):
            await enrol(database, opened, scope.tenant, scope.subject)
        yield opened


@dataclass
class _Read:
    start: int
    length: int | None
    total: int | None
    version: str
    pieces: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.pieces


@dataclass
class Scripted:
    """A `Source` of one item. ``gate``: bytes after which a read from 0 waits until `release`; ``dies``: or fails."""

    body: bytes
    kind: Kind = Kind.FILE
    version: str = "v1"
    gate: int | None = None
    dies: int | None = None
    entry_flags: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset({"read"})
    ranges: list[tuple[int, int | None]] = field(default_factory=list)
    release: asyncio.Event = field(default_factory=asyncio.Event)
    traits: Traits = field(init=False)

    def __post_init__(self) -> None:
        self.traits = Traits("test", "sha256", False, True, True, 1 << 40, 1, None, 255, None)

    async def root(self) -> Ref:
        return Ref("", "root")

    async def stat(self, ref: Ref) -> Entry:
        document = self.kind is Kind.DOCUMENT
        entry = Entry(
            Ref("", "file"), Ref("", "root"), "Cells", self.kind, "text/plain", None if document else len(self.body),
            self.version, datetime(2026, 11, 23, tzinfo=UTC), may=self.may, flags=self.entry_flags,
        )  # fmt: skip
        return replace(entry, exports=(ExportChoice("docx", "application/docx", ".docx"),)) if document else entry

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        return Page([await self.stat(ref)], None)

    @asynccontextmanager
    async def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AsyncIterator[Read]:
        if version != self.version:
            raise Changed
        self.ranges.append((start, stop))
        known = self.kind is not Kind.DOCUMENT
        end = len(self.body) if stop is None else stop
        yield _Read(
            start, end - start if known else None, len(self.body) if known else None, self.version,
            self._pieces(start, end),
        )  # fmt: skip

    async def _pieces(self, start: int, stop: int) -> AsyncIterator[bytes]:
        for at in range(start, stop, PIECE):
            if start == 0 and self.gate is not None and at >= self.gate:
                await self.release.wait()
            if start == 0 and self.dies is not None and at >= self.dies:
                raise Offline("gone")
            yield self.body[at : min(at + PIECE, stop)]
            await asyncio.sleep(0)


async def always_active(tx: AsyncConnection, person: str) -> None:
    """Nobody is being forgotten here."""


@dataclass
class Clock:
    """Seconds that pass when the test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class School:
    """What a school chose, by media type."""

    exports: dict[str, str] = field(default_factory=dict)

    kept: int = 3_600_000

    async def life(self, school: str) -> int:
        """How long a copy lives there, ms."""
        assert school == LEO.tenant
        return self.kept

    async def __call__(self, school: str) -> dict[str, str]:
        assert school == LEO.tenant
        return self.exports


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def school() -> School:
    return School()


@pytest.fixture
async def following(vault: Vault, database: Database, clock: Clock) -> AsyncIterator[Following]:
    """Feeds of drives, over fills that end with the test."""
    fills = Fills(vault)
    yield Following(database, CachedFiles(vault, database), fills, Freshness(clock))
    await fills.stop()


@pytest.fixture
def opener(vault: Vault, database: Database, following: Following, school: School) -> Opener:
    """An opener over the same fills and the same freshness."""
    cached, fills = CachedFiles(vault, database), following._fills
    return Opener(vault, database, cached, fills, CachePolicy(school.life), always_active, following, school)


async def read_all(
    opener: Opener, scope: Scope, source: Scripted, start: int = 0, stop: int | None = None
) -> tuple[str, bytes]:
    """Open and read: where it came from, and the bytes."""
    opened = await opener.open(scope, "drive", source, Asked(Ref("", "file")))
    stop = opened.size if stop is None else stop
    how, fill = await opener.prepare(opened, start)
    return how, b"".join([piece async for piece in opener.read(opened, how, fill, start, stop)])


__all__ = ["DriveError", "database", "database_url", "pytest_generate_tests"]
