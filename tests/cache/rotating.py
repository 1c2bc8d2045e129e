"""A house whose keys follow one another, with tables of its own that have something sealed in them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint, insert, select

from cache import catalog
from cache.blobs.local import LocalBlobs
from cache.catalog import roots, subject_keys, tenant_keys
from cache.cycle import Cycles
from cache.expiry import MemoryExpiry
from cache.fields import Fields
from cache.guards import install
from cache.inventory import blind, held, sealed_by
from cache.keyring import Keyring, Times
from cache.root_places import RootFile
from cache.roots import Root, RootPlace, Roots
from cache.sealed import sealed_tables
from cache.vault import Scope, Vault
from gateway.db.engine import Database
from tests.cache.conftest import Clocked, House

DAY = 24 * 3_600_000
tables = MetaData()

letters = Table(
    "letters",
    tables,
    Column("id", String(32), primary_key=True, info=held("id")),
    Column("school", String(64), info=held("school")),
    Column("person", String(64), info=held("person")),
    Column("place", String(32), info=held("place")),
    Column("title", LargeBinary, info=held("title", "person", "sealed")),
    Column("text", LargeBinary, info=held("text", "person", "sealed")),
    Column(
        "found",
        LargeBinary,
        info=held("place and title", "person", "index")
        | blind("letter", ("place", "title"), lambda place, title: f"{place}/{title.decode()}"),
    ),
    UniqueConstraint("found"),
    info=sealed_by("id", "school", "person"),
)
cards = Table(
    "cards",
    tables,
    Column("id", String(64), primary_key=True, info=held("the person")),
    Column("school", String(64), info=held("school")),
    Column("name", LargeBinary, info=held("name", "person", "sealed")),
    Column(
        "found", LargeBinary, info=held("name", "person", "index") | blind("card", ("name",), bytes, version="under")
    ),
    Column("under", Integer, info=held("version")),
    info=sealed_by("id", "school", "id"),
)
boards = Table(
    "boards",
    tables,
    Column("school", String(64), primary_key=True, info=held("school")),
    Column("number", Integer, primary_key=True, info=held("number")),
    Column("told", LargeBinary, info=held("told", "school", "sealed")),
    info=sealed_by("number", "school"),
)
log = Table(
    "log",
    tables,
    Column("id", String(32), primary_key=True, info=held("id")),
    Column("school", String(64), info=held("school")),
    Column("person", String(64), info=held("person")),
    Column("told", LargeBinary, info=held("told", "person", "sealed")),
    info=sealed_by("id", "school", "person", lasting=True),
)
SCHEMA = (catalog.metadata, tables)
SEALED = sealed_tables(SCHEMA)


@dataclasses.dataclass
class Turning(House):
    """A house with cycles."""

    cycles: Cycles = None  # type: ignore[assignment]

    @property
    def file(self) -> Path:
        """The root key's."""
        return self.folder / "keys" / "root"

    def place(self) -> RootFile:
        """Where its root lies."""
        return RootFile(self.file, self.folder / "data")

    def other(
        self, place: RootPlace | None = None, database: Clocked | None = None, **how: Any
    ) -> tuple[Vault, Keyring, Cycles]:
        """A second process's vault on the same places; start and close it."""
        return built(database or self.database, self.folder, place or self.place(), self.expiry, **how)

    @asynccontextmanager
    async def started(self, place: RootPlace | None = None, **how: Any) -> AsyncIterator[tuple[Vault, Cycles]]:
        """The same, started."""
        vault, _, cycles = self.other(place, **how)
        await vault.start()
        try:
            yield vault, cycles
        finally:
            await vault.close()

    async def turn(self, cycles: Cycles | None = None, kind: str = "cycle") -> None:
        """A whole cycle."""
        cycles = cycles or self.cycles
        assert await cycles.begin(kind)
        assert await cycles.run()

    async def write(self, letter: str, title: str, scope: Scope | None = None, place: str = "desk") -> None:
        """A letter of a person, or of the school."""
        scope = scope or self.scope
        fields = await self.vault.fields(scope)
        values = letter_of(fields, letter, title, place)
        async with self.database.write() as tx:
            await tx.execute(insert(letters).values(id=letter, school=scope.tenant, person=scope.owner, **values))

    async def read(self, letter: str, scope: Scope | None = None) -> tuple[str, str]:
        """Its title and text."""
        fields = await self.vault.fields(scope or self.scope)
        async with self.database.read() as tx:
            row = (await tx.execute(select(letters).where(letters.c.id == letter))).one()
        return fields.text("letters", "title", row.id, row.title), fields.text("letters", "text", row.id, row.text)

    async def find(self, title: str, scope: Scope | None = None, place: str = "desk") -> list[str]:
        """Letters by their index."""
        fields = await self.vault.fields(scope or self.scope)
        known = fields.indexes("letter", f"{place}/{title}").values()
        async with self.database.read() as tx:
            return list((await tx.execute(select(letters.c.id).where(letters.c.found.in_(known)))).scalars())

    async def card(self, person: str, name: str) -> None:
        """A person with a card."""
        scope = await self.enrol(Scope("school", person))
        theirs, school = await self.vault.fields(scope), await self.vault.fields(Scope("school", None))
        row = {"id": person, "school": "school", "name": theirs.seal("cards", "name", person, name)}
        async with self.database.write() as tx:
            await tx.execute(insert(cards).values(**row, found=school.index("card", name), under=school.version))

    async def who(self, name: str) -> list[str]:
        """People by their card."""
        school = await self.vault.fields(Scope("school", None))
        async with self.database.read() as tx:
            known = cards.c.found.in_(school.indexes("card", name).values())
            return list((await tx.execute(select(cards.c.id).where(known))).scalars())

    async def log(self, line: str, told: str, scope: Scope | None = None) -> bytes:
        """A record."""
        scope = scope or self.scope
        async with self.database.write() as tx:
            box = (await self.vault.records(scope, tx)).seal("log", "told", line, told)
            await tx.execute(insert(log).values(id=line, school=scope.tenant, person=scope.owner, told=box))
        return box

    async def versions(self) -> dict[str, list[tuple[Any, ...]]]:
        """All keys: version and state, of roots, tenants and subjects."""
        found = {
            "roots": select(roots.c.version, roots.c.state),
            "tenants": select(tenant_keys.c.tenant, tenant_keys.c.version, tenant_keys.c.state),
            "subjects": select(subject_keys.c.subject, subject_keys.c.version, subject_keys.c.state),
        }
        async with self.database.read() as tx:
            return {name: sorted(map(tuple, await tx.execute(query))) for name, query in found.items()}


