"""Whom something touched, from the ledger and the catalog: by object, item, key and time, in bounded pages."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from cache.model import Scope
from gateway.db.tables_files import cached_files
from gateway.db.tables_people import accounts
from gateway.ids import new_id
from gateway.incidents import affected as room
from gateway.incidents.affected import NONE_SEEN, Access, Span, Unknown
from gateway.ledger import Event, Ledger, Place, Recorded
from gateway.ledger.access_words import ACCESSES
from providers.drive import Instruction, Ref
from providers.native import tables as native
from tests.gateway.desks import Desk

pytestmark = pytest.mark.both
FILE = Ref("", "essay")


async def opened(desk: Desk, scope: Scope, ref: Ref, *, lookup: bytes = b"l" * 32, drive: str = "native") -> int:
    """As `gateway.api.services.Accesses` tells it."""
    told = {"drive": drive, "item": lookup.hex(), "ref": str(ref), "client": "page"}
    who = str(scope.subject)
    return await desk.ledger.record(scope.tenant, Event("file.opened", who, who, None, "p1", told))


async def cached(desk: Desk, scope: Scope, lookup: bytes, drive: str = "native") -> str:
    """A cached copy: the id of its object."""
    item = await desk.keep(scope, b"x")
    row = {"id": new_id(), "school": scope.tenant, "person": scope.subject, "drive": drive, "lookup": lookup}
    async with desk.database.write() as tx:
        await tx.execute(insert(cached_files).values(**row, object=item, facts=b"f", size=1, stored=1, ends=2))
    return item


async def in_the_native_drive(desk: Desk, scope: Scope, node: str) -> str:
    """A file's content there: the id of its object."""
    item, version = await desk.keep(scope, b"x"), new_id()
    mine = {"tenant": scope.tenant, "subject": scope.subject, "size": 1}
    async with desk.database.write() as tx:
        await tx.execute(
            insert(native.versions).values(id=version, node=node, number=1, modified=1, sha256=b"s", **mine)
        )  # fmt: skip
        await tx.execute(insert(native.parts).values(version=version, start=0, object=item, **mine))
    return item


def sequences(found: Any) -> list[int]:
    return [one.sequence for one in found.found]


async def test_accesses_to_a_cached_copy(desk: Desk) -> None:
    leo, mia = await desk.arrive("leo"), await desk.arrive("mia")
    item = await cached(desk, leo, b"1" * 32)
    await opened(desk, leo, Ref("", "other"), lookup=b"2" * 32)
    first = await opened(desk, leo, FILE, lookup=b"1" * 32)
    await opened(desk, mia, FILE, lookup=b"1" * 32)
    found = await desk.affected.of_object(leo.tenant, item)
    assert sequences(found) == [first]
    (one,) = found.found
    assert isinstance(one, Access)
    assert (one.person, one.principal, one.action, one.client) == (leo.subject, leo.subject, "file.opened", "page")
    assert (found.unclear, found.next) == (0, None)


