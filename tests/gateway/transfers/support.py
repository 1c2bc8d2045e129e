"""A whole little house for transfers: a database, a vault, a person's drives, a worker that can be hurried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.blobs import open_blobs
from cache.expiry import FolderExpiry
from cache.keyring import Keyring
from cache.model import Scope
from cache.roots import Root
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.jobs.model import ItemView, JobView
from gateway.jobs.service import Jobs
from gateway.jobs.worker import Worker
from gateway.transfers import Conflict, Order, Source, Transfers
from providers.drive import Drive, Instruction, Ref, Traits
from providers.drive import Source as Readable
from providers.errors import NotFound
from tests.databases import STILL
from tests.gateway.jobs.support import QUICK, People
from tests.gateway.transfers.filedrive import LOOSE, STRICT, FileDrive, Trip

SCHOOL, PERSON = "school-one", "person-one"
ROOT = Root(1, b"r" * 32)
Mode = Literal["copy", "move"]


@dataclass
class Shelf:
    """`Drives` of one person. ``instructions`` are those under which writing was asked for.

    ``leaves``: what covers were told of; ``covered``: how often writing was asked for under one.
    """

    drives: Mapping[str, Drive]
    instructions: list[Instruction] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    covers: list[tuple[str, str]] = field(default_factory=list)
    covered: int = 0

    async def reader(self, person: str, school: str, drive: str, /) -> Readable:
        return self._find(person, school, drive)

    async def writer(
        self, person: str, school: str, drive: str, instruction: Instruction, /, *, covered: bool = False
    ) -> Drive:
        self.instructions.append(instruction)
        self.covered += covered
        return self._find(person, school, drive)

    async def cover(
        self, _tx: AsyncConnection, person: str, school: str, _word: Instruction, leaves: Sequence[bytes], /, *,
        name: str, action: str, details: Mapping[str, Any],
    ) -> None:  # fmt: skip
        assert (person, school) == (PERSON, SCHOOL)
        assert details["job"]
        self.leaves += leaves
        self.covers.append((action, name))

    def _find(self, person: str, school: str, drive: str) -> Drive:
        if (person, school) != (PERSON, SCHOOL) or drive not in self.drives:
            raise NotFound
        return self.drives[drive]


@dataclass
class Desk:
    """What gives orders and does them, whatever the drives."""

    database: Database
    vault: Vault
    jobs: Jobs
    transfers: Transfers
    drives: Shelf

    @asynccontextmanager
    async def working(self, **more: Any) -> AsyncIterator[Worker]:
        """A worker for as long as the block lasts."""
        worker = Worker(self.jobs, self.transfers.executors(), **{"timing": QUICK, **more})
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop(grace=0.1)

    async def ended(self, job: str, within: float = 30.0) -> JobView:
        """The job at its end."""
        async with asyncio.timeout(within):
            return [view async for view in self.jobs.watch(SCHOOL, PERSON, job)][-1]

    async def report(self, job: str) -> dict[str, ItemView]:
        """The job's items by path."""
        items, more = await self.jobs.items(SCHOOL, PERSON, job, limit=1000)
        assert more is None
        return {item.path: item for item in items}

    async def do(self, order: Order, within: float = 30.0) -> tuple[JobView, dict[str, ItemView]]:
        """Give the order to a worker and wait for its end."""
        async with self.working():
            job = await self.transfers.create(order)
            view = await self.ended(job, within)
        return view, await self.report(job)


@dataclass
class House(Desk):
    """A desk with two drives on disk, ``left`` and ``right``, and the trouble they share."""

    left: FileDrive
    right: FileDrive
    trip: Trip

    def order(self, mode: Mode, *items: str, conflict: Conflict = Conflict.RENAME, to: str = "top") -> Order:
        """Items of the left drive into a folder of the right one."""
        return order(mode, "left", [Ref("", item) for item in items], "right", Ref("", to), conflict)


def order(
    mode: Mode, source: str, items: Sequence[Ref], drive: str, folder: Ref, conflict: Conflict = Conflict.RENAME
) -> Order:
    """Items of one drive into a folder of another."""
    word = Instruction("i" * 32, PERSON, "7")
    sources = [Source(source, str(item)) for item in items]
    return Order(SCHOOL, PERSON, mode, sources, Source(drive, str(folder)), word, conflict)


@asynccontextmanager
async def open_vault(database: Database, folder: Path) -> AsyncIterator[Vault]:
    """A vault whose keys another process finds again."""
    expiry = folder / "expiry"
    expiry.mkdir(mode=0o700, exist_ok=True)
    keyring = Keyring(ROOT, database, FolderExpiry(expiry), limit=STILL)
    vault = Vault(keyring, open_blobs((folder / "blobs").as_uri()), database, folder / "staging")
    await vault.start()
    async with database.write() as tx:
        await vault.enrol(tx, Scope(SCHOOL, PERSON))
    try:
        yield vault
    finally:
        await vault.close()


@asynccontextmanager
async def open_desk(database: Database, vault: Vault, drives: Mapping[str, Drive]) -> AsyncIterator[Desk]:
    """A desk for any drives."""
    shelf, jobs = Shelf(drives), Jobs(database, vault, People().require_active)
    yield Desk(database, vault, jobs, Transfers(jobs, shelf, vault), shelf)


@asynccontextmanager
async def open_house(
    database: Database,
    folder: Path,
    *,
    left: Traits = LOOSE,
    right: Traits = STRICT,
    trip: Trip | None = None,
    kind: type[FileDrive] = FileDrive,
) -> AsyncIterator[House]:
    """The house below ``folder``; another process may open it again after this one died."""
    trip = trip or Trip()
    one, two = kind(folder / "left", left, trip), kind(folder / "right", right, trip)
    async with (
        open_vault(database, folder) as vault,
        open_desk(database, vault, {"left": one, "right": two}) as desk,
    ):
        yield House(database, vault, desk.jobs, desk.transfers, desk.drives, one, two, trip)
