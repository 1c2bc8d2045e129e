"""A legal hold keeps what it names and nothing else, whatever becomes of the file, its owner and their key."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select, update

from cache.catalog import objects, subject_keys
from cache.errors import Shredded
from cache.keyrows import is_shredded
from cache.vault import Life
from gateway.approvals import SecondNeeded
from gateway.db.tables_approvals import approval_subjects, approvals
from gateway.db.tables_erasure import erasures
from gateway.db.tables_holds import hold_words, holds
from gateway.db.tables_ledger import ledger_entries
from gateway.db.tables_rights import notifications
from gateway.erasure.model import Asked, ErasureRefused, Target
from gateway.holds import NoSuchHold, NothingToHold, State, WrongState
from gateway.holds.model import keeper
from gateway.incidents import Affected
from gateway.rights.review import Review
from gateway.rights.sections import section
from providers.drive import OnConflict
from providers.errors import NotFound
from providers.native import tables as native
from providers.native.kept import page
from providers.native.trash import empty
from tests.conformance.base import put
from tests.gateway.erasure.conftest import LEO, MIA, World
from tests.gateway.holds.conftest import (
    approved,
    drive,
    ended,
    exported,
    files,
    opened,
    order,
    proposed,
    read,
    release,
)

MONDAY, TUESDAY = b"canary of monday", b"canary of tuesday" * 10_000


async def count(world: World, table: Any, *where: Any) -> int:
    async with world.database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(table).where(*where))).scalar_one())


async def actions(world: World) -> list[tuple[str, str | None]]:
    async with world.database.read() as tx:
        query = select(ledger_entries.c.action, ledger_entries.c.subject).order_by(ledger_entries.c.sequence)
        return [(row.action, row.subject) for row in await tx.execute(query) if row.action.startswith("hold.")]


@pytest.mark.both
async def test_two_administrators_open_one_and_the_person_is_told(world: World) -> None:
    there = await files(world)
    made = await world.started()
    hold = await proposed(world, made, order((there["folder"].ref.id,)))
    for _ in range(3):
        await world.holds.opening.sweep(10)
        await made.approvals.sweep(10)
    assert (await world.holds.get("school", hold.id)).state is State.PROPOSED
    assert await count(world, native.kept) == 0
    assert hold.approval is not None
    with pytest.raises(SecondNeeded):
        await made.approvals.approve("school", "ada", hold.approval)
    await made.approvals.approve("school", "zoe", hold.approval)
    await made.approvals.sweep(10)
    before = len(world.blobs())
    for _ in range(3):
        await world.holds.opening.sweep(10)
    hold = await world.holds.get("school", hold.id)
    assert (hold.state, hold.contents, hold.bytes) == (State.OPEN, 2, len(MONDAY + TUESDAY))
    assert len(world.blobs()) == before, "no byte is written again"
    assert await exported(world, hold) == {"files/Diary/Monday.txt": MONDAY, "files/Diary/Tuesday.txt": TUESDAY}
    assert await read(world, there["monday"].ref) == MONDAY
    told = [one for one in await actions(world) if one[0] != "hold.asked"]
    assert told == [("hold.opened", "leo"), ("hold.opened", None)]
    words = section("holds")
    assert words is not None
    (record,), _ = await Review(world.vault, world.database).page(LEO, words)
    assert record.values["told"]["authority"] == "District Court"
    assert record.values["told"]["contents"] == 2
    assert await count(world, notifications, notifications.c.kind == "hold_opened") == 1
    (held,) = await made.plans.held(LEO)
    assert (held.hold, held.count, held.bytes) == (hold.id, 2, len(MONDAY + TUESDAY))


@pytest.mark.both
async def test_who_is_forgotten_leaves_what_is_held_and_nothing_else(world: World) -> None:
    """Under the hold's key alone; the receipt says so, and the second one says when it is gone."""
    there = await files(world)
    before = len(world.blobs())
    made = await world.started()
    hold = await opened(world, made, order((there["folder"].ref.id,)))
    receipt = await ended(world, made)
    assert [one for one in receipt["kept"] if one["store"] == "legal_holds"] == [
        {
            "store": "legal_holds", "hold": hold.id, "objects": 2, "bytes": len(MONDAY + TUESDAY),
            "why": receipt["kept"][-1]["why"],
        }
    ]  # fmt: skip
    assert "only once it is released" in receipt["kept"][-1]["why"]
    assert receipt["keys_destroyed"] is True
    native_erased = {one["store"]: one["erased"] for one in receipt["erased"]}["native"]
    assert native_erased == 4
    assert await exported(world, hold) == {"files/Diary/Monday.txt": MONDAY, "files/Diary/Tuesday.txt": TUESDAY}
    async with world.database.read() as tx:
        assert await is_shredded(tx, LEO)
        assert set((await tx.execute(select(objects.c.subject))).scalars()) == {hold.keeper.owner}
        left = set((await tx.execute(select(subject_keys.c.subject))).scalars())
    assert "leo" not in left
    with pytest.raises(Shredded):
        await world.vault.fields(LEO)
    assert await count(world, native.nodes) + await count(world, native.versions) + await count(world, hold_words) == 0
    assert len(world.blobs()) == before - 2, "the other file and the cached copy are gone"

    second = await release(world, made, hold)
    (first,) = [row async for row in _rows(world, erasures.c.scope == "person")]
    assert (second["scope"], second["hold"], second["finishes"]) == ("released", hold.id, [first])
    assert second["erased"] == [
        {
            "store": "legal_holds", "what": second["erased"][0]["what"], "erased": 2,
            "bytes": len(MONDAY + TUESDAY),
        }
    ]  # fmt: skip
    assert second["backups_dead_by"] is not None
    assert world.blobs() == []
    assert await count(world, objects) + await count(world, native.kept) + await count(world, native.kept_parts) == 0
    with pytest.raises(Shredded):
        await page(world.vault, world.database, hold.keeper)
    assert (await world.holds.get("school", hold.id)).state is State.RELEASED


