"""Everything sealed, indexed or wrapped in any table follows its key: nothing is forgotten when keys are replaced."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Boolean, Column, Integer, LargeBinary, MetaData, String, Table, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.blobs import open_blobs
from cache.cycle import Cycles
from cache.expiry import MemoryExpiry
from cache.fields import Fields, sealed_version
from cache.guards import install
from cache.inventory import Held, held
from cache.keyring import Keyring
from cache.model import Scope
from cache.root_places import RootFile
from cache.roots import Roots
from cache.sealed import SealedTable, blind_of, index_of, sealed_tables
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.migrate import migrate
from gateway.db.schema import METADATAS, SEALED
from tests.databases import STILL

SCHOOL, PERSON = "s" * 32, "p" * 32
COLUMNS = [column for metadata in METADATAS for table in metadata.sorted_tables for column in table.columns]


def form(column: Column[Any]) -> str:
    told = column.info["held"]
    assert isinstance(told, Held)
    return told.form


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """Nothing: the migrations make it, with their guards."""
    return []


def test_no_sealed_column_is_left_out() -> None:
    known = {column for one in SEALED for column in one.columns}
    assert known == {column for column in COLUMNS if form(column) == "sealed"}
    indexes = {column for one in SEALED for column in (*one.indexes, *one.foreign)}
    assert indexes == {column for column in COLUMNS if form(column) == "index" and blind_of(column) is not None}


@pytest.mark.parametrize("one", SEALED, ids=lambda one: one.table.name)
def test_what_a_table_tells_is_there(one: SealedTable) -> None:
    told = one.sealing
    names = {name for name in (told.row, told.tenant, told.subject) if name is not None}
    assert (told.tenant is None) == (told.always is not None)
    for column in (*one.indexes, *one.foreign):
        made = blind_of(column)
        assert made is not None
        names |= {*made.of, *([made.version] if made.version else [])}
    assert names <= set(one.table.columns.keys())


def test_every_wrapped_key_is_one_that_a_cycle_knows() -> None:
    """A new kind of wrapped key must be wrapped anew too: `cache.moving`, `cache.rewrapping`, `cache.replacing`."""
    wrapped = {f"{column.table.name}.{column.name}" for column in COLUMNS if form(column) == "wrapped"}
    tables = ("vault_roots", "vault_tenant_keys", "vault_subject_keys", "vault_record_keys", "vault_objects")
    assert wrapped == {f"{table}.box" for table in tables}


def test_a_column_that_does_not_tell_is_noticed() -> None:
    sealed = Column("name", LargeBinary, info=held("name", "person", "sealed"))
    with pytest.raises(LookupError, match="under whose key"):
        sealed_tables([_metadata(sealed)])
    index = Column("found", LargeBinary, info=held("name", "person", "index"))
    with pytest.raises(LookupError, match="what it is made of"):
        sealed_tables([_metadata(index)])


def _metadata(column: Column[Any]) -> MetaData:
    made = MetaData()
    Table("letters", made, Column("id", String(32), primary_key=True, info=held("id")), column)
    return made


class House:
    """A vault over all tables, and rows of each."""

    def __init__(self, database: Database, folder: Path) -> None:
        (folder / "data").mkdir()
        place = RootFile(folder / "root", folder / "data")
        self.keyring = Keyring(Roots(place), database, MemoryExpiry(), limit=STILL)
        self.database = database
        self.vault = Vault(self.keyring, open_blobs((folder / "blobs").as_uri()), database, folder / "staging")
        self.cycles = Cycles(self.keyring, database, self.vault.rewriter, SEALED, settle=0, grace=0)
        self._made: set[str] = set()

    async def fields(self, one: SealedTable, tx: AsyncConnection | None = None) -> Fields:
        scope = Scope(one.sealing.always or SCHOOL, PERSON if one.sealing.subject else None)
        return await (self.vault.records(scope, tx) if one.sealing.lasting else self.vault.fields(scope))

    async def row(self, tx: AsyncConnection, table: Table) -> dict[str, Any]:
        """A row of this table, and of those that it stands on: random ids, everything sealed and indexed."""
        sealed = {one.table.name: one for one in SEALED}.get(table.name)
        values = {column.name: _value(column) for column in table.columns if column.autoincrement is not True}
        for key in (key for column in table.columns for key in column.foreign_keys):
            if key.column.table.name not in self._made:
                await self.row(tx, key.column.table)
            values[key.parent.name] = _value(key.column)
        if sealed is not None:
            values |= await self._sealed(tx, sealed, values)
        await tx.execute(insert(table).values(**values))
        self._made.add(table.name)
        return values

    async def _sealed(self, tx: AsyncConnection, one: SealedTable, values: dict[str, Any]) -> dict[str, Any]:
        fields, row = await self.fields(one, tx), values[one.sealing.row]
        plain = {column.name: f"{one.table.name}.{column.name}".encode() for column in one.columns}
        name = row.hex() if isinstance(row, bytes) else str(row)
        found: dict[str, Any] = {
            column: fields.seal(one.table.name, column, name, value) for column, value in plain.items()
        }
        school = await self.vault.fields(Scope(SCHOOL, None))
        for column in (*one.indexes, *one.foreign):
            made = blind_of(column)
            assert made is not None
            under = school if made.version else fields
            found[column.name] = index_of(column, under, values | plain) or secrets.token_bytes(32)
            if made.version:
                found[made.version] = school.version
        return found


def _value(column: Column[Any]) -> Any:
    """Something for a column that is not sealed: ids that name the school or the person, else anything that fits."""
    if column.name in ("school", "tenant", "keeper") or (column.table.name, column.name) == ("schools", "id"):
        return SCHOOL
    if column.name in ("person", "subject", "guardian", "book") and not isinstance(column.type, LargeBinary):
        return PERSON
    if (column.table.name, column.name) == ("persons", "id"):
        return PERSON
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, Integer):
        return 1
    if isinstance(column.type, LargeBinary):
        return column.table.name.encode().ljust(32, b"-")[:32]
    return (column.table.name + column.name)[: getattr(column.type, "length", None) or 32]


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> Any:
    await migrate(database)
    made = House(database, tmp_path)
    await made.vault.start()
    async with database.write() as tx:
        await made.vault.enrol(tx, Scope(SCHOOL, PERSON))
        await made.vault.enrol(tx, Scope("deployment", PERSON))
    yield made
    await made.vault.close()


@pytest.mark.both
async def test_every_sealed_value_follows_its_key(house: House) -> None:
    async with house.database.write() as tx:
        for one in SEALED:
            if one.table.name not in house._made:
                await house.row(tx, one.table)
        for tenant in (SCHOOL, "deployment"):
            await house.vault.renew(tx, Scope(tenant, PERSON))
    assert await house.cycles.begin()
    assert await house.cycles.run()
    cycle = (await house.cycles.status()).cycle
    assert cycle is not None
    assert not cycle.counts.get("damaged")
    for one in SEALED:
        await _follows(house, one)


async def _follows(house: House, one: SealedTable) -> None:
    fields = await house.fields(one)
    assert one.sealing.lasting or fields.version == 2
    school = await house.vault.fields(Scope(SCHOOL, None))
    async with house.database.read() as tx:
        row = (await tx.execute(select(one.table))).one()
    opened = dict(row._mapping)
    for column in one.columns:
        box = opened[column.name]
        assert sealed_version(box) == fields.version, column
        opened[column.name] = fields.unseal(one.table.name, column.name, one.row_id(row), box)
        assert opened[column.name].decode() == f"{one.table.name}.{column.name}"
    for column in (*one.indexes, *one.foreign):
        made = blind_of(column)
        assert made is not None
        under = school if made.version else fields
        wanted = index_of(column, under, opened)
        assert wanted is None or row._mapping[column.name] == wanted, column
        assert made.version is None or row._mapping[made.version] == school.version == 2


@pytest.mark.both
async def test_no_table_takes_a_value_whose_key_is_not_there(house: House) -> None:
    async with house.database.write() as tx:
        for one in SEALED:
            if one.table.name not in house._made:
                await house.row(tx, one.table)
    for one in SEALED:
        async with house.database.read() as tx:
            before = (await tx.execute(select(one.table))).one()
        for column in one.columns:
            there = before._mapping[column.name]
            for box in (there[:1] + (77).to_bytes(4, "big") + there[5:], b"short"):
                with pytest.raises(IntegrityError, match="vault_guard"):
                    async with house.database.write() as tx:
                        await tx.execute(one.table.update().values({column.name: box}))
        async with house.database.read() as tx:
            assert (await tx.execute(select(one.table))).one() == before


@pytest.mark.both
async def test_the_guards_are_made_once_and_come_back(house: House) -> None:
    async with house.database.write() as tx:
        before = await _guards(tx)
        await install(tx, SEALED)
        assert await _guards(tx) == before
        name = "vault_guard_jobs_spec_insert" if tx.dialect.name == "sqlite" else "vault_guard_jobs ON jobs"
        await tx.exec_driver_sql(f"DROP TRIGGER {name}")
    await migrate(house.database)
    async with house.database.write() as tx:
        after = await _guards(tx)
    assert {name for name, _ in after} == {name for name, _ in before}


async def _guards(tx: AsyncConnection) -> list[tuple[str, Any]]:
    if tx.dialect.name == "sqlite":
        query = "SELECT name, rootpage FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    else:
        query = "SELECT tgname, oid FROM pg_trigger WHERE starts_with(tgname, 'vault_guard_') ORDER BY tgname"
    return [tuple(row) for row in await tx.exec_driver_sql(query)]
