"""What cannot go well: refused before it begins, or told item by item; never a job that stands still."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gateway.jobs.model import ItemState, JobState
from gateway.transfers import OrderRefused, Source
from providers.drive import Entry, Kind, Ref
from providers.errors import AdminBlocked, NotFound, Offline, QuotaFull
from tests.gateway.transfers.filedrive import STRICT, UNIT, FileDrive, body
from tests.gateway.transfers.support import SCHOOL, House, Mode


@pytest.mark.parametrize("mode", ["copy", "move"])
@pytest.mark.parametrize("below", [False, True])
async def test_into_itself_or_below_itself(house: House, mode: Mode, below: bool) -> None:
    outer = house.left.folder("top", "Outer")
    to = house.left.folder(outer, "Inner") if below else outer
    order = replace(house.order(mode, outer), destination=Source("left", str(Ref("", to))))
    for ask in (house.transfers.create, house.transfers.preflight):
        with pytest.raises(OrderRefused) as refused:
            await ask(order)
        assert refused.value.code == "into_itself"


@pytest.mark.parametrize("seen", ["both see all", "the reader sees more", "the writer sees more"])
@pytest.mark.parametrize("mode", ["copy", "move"])
async def test_into_itself_through_another_account(house: House, tmp_path: Path, mode: Mode, seen: str) -> None:
    """Two accounts share a folder: it would grow into itself, each round a little deeper."""
    one, other = house.right, FileDrive(tmp_path / "right", STRICT)
    outer = one.folder("top", "Outer")
    inner = one.folder(one.folder(outer, "Between"), "Inner")
    blind = {"the reader sees more": one, "the writer sees more": other}.get(seen)
    if blind is not None:
        hide(blind, outer if seen == "the reader sees more" else inner)
    house.drives.drives = {"left": other, "right": one}
    order = house.order(mode, outer, to=inner)
    for ask in (house.transfers.create, house.transfers.preflight):
        with pytest.raises(OrderRefused) as refused:
            await ask(order)
        assert refused.value.code == "into_itself"
    beside = one.folder("top", "Beside")
    assert await house.transfers.create(house.order(mode, outer, to=beside))


def hide(drive: FileDrive, item: str) -> None:
    """This account does not see the item."""
    real = drive.stat

    async def stat(ref: Ref) -> Entry:
        if ref.id == item:
            raise NotFound
        return await real(ref)

    drive.stat = stat  # type: ignore[method-assign]  # another account of the same provider


async def test_a_destination_without_a_top_is_refused(house: House) -> None:
    to = house.left.folder("top", "Round")
    house.left._db.execute("UPDATE items SET parent=id WHERE id=?", (to,))
    order = replace(
        house.order("copy", house.left.folder("top", "Class")), destination=Source("left", str(Ref("", to)))
    )
    with pytest.raises(OrderRefused) as refused:
        await house.transfers.create(order)
    assert refused.value.code == "too_deep"


async def test_another_school_and_another_person_have_no_such_drive(house: House) -> None:
    order = house.order("copy", house.left.put("top", "a.txt", b"a"))
    for foreign in (replace(order, school="school-two"), replace(order, person="person-two")):
        with pytest.raises(NotFound):
            await house.transfers.create(foreign)
    with pytest.raises(NotFound):
        await house.transfers.create(replace(order, destination=Source("of another school", str(Ref("", "top")))))
    assert (await house.jobs.list(SCHOOL, "person-one"))[0] == []


async def test_a_drive_that_the_policy_forbids_meanwhile_ends_every_item_with_the_reason(house: House) -> None:
    files = [house.left.put("top", f"{number}.txt", b"x") for number in range(3)]
    for nth in range(1, 4):
        house.trip.fail("begin", nth, AdminBlocked)
    view, report = await house.do(house.order("move", *files))
    assert {item.reason for item in report.values()} == {"admin_blocked"}
    assert (view.state, view.counts.failed, house.left.trashed()) == (JobState.FAILED, 3, [])


async def test_a_source_that_vanishes_midway_is_told(house: House) -> None:
    top = house.left.folder("top", "Class")
    gone = house.left.put(top, "gone.bin", body("gone", 8 * UNIT))
    house.left.put(top, "stays.txt", b"s")

    def vanish() -> Exception:
        house.left._db.execute("DELETE FROM items WHERE id=?", (gone,))
        return Offline()

    house.trip.fail("piece", 3, vanish)
    view, report = await house.do(house.order("move", top))
    assert (report["Class/gone.bin"].state, report["Class/gone.bin"].reason) == (ItemState.FAILED, "not_found")
    assert (view.counts.copied, view.counts.failed, view.counts.waiting) == (2, 1, 0)
    assert house.right.tree() == {"Class": {"stays.txt": b"s"}}
    assert house.right.sessions() == 0


async def test_a_source_that_grows_midway_arrives_whole(house: House) -> None:
    file = house.left.put("top", "log.bin", body("first", 8 * UNIT))
    grown = body("first", 8 * UNIT) + b"more"

    def grow() -> Exception:
        house.left.change(file, grown)
        return Offline()

    house.trip.fail("piece", 5, grow)
    view, _ = await house.do(house.order("move", file))
    assert (house.right.tree(), view.counts.copied) == ({"log.bin": grown}, 1)


async def test_a_destination_that_fills_midway_keeps_what_did_not_fit(house: House) -> None:
    top = house.left.folder("top", "Class")
    for number in range(4):
        house.left.put(top, f"{number}.bin", body(str(number), 6 * UNIT))
    for nth in range(3, 40):
        house.trip.fail("send", nth, QuotaFull)
    view, report = await house.do(house.order("move", top))
    full = [path for path, item in report.items() if item.reason == "quota_full"]
    assert view.counts.found == view.counts.copied + view.counts.failed == 5
    assert len(full) == view.counts.failed > 0
    assert {path.removeprefix("Class/") for path in full} == set(house.left.tree()["Class"])
    assert house.right.sessions() == 0


async def test_a_destination_folder_that_vanishes_is_told(house: House) -> None:
    to = house.right.folder("top", "Archive")
    order = house.order("move", house.left.put("top", "a.txt", b"a"), to=to)
    first = await house.transfers.check(order)
    house.right._db.execute("DELETE FROM items WHERE id=?", (to,))
    async with house.database.write() as tx:
        job = await house.transfers.store(tx, order, first)
    async with house.working():
        view = await house.ended(job)
    assert (view.state, view.counts.failed, house.left.trashed()) == (JobState.FAILED, 1, [])


async def test_a_folder_that_becomes_its_own_ancestor_ends(house: House) -> None:
    """A drive whose tree goes round in circles: each folder is met once."""
    top = house.left.folder("top", "Round")
    inner = house.left.folder(top, "Inner")
    house.left.put(inner, "a.txt", b"a")
    order = house.order("copy", top)
    first = await house.transfers.check(order)
    house.left._db.execute("UPDATE items SET parent=? WHERE id=?", (inner, top))
    async with house.database.write() as tx:
        job = await house.transfers.store(tx, order, first)
    async with house.working():
        view = await house.ended(job)
    assert house.right.tree() == {"Round": {"Inner": {"a.txt": b"a"}}}
    assert (view.state, view.counts.found, view.counts.copied) == (JobState.DONE, 3, 3)


async def test_what_no_drive_can_carry_is_told_and_stays(house: House) -> None:
    note = house.left.put("top", "Notes", kind=Kind.PACKAGE)
    view, report = await house.do(house.order("move", note))
    assert (report["Notes"].state, report["Notes"].reason) == (ItemState.UNSUPPORTED, "unsupported")
    assert (view.counts.found, view.counts.unsupported, house.left.trashed()) == (1, 1, [])
