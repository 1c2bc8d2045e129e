"""Names that are taken: four policies, and an order given again makes nothing twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.jobs.model import ItemState, JobState
from gateway.transfers import Conflict
from gateway.transfers.conflict import Likeness, likeness
from providers.drive import Entry, Kind, Ref
from providers.errors import Changed, Offline
from tests.gateway.transfers.filedrive import UNIT, body
from tests.gateway.transfers.support import PERSON, SCHOOL, House, Mode

both = pytest.mark.both


def tree_of(house: House) -> str:
    """A class with two files and a folder."""
    top = house.left.folder("top", "Class 7b")
    house.left.put(top, "a.bin", body("a", 3 * UNIT))
    house.left.put(top, "Plan", b"plan", Kind.DOCUMENT, "application/doc")
    house.left.put(house.left.folder(top, "Inner"), "b.txt", b"b")
    return top


def names(tree: dict[str, object]) -> dict[str, object]:
    """The names alone: two exports of one document differ."""
    return {name: names(inner) if isinstance(inner, dict) else None for name, inner in tree.items()}


WHOLE = {"Class 7b": {"a.bin": None, "Plan.docx": None, "Inner": {"b.txt": None}}}


@both
@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.RENAME, Conflict.REPLACE])
async def test_the_same_copy_again_makes_nothing_twice(house: House, conflict: Conflict) -> None:
    top = tree_of(house)
    await house.do(house.order("copy", top, conflict=conflict))
    begun = house.trip.calls["make_folder"]
    view, report = await house.do(house.order("copy", top, conflict=conflict))
    assert names(house.right.tree()) == WHOLE
    assert house.trip.calls["make_folder"] == begun
    assert (view.state, view.counts.failed, view.counts.skipped, view.counts.found) == (JobState.DONE, 0, 3, 5)
    assert {report[f"Class 7b/{name}"].reason for name in ("a.bin", "Plan", "Inner/b.txt")} == {"same_there"}


@both
@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.RENAME, Conflict.REPLACE])
async def test_a_cancelled_move_given_again_goes_on_where_it_was(house: House, conflict: Conflict) -> None:
    top = tree_of(house)
    house.right.put("top", "other.txt", b"of somebody else")
    for number in range(12):
        house.left.put(top, f"{number}.txt", str(number).encode())
    real, some = house.right.send, asyncio.Event()

    async def noticed(*what: object, **how: object) -> object:
        done = await real(*what, **how)  # type: ignore[arg-type]  # as it was called
        some.set()
        await asyncio.sleep(0.05)
        return done

    house.right.send = noticed  # type: ignore[method-assign, assignment]  # as slow as a drive is
    async with house.working():
        job = await house.transfers.create(house.order("move", top, conflict=conflict))
        await some.wait()
        async with house.database.write() as tx:
            await house.jobs.cancel(tx, SCHOOL, PERSON, job)
        house.jobs.wake(job)
        assert (await house.ended(job)).state is JobState.CANCELLED
        assert "Class 7b" in house.left.tree()
    view, report = await house.do(house.order("move", top, conflict=conflict))
    kept = {path: item.reason for path, item in report.items() if item.state is not ItemState.COPIED}
    assert set(kept) <= {"Class 7b/Plan"}, "only an export cannot be proven"
    whole = {**WHOLE["Class 7b"], **{f"{number}.txt": None for number in range(12)}}
    assert names(house.right.tree()) == {"Class 7b": whole, "other.txt": None}
    assert view.counts.failed == 0
    assert house.left.tree() in ({}, {"Class 7b": {"Plan": b"plan"}})


@both
async def test_replace_puts_a_new_version_in_its_place(house: House) -> None:
    file = house.left.put("top", "report.txt", b"newer")
    old = house.right.put("top", "Report.txt", b"old")
    view, report = await house.do(house.order("move", file, conflict=Conflict.REPLACE))
    assert house.right.tree() == {"Report.txt": b"newer"}
    assert report["report.txt"].destination == ("right", str(Ref("", old))), "the same item, with its versions"
    assert (report["report.txt"].state, report["report.txt"].reason) == (ItemState.COPIED, "replaced")
    assert (view.counts.copied, house.left.trashed(), house.right.trashed()) == (1, ["report.txt"], [])


async def test_replace_takes_the_version_that_is_there_by_then(house: House) -> None:
    file = house.left.put("top", "report.txt", b"newer")
    old = house.right.put("top", "report.txt", b"old")

    def meanwhile() -> Exception:
        house.right.change(old, b"by somebody else")
        return Changed()

    house.trip.fail("begin", 2, meanwhile)
    await house.do(house.order("copy", file, conflict=Conflict.REPLACE))
    assert house.right.tree() == {"report.txt": b"newer"}


async def test_a_lost_answer_while_replacing_makes_no_second_version(house: House) -> None:
    data = body("new", 9 * UNIT)
    file, old = house.left.put("top", "report.txt", data), house.right.put("top", "report.txt", b"old")
    house.trip.fail("send", 3, Offline, after=True)
    await house.do(house.order("copy", file, conflict=Conflict.REPLACE))
    assert house.right.tree() == {"report.txt": data}
    assert (await house.right.stat(Ref("", old))).version == "2"


async def test_a_folder_is_never_replaced_by_a_file(house: House) -> None:
    file = house.left.put("top", "Notes", b"text")
    house.right.put(house.right.folder("top", "Notes"), "kept.txt", b"kept")
    _, report = await house.do(house.order("copy", file, conflict=Conflict.REPLACE))
    assert report["Notes"].reason == "name_taken"
    assert house.right.tree() == {"Notes": {"kept.txt": b"kept"}}


@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.FAIL])
async def test_another_file_of_the_name_is_told_and_left_alone(house: House, conflict: Conflict) -> None:
    file = house.left.put("top", "report.txt", b"new")
    house.right.put("top", "report.txt", b"old")
    _, report = await house.do(house.order("move", file, conflict=conflict))
    assert (report["report.txt"].state, report["report.txt"].reason) == (ItemState.FAILED, "name_taken")
    assert (house.left.trashed(), house.right.tree()) == ([], {"report.txt": b"old"})


@pytest.mark.parametrize("conflict", [Conflict.SKIP, Conflict.REPLACE])
async def test_two_of_a_name_in_the_source_both_arrive(house: House, conflict: Conflict) -> None:
    top = house.left.folder("top", "Twins")
    house.left.put(top, "twin.txt", b"one")
    house.left.put(top, "twin.txt", b"two")
    await house.do(house.order("copy", top, conflict=conflict))
    assert house.right.tree() == {"Twins": {"twin.txt": b"one", "twin (2).txt": b"two"}}


async def test_the_source_itself_is_never_taken_for_its_copy(house: House) -> None:
    """One account that is connected twice: what has the name at the destination is the only copy there is."""
    file = house.left.put("top", "only.txt", b"only")
    house.drives.drives = {**house.drives.drives, "right": house.left}
    for conflict in (Conflict.SKIP, Conflict.REPLACE):
        _, report = await house.do(house.order("move", file, conflict=conflict))
        assert (report["only.txt"].state, report["only.txt"].reason) == (ItemState.SKIPPED, "already_there")
    assert (house.left.tree(), house.left.trashed()) == ({"only.txt": b"only"}, [])


@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_size_and_time_alone_remove_nothing(house: House, mode: Mode) -> None:
    file = house.left.put("top", "a.txt", b"abc")
    await house.do(house.order("copy", file))
    (twin,) = [row["id"] for row in house.right._children("top")]
    house.right.change(twin, b"xyz")  # other bytes, but size and time are the same
    _, report = await house.do(house.order(mode, file, conflict=Conflict.SKIP))
    if mode == "copy":
        assert report["a.txt"].reason == "same_there"
    else:
        assert (report["a.txt"].state, report["a.txt"].reason) == (ItemState.FAILED, "name_taken")
    assert (house.left.trashed(), house.right.tree()) == ([], {"a.txt": b"xyz"})


NOON, LATER = datetime(2026, 5, 1, 12, tzinfo=UTC), datetime(2026, 5, 1, 12, 0, 2, tzinfo=UTC)


def entry(size: int, when: datetime, kind: Kind = Kind.FILE, **hashes: bytes) -> Entry:
    return Entry(Ref("", "x"), None, "x", kind, "text/plain", size, "1", when, hashes)


@pytest.mark.parametrize(
    ("there", "unsure", "found"),
    [
        (entry(3, LATER, md5=b"1"), False, Likeness.PROVEN),
        (entry(3, NOON, md5=b"2"), False, Likeness.DIFFERENT),
        (entry(3, NOON, md5=b"2"), True, Likeness.LIKELY),
        (entry(3, NOON, sha1=b"9"), False, Likeness.LIKELY),
        (entry(3, LATER, sha1=b"9"), False, Likeness.DIFFERENT),
        (entry(4, NOON), False, Likeness.DIFFERENT),
        (entry(4, NOON), True, Likeness.LIKELY),
        (entry(4, LATER), True, Likeness.DIFFERENT),
        (entry(3, NOON, Kind.FOLDER), False, Likeness.DIFFERENT),
    ],
)
def test_what_is_held_to_be_the_same(there: Entry, unsure: bool, found: Likeness) -> None:
    assert likeness(entry(3, NOON, md5=b"1"), there, unsure=unsure) is found


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (entry(3, NOON, quickxor=b"1"), Likeness.PROVEN),
        (entry(3, LATER, quickxor=b"1"), Likeness.ALIKE),
        (entry(3, LATER, quickxor=b"1", sha1=b"1"), Likeness.PROVEN),
        (entry(3, LATER, quickxor=b"1", sha1=b"2"), Likeness.DIFFERENT),
    ],
)
def test_a_hash_that_only_finds_damage_proves_nothing_alone(there: Entry, found: Likeness) -> None:
    assert likeness(entry(3, NOON, quickxor=b"1", sha1=b"1"), there, unsure=False) is found
