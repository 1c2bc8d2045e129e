"""kill -9 at every single step of an erasure of every scope: the next start finishes it, and nothing is half done.

A step is a commit, a blob that is removed, a line in the journal, a word to a provider; death comes before it or right
after it. The test walks through all of them until a process lives to the end.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from cache.catalog import objects
from cache.expiry import MemoryExpiry
from cache.keyrows import is_shredded
from cache.model import Scope
from gateway.db.tables_erasure import erasures
from gateway.db.tables_files import cached_files, upload_parts, uploads
from gateway.db.tables_ledger import ledger_entries
from gateway.db.tables_people import persons, schools
from gateway.db.tables_work import jobs
from gateway.erasure import eraser
from gateway.erasure.journal import Journal
from gateway.erasure.model import Asked, Kind, Target
from gateway.files.uploads import UploadSpec
from gateway.forgetting import Forgetting
from providers.drive import OnConflict, Ref
from providers.native import Allowance, NativeDrive
from providers.native import tables as native
from tests.conformance.base import put
from tests.gateway.erasure.conftest import World
from tests.gateway.erasure.deaths import finished, lived
from tests.gateway.erasure.mortal import Life
from tests.gateway.vaults import enrol
from tests.soak import stride

MOST = 800
"""Steps that no erasure here has: the walk must end before."""
STRIDES = {"person": 1, "item": 1, "people": 23, "school": 41, "thing": 5}
"""Each step of one person is walked through, and of a cached copy; of other things, of many, and on PostgreSQL, every
so manieth; under ./scripts/soak all.
"""


@dataclass
class Case:
    """One death: the school and its people, what they hold, how the erasure begins."""

    world: World
    name: str
    people: list[Scope] = field(default_factory=list)
    secret: str | None = None

    async def make(self, count: int) -> None:
        """A school of its own with two administrators and so many others, each with a cached copy."""
        names = [f"{self.name}-{n}" for n in range(count)]
        database, vault = self.world.database, self.world.vault
        async with database.write() as tx:
            row = {"id": self.name, "issuer": "https://launchpad.example", "claim": self.name, "region": "here"}
            await tx.execute(insert(schools).values(**row, name="A school", made=1))
            for n, name in enumerate(names):
                role = "administrator" if n < 2 else "student"
                row = {"id": name, "school": self.name, "state": "active", "role": role}
                await tx.execute(insert(persons).values(**row))
        self.people = [Scope(self.name, name) for name in names]
        for one in self.people:
            await enrol(database, vault, self.name, one.subject)
            await self.world.hold_something(one)


async def person(case: Case, made: Forgetting) -> None:
    """By themselves."""
    begun = await made.eraser.begin(case.people[2])
    assert begun is not None
    case.secret = begun.secret


async def item(case: Case, made: Forgetting) -> None:
    """A cached copy of theirs."""
    who = case.people[2]
    assert who.subject is not None
    target = Target("cached", f"copy of {who.subject}")
    case.secret = (await made.eraser.begin_item(who, target, Asked(who.subject), receipt=True)).secret


async def people(case: Case, made: Forgetting) -> None:
    """Two of them, by the administrators."""
    first, second, *others = [str(one.subject) for one in case.people]
    request, case.secret = await made.orders.many(case.name, first, others, {})
    await made.orders.approve(case.name, second, request.id)
    await made.approvals.sweep(10)


async def school(case: Case, made: Forgetting) -> None:
    """The whole of it."""
    first, second, *_ = [str(one.subject) for one in case.people]
    request, case.secret = await made.orders.school(case.name, first, {})
    await made.orders.approve(case.name, second, request.id)
    await made.approvals.sweep(10)


SCOPES: dict[str, tuple[Callable[[Case, Forgetting], Awaitable[None]], slice]] = {
    "person": (person, slice(2, 3)),
    "item": (item, slice(0, 0)),
    "people": (people, slice(2, 4)),
    "school": (school, slice(0, 2)),
}
"""How each begins, and who of a case's people is forgotten by it."""


async def swept(made: Forgetting) -> None:
    """Requests that were approved."""
    await made.approvals.sweep(10)


