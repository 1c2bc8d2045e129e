"""Forgetting in bad weather: two processes, a full disk, a lost list of grants, a log that cannot be emptied yet."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from sqlalchemy import select, update

from cache.errors import Missing, Unavailable
from cache.vault import Scope
from gateway.db.tables_erasure import erasures
from gateway.erasure.eraser import RECEIPT_LIFE, Eraser
from gateway.erasure.journal import Journal
from gateway.signing import verify
from tests.gateway.erasure.conftest import LEO, World
from tests.gateway.erasure.test_eraser import begin, receipt


async def row(world: World, erasure: str) -> dict[str, Any]:
    """The erasure as it stands."""
    async with world.database.read() as tx:
        return dict((await tx.execute(select(erasures).where(erasures.c.id == erasure))).mappings().one())


async def test_two_processes_write_one_journal(world: World) -> None:
    """Each finds the other's lines before it adds its own; the chain holds."""
    first, second = (Journal(world.journal, world.signing.journal_key) for _ in range(2))
    await first.open(None)
    await second.open(None)
    written = [await journal.append(f"e{n}", "s", "p", "person", n) for n, journal in enumerate((first, second) * 2)]
    assert [line.sequence for line in written] == [1, 2, 3, 4]
    assert (await first.append("e3", "s", "p", "person", 9)).sequence == 4
    assert list(await Journal(world.journal, world.signing.journal_key).open(None)) == written


async def test_half_a_line_never_damages_the_journal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk takes some bytes: they are taken back, and the next line stands where it should."""
    journal, real = Journal(world.journal, world.signing.journal_key), os.pwrite
    await journal.open(None)
    monkeypatch.setattr(os, "pwrite", lambda handle, text, at: real(handle, text[:7], at))
    with pytest.raises(OSError, match="full"):
        await journal.append("e1", "s", "p", "person", 1)
    monkeypatch.setattr(os, "pwrite", real)
    assert (await journal.append("e2", "s", "p", "person", 1)).sequence == 1
    assert len(await Journal(world.journal, world.signing.journal_key).open(None)) == 1


async def test_a_person_is_forgotten_though_the_journal_failed_at_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were marked already; nobody would have come back to them before the next start."""
    real, failed = Journal.append, list[bool]()

    async def fails_once(self: Journal, *given: Any) -> Any:
        if not failed:
            failed.append(True)
            raise OSError
        return await real(self, *given)

    monkeypatch.setattr(Journal, "append", fails_once)
    eraser, begun = await begin(world)
    assert verify(await receipt(eraser, begun), await world.signing.public())["erasure"] == begun.id
    assert len(world.journal.read_text().splitlines()) == 1


@pytest.mark.both
async def test_a_late_process_undoes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listed grants while another had gone further: its empty list does not replace the full one."""
    monkeypatch.setattr(Eraser, "_spawn", lambda self, erasure: None)
    eraser, begun = await begin(world)
    old = await row(world, begun.id)
    await eraser._list(old, LEO)
    await eraser._shred(await row(world, begun.id), LEO)
    shredded = await row(world, begun.id)

    async def nothing_left(scope: Scope) -> list[dict[str, Any]]:
        return []

    monkeypatch.setattr(world.outside, "collect", nothing_left)
    await eraser._list(old, LEO)
    assert await row(world, begun.id) == shredded
    await eraser.run(begun.id)
    assert world.outside.given == ["canary-grant-token"]


@pytest.mark.parametrize(("error", "revoked"), [(Unavailable("away"), True), (Missing("gone"), False)])
async def test_a_list_that_cannot_be_opened(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, revoked: bool
) -> None:
    """Storage that is away is waited for; a list that is lost is told, account by account, as not revoked."""
    real, failed = world.vault.open, list[bool]()

    def fails_once(*given: Any) -> Any:
        if not failed:
            failed.append(True)
            raise error
        return real(*given)

    monkeypatch.setattr(world.vault, "open", fails_once)
    eraser, begun = await begin(world)
    told = verify(await receipt(eraser, begun), await world.signing.public())["outside"]
    assert [(one["provider"], one["revoked"]) for one in told] == [("google", revoked)]


async def test_the_receipt_waits_until_the_log_is_empty(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before that the wrapped keys are still in it."""
    answers = [False, True]

    async def checkpoint(patience: float = 5.0) -> bool:
        return answers.pop(0) if answers else True

    monkeypatch.setattr(world.database, "checkpoint", checkpoint)
    eraser, begun = await begin(world)
    await receipt(eraser, begun)
    assert answers == []


async def test_a_receipt_that_nobody_fetches_ends_after_a_month(world: World) -> None:
    """Its link, too; that somebody was forgotten stays on record."""
    eraser, begun = await begin(world)
    while (await row(world, begun.id))["step"] != "done":
        await asyncio.sleep(0.02)
    assert await eraser.sweep(10) == 0
    async with world.database.write() as tx:
        await tx.execute(update(erasures).values(ended=await world.database.now() - RECEIPT_LIFE - 1))
    assert await eraser.sweep(10) == 1
    assert await eraser.sweep(10) == 0
    with pytest.raises(KeyError):
        await eraser.receipt(begun.secret)
    assert (await row(world, begun.id))["receipt"] is None
