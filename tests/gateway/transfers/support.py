"""A whole little house for transfers: a database, a vault, two drives on disk, a worker that can be hurried."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

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
from gateway.transfers import Order, Source, Transfers
from providers.drive import Drive, Instruction, OnConflict, Ref, Traits
from providers.drive import Source as Readable
from providers.errors import NotFound
from tests.gateway.jobs.support import QUICK, People
from tests.gateway.transfers.filedrive import LOOSE, STRICT, FileDrive, Trip

SCHOOL, PERSON = "school-one", "person-one"
ROOT = Root(1, b"r" * 32)


@dataclass
class TwoDrives:
    """`Drives` of one person. ``instructions`` are those under which writing was asked for."""

    drives: Mapping[str, Drive]
    instructions: list[Instruction] = field(default_factory=list)

    async def reader(self, person: str, school: str, drive: str, /) -> Readable:
        return self._find(person, school, drive)

    async def writer(self, person: str, school: str, drive: str, instruction: Instruction, /) -> Drive:
        self.instructions.append(instruction)
        return self._find(person, school, drive)

    def _find(self, person: str, school: str, drive: str) -> Drive:
        if (person, school) != (PERSON, SCHOOL) or drive not in self.drives:
            raise NotFound
        return self.drives[drive]


@dataclass
class House:
    """Everything a test of transfers needs. ``left`` and ``right`` are the drives."""

    database: Database
    vault: Vault
    jobs: Jobs
    transfers: Transfers
    drives: TwoDrives
    left: FileDrive
    right: FileDrive
    trip: Trip

    @asynccontextmanager
    async def working(self, **more: Any) -> AsyncIterator[Worker]:
        """A worker for as long as the block lasts."""
        worker = Worker(self.jobs, self.transfers.executors(), **{"timing": QUICK, **more})
        await worker.start()
        try:
            yield worker
        finally:
            await worker.stop(grace=0.1)

    def order(self, mode: str, *items: str, conflict: OnConflict = OnConflict.RENAME, to: str = "top") -> Order:
        """Items of the left drive into a folder of the right one."""
        sources = [Source("left", str(Ref("", item))) for item in items]
        word = Instruction("i" * 32, PERSON, "7")
        assert mode in ("copy", "move")
        to_do: Literal["copy", "move"] = "move" if mode == "move" else "copy"
        return Order(SCHOOL, PERSON, to_do, sources, Source("right", str(Ref("", to))), word, conflict)

    async def ended(self, job: str, within: float = 30.0) -> JobView:
        """The job at its end."""
        async with asyncio.timeout(within):
            return [view async for view in self.jobs.watch(SCHOOL, PERSON, job)][-1]

    async def report(self, job: str) -> dict[str, ItemView]:
        """The job's items by path."""
        items, more = await self.jobs.items(SCHOOL, PERSON, job, limit=1000)
        assert more is None
        return {item.path: item for item in items}

    async def do(self, order: Order) -> tuple[JobView, dict[str, ItemView]]:
        """Give the order to a worker and wait for its end."""
        async with self.working():
            job = await self.transfers.create(order)
            view = await self.ended(job)
        return view, await self.report(job)


@asynccontextmanager
async def open_house(
    database: Database, folder: Path, *, left: Traits = LOOSE, right: Traits = STRICT, trip: Trip | None = None
) -> AsyncIterator[House]:
    """The house below ``folder``; another process may open it again after this one died."""
    trip = trip or Trip()
    expiry = folder / "expiry"
    expiry.mkdir(mode=0o700, exist_ok=True)
    keyring = Keyring(ROOT, database, FolderExpiry(expiry))
    vault = Vault(keyring, open_blobs((folder / "blobs").as_uri()), database, folder / "staging")
    await vault.start()
    async with database.write() as tx:
        await vault.enrol(tx, Scope(SCHOOL, PERSON))
    one, two = FileDrive(folder / "left", left, trip), FileDrive(folder / "right", right, trip)
    drives = TwoDrives({"left": one, "right": two})
    jobs = Jobs(database, vault, People().require_active)
    try:
        yield House(database, vault, jobs, Transfers(jobs, drives, vault), drives, one, two, trip)
    finally:
        await vault.close()
