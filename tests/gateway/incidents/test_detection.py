"""What the gateway sees by itself makes one incident for each cause and window, however many processes see it."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from cache.errors import Corrupt
from cache.model import Scope
from gateway import books
from gateway.db.tables_incidents import incident_detections, incidents
from gateway.identity import CLIENT_ID, TokenRefused
from gateway.incidents import Incident, Watcher
from gateway.incidents.detection import KEPT, Sign
from tests.gateway.containment.test_switches import extension
from tests.gateway.desks import Building, Desk

pytestmark = pytest.mark.both
HOUR = 3_600_000


async def book(desk: Desk, school: str = "riverside") -> list[Incident]:
    return list((await desk.incidents.list(desk.school(school).id))[0])


def spoil(building: Building, item: str) -> None:
    """One bit of a stored object."""
    (path,) = (building.folder / "blobs").glob(f"??/{item}")
    raw = bytearray(path.read_bytes())
    raw[-1] ^= 1
    path.write_bytes(raw)


async def fail(desk: Desk, scope: Scope, item: str, times: int) -> None:
    for _ in range(times):
        with pytest.raises(Corrupt):
            await desk.read(scope, item)


async def test_a_burst_of_failed_tags(desk: Desk, building: Building) -> None:
    leo = await desk.arrive("leo")
    item = await desk.keep(leo, b"essay")
    spoil(building, item)
    watcher = Watcher(desk.vault, desk.detection)
    await fail(desk, leo, item, 2)
    await watcher.once()
    assert await book(desk) == [], "two are not three"
    await fail(desk, leo, item, 1)
    await watcher.once()
    (one,) = await book(desk)
    assert (one.kind, one.severity, one.origin, one.signs) == ("failed_tags", "high", "gateway", 3)
    assert one.noticed is not None
    assert one.aware is None
    await fail(desk, leo, item, 4)
    await watcher.once()
    await watcher.once()
    (one,) = await book(desk)
    assert one.signs == 7
    found = await desk.incidents.affected(one.school, one.id)
    assert [(kind, target) for kind, target, _ in found] == [("object", item), ("person", leo.subject)]
    assert await book(desk, "hillcrest") == []


async def test_two_processes_see_one_burst(desk: Desk, other: Desk, building: Building) -> None:
    leo = await desk.arrive("leo")
    item = await desk.keep(leo, b"essay")
    spoil(building, item)
    for process in (desk, other):
        await fail(process, leo, item, 2)
    await asyncio.gather(*(Watcher(process.vault, process.detection).once() for process in (desk, other)))
    (one,) = await book(desk)
    assert one.signs == 4


async def test_failures_far_apart_are_no_burst(desk: Desk, building: Building) -> None:
    leo = await desk.arrive("leo")
    item = await desk.keep(leo, b"essay")
    spoil(building, item)
    watcher = Watcher(desk.vault, desk.detection)
    for _ in range(4):
        await fail(desk, leo, item, 2)
        await watcher.once()
        desk.database.ahead += 61_000
    assert await book(desk) == []


async def test_after_its_window_the_same_cause_makes_another_one(desk: Desk) -> None:
    sign = Sign(desk.school().id, "token_reuse", "p" * 32)
    first = await desk.detection.saw(sign)
    assert await desk.detection.saw(sign) == first
    another = await desk.detection.saw(Sign(desk.school().id, "token_reuse", "q" * 32))
    assert another != first
    desk.database.ahead += HOUR + 1000
    later = await desk.detection.saw(sign)
    assert later not in (first, another)
    assert sorted(one.signs for one in await book(desk)) == [1, 1, 2]


async def test_many_at_once_make_one(desk: Desk, other: Desk) -> None:
    sign = Sign(desk.school().id, "token_reuse", "p" * 32)
    found = await asyncio.gather(*(process.detection.saw(sign) for process in (desk, other) for _ in range(5)))
    assert len(set(found)) == 1
    (one,) = await book(desk)
    assert one.signs == 10


async def test_what_many_processes_count_adds_up(desk: Desk, other: Desk) -> None:
    sign = Sign(desk.school().id, "failed_tags", at_least=1000)
    await desk.detection.saw(sign)
    await asyncio.gather(*(process.detection.saw(sign) for process in (desk, other) for _ in range(8)))
    async with desk.database.read() as tx:
        assert (await tx.execute(select(incident_detections.c.count))).scalar_one() == 17


async def test_a_school_that_left_keeps_nobody_elses_signs(desk: Desk, building: Building) -> None:
    """Nor does one whose signs cannot be told for another reason."""
    leo, eve = await desk.arrive("leo"), await desk.arrive("eve", school="hillcrest")
    watcher = Watcher(desk.vault, desk.detection)
    for one in (leo, eve):
        item = await desk.keep(one, b"essay")
        spoil(building, item)
        await fail(desk, one, item, 3)
    async with desk.database.write() as tx:
        await desk.vault.enrol(tx, books.scope(leo.tenant))
        await desk.vault.shred_keys(tx, books.scope(leo.tenant))
    await desk.vault.hasten()
    await watcher.once()
    assert list(watcher._left) == []
    async with desk.database.read() as tx:
        assert (await tx.execute(select(incidents.c.school))).scalars().all() == [eve.tenant]


async def test_what_cannot_be_told_now_is_told_later(desk: Desk, building: Building) -> None:
    leo = await desk.arrive("leo")
    item = await desk.keep(leo, b"essay")
    spoil(building, item)
    watcher = Watcher(desk.vault, desk.detection)
    await fail(desk, leo, item, 2)
    write, desk.database.write = desk.database.write, None  # type: ignore[method-assign,assignment]  # it is away
    await watcher._safely()
    desk.database.write = write  # type: ignore[method-assign]
    await fail(desk, leo, item, 1)
    await watcher.once()
    (one,) = await book(desk)
    assert one.signs == 3


async def test_a_refresh_token_that_is_shown_twice(desk: Desk, other: Desk) -> None:
    leo = await desk.arrive("leo")
    pair = await extension(desk, leo)
    await desk.tokens.refresh(CLIENT_ID, pair.refresh_token)
    assert await book(desk) == []
    with pytest.raises(TokenRefused):
        await other.tokens.refresh(CLIENT_ID, pair.refresh_token)
    (one,) = await book(desk)
    assert (one.kind, one.severity, one.signs) == ("token_reuse", "low", 1)
    assert await desk.incidents.counted(one.school, one.id) == {"person": 1}
    second = await extension(desk, leo)
    await desk.tokens.refresh(CLIENT_ID, second.refresh_token)
    with pytest.raises(TokenRefused):
        await desk.tokens.refresh(CLIENT_ID, second.refresh_token)
    (one,) = await book(desk)
    assert one.signs == 2


async def test_old_detections_are_forgotten_and_broken_links_are_not(desk: Desk) -> None:
    school = desk.school().id
    await desk.detection.saw(Sign(school, "token_reuse", "p" * 32))
    await desk.detection.saw(Sign(school, "failed_tags", at_least=9))
    await desk.detection.saw(Sign(school, "broken_chain", "4:altered", once=True))
    assert await desk.detection.sweep(10) == 0
    desk.database.ahead += KEPT + 2 * HOUR
    assert await desk.detection.sweep(1) == 1
    assert await desk.detection.sweep(10) == 1
    async with desk.database.read() as tx:
        assert list((await tx.execute(select(incident_detections.c.cause))).scalars()) == ["broken_chain"]


async def test_a_chain_that_does_not_hold(desk: Desk) -> None:
    school = desk.school().id
    for _ in range(2):
        await desk.detection.broke(school, 4, "altered")
    (one,) = await book(desk)
    assert (one.kind, one.severity) == ("broken_chain", "high")
    told = (await desk.incidents.get(school, one.id)).told
    assert told is not None
    assert told.facts == {"sequence": 4, "why": "altered"}
    await desk.detection.broke(school, 9, "missing")
    assert len(await book(desk)) == 2, "another place is another incident"
