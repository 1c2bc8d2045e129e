"""What the gateway sees by itself makes one incident for each cause and window, however many processes see it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from cache.errors import Corrupt
from cache.model import Scope
from gateway.db.tables_incidents import incident_detections, ledger_checks
from gateway.db.tables_ledger import ledger_entries, ledger_heads
from gateway.identity import CLIENT_ID, TokenRefused
from gateway.incidents import Chains, Incident, Watcher
from gateway.incidents.detection import KEPT, Sign
from gateway.ledger import Event
from gateway.ledger.chain import FIELDS, link
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


# the chain of the ledger


async def entries(desk: Desk, count: int) -> str:
    school = desk.school().id
    for number in range(count):
        await desk.ledger.record(school, Event("file.opened", "p" * 32, None, None, "v", {"n": number}))
    return school


async def walked(desk: Desk, chains: Chains, limit: int = 2000) -> None:
    """A whole walk of every school."""
    for _ in range(50):
        await chains.sweep(limit)
    desk.database.ahead += HOUR + 1000


async def spoiled(desk: Desk, what: str, school: str) -> None:
    """Somebody with the database in their hands."""
    mine = ledger_entries.c.school == school
    async with desk.database.write() as tx:
        if what == "altered":
            await tx.execute(update(ledger_entries).where(mine, ledger_entries.c.sequence == 4).values(action="x"))
        elif what == "missing":
            await tx.execute(delete(ledger_entries).where(mine, ledger_entries.c.sequence == 4))
        elif what == "end":
            await tx.execute(delete(ledger_entries).where(mine, ledger_entries.c.sequence == 7))
        elif what == "reordered":
            for old, new in ((3, 99), (4, 3), (99, 4)):
                await tx.execute(
                    update(ledger_entries).where(mine, ledger_entries.c.sequence == old).values(sequence=new)
                )  # fmt: skip
        else:
            await _forge(tx, school)


async def _forge(tx: Any, school: str) -> None:
    """A chain that holds together, from the fourth entry on another one than there was."""
    mine = ledger_entries.c.school == school
    rows = (await tx.execute(select(ledger_entries).where(mine).order_by(ledger_entries.c.sequence))).mappings().all()
    end = rows[2]["hash"]
    for row in rows[3:]:
        told = {name: row[name] for name in FIELDS} | {"action": "nothing"}
        end = link(end, told)
        here = mine & (ledger_entries.c.sequence == row["sequence"])
        await tx.execute(update(ledger_entries).where(here).values(action="nothing", hash=end))
    await tx.execute(update(ledger_heads).where(ledger_heads.c.school == school).values(hash=end))


@pytest.mark.parametrize(
    ("what", "at", "why"),
    [
        ("altered", 4, "altered"),
        ("missing", 4, "missing"),
        ("reordered", 3, "altered"),
        ("end", 7, "end"),
        ("forged", 7, "replaced"),
    ],
)
async def test_a_broken_chain(desk: Desk, what: str, at: int, why: str) -> None:
    school = await entries(desk, 7)
    chains = Chains(desk.database, desk.detection, pause=HOUR)
    await walked(desk, chains)
    assert await book(desk) == []
    await spoiled(desk, what, school)
    await walked(desk, chains)
    await walked(desk, chains)
    (one,) = await book(desk)
    assert (one.kind, one.severity) == ("broken_chain", "high")
    told = (await desk.incidents.get(school, one.id)).told
    assert told is not None
    assert told.facts == {"sequence": at, "why": why}


async def test_a_walk_goes_on_in_another_process_and_with_what_was_added(desk: Desk, other: Desk) -> None:
    school = await entries(desk, 7)
    first, second = (Chains(process.database, process.detection, pause=HOUR) for process in (desk, other))
    for number, chains in enumerate((first, second, first), 1):
        assert await chains.sweep(2) == 0
        async with desk.database.read() as tx:
            mine = select(ledger_checks.c.sequence).where(ledger_checks.c.school == school)
            assert (await tx.execute(mine)).scalar_one() == 2 * number
    await entries(desk, 1)
    await spoiled(desk, "altered", school)  # where the walk has been already: the next one finds it
    await walked(desk, second, 2)
    assert await book(desk) == []
    await walked(desk, second, 2)
    (one,) = await book(desk)
    assert one.kind == "broken_chain"


async def test_a_walk_that_is_over_rests(desk: Desk) -> None:
    await entries(desk, 3)
    chains = Chains(desk.database, desk.detection, pause=HOUR)
    for _ in range(5):
        await chains.sweep(2000)
    async with desk.database.read() as tx:
        rows = (await tx.execute(select(ledger_checks))).all()
    now = await desk.database.now()
    assert rows
    assert all(row.due > now and row.sequence == 0 for row in rows)
    assert {row.known for row in rows if row.school == desk.school().id} == {3}


async def test_two_processes_never_take_the_same_step(desk: Desk, other: Desk, tmp_path: Path) -> None:
    await entries(desk, 9)
    both = [Chains(process.database, process.detection, pause=HOUR) for process in (desk, other)]
    for _ in range(10):
        assert await asyncio.gather(*(chains.sweep(2) for chains in both)) == [0, 0]
    assert await book(desk) == []