async def _rows(world: World, which: Any) -> Any:
    async with world.database.read() as tx:
        for row in await tx.execute(select(erasures.c.id).where(which)):
            yield row.id


@pytest.mark.both
async def test_a_held_file_that_its_owner_deletes_is_gone_for_them_alone(world: World) -> None:
    """By themselves, by the trash's end, with a receipt, and by newer versions: always the same."""
    there, mine = await files(world), drive(world)
    made = await world.started()
    hold = await opened(world, made, order())
    await mine.delete(there["monday"].ref)
    await mine.trash(there["other"].ref)
    assert await empty(world.vault, world.database, -1000, 10, {}) == 1
    begun = await made.eraser.begin_item(LEO, Target("native", there["folder"].ref.id), Asked("leo"), receipt=True)
    receipt = await world.receipt(begun)
    assert receipt["kept"][-1]["objects"] == 1
    for name in ("folder", "monday", "tuesday", "other"):
        with pytest.raises(NotFound):
            await mine.stat(there[name].ref)
    while await world.vault.sweep(100):
        pass
    assert await exported(world, hold) == {
        "files/Diary/Monday.txt": MONDAY, "files/Diary/Tuesday.txt": TUESDAY, "files/Other.txt": b"canary of another"
    }  # fmt: skip
    await release(world, made, hold)
    assert len(world.blobs()) == 1, "the cached copy"


@pytest.mark.both
async def test_versions_of_then_are_kept_and_later_ones_are_not(world: World) -> None:
    mine = drive(world)
    root = await mine.root()
    file = await put(mine, root, "Essay.txt", b"version 0")
    made = await world.started()
    hold = await opened(world, made, order((file.ref.id,)))
    for number in range(1, 5):
        what: dict[str, Any] = {"replaces": (file.ref, file.version), "on_conflict": OnConflict.REPLACE}
        file = await put(mine, root, "Essay.txt", b"version %d" % number, **what)
    assert len(await mine.versions(file.ref)) == 3
    assert await exported(world, hold) == {"files/Essay.txt": b"version 0"}
    with pytest.raises(NothingToHold):
        await proposed(world, made, order(("0" * 32,)))
    target = Target("version", file.ref.id, (await mine.versions(file.ref))[-1].id)
    receipt = await world.receipt(await made.eraser.begin_item(LEO, target, Asked("leo"), receipt=True))
    assert "legal_holds" not in {one["store"] for one in receipt["kept"]}


