"""Copies between two drives of different rules: everything arrives once, under a name it may have, or is explained."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cache.model import Scope
from gateway.jobs.model import ItemState, JobState
from gateway.transfers import Conflict, OrderRefused, Source
from providers.drive import Kind, Ref
from tests.gateway.transfers.filedrive import UNIT, body
from tests.gateway.transfers.support import PERSON, SCHOOL, House

pytestmark = pytest.mark.both


async def test_a_tree_arrives_whole_and_is_counted(house: House) -> None:
    left = house.left
    lessons = left.folder("top", "Lessons")
    inner = left.folder(lessons, "Algebra")
    left.folder(inner, "Empty folder")
    large, odd = body("large", 11 * UNIT + 7), body("odd", 4 * UNIT)
    left.put(lessons, "large.bin", large)
    left.put(inner, "odd.bin", odd)
    left.put(inner, "empty.txt")
    for number in range(8):
        left.put(inner, f"note {number}.txt", body(f"note {number}", 100))
    view, report = await house.do(house.order("copy", lessons))
    notes = {f"note {number}.txt": body(f"note {number}", 100) for number in range(8)}
    inside = {"Empty folder": {}, "odd.bin": odd, "empty.txt": b"", **notes}
    assert house.right.tree() == {"Lessons": {"Algebra": inside, "large.bin": large}}
    assert (view.state, view.counts.found, view.counts.copied) == (JobState.DONE, 14, 14)
    assert view.bytes_done == view.bytes_total == len(large) + len(odd) + 800
    assert set(report) >= {"Lessons", "Lessons/Algebra", "Lessons/Algebra/empty.txt"}
    assert left.trashed() == []
    assert house.right.sessions() == 0
    assert {(word.principal, word.id) for word in house.drives.instructions} == {(PERSON, "i" * 32)}


async def test_names_are_mapped_and_told_apart(house: House) -> None:
    top = house.left.folder("top", "a:b")
    house.left.put(top, "what?.txt", b"1")
    house.left.put(top, "twin.txt", b"2")
    house.left.put(top, "twin.txt", b"3")
    house.left.put(top, "TWIN.txt", b"4")
    view, report = await house.do(house.order("copy", top))
    assert view.counts.copied == 5
    assert house.right.tree() == {
        "a‛：b": {"what‛？.txt": b"1", "twin.txt": b"2", "twin (2).txt": b"3", "TWIN (3).txt": b"4"}
    }
    assert report["a:b"].renamed_to == "a‛：b"
    assert report["a:b/what?.txt"].renamed_to == "what‛？.txt"
    assert report["a:b/TWIN.txt"].renamed_to == "TWIN (3).txt"


@pytest.mark.parametrize("conflict", [Conflict.RENAME, Conflict.FAIL])
async def test_a_taken_name_gets_another_or_is_reported(house: House, conflict: Conflict) -> None:
    file = house.left.put("top", "report.txt", b"new")
    top = house.left.folder("top", "Week")
    house.left.put(top, "in.txt", b"inside")
    house.right.put("top", "Report.txt", b"old")
    house.right.folder("top", "Week")
    view, report = await house.do(house.order("copy", file, top, conflict=conflict))
    if conflict is Conflict.RENAME:
        assert house.right.tree() == {
            "Report.txt": b"old", "Week": {}, "report (2).txt": b"new", "Week (2)": {"in.txt": b"inside"}
        }  # fmt: skip
        assert report["report.txt"].renamed_to == "report (2).txt"
        return
    assert house.right.tree() == {"Report.txt": b"old", "Week": {}}
    assert {path: item.reason for path, item in report.items()} == {
        "report.txt": "name_taken", "Week": "name_taken", "Week/in.txt": "folder_failed"
    }  # fmt: skip
    assert (view.state, view.counts.failed, view.counts.found) == (JobState.FAILED, 3, 3)
    assert all(item.advice for item in report.values())


async def test_documents_are_exported_and_the_rest_is_explained(house: House) -> None:
    top = house.left.folder("top", "Mixed")
    house.left.put(top, "Plan", b"the plan", Kind.DOCUMENT, "application/doc")
    house.left.put(top, "Link", kind=Kind.SHORTCUT)
    house.left.put(top, "Notebook", kind=Kind.PACKAGE)
    view, report = await house.do(house.order("copy", top))
    made = house.right.tree()["Mixed"]
    assert list(made) == ["Plan.docx"]
    assert made["Plan.docx"].endswith(b"the plan")
    assert report["Mixed/Plan"].renamed_to == "Plan.docx"
    assert report["Mixed/Plan"].size == len(made["Plan.docx"])
    assert (report["Mixed/Link"].state, report["Mixed/Link"].reason) == (ItemState.UNSUPPORTED, "shortcut_dangling")
    assert report["Mixed/Notebook"].state is ItemState.UNSUPPORTED
    assert (view.counts.found, view.counts.copied, view.counts.unsupported) == (4, 2, 2)
    async with house.database.read() as tx:
        assert await house.vault.held(tx, Scope(SCHOOL, PERSON)) == [], "the spool must not stay"


async def test_orders_that_make_no_sense_are_refused(house: House) -> None:
    outer = house.left.folder("top", "Outer")
    inner = house.left.folder(outer, "Inner")
    file = house.right.put("top", "file.txt", b"x")
    order = house.order("copy", outer)
    for target, code in ((inner, "into_itself"), (outer, "into_itself")):
        with pytest.raises(OrderRefused) as refused:
            await house.transfers.create(replace(order, destination=Source("left", str(Ref("", target)))))
        assert refused.value.code == code
    with pytest.raises(OrderRefused) as refused:
        await house.transfers.create(replace(order, destination=Source("right", str(Ref("", file)))))
    assert refused.value.code == "not_a_folder"
    with pytest.raises(OrderRefused) as refused:
        await house.transfers.create(house.order("move", "top"))
    assert refused.value.code == "whole_drive"
    with pytest.raises(OrderRefused):
        await house.transfers.create(house.order("copy"))
    assert (await house.jobs.list(SCHOOL, PERSON))[0] == []
