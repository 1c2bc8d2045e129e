"""What the journal says holds after a restore too: told from a crash, applied once, before anybody is served."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database
from gateway.db.tables_approvals import approvals
from gateway.db.tables_erasure import erasure_state, journal_seen
from gateway.db.tables_files import cached_files
from gateway.db.tables_people import client_grants, sessions, sign_in_flows
from gateway.db.tables_work import jobs
from gateway.erasure.journal import Journal, JournalRefused, Line
from gateway.erasure.mark import Mark
from gateway.erasure.restoring import Restored, Restorer
from tests.gateway.erasure.conftest import LEO, MIA, World, begin

KEY = b"k" * 32


class Process:
    """A restorer over one database and journal; what it applied is in ``done``."""

    def __init__(self, database: Database, folder: Path) -> None:
        path = folder / "journal" / "erasures"
        self.restorer = Restorer(Journal(path, KEY), Mark(path.parent, KEY), database)
        self.done: list[str] = []
        self.voided = 0

    async def apply(self, _tx: AsyncConnection, line: Line) -> None:
        self.done.append(line.erasure)

    async def void(self, _tx: AsyncConnection, _restored: Restored) -> None:
        self.voided += 1

    async def start(self) -> bool:
        return await self.restorer.start({"suspended": self.apply, "resumed": self.apply}, [self.void])


def line(name: str, scope: str = "suspended", **more: Any) -> Line:
    return Line(0, name, "school", "leo", scope, 1, **more)


@pytest.fixture
def process(database: Database, tmp_path: Path) -> Any:
    """Makes them."""
    return lambda: Process(database, tmp_path)


async def state(database: Database) -> dict[str, Any]:
    async with database.read() as tx:
        row = dict((await tx.execute(select(erasure_state))).mappings().one())
        row["ahead"] = list((await tx.execute(select(journal_seen.c.sequence))).scalars())
    return row


@pytest.mark.both
async def test_what_is_recorded_is_applied_at_once_and_not_again(database: Database, process: Any) -> None:
    first = process()
    assert await first.start() is False
    await first.restorer.record(line("e1"))
    await first.restorer.record(line("e2", "resumed", note=base64.b64encode(b"box").decode()))
    assert first.done == ["e1", "e2"]
    await first.restorer.close()
    second = process()
    assert await second.start() is False
    assert (second.done, second.voided) == ([], 0)
    assert (await state(database))["applied"] == 4, "two starts and two acts"
    await second.restorer.close()


async def test_a_line_whose_act_was_lost_in_a_crash_is_applied_at_the_next_start(
    process: Any, database: Database
) -> None:
    """Also where a later one was applied already: each is remembered by itself."""
    first = process()
    await first.start()
    await first.restorer.write([line("lost")])
    await first.restorer.record(line("applied"))
    assert (await state(database))["ahead"] == [3]
    second = process()
    assert await second.start() is False
    assert (second.done, second.voided) == (["lost"], 0)
    told = await state(database)
    assert (told["applied"], told["ahead"]) == (4, [])
    for one in (first, second):
        await one.restorer.close()


@pytest.mark.both
async def test_a_crash_in_the_middle_of_a_start_is_no_restore(
    database: Database, process: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its entry is in the journal and not yet applied."""
    real = Restorer.seen

    async def dies(self: Restorer, tx: AsyncConnection, *sequences: int) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(Restorer, "seen", dies)
    with pytest.raises(asyncio.CancelledError):
        await process().start()
    monkeypatch.setattr(Restorer, "seen", real)
    second = process()
    assert await second.start() is False
    assert second.voided == 0
    await second.restorer.close()


async def back(database: Database, before: dict[str, Any]) -> None:
    """The journal's part of an older copy of the database."""
    async with database.write() as tx:
        kept = {name: before[name] for name in ("applied", "generation", "starting", "clock")}
        await tx.execute(update(erasure_state).values(**kept))
        await tx.execute(journal_seen.delete())


@pytest.mark.both
@pytest.mark.parametrize("acts", [0, 2])
async def test_an_older_copy_is_told(database: Database, process: Any, acts: int) -> None:
    """Also one that was made while the last process ran, after its start, with no entry written since."""
    first = process()
    await first.start()
    before = await state(database)
    for number in range(acts):
        await first.restorer.record(line(f"e{number}"))
    await first.restorer.close()
    await back(database, before)
    second = process()
    assert await second.start() is True
    assert (second.done, second.voided) == ([f"e{number}" for number in range(acts)], 1)
    await second.restorer.close()
    third = process()
    assert await third.start() is False, "once"
    assert (third.done, third.voided) == ([], 0)
    await third.restorer.close()


async def test_a_copy_from_before_an_earlier_start_is_told_by_that(process: Any, database: Database) -> None:
    """Where the mark was lost with the disk of the journal, and only its lines were brought back."""
    first = process()
    await first.start()
    before = await state(database)
    await first.restorer.close()
    second = process()
    await second.start()
    await second.restorer.close()
    await back(database, before)
    second.restorer._mark._path.unlink()
    third = process()
    assert await third.start() is True
    await third.restorer.close()