@pytest.mark.both
async def test_what_is_destroyed_before_it_was_taken_is_taken_first(world: World) -> None:
    """The hold holds from its line on, also where its pages have not come so far; so does an erasure wait for them."""
    there = await files(world)
    made = await world.started()
    hold = await approved(world, made, order())
    await world.holds.opening._begin("school", hold.id)
    assert (await world.holds.get("school", hold.id)).state is State.OPENING
    assert await count(world, native.kept, native.kept.c.told.is_(None)) == 3
    await drive(world).delete(there["monday"].ref)
    assert await count(world, native.kept, native.kept.c.told.is_(None)) == 2
    await ended(world, made)
    assert await count(world, native.kept, native.kept.c.told.is_(None)) == 0
    left = {"files/Diary/Tuesday.txt", "files/Other.txt"}
    assert set(await exported(world, hold)) == {"trash/Diary/Monday.txt", *left}, "it was on its way out"
    await world.holds.opening.sweep(10)
    assert (await world.holds.get("school", hold.id)).state is State.OPEN


async def test_it_never_keeps_what_ends_by_itself(world: World) -> None:
    """Cached copies and spools end with their time and with their owner, hold or not."""
    await files(world)
    ends = await world.database.now() + 60_000
    async with world.vault.put(LEO, Life.SPOOL, ends) as writer:
        await writer.write(b"on its way")
        await writer.finish()
        async with world.database.write() as tx:
            spool = await writer.commit(tx)
    made = await world.started()
    hold = await opened(world, made, order())
    async with world.database.read() as tx:
        held = await world.vault.held(tx, hold.keeper)
        own = {one.id: one.ends for one in await world.vault.held(tx, LEO)}
    assert {one.life for one in held} == {Life.KEPT}
    assert len(held) == 3
    assert own[spool.id] == ends
    async with world.database.write() as tx:
        late = objects.c.life.in_((Life.CACHE, Life.SPOOL))
        await tx.execute(update(objects).where(late).values(ends=1))
    while await world.vault.sweep(100):
        pass
    assert await count(world, objects, objects.c.life != Life.KEPT) == 0
    assert len(world.blobs()) == 3


@pytest.mark.both
async def test_a_school_does_not_leave_while_it_must_keep_something(world: World) -> None:
    """Refused when it is asked for; one that is due waits, and goes on when the hold is released."""
    await files(world)
    made = await world.started()
    request, secret = await made.orders.school("school", "ada", {})
    hold = await opened(world, made, order())
    assert (await made.plans.school("school")).waits == 1
    with pytest.raises(ErasureRefused) as refused:
        await made.orders.school("school", "zoe", {})
    assert refused.value.code == "held"
    await made.orders.approve("school", "zoe", request.id)
    await made.approvals.sweep(10)
    assert (await made.approvals.get("school", request.id)).state == "approved"
    assert await world.state(LEO) == "active"
    await release(world, made, hold)
    assert (await made.plans.school("school")).waits == 0
    await made.approvals.sweep(10)
    receipt = await world.statement(secret)
    assert receipt["scope"] == "school"
    assert {one["store"]: one["erased"] for one in receipt["erased"]}["legal_holds"] == 1
    assert await count(world, holds) == 0
    assert world.blobs() == []