async def test_accesses_to_what_the_native_drive_keeps(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    item = await in_the_native_drive(desk, leo, FILE.id)
    read = await opened(desk, leo, FILE)
    await opened(desk, leo, Ref("", "other"))
    assert sequences(await desk.affected.of_object(leo.tenant, item)) == [read]
    assert sequences(await desk.affected.of_item(leo.tenant, "native", str(FILE), leo.subject)) == [read]


class Drive:
    """A drive that does everything at once."""

    async def trash(self, ref: Ref, *, version: str | None = None) -> None: ...


async def test_accesses_to_an_item_of_a_connected_drive(desk: Desk, ledger: Ledger) -> None:
    leo, account = await desk.arrive("leo"), new_id()
    row = {"id": account, "school": leo.tenant, "person": leo.subject, "provider": "google", "state": "ready"}
    box = dict.fromkeys(("account", "label", "grant"), b"x")
    async with desk.database.write() as tx:
        await tx.execute(insert(accounts).values(**row, **box, account_index=b"i" * 32, version=1, made=1))
    read = await opened(desk, leo, FILE, drive=account)
    await opened(desk, leo, FILE, drive="native")
    word = Instruction(new_id(), str(leo.subject), "p1")
    place = Place(leo.tenant, str(leo.subject), account)
    await Recorded(Drive(), word, ledger, place).trash(FILE)  # type: ignore[arg-type]
    await ledger.record(
        leo.tenant, Event("transfer.batch", leo.subject, leo.subject, word.id, "p1", {}, items=9, root=b"r" * 32)
    )
    found = await desk.affected.of_item(leo.tenant, account, str(FILE), None)
    assert sequences(found) == [read, read + 2]
    assert found.unclear == 1, "a job's one entry for nine items"


@pytest.fixture
def ledger(desk: Desk) -> Ledger:
    return desk.ledger


WHOLE = sorted(one for one in ACCESSES if not one.startswith(("file.", "drive.", "transfer.")))


async def test_every_way_to_somebodys_data_counts(desk: Desk) -> None:
    """What covers a whole person may cover this file too, and does touch the person."""
    leo, mia, ada = [await desk.arrive(name) for name in ("leo", "mia", "ada")]
    assert {"export.sent", "ledger.details_read", "hold.exported", "lawful.handed_out", "review.records"} <= {*WHOLE}
    assert NONE_SEEN.keys() < {*WHOLE}
    for action in WHOLE:
        await desk.ledger.record(leo.tenant, Event(action, ada.subject, leo.subject, None, "p1"))
    ordered = Event("transfer.ordered", mia.subject, mia.subject, None, "p1", {}, items=1, root=b"r" * 32)
    await desk.ledger.record(leo.tenant, ordered)
    found = await desk.affected.of_item(leo.tenant, "native", str(FILE), leo.subject)
    assert (sequences(found), found.unclear) == ([], len(WHOLE) - len(NONE_SEEN))
    people, _ = await desk.affected.between(leo.tenant, 0, await desk.database.now() + 1)
    assert {one.person: one.accesses for one in people} == {leo.subject: len(WHOLE) - len(NONE_SEEN), mia.subject: 1}


async def test_what_nobody_can_read_any_more_is_counted(desk: Desk) -> None:
    leo = await desk.arrive("leo")
    await opened(desk, leo, FILE)
    async with desk.database.write() as tx:
        await desk.vault.shred(tx, leo)
    found = await desk.affected.of_item(leo.tenant, "native", str(FILE), leo.subject)
    assert (sequences(found), found.unclear) == ([], 1)


async def test_pages_are_bounded(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SCANNED", 3)
    leo = await desk.arrive("leo")
    wanted = []
    for number in range(8):
        ref = FILE if number % 4 == 0 else Ref("", "other")
        at = await opened(desk, leo, ref)
        wanted += [at] if ref == FILE else []
    seen: list[int] = []
    after = pages = 0
    while True:
        found = await desk.affected.of_item(leo.tenant, "native", str(FILE), leo.subject, after)
        seen, pages = seen + sequences(found), pages + 1
        if found.next is None:
            break
        after = found.next
    assert (seen, pages) == (wanted, 3)


async def test_what_is_not_there(desk: Desk) -> None:
    leo, noor = await desk.arrive("leo"), await desk.arrive("noor", school="hillcrest")
    foreign = await cached(desk, noor, b"1" * 32)
    loose = await desk.keep(leo, b"on its way")
    for work in (
        desk.affected.of_object(leo.tenant, foreign), desk.affected.of_object(leo.tenant, new_id()),
        desk.affected.of_object(leo.tenant, loose),
        desk.affected.of_item(leo.tenant, new_id(), str(FILE), leo.subject),
        desk.affected.of_item(leo.tenant, "native", str(FILE), None),
        desk.affected.objects(leo.tenant, leo.subject, 2), desk.affected.objects(leo.tenant, noor.subject, 1),
        desk.affected.under_key(leo.tenant, 2),
    ):  # fmt: skip
        with pytest.raises(Unknown):
            await work


async def test_what_a_key_wraps(desk: Desk) -> None:
    leo, mia = await desk.arrive("leo"), await desk.arrive("mia")
    noor = await desk.arrive("noor", school="hillcrest")
    mine = sorted([await desk.keep(leo, b"x") for _ in range(3)])
    await desk.keep(mia, b"x")
    page, more = await desk.affected.objects(leo.tenant, leo.subject, 1, limit=2)
    rest, last = await desk.affected.objects(leo.tenant, leo.subject, 1, more or "", limit=2)
    assert [one.id for one in (*page, *rest)] == mine
    assert last is None
    own = await desk.keep(Scope(leo.tenant, None), b"x")
    found, _ = await desk.affected.objects(leo.tenant, None, 1)
    assert [one.id for one in found] == [own]
    people, more = await desk.affected.under_key(leo.tenant, 1, limit=1)
    others, last = await desk.affected.under_key(leo.tenant, 1, more or "", limit=1)
    assert {*people, *others} == {leo.subject, mia.subject}
    assert last is None
    assert noor.subject not in {*people, *others}


async def test_people_with_accesses_in_a_time(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SCANNED", 2)
    people = [await desk.arrive(name) for name in ("ann", "ben", "cem", "dan", "eva")]
    noor = await desk.arrive("noor", school="hillcrest")
    for who in (*people[:3], noor):
        await opened(desk, who, FILE)
    desk.database.ahead += 10_000
    since = await desk.database.now()
    for who in (people[1], people[3], people[3], noor):
        await opened(desk, who, FILE)
    until = await desk.database.now() + 1
    await desk.ledger.record(people[4].tenant, Event("person.signed_in", "x", people[4].subject, None, "p1"))
    async with desk.database.write() as tx:
        await desk.people.begin_erasure(tx, people[3])
        await desk.people.end_erasure(tx, people[3])
    desk.database.ahead += 10_000
    await opened(desk, people[2], FILE)
    found: dict[str, Span] = {}
    after = ""
    while True:
        page, more = await desk.affected.between(people[0].tenant, since, until, after)
        found |= {one.person: one for one in page}
        if more is None:
            break
        after = more
    assert {who: one.accesses for who, one in found.items()} == {people[1].subject: 1, people[3].subject: 2}
    assert all(since <= one.first <= one.last < until for one in found.values())