@pytest.mark.both
@pytest.mark.parametrize("scope", SCOPES)
async def test_death_at_every_step(
    world: World, scope: str, expiry: MemoryExpiry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eraser, "LEASE", 0)  # on PostgreSQL the next process need not wait for the dead one's
    begin, whom = SCOPES[scope]
    usual = STRIDES[scope] * (1 if world.database.dialect == "sqlite" else 6)
    for last in range(1, MOST, stride(usual)):
        case = Case(world, f"{scope}{last}")
        await case.make(max(whom.stop, 3 if scope == "item" else 2))
        died = await lived(world, expiry, Life(last), partial(begin, case))
        await finished(world, swept)
        await right(case, scope, case.people[whom])
        if not died:
            assert last > 10
            return
    raise AssertionError("it never ends")


@dataclass
class Things:
    """What one person has: a folder with a file in it, a file beside it with an older version, an upload under way, the
    report of a job, a cached copy.
    """

    folder: Ref
    file: Ref
    beside: Ref
    older: str
    upload: str
    report: str

    @classmethod
    async def made(cls, world: World, who: Scope) -> Things:
        drive = NativeDrive(world.vault, world.database, who, allowance=Allowance(versions=2))
        folder = (await drive.make_folder(await drive.root(), "Diary")).ref
        file = (await put(drive, folder, "Monday.txt", b"monday")).ref
        first = await put(drive, await drive.root(), "Beside.txt", b"before")
        over: dict[str, Any] = {"replaces": (first.ref, first.version), "on_conflict": OnConflict.REPLACE}
        beside = (await put(drive, await drive.root(), "Beside.txt", b"beside", **over)).ref
        report = f"job of {who.subject}"
        job = {"kind": "transfer", "mode": "copy", "instruction": "i", "policy_version": "p", "priority": 0, "ended": 1}
        async with world.database.write() as tx:
            mine = {"id": report, "tenant": who.tenant, "person": who.subject, "state": "done", "created": 1}
            await tx.execute(insert(jobs).values(**mine, **job))
        sent = world.process().eraser._things._uploads
        spec = UploadSpec("root", "A.txt", "text/plain", None, "rename")
        upload = (await sent.create(who, "native", spec, 100, "w")).id
        await sent.append(who, upload, 0, some_bytes())
        return cls(folder, file, beside, str(first.version), upload, report)

    def target(self, kind: Kind) -> Target:
        """What is forgotten of it."""
        if kind == "version":
            return Target(kind, self.beside.id, self.older)
        return Target(kind, {"native": self.folder.id, "upload": self.upload, "report": self.report}.get(kind, ""))

    async def there(self, world: World, who: Scope) -> set[str]:
        """What of it is there now."""
        async with world.database.read() as tx:
            nodes = set((await tx.execute(select(native.nodes.c.id))).scalars())
            versions = set((await tx.execute(select(native.versions.c.id))).scalars())
            sent = set((await tx.execute(select(uploads.c.id))).scalars())
            reports = set((await tx.execute(select(jobs.c.id))).scalars())
            copies = set((await tx.execute(select(cached_files.c.person))).scalars())
        here = {name: getattr(self, name).id in nodes for name in ("folder", "file", "beside")}
        here |= {"older": self.older in versions, "report": self.report in reports}
        here |= {"upload": self.upload in sent, "copy": who.subject in copies}
        return {name for name, is_there in here.items() if is_there}


async def some_bytes() -> AsyncIterator[bytes]:
    yield b"some bytes"


GOES: dict[Kind, set[str]] = {
    "native": {"folder", "file"},
    "version": {"older"},
    "upload": {"upload"},
    "report": {"report"},
    "temporary": {"upload", "copy"},
}


@pytest.mark.parametrize("kind", GOES)
async def test_death_at_every_step_of_one_thing(
    world: World, kind: Kind, expiry: MemoryExpiry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eraser, "LEASE", 0)
    for last in range(1, MOST, stride(STRIDES["thing"])):
        case = Case(world, f"{kind}{last}")
        await case.make(1)
        [who] = case.people
        things = await Things.made(world, who)
        target = things.target(kind)

        async def begin(made: Forgetting, who: Scope = who, target: Target = target, case: Case = case) -> None:
            begun = await made.eraser.begin_item(who, target, Asked(who.subject), receipt=True)
            case.secret = begun.secret

        died = await lived(world, expiry, Life(last), begin)
        await finished(world, swept)
        await one_thing_is_right(case, kind, things)
        if not died:
            assert last > 10
            return
    raise AssertionError("it never ends")