@pytest.mark.both
async def test_where_the_law_forbids_it_the_person_learns_nothing(world: World) -> None:
    await files(world)
    await files(world, MIA)
    made = await world.started()
    hold = await opened(world, made, order(untold="Section 9"))
    assert (
        await count(world, hold_words) + await count(world, notifications) + await count(world, approval_subjects) == 0
    )
    assert {subject for _, subject in await actions(world)} == {None}
    assert await made.plans.held(LEO) == []
    many = await made.plans.people("school", ["leo", "mia"])
    assert [one.hold for one in many.held] == [hold.id], "its administrators see it"
    request, secret = await made.orders.many("school", "ada", ["leo", "mia"], {})
    await made.orders.approve("school", "zoe", request.id)
    await made.approvals.sweep(10)
    receipt = await world.statement(secret)
    assert [(one["hold"], one["objects"]) for one in receipt["kept"] if one["store"] == "legal_holds"] == [(hold.id, 3)]


async def test_the_receipt_of_an_untold_hold_does_not_lie(world: World) -> None:
    """It names nothing, and says of every receipt that it might."""
    await files(world)
    made = await world.started()
    told = await ended(world, made, MIA)
    await opened(world, made, order(untold="Section 9"))
    untold = await ended(world, made)
    assert [one["store"] for one in untold["kept"]] == [one["store"] for one in told["kept"]]
    assert untold["holds"] == told["holds"]
    assert "unless the law forbids" in told["holds"]


@pytest.mark.both
async def test_too_late_for_somebody_who_is_being_forgotten(world: World) -> None:
    """Approved, but their erasure was quicker: the hold keeps nothing, and no restore brings it to life."""
    await files(world)
    made = await world.started()
    hold = await approved(world, made, order())
    await ended(world, made)
    for _ in range(3):
        await world.holds.opening.sweep(10)
    found = await world.holds.get("school", hold.id)
    assert found.state is State.VOID
    assert found.ended is not None
    lines = [(one.scope, one.erasure) for one in await made.restorer._journal.open(0) if one.person == "leo"]
    assert [scope for scope, _ in lines] == ["person", "hold", "released"]
    assert await count(world, native.kept) == 0
    async with world.database.read() as tx:
        assert await is_shredded(tx, hold.keeper)


async def test_what_is_being_deleted_already_is_not_held(world: World) -> None:
    there = await files(world)
    made = await world.started()
    hold = await approved(world, made, order())
    target = Target("native", there["folder"].ref.id)
    async with world.database.write() as tx:
        await made.eraser._insert(tx, LEO, "item", Asked("leo"), mine=True, target=target.dump())
        await world.holds.opening.replay(tx, _line(hold.id))
    assert await count(world, native.kept) == 1


def _line(hold: str) -> Any:
    from gateway.erasure.journal import Line

    return Line(1, hold, "school", "leo", "hold", 1)


@pytest.mark.both
async def test_two_holds_on_the_same_file_end_each_by_itself(world: World) -> None:
    there = await files(world)
    made = await world.started()
    first = await opened(world, made, order((there["monday"].ref.id,)))
    second = await opened(world, made, order((there["folder"].ref.id,), reference="8/26"))
    receipt = await ended(world, made)
    assert [one["objects"] for one in receipt["kept"] if one["store"] == "legal_holds"] == [1, 2]
    await release(world, made, second)
    assert await exported(world, first) == {"files/Diary/Monday.txt": MONDAY}
    await release(world, made, first)
    assert world.blobs() == []


async def test_a_damaged_file_keeps_nobody_from_being_forgotten(world: World) -> None:
    """What could not be opened before is named as such, and the rest is kept."""
    there = await files(world)
    async with world.database.write() as tx:
        which = select(native.parts.c.object).join(native.versions, native.versions.c.id == native.parts.c.version)
        lost = which.where(native.versions.c.node == there["monday"].ref.id).scalar_subquery()
        await tx.execute(update(objects).where(objects.c.id == lost).values(box=b"x" * 60))
        name = native.nodes.c.id == there["tuesday"].ref.id
        await tx.execute(update(native.nodes).where(name).values(name=b"\x01\0\0\0\x01" + b"x" * 60))
    made = await world.started()
    hold = await opened(world, made, order())
    await ended(world, made)
    kept = {one.name: one.damaged for one in await page(world.vault, world.database, hold.keeper)}
    assert kept == {"Monday.txt": True, "": True, "Other.txt": False}
    assert await exported(world, hold) == {"files/Other.txt": b"canary of another"}