def letter_of(fields: Fields, letter: str, title: str, place: str = "desk") -> dict[str, Any]:
    """The sealed columns of a letter."""
    return {
        "place": place,
        "title": fields.seal("letters", "title", letter, title),
        "text": fields.seal("letters", "text", letter, f"text of {title}"),
        "found": fields.index("letter", f"{place}/{title}"),
    }


def built(
    database: Clocked, folder: Path, place: RootPlace, expiry: Any, settle: float = 0.0, grace: int = 0
) -> tuple[Vault, Keyring, Cycles]:
    """One process's vault with its cycles."""
    keyring = Keyring(Roots(place), database, expiry, times=Times(7 * DAY, 35 * DAY))
    vault = Vault(keyring, LocalBlobs(folder / "blobs"), database, folder / "staging")
    return vault, keyring, Cycles(keyring, database, vault.rewriter, SEALED, settle=settle, grace=grace)


@asynccontextmanager
async def turning(database: Database, folder: Path, place: RootPlace | None = None) -> AsyncIterator[Turning]:
    """A started house with one enrolled person; its root in a file, or in ``place``."""
    clocked, expiry = Clocked(database), MemoryExpiry()
    (folder / "data").mkdir()
    file = RootFile(folder / "keys" / "root", folder / "data")
    vault, keyring, cycles = built(clocked, folder, place or file, expiry)
    async with database.write() as tx:
        await install(tx, SEALED)
    await vault.start()
    root = file.read().get(1) or Root(1, bytes(32))
    store = LocalBlobs(folder / "blobs")
    made = Turning(vault, keyring, clocked, expiry, store, folder, root, Scope("school", "person"), cycles)
    await made.enrol(made.scope)
    yield made
    await vault.close()
