"""What documents become on their way out, and files on their way in: the person's word, then the school's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.db.engine import Database
from gateway.jobs.model import ItemState, JobState
from gateway.transfers import Conflict, Transfers
from providers.drive import Kind
from providers.errors import ExportTooLarge, Offline
from tests.gateway.transfers.filedrive import STRICT
from tests.gateway.transfers.support import House, open_house

WORD = "application/word"


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database, tmp_path, right=replace(STRICT, converts=frozenset({WORD}))) as opened:
        yield opened


@pytest.mark.parametrize(
    ("asked", "school", "name"),
    [
        ({}, {}, "Plan.docx"),
        ({}, {"application/doc": "pdf"}, "Plan.pdf"),
        ({"application/doc": "txt"}, {"application/doc": "pdf"}, "Plan.txt"),
        ({"application/doc": "no such"}, {"application/doc": "pdf"}, "Plan.pdf"),
        ({}, {"application/doc": "no such"}, "Plan.docx"),
    ],
)
async def test_the_person_chooses_before_the_school_before_the_drive(
    house: House, asked: Mapping[str, str], school: Mapping[str, str], name: str
) -> None:
    async def defaults(_school: str) -> Mapping[str, str]:
        return school

    house.transfers = Transfers(house.jobs, house.drives, house.vault, defaults=defaults)
    plan = house.left.put("top", "Plan", b"plan", Kind.DOCUMENT, "application/doc")
    await house.do(replace(house.order("copy", plan), exports=asked))
    assert list(house.right.tree()) == [name]


async def test_a_file_becomes_a_document_on_request(house: House) -> None:
    lesson = house.left.put("top", "Lesson.docx", b"words", media_type=WORD)
    other = house.left.put("top", "song.mp3", b"la", media_type="audio/mpeg")
    _, report = await house.do(replace(house.order("copy", lesson, other), convert=True))
    kinds = {row["name"]: row["kind"] for row in house.right._children("top")}
    assert kinds == {"Lesson": "document", "song.mp3": "file"}
    assert (report["Lesson.docx"].state, report["Lesson.docx"].reason) == (ItemState.COPIED, "converted")
    assert report["Lesson.docx"].renamed_to == "Lesson"
    again, _ = await house.do(replace(house.order("copy", lesson, other), convert=True))
    assert (again.counts.skipped, len(house.right._children("top"))) == (2, 2)


async def test_a_moved_file_that_was_converted_keeps_its_original(house: House) -> None:
    lesson = house.left.put("top", "Lesson.docx", b"words", media_type=WORD)
    house.trip.fail("send", 1, Offline, after=True)
    _, report = await house.do(replace(house.order("move", lesson), convert=True))
    assert report["Lesson.docx"].reason == "converted_kept"
    assert (house.left.trashed(), len(house.right._children("top"))) == ([], 1)


async def test_a_conversion_that_made_no_document_is_taken_away(house: House) -> None:
    lesson = house.left.put("top", "Lesson.docx", b"words", media_type=WORD)
    real = house.right._entry
    house.right._entry = lambda row: replace(real(row), exports=())  # type: ignore[method-assign]  # nothing to read
    view, report = await house.do(replace(house.order("move", lesson), convert=True))
    assert (view.state, report["Lesson.docx"].reason) == (JobState.FAILED, "unverified")
    assert (house.right.tree(), house.left.trashed()) == ({}, [])


async def test_without_the_wish_nothing_is_converted(house: House) -> None:
    lesson = house.left.put("top", "Lesson.docx", b"words", media_type=WORD)
    await house.do(house.order("copy", lesson, conflict=Conflict.SKIP))
    assert house.right.tree() == {"Lesson.docx": b"words"}


async def test_a_document_too_large_to_export_is_a_failure_with_its_reason(house: House) -> None:
    plan = house.left.put("top", "Plan", b"plan", Kind.DOCUMENT, "application/doc")
    house.trip.fail("read", 1, ExportTooLarge)
    view, report = await house.do(house.order("move", plan))
    assert (view.counts.failed, report["Plan"].reason) == (1, "export_too_large")
    assert house.left.trashed() == []