async def one_thing_is_right(case: Case, kind: Kind, things: Things) -> None:
    """The thing and nothing beside it, once; or nothing at all, where nobody was promised anything."""
    world, [who] = case.world, case.people
    lines = await Journal(world.journal, world.signing.journal_key).open(None)
    mine = [(line.scope, line.person) for line in lines if line.school == case.name]
    async with world.database.read() as tx:
        rows = (await tx.execute(select(erasures).where(erasures.c.school == case.name))).mappings().all()
    there = await things.there(world, who)
    everything = {"folder", "file", "beside", "older", "upload", "report", "copy"}
    assert there == (everything - GOES[kind] if rows else everything)
    assert mine == [("item", who.subject)] * len(rows)
    assert await world.state(who) == "active"
    drive = NativeDrive(world.vault, world.database, who)
    async with drive.read(things.beside) as opened:
        assert b"".join([piece async for piece in opened]) == b"beside"
    await nothing_is_left(world)
    if case.secret is not None:
        assert await world.process().eraser.receipts.fetch(case.secret) is not None
    world.made.clear()


async def nothing_is_left(world: World) -> None:
    """No sealed bytes but those of living copies, files and uploads.

    A death between a blob and its row leaves bytes whose key was never stored. They end after an hour, which we make of
    them.
    """
    async with world.database.read() as tx:
        living = {
            name
            for column in (cached_files.c.object, native.parts.c.object, upload_parts.c.object)
            for name in (await tx.execute(select(column))).scalars()
        }
        known = set((await tx.execute(select(objects.c.id))).scalars())
    assert known == living
    for path in world.blobs():
        if path.name not in living:
            os.utime(path, (0, 0))
    while await world.vault.sweep(1000):
        pass
    assert {path.name for path in world.blobs()} == living


async def right(case: Case, scope: str, forgotten: list[Scope]) -> None:
    """All of it or nothing, once, and whoever was not meant still has what is theirs."""
    world = case.world
    lines = await Journal(world.journal, world.signing.journal_key).open(None)
    mine = [line for line in lines if line.school == case.name]
    async with world.database.read() as tx:
        rows = (await tx.execute(select(erasures).where(erasures.c.school == case.name))).mappings().all()
        states = {row.id: row.state for row in await tx.execute(select(persons.c.id, persons.c.state))}
        held = select(cached_files.c.person).where(cached_files.c.school == case.name)
        copies = set((await tx.execute(held)).scalars())
        dead = {one.subject for one in case.people if await is_shredded(tx, one)}
        left = await tx.execute(select(schools.c.left).where(schools.c.id == case.name))
        entries = await tx.execute(select(func.count()).where(ledger_entries.c.school == case.name))
    begun = {row["scope"] for row in rows}
    if not begun:  # death came before anything was promised
        assert mine == []
        assert copies == {one.subject for one in case.people}
        assert {states[str(one.subject)] for one in case.people} == {"active"}
        return
    assert scope in begun
    assert len({(line.scope, line.person) for line in mine}) == len(mine), "each once"
    whom = {one.subject for one in forgotten}
    assert {line.person for line in mine if line.scope == "person"} == whom
    assert dead == whom
    assert {name for name, state in states.items() if state == "erased" and name.startswith(f"{case.name}-")} == whom
    everybody = {one.subject for one in case.people}
    assert copies == (everybody - whom if scope != "item" else everybody - {case.people[2].subject})
    assert (left.scalar_one() is not None) == (scope == "school")
    if scope == "school":
        assert entries.scalar_one() == 0
        assert [line.person for line in mine if line.scope == "school"] == [""]
    await nothing_is_left(world)
    if case.secret is not None:
        signed = await world.process().eraser.receipts.fetch(case.secret)
        assert signed is not None
