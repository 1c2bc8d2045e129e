"""What is held is shown: every personal column of every table, or why not; and nothing of anybody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import LargeBinary, select

import cache.catalog
from cache.inventory import held
from cache.model import Scope
from gateway.db.schema import METADATAS
from gateway.db.tables_people import client_grants, guardian_links, persons
from gateway.db.tables_rights import notifications
from gateway.ledger import Event
from gateway.policy import POLICY_VERSION
from gateway.rights import SECTIONS, review
from gateway.rights.review import UNREADABLE, Record
from gateway.rights.sections import ELSEWHERE, FORMS, HIDDEN, section, unshown
from tests.gateway.rights.conftest import World
from tests.gateway.rights.filling import Filler, shown

PARTS = [part for one in SECTIONS for part in one.parts]
TABLES = {table.name: table for metadata in METADATAS for table in metadata.sorted_tables}


def test_every_personal_column_is_shown_or_explained() -> None:
    """A new column is shown by itself, if its table is; a new table is in a store, or named with a reason."""
    covered = {part.table.name for part in PARTS}
    for name, table in TABLES.items():
        personal = [column for column in table.columns if column.info["held"].whose == "person"]
        assert not personal or (name in covered) != (name in ELSEWHERE), name
        for column in personal if name in covered else ():
            seen = any(column in part.columns for part in PARTS if part.table is table)
            assert seen != bool(unshown(column)), str(column)


def test_only_a_form_that_nobody_can_read_or_a_named_reason_hides_a_value() -> None:
    assert set(FORMS) == {"index", "hash", "wrapped"}
    for place in HIDDEN:
        table, _, column = place.partition(".")
        assert TABLES[table].c[column].info["held"].form == "sealed", place
    assert set(ELSEWHERE) <= set(TABLES)


async def all_records(world: World, scope: Scope, name: str, limit: int = 100) -> list[Record]:
    """A store, page by page."""
    found: list[Record] = []
    place, store = None, section(name)
    assert store is not None
    while True:
        page, place = await world.given.review.page(scope, store, place, limit)
        found += page
        if place is None:
            return found


@pytest.mark.both
async def test_a_row_in_every_table_is_shown_with_every_column(world: World, leo: Scope) -> None:
    async with world.database.write() as tx:
        lasting = await world.vault.records(leo, tx)
    filler = Filler(leo, await world.vault.fields(leo), lasting)
    expected: dict[str, list[dict[str, Any]]] = {}
    skipped = {persons, *cache.catalog.metadata.sorted_tables}  # there are rows of them already
    async with world.database.write() as tx:
        for part in sorted(PARTS, key=lambda part: list(TABLES).index(part.table.name)):  # parents first
            if part.table in skipped:
                continue
            skipped.add(part.table)
            given = {"sequence": 1_000} if part.table.name == "ledger_entries" else {}
            plain = shown(await filler.fill(tx, part, **given))
            columns = {column.name for column in part.columns}
            expected[part.table.name] = [{name: value for name, value in plain.items() if name in columns}]
    found: dict[str, list[Any]] = {}
    for one in SECTIONS:
        for record in await all_records(world, leo, one.name):
            found.setdefault(record.table, []).append(record.values)
    for table, rows in expected.items():
        for row in rows:
            assert row in found[table], table
    assert found["persons"][0]["name"] == "Leo Park"
    assert found["vault_subject_keys"]


@pytest.mark.both
async def test_pages_miss_and_repeat_nothing(world: World, leo: Scope) -> None:
    async with world.database.write() as tx:
        for number in range(25):
            await world.given.notifications.tell(tx, leo, "inactive", due=number)
    whole = await all_records(world, leo, "requests", limit=200)
    for limit in (1, 3, 7):
        assert await all_records(world, leo, "requests", limit=limit) == whole
    assert sorted(one.values["details"]["due"] for one in whole) == list(range(25))


async def test_a_page_is_bounded_by_its_bytes(world: World, leo: Scope, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(review, "PAGE_BYTES", 1000)
    async with world.database.write() as tx:
        for number in range(9):
            await world.given.notifications.tell(tx, leo, "inactive", due="x" * 400 + str(number))
    store = section("requests")
    assert store is not None
    page, place = await world.given.review.page(leo, store)
    assert len(page) < 9
    assert place is not None
    assert len(await all_records(world, leo, "requests")) == 9


@pytest.mark.both
async def test_nothing_of_another_person_is_shown(world: World, leo: Scope, dana: Scope, sofia: Scope) -> None:
    told = {"name": "mia's secret file"}
    await world.ledger.record(leo.tenant, Event("x.y", leo.subject, dana.subject, None, POLICY_VERSION, told))
    await world.ledger.record(leo.tenant, Event("x.z", leo.subject, None, None, POLICY_VERSION, told))
    async with world.database.write() as tx:
        await world.given.notifications.tell(tx, dana, "inactive", due=1)
    records = [record for one in SECTIONS for record in await all_records(world, leo, one.name)]
    text = json.dumps([one.values for one in records])
    assert (dana.subject or "") not in text
    assert "secret file" not in text
    assert [one.values["action"] for one in records if one.table == "ledger_entries"][-2:] == ["x.y", "x.z"]
    overview = {one.section.name: one.records for one in await world.given.review.overview(leo)}
    assert overview["requests"]["notifications"] == 0
    assert overview["ledger"]["ledger_entries"] == 2


@pytest.mark.both
async def test_the_counts_are_those_of_the_records(world: World, leo: Scope, dana: Scope) -> None:
    now = await world.database.now()
    link = {"id": "1" * 32, "school": leo.tenant, "person": leo.subject, "guardian": dana.subject, "scope": "review"}
    async with world.database.write() as tx:
        await tx.execute(guardian_links.insert().values(**link, made=now, ends=now + 1))
        await world.given.notifications.tell(tx, leo, "inactive", due=1)
    for one in await world.given.review.overview(leo):
        records = await all_records(world, leo, one.section.name)
        counted = {table: sum(record.table == table for record in records) for table in one.records}
        assert counted == dict(one.records), one.section.name


async def test_an_altered_value_is_told_as_unreadable(world: World, leo: Scope) -> None:
    async with world.database.write() as tx:
        await world.given.notifications.tell(tx, leo, "inactive", due=1)
        await tx.execute(notifications.update().values(details=b"\0" * 64))
    (record,) = await all_records(world, leo, "requests")
    assert record.values["details"] == UNREADABLE


def test_a_column_that_somebody_adds_is_seen_by_the_test() -> None:
    """The check above can fail: a personal column that is neither shown nor explained does not exist by itself."""
    part = next(one for one in PARTS if one.table is client_grants)
    for form, seen in (("clear", True), ("sealed", True), ("hash", False)):
        column = client_grants.c.client._copy()
        column.name, column.type = "new", LargeBinary()
        column.info = held("something new", "person", form, "never")  # type: ignore[arg-type]  # one of the forms
        column.table = part.table
        assert (unshown(column) is None) == seen


async def test_the_persons_row_is_theirs_alone(world: World, leo: Scope, dana: Scope) -> None:
    async with world.database.read() as tx:
        assert len((await tx.execute(select(persons))).all()) == 2
    assert [one.values["id"] for one in await all_records(world, leo, "person")] == [leo.subject]
