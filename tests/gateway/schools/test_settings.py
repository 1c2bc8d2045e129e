"""A school's settings: defaults, changes by version, told in the ledger, and never another school's."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from gateway.db.engine import Database
from gateway.db.tables_schools import school_settings
from gateway.ledger import Ledger
from gateway.schools import DEFAULTS, FORMATS, MEDIA_TYPES, NotOffered, SchoolChoices, WrongVersion, by_media_type
from providers.google.traits import EXPORTS


@pytest.mark.both
async def test_a_school_that_chose_nothing_has_the_defaults_and_no_row(
    choices: SchoolChoices, database: Database
) -> None:
    assert await choices.exports("s1") == DEFAULTS
    assert (await choices.get("s1")).version == 0
    async with database.read() as tx:
        assert (await tx.execute(select(school_settings))).all() == []


@pytest.mark.both
async def test_a_change_holds_for_its_school_alone_and_the_rest_stays(choices: SchoolChoices) -> None:
    changed = await choices.change("s1", "ann", 0, {"document": "pdf"})
    assert changed.version == 1
    changed = await choices.change("s1", "ann", 1, {"drawing": "svg"})
    assert changed == await choices.get("s1")
    assert await choices.exports("s1") == {**DEFAULTS, "document": "pdf", "drawing": "svg"}
    assert await choices.exports("s2") == DEFAULTS
    assert (await choices.change("s1", "ann", 2, {"document": None})).exports == {**DEFAULTS, "drawing": "svg"}


@pytest.mark.both
async def test_of_two_changes_at_once_one_is_told_that_it_came_late(choices: SchoolChoices) -> None:
    wanted = ("pdf", "odt", "txt", "rtf")
    results = await asyncio.gather(
        *(choices.change("s1", "ann", 0, {"document": one}) for one in wanted), return_exceptions=True
    )
    assert sum(isinstance(one, WrongVersion) for one in results) == len(wanted) - 1
    assert (await choices.get("s1")).version == 1


async def test_who_changed_what_stands_in_the_ledger(choices: SchoolChoices, ledger: Ledger) -> None:
    await choices.change("s1", "ann", 0, {"spreadsheet": "ods"})
    with pytest.raises(WrongVersion):
        await choices.change("s1", "ben", 0, {"spreadsheet": "csv"})
    (entry,) = await ledger.read("s1")
    assert (entry.action, entry.principal, entry.subject) == ("school.settings", "ann", None)
    assert entry.details == {"exports": {"spreadsheet": "ods"}}


@pytest.mark.parametrize("wanted", [{"document": "xlsx"}, {"song": "mp3"}, {"document": ""}])
async def test_a_format_that_no_drive_has_is_refused_and_nothing_changes(
    choices: SchoolChoices, wanted: dict[str, str]
) -> None:
    with pytest.raises(NotOffered):
        await choices.change("s1", "ann", 0, wanted)
    assert (await choices.get("s1")).version == 0


async def test_what_was_chosen_is_not_readable_in_the_row(choices: SchoolChoices, database: Database) -> None:
    await choices.change("s1", "ann", 0, {"presentation": "odp"})
    async with database.read() as tx:
        (row,) = (await tx.execute(select(school_settings))).all()
    assert b"odp" not in row.told


def test_each_format_is_one_that_the_drive_offers_and_its_default_the_drives_own() -> None:
    for name, formats in FORMATS.items():
        offered = [choice.id for choice in EXPORTS[MEDIA_TYPES[name]]]
        assert set(formats) <= set(offered)
        assert DEFAULTS[name] == offered[0]
    assert by_media_type({"drawing": "svg"}) == {MEDIA_TYPES["drawing"]: "svg"}
