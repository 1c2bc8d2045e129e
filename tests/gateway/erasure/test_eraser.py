"""Forgetting a person: in order, with a receipt that verifies, and never undone by a restore."""

from __future__ import annotations

import asyncio
import json
from typing import cast

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.errors import Missing, Shredded
from gateway.db.tables_erasure import receipt_links, receipts
from gateway.db.tables_files import cached_files
from gateway.db.tables_ledger import ledger_entries
from gateway.erasure.journal import JournalRefused
from gateway.erasure.model import Asked, Erasure
from gateway.erasure.receipt import of_person
from gateway.erasure.steps import Next, Step
from gateway.signing import verify
from tests.gateway.erasure.conftest import DEAD_BY, LEO, MIA, World, begin


@pytest.mark.both
async def test_a_person_is_forgotten(world: World) -> None:
    """Keys are dead, rows and blobs are gone, what was open outside was given back, and the receipt says so."""
    fields = await world.vault.fields(LEO)
    box = fields.seal("t", "c", "r", "canary name")
    begun = await begin(world)
    statement = await world.receipt(begun)
    erased = {one["store"]: one["erased"] for one in statement["erased"]}
    assert (erased["cached"], sum(erased.values())) == (1, 1)
    assert statement["outside"] == [{"provider": "google", "what": "connection", "revoked": True, "advice": ""}]
    assert (statement["uploads_cancelled"], statement["asked_by"], statement["scope"]) == (1, "self", "person")
    assert statement["backups_dead_by"] == "2100-01-01T00:00:00.000+00:00"
    assert "2100-01-01 by nobody, if the keys were replaced when due" in statement["backups"]
    assert world.outside.given == ["session of leo", "canary-grant-token"]
    assert await world.state(LEO) == "erased"
    assert await world.state(MIA) == "active"
    with pytest.raises((Shredded, Missing)):
        fields.unseal("t", "c", "r", box)
    async with world.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(cached_files))).scalar_one() == 0
        actions = await tx.execute(
            select(ledger_entries.c.action, ledger_entries.c.subject, ledger_entries.c.principal)
        )
        assert {tuple(row) for row in actions} == {
            ("erasure.begun", "leo", "leo"), ("erasure.done", "leo", None), ("receipt.fetched", None, None),
        }  # fmt: skip
    assert world.blobs() == []
    eraser = world.made[-1].eraser
    assert begun.secret is not None
    with pytest.raises(KeyError):
        await eraser.receipts.fetch(begun.secret)
    assert await eraser.begin(LEO) is None
    assert (await world.row(begun.id)).dead_by == DEAD_BY


async def test_who_asked_stands_in_the_receipt(world: World) -> None:
    """A guardian's link and the school are told apart from the person."""
    made = await world.started()
    by_guardian = await made.eraser.begin(LEO, Asked("mia", through="link"))
    by_school = await made.eraser.begin(MIA, Asked("ada"))
    assert by_guardian is not None
    assert by_school is not None
    assert (await world.receipt(by_guardian))["asked_by"] == "guardian"
    assert (await world.receipt(by_school))["asked_by"] == "school"


async def test_where_nobody_asked_nothing_waits_for_who_cannot_come(world: World) -> None:
    """The school's retention ended: nobody has a link, so no receipt is kept; and nobody is said to have asked."""
    made = await world.started()
    begun = await made.eraser.begin(LEO, Asked())
    assert begun is not None
    assert begun.secret is None
    done = await world.done(begun.id)
    async with world.database.read() as tx:
        for table in (receipts, receipt_links):
            assert (await tx.execute(select(func.count()).select_from(table))).scalar_one() == 0
    assert of_person(done, 1, None, [])["asked_by"] == "retention"


async def test_a_failing_step_is_tried_again(world: World) -> None:
    """A provider that cannot be reached at first."""
    world.outside.fails = 2
    statement = await world.receipt(await begin(world))
    assert statement["outside"][0]["revoked"] is True


@pytest.mark.slow
async def test_the_receipt_waits_for_the_second_in_which_others_could_have_a_key(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Measured by the loop's own clock, from the destruction of the keys."""
    loop, seen = asyncio.get_running_loop(), list[float]()
    made = await world.started()
    real = made.eraser._flows["person"]["listed"]

    async def noted(erasure: Erasure) -> Next | None:
        then = await real(erasure)
        seen.append(loop.time())
        return then

    monkeypatch.setitem(cast("dict[str, Step]", made.eraser._flows["person"]), "listed", noted)
    begun = await made.eraser.begin(LEO)
    assert begun is not None
    await world.receipt(begun)
    assert loop.time() - seen[0] >= 1.0


async def test_a_missing_older_or_changed_journal_refuses_the_start(world: World) -> None:
    """Each with a sentence that says what to do."""
    await world.receipt(await begin(world))
    whole = world.journal.read_bytes()
    first = whole.splitlines(keepends=True)[0]
    for wrong in (None, b"", first, whole.replace(b"person", b"parson"), whole + whole, b"nonsense\n"):
        if wrong is None:
            world.journal.unlink()
        else:
            world.journal.write_bytes(wrong)
        with pytest.raises(JournalRefused):
            await world.started()
    world.journal.write_bytes(whole + b'{"half": ')
    await world.started()
    assert world.journal.read_bytes().startswith(whole)
    assert b"half" not in world.journal.read_bytes()


async def test_a_receipt_with_one_byte_changed_does_not_verify(world: World) -> None:
    """Nor one whose verifier has pinned another key."""
    begun = await begin(world)
    await world.done(begun.id)
    assert begun.secret is not None
    signed = json.loads(await world.made[-1].eraser.receipts.fetch(begun.secret) or "")
    pinned = await world.signing.public()
    assert verify(signed, pinned)["erasure"] == begun.id
    payload = str(signed["payload"])
    flipped = ("A" if payload[5] != "A" else "B").join((payload[:5], payload[6:]))
    for wrong in (signed | {"payload": flipped}, signed | {"signature": "AAAA"}, {}, {"payload": payload}):
        with pytest.raises(ValueError, match="signed"):
            verify(wrong, pinned)
    with pytest.raises(ValueError, match="signed"):
        verify(signed, {"keys": [json.loads(json.dumps(pinned["keys"][0])) | {"x": "A" * 43}]})


@pytest.mark.both
async def test_a_receipt_that_comes_while_it_is_asked_for_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure ends between two looks at it: the link, which works once, gives its receipt or works again."""
    receipts = world.process().eraser.receipts
    async with world.database.write() as tx:
        secret = await receipts.link(tx, "e1")
    real = receipts._may_come

    async def ends(tx: AsyncConnection, erasure: str) -> bool:
        await receipts.keep(tx, erasure, {"payload": "x"}, 1)
        return await real(tx, erasure)

    monkeypatch.setattr(receipts, "_may_come", ends)
    assert await receipts.fetch(secret) == '{"payload": "x"}'
