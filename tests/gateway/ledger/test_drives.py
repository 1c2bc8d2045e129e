"""From a drive's id to a drive: how often accounts are looked at, and under which entry of the ledger it writes."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest

from cache.vault import Scope, Vault
from gateway.db.engine import Database
from gateway.drives import TRUSTED, Drives, Maker
from gateway.identity.accounts import Account, Accounts
from gateway.identity.errors import NoSuchAccount
from gateway.ledger import Ledger
from providers import native
from providers.drive import Drive, Instruction
from providers.errors import NotFound
from providers.http import work_in_background
from tests.gateway.ledger.test_recorded import FOLDER, NEW, REF, Full

ANN = Scope("s1", "s1-ann")
WORD = Instruction("i" * 32, "s1-ann", "p1")


class Rows:
    """The accounts' table, and how often it was asked."""

    def __init__(self) -> None:
        self.owner: Scope | None = ANN
        self.asked = 0

    async def get(self, scope: Scope, account: str) -> Account:
        self.asked += 1
        if scope != self.owner:
            raise NoSuchAccount("this account is not connected")
        return Account(account, "google", "ann@example.org", "ready")


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def make(rows: Rows, clock: Clock, ledger: Ledger | None = None, noted: list[str] | None = None) -> Drives:
    def drive(_scope: Scope, _account: str) -> Drive:
        return Full([] if noted is None else noted)

    maker = Maker("google", native.TRAITS, drive, Full)
    return Drives(maker, {"google": maker}, cast("Accounts", rows), cast("Ledger", ledger), clock)


async def in_background(work: Any) -> Any:
    """As a worker does it: in a task of its own."""

    async def task() -> Any:
        work_in_background()
        return await work

    return await asyncio.create_task(task())


async def test_background_work_looks_at_an_account_once_a_second() -> None:
    rows, clock = Rows(), Clock()
    drives = make(rows, clock)
    for _ in range(5):
        await in_background(drives.reader("s1-ann", "s1", "a"))
    assert rows.asked == 1
    clock.now += TRUSTED
    await in_background(drives.reader("s1-ann", "s1", "a"))
    assert rows.asked == 2


async def test_who_answers_a_person_looks_each_time() -> None:
    rows, clock = Rows(), Clock()
    drives = make(rows, clock)
    for _ in range(3):
        await drives.reader("s1-ann", "s1", "a")
    assert rows.asked == 3


async def test_what_was_let_go_is_looked_at_at_once() -> None:
    rows, clock = Rows(), Clock()
    drives = make(rows, clock)
    await in_background(drives.reader("s1-ann", "s1", "a"))
    rows.owner = None
    drives.forget("a")
    with pytest.raises(NotFound):
        await in_background(drives.reader("s1-ann", "s1", "a"))
    rows.owner = ANN
    await in_background(drives.reader("s1-ann", "s1", "a"))
    rows.owner = None
    drives.forget_person(ANN)
    with pytest.raises(NotFound):
        await in_background(drives.reader("s1-ann", "s1", "a"))


async def test_another_person_never_has_what_was_looked_at_for_the_owner() -> None:
    rows, clock = Rows(), Clock()
    drives = make(rows, clock)
    await in_background(drives.reader("s1-ann", "s1", "a"))
    with pytest.raises(NotFound):
        await in_background(drives.reader("s1-bob", "s1", "a"))
    with pytest.raises(NotFound):
        await in_background(drives.reader("s1-ann", "s2", "a"))


@pytest.mark.both
async def test_a_covered_writer_needs_a_committed_cover(vault: Vault, database: Database) -> None:
    noted: list[str] = []
    ledger, clock = Ledger(vault, database), Clock()
    drives = make(Rows(), clock, ledger, noted)
    writer = await drives.writer("s1-ann", "s1", "a", WORD, covered=True)
    await writer.begin(NEW)
    assert [entry.action for entry in await ledger.read("s1")] == ["drive.upload"], "no cover, so an entry of its own"
    with suppress(ZeroDivisionError):
        async with database.write() as tx:
            await drives.cover(tx, "s1-ann", "s1", WORD, [b"one", b"two"])
            raise ZeroDivisionError
    await (await drives.writer("s1-ann", "s1", "a", WORD, covered=True)).begin(NEW)
    assert len(await ledger.read("s1")) == 2, "the cover was never committed"
    async with database.write() as tx:
        await drives.cover(tx, "s1-ann", "s1", WORD, [b"one", b"two"])
    for process in (drives, make(Rows(), clock, ledger, noted)):
        writer = await process.writer("s1-ann", "s1", "a", WORD, covered=True)
        await writer.begin(NEW)
        await (await process.writer("s1-ann", "s1", "a", WORD)).make_folder(FOLDER, "x")
        await writer.trash(REF)
    told = [(entry.action, entry.items) for entry in await ledger.read("s1")]
    own = [("drive.make_folder", None), ("drive.trash", None)]
    assert told == [("drive.upload", None)] * 2 + [("transfer.batch", 2)] + own * 2