async def test_others_that_count_on_meanwhile_are_no_restore(process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that starts beside one that runs."""
    running, real = process(), Restorer._state
    await running.start()

    async def late(self: Restorer) -> Any:
        await running.restorer.beat()
        told = await real(self)
        await running.restorer.beat()
        return told

    monkeypatch.setattr(Restorer, "_state", late)
    starting = process()
    assert await starting.start() is False
    for one in (running, starting):
        await one.restorer.close()


@pytest.mark.parametrize("text", [b"", b"{}", b'{"generation": 3, "mac": "00"}', b'{"generation": "x", "mac": ""}'])
async def test_a_changed_mark_refuses_the_start(process: Any, text: bytes) -> None:
    first = process()
    await first.start()
    await first.restorer.close()
    first.restorer._mark._path.write_bytes(text)
    with pytest.raises(JournalRefused, match="mark"):
        await process().start()


async def test_entries_of_a_later_version_refuse_the_start(process: Any) -> None:
    first = process()
    await first.start()
    await first.restorer.write([line("e1", "invented")])
    await first.restorer.close()
    with pytest.raises(JournalRefused, match="later version"):
        await process().start()


async def test_an_act_that_fails_is_applied_later(process: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is in the journal: whoever ordered it is told that it failed, and the next start makes it so."""
    first = process()
    await first.start()

    async def fails(_tx: AsyncConnection, _line: Line) -> None:
        raise OSError

    monkeypatch.setitem(first.restorer._replays, "suspended", fails)
    with pytest.raises(OSError):
        await first.restorer.record(line("e1"))
    await first.restorer.close()
    second = process()
    await second.start()
    assert second.done == ["e1"]
    await second.restorer.close()


async def leave_traces(world: World) -> None:
    """A sign-in, an extension, a consent, a job under way, a request, each of somebody who stays."""
    async with world.database.write() as tx:
        whose = {"school": "school", "person": "mia", "signed_in_at": 1, "used": 1}
        await tx.execute(insert(sessions).values(id="s", **whose, secret=b"s" * 32, ends=2**50))
        await tx.execute(insert(client_grants).values(id="g", **whose, client="c", made=1, ends=2**50))
        flow = {"state": b"f" * 32, "cookie": b"c" * 32, "issuer": "i", "fresh": False, "made": 1, "ends": 2**50}
        await tx.execute(insert(sign_in_flows).values(**flow))
        work = {"tenant": "school", "person": "mia", "kind": "transfer", "mode": "copy", "instruction": "i"}
        for name, more in (("runs", {"state": "running"}), ("done", {"state": "done", "ended": 5})):
            await tx.execute(insert(jobs).values(id=name, **work, **more, policy_version="p", priority=0, created=1))


@pytest.mark.both
async def test_a_restored_database_forgets_again_and_brings_nothing_back_to_life(world: World) -> None:
    """Sign-ins are void, work waits for its person, a request that was cancelled since is not done."""
    first = await world.started()
    async with world.database.read() as tx:
        before = dict((await tx.execute(select(erasure_state))).mappings().one())
    begun = await first.eraser.begin(LEO)
    assert begun is not None
    await world.receipt(begun)
    await world.close()
    await back(world.database, before)
    made = world.process()
    async with world.database.write() as tx:
        request = await made.approvals.propose(tx, "school", "ada", "erase_people", ["mia"], {}, delay=0)
    await made.approvals.approve("school", "zoe", request)
    await leave_traces(world)
    await world.hold_something(MIA)
    await world.started(made)
    assert world.restored
    await made.approvals.sweep(10)
    assert [await world.state(one) for one in (LEO, MIA)] == ["erased", "active"]
    async with world.database.read() as tx:
        for table in (sessions, client_grants, sign_in_flows, cached_files):
            assert (await tx.execute(select(func.count()).select_from(table))).scalar_one() == 0, table.name
        states = {row.id: row.state for row in await tx.execute(select(jobs.c.id, jobs.c.state))}
        assert states == {"runs": "unconfirmed", "done": "done"}
        assert (await tx.execute(select(approvals.c.state))).scalar_one() == "lapsed"
    await world.vault.sweep(100)
    assert world.blobs() == []


async def test_a_crash_voids_nothing(world: World) -> None:
    """The process ends without a word, in the middle of an erasure."""
    await begin(world)
    await leave_traces(world)
    await world.hold_something(MIA)
    for made in world.made:
        await made.eraser.close()
        assert made.restorer._beating is not None
        made.restorer._beating.cancel()
    await world.started()
    assert not world.restored
    async with world.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(sessions))).scalar_one() == 1
        assert (await tx.execute(select(jobs.c.state).where(jobs.c.id == "runs"))).scalar_one() == "running"
