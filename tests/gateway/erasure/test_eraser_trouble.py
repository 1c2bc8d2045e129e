"""Forgetting in bad weather: two processes, full disks, a lost list of grants, a log that cannot be emptied yet."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from cache.errors import Missing, Unavailable
from cache.vault import Scope
from gateway.db.tables_erasure import erasures, receipt_links, receipts
from gateway.erasure import eraser as room
from gateway.erasure.journal import Journal
from gateway.erasure.receipts import LIFE
from gateway.erasure.stores import Store
from tests.gateway.erasure.conftest import LEO, MIA, World, begin


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that failed is tried again soon."""
    monkeypatch.setattr(room, "_FIRST_PAUSE", 0.01)


async def test_a_person_is_forgotten_though_the_journal_failed_at_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were marked already; no key died before the line was there."""
    real, failed = Journal.append_all, list[bool]()
    made = await world.started()

    async def fails(self: Journal, wanted: Sequence[Any]) -> Any:
        if len(failed) < 3:
            failed.append(True)
            fields = await world.vault.fields(LEO)
            assert fields.seal("t", "c", "r", "the key lives")
            raise OSError(errno.ENOSPC, "full")
        return await real(self, wanted)

    monkeypatch.setattr(Journal, "append_all", fails)
    begun = await made.eraser.begin(LEO)
    assert begun is not None
    assert await world.state(LEO) == "erasing"
    assert (await world.receipt(begun))["erasure"] == begun.id
    assert sum('"person"' in line and begun.id in line for line in world.journal.read_text().splitlines()) == 1


@pytest.mark.parametrize("full", ["staging", "database", "blobs"])
async def test_a_full_disk_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    """Each place that an erasure writes to or deletes from: never a silent success, and never half a receipt."""
    made, failed = await world.started(), list[bool]()

    def once(real: Any, error: Exception) -> Any:
        async def call(*given: Any, **known: Any) -> Any:
            if len(failed) < 2:
                failed.append(True)
                raise error
            return await real(*given, **known)

        return call

    if full == "staging":
        staging = world.vault._staging
        monkeypatch.setattr(staging, "create", once(staging.create, Unavailable("full")))
    elif full == "database":
        error = OperationalError("DELETE", {}, OSError("database or disk is full"))
        monkeypatch.setattr(Store, "erase", once(Store.erase, error))
    else:
        blobs = world.vault._blobs
        monkeypatch.setattr(blobs, "remove", once(blobs.remove, Unavailable("full")))
    begun = await made.eraser.begin(LEO)
    assert begun is not None
    statement = await world.receipt(begun)
    assert len(failed) == 2
    assert [one["erased"] for one in statement["erased"] if one["store"] == "cached"] == [1]
    assert statement["outside"][0]["revoked"] is True
    assert world.blobs() == []


@pytest.mark.both
async def test_a_late_process_undoes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It listed grants while another had gone further: its empty list does not replace the full one."""
    made = await world.started()
    monkeypatch.setattr(made.eraser, "_spawn", lambda erasure, **_: None)
    begun = await made.eraser.begin(LEO)
    assert begun is not None
    old = await world.row(begun.id)
    flow = made.eraser._flows["person"]
    while (shredded := await world.row(begun.id)).step != "shredded":
        await made.eraser.take(begun.id)

    async def another(scope: Scope) -> list[dict[str, Any]]:
        return [{"sessions": ["late"]}]

    monkeypatch.setattr(world.outside, "collect", another)
    late = await flow["begun"](old)
    assert late is not None
    assert await made.eraser._advance(old, late) is False
    assert late.lost is not None
    await late.lost()
    assert await world.row(begun.id) == shredded
    await made.eraser.run(begun.id)
    assert world.outside.given == ["session of leo", "canary-grant-token"]


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
    told = (await world.receipt(await begin(world)))["outside"]
    assert [(one["provider"], one["revoked"]) for one in told] == [("google", revoked)]


async def test_the_receipt_waits_until_the_log_is_empty(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before that the wrapped keys are still in it."""
    answers = [False, True]

    async def checkpoint(patience: float = 5.0) -> bool:
        return answers.pop(0) if answers else True

    monkeypatch.setattr(world.database, "checkpoint", checkpoint)
    await world.receipt(await begin(world))
    assert answers == []


async def test_a_receipt_that_nobody_fetches_ends_after_a_month(world: World) -> None:
    """Its link, too; that somebody was forgotten stays on record."""
    begun = await begin(world)
    await world.done(begun.id)
    made = world.made[-1]
    assert await made.eraser.receipts.sweep(10) == 0
    async with world.database.write() as tx:
        await tx.execute(update(receipts).values(made=receipts.c.made - LIFE - 1000))
    assert await made.eraser.receipts.sweep(10) == 1
    assert begun.secret is not None
    with pytest.raises(KeyError):
        await made.eraser.receipts.fetch(begun.secret)
    async with world.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(receipt_links))).scalar_one() == 0
    assert (await world.row(begun.id)).step == "done"


@pytest.mark.both
async def test_another_process_goes_on_with_what_a_dead_one_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a restart: its lease ends."""
    monkeypatch.setattr(room, "LEASE", 300)
    alive = await world.started()
    dying = world.process()
    monkeypatch.setattr(dying.eraser, "_spawn", lambda erasure, **_: None)
    await dying.restorer.start(dying.eraser.replays)
    begun = await dying.eraser.begin(LEO)
    assert begun is not None
    await world.done(begun.id)
    assert await world.state(LEO) == "erased"
    assert alive.eraser._owner != dying.eraser._owner


async def test_a_start_destroys_keys_before_it_returns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever waits for the service to come up finds nobody's keys who is being forgotten."""
    made = await world.started()
    monkeypatch.setattr(made.eraser, "_spawn", lambda erasure, **_: None)
    for one in (LEO, MIA):
        assert await made.eraser.begin(one) is not None
    await made.eraser.close()
    again = world.process()
    await again.restorer.start(again.eraser.replays)
    seen = list[str]()

    async def nothing(self: Any) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(type(again.eraser), "_forever", nothing)
    await again.eraser.start()
    async with world.database.read() as tx:
        seen = list((await tx.execute(select(erasures.c.step))).scalars())
    assert seen == ["shredded", "shredded"]