@pytest.mark.both
async def test_bad_input_changes_nothing(world: World) -> None:
    there = await files(world)
    made = await world.started()
    wrong = [
        order(person="nobody"), order(person="mia"), order(("0" * 32,)), order(((await drive(world).root()).id,)),
        order((there["monday"].ref.id, "0" * 32)),
    ]  # fmt: skip
    for one in wrong:
        with pytest.raises(NothingToHold):
            await proposed(world, made, one)
    assert await count(world, holds) + await count(world, approvals) == 0
    hold = await proposed(world, made, order())
    for state in (release(world, made, hold), world.holds.looked(hold, "ada", "hold.listed")):
        with pytest.raises(WrongState):
            await state
    for school, name in (("abroad", hold.id), ("school", "0" * 32)):
        with pytest.raises(NoSuchHold):
            await world.holds.get(school, name)
        with pytest.raises(NoSuchHold):
            await world.holds.release(made.approvals, school, "ada", name)
    assert hold.approval is not None
    await made.approvals.cancel("school", "zoe", hold.approval)
    await world.holds.opening.sweep(10)
    assert (await world.holds.get("school", hold.id)).state is State.CANCELLED
    again = await opened(world, made, order())
    asked = await world.holds.release(made.approvals, "school", "ada", again.id)
    with pytest.raises(WrongState):
        await world.holds.release(made.approvals, "school", "zoe", again.id)
    assert asked.release is not None
    await made.approvals.cancel("school", "zoe", asked.release)
    assert (await world.holds.get("school", again.id)).release is None
    await release(world, made, again)
    with pytest.raises(WrongState):
        await release(world, made, again)


@pytest.mark.both
async def test_what_is_over_goes_with_the_schools_ledger(world: World) -> None:
    await files(world)
    made = await world.started()
    hold = await opened(world, made, order())
    await release(world, made, hold)
    assert await count(world, hold_words, hold_words.c.ended.is_not(None)) == 1
    async with world.database.write() as tx:
        await tx.execute(update(holds).values(ended=1))
    await world.holds.opening.sweep(10)
    assert await count(world, holds) + await count(world, hold_words) == 0


async def test_who_is_affected_by_a_key_or_an_object_of_a_hold(world: World) -> None:
    """The person, not the hold: also after they were forgotten."""
    there = await files(world)
    made = await world.started()
    hold = await opened(world, made, order((there["monday"].ref.id,)))
    affected = Affected(world.vault, world.database)
    assert await affected.under_key("school", 1) == (["ada", "leo", "mia", "zoe"], None)
    await ended(world, made)
    assert await affected.under_key("school", 1) == (["ada", "leo", "mia", "zoe"], None)
    async with world.database.read() as tx:
        (held,) = await world.vault.held(tx, hold.keeper)
    item = await affected._held_by("school", held.id)
    assert (item.person, set(item.names)) == ("leo", {str(there["monday"].ref)})
    await release(world, made, hold)
    assert await affected.under_key("school", 1) == (["ada", "mia", "zoe"], None)


async def test_the_ledger_tells_the_school_why_after_the_person_is_gone(world: World) -> None:
    from gateway.ledger import Ledger

    await files(world)
    made = await world.started()
    await opened(world, made, order())
    await ended(world, made)
    found = await Ledger(world.vault, world.database).read("school", limit=1000)
    told = [one.details for one in found if one.action == "hold.opened" and one.subject is None]
    assert told[0] is not None
    assert (told[0]["basis"], told[0]["person"], told[0]["contents"]) == ("Section 12", "leo", 3)
    assert json.dumps(told[0])
    assert keeper("school", "x").subject == "hold-x"
