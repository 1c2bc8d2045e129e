"""Forgetting: in order, resumable at every step, with a receipt that verifies, and never undone by a restore."""

from __future__ import annotations

import asyncio
import json

import pytest
from sqlalchemy import delete, func, select, update

from cache.errors import Missing, Shredded
from gateway.db.tables_erasure import erasure_state, erasures
from gateway.db.tables_files import cached_files
from gateway.erasure.eraser import Begun, Eraser
from gateway.erasure.journal import Journal, JournalRefused
from gateway.signing import verify
from tests.gateway.erasure.conftest import LEO, World

STEPS = ("_list", "_shred", "_revoke", "_erase", "_conclude")


async def receipt(eraser: Eraser, begun: Begun) -> dict[str, object]:
    """Wait for it."""
    for _ in range(400):
        got = await eraser.receipt(begun.secret)
        if got is not None:
            return got
        await asyncio.sleep(0.02)
    raise AssertionError("no receipt")


async def begin(world: World) -> tuple[Eraser, Begun]:
    """A started eraser with an erasure under way."""
    eraser = world.eraser()
    await eraser.start()
    begun = await eraser.begin(LEO)
    assert begun is not None
    return eraser, begun


@pytest.mark.both
async def test_a_person_is_forgotten(world: World) -> None:
    """Keys are dead, rows are gone, grants were given back, and the receipt says so."""
    fields = await world.vault.fields(LEO)
    box = fields.seal("t", "c", "r", "canary name")
    eraser, begun = await begin(world)
    signed = await receipt(eraser, begun)
    statement = verify(signed, await world.signing.public())
    assert statement["erased"] == [{"store": "cached", "what": "Copies of files you opened", "erased": 1}]
    assert statement["outside"] == [{"provider": "google", "what": "connection", "revoked": True, "advice": ""}]
    assert world.outside.given == ["canary-grant-token"]
    assert world.people.state["leo"] == "erased"
    with pytest.raises((Shredded, Missing)):
        fields.unseal("t", "c", "r", box)
    async with world.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(cached_files))).scalar_one() == 0
    with pytest.raises(KeyError):
        await eraser.receipt(begun.secret)
    assert await eraser.begin(LEO) is None


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_crash_anywhere_is_finished_by_the_next_start(
    world: World, step: str, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends before or just after a step's work; a new one ends it all the same."""
    real = getattr(Eraser, step)

    async def dies(self: Eraser, *arguments: object) -> None:
        if when == "after":
            await real(self, *arguments)
        raise asyncio.CancelledError

    monkeypatch.setattr(Eraser, step, dies)
    first, begun = await begin(world)
    await asyncio.sleep(0.2)
    await first.close()
    monkeypatch.setattr(Eraser, step, real)
    second = world.eraser()
    await second.start()
    statement = verify(await receipt(second, begun), await world.signing.public())
    assert statement["erased"][0]["erased"] == 1
    assert world.people.state["leo"] == "erased"


async def test_a_failing_step_is_tried_again(world: World) -> None:
    """A provider that cannot be reached at first."""
    world.outside.fails = 2
    eraser, begun = await begin(world)
    statement = verify(await receipt(eraser, begun), await world.signing.public())
    assert statement["outside"][0]["revoked"] is True


@pytest.mark.both
async def test_a_restored_database_forgets_again(world: World) -> None:
    """The journal is ahead of the database: the start applies what is missing before it returns."""
    eraser, begun = await begin(world)
    await receipt(eraser, begun)
    async with world.database.write() as tx:  # an older database, with the person in it
        await tx.execute(delete(erasures))
        await tx.execute(update(erasure_state).values(applied=0))
    world.people.state["leo"] = "active"
    await world.hold_something()
    await world.eraser().start()
    assert world.people.state["leo"] == "erased"
    async with world.database.read() as tx:
        assert (await tx.execute(select(func.count()).select_from(cached_files))).scalar_one() == 0


async def test_a_missing_older_or_changed_journal_refuses_the_start(world: World) -> None:
    """Each with a sentence that says what to do."""
    eraser, begun = await begin(world)
    await receipt(eraser, begun)
    whole = world.journal.read_bytes()
    for wrong in (None, b"", whole.replace(b"person", b"parson"), whole + whole, b"nonsense\n"):
        if wrong is None:
            world.journal.unlink()
        else:
            world.journal.write_bytes(wrong)
        with pytest.raises(JournalRefused):
            await world.eraser().start()
    world.journal.write_bytes(whole + b'{"half": ')
    await world.eraser().start()
    assert world.journal.read_bytes() == whole


async def test_the_journal_writes_an_erasure_once(world: World) -> None:
    """A repeated step finds its line."""
    journal = Journal(world.journal, world.signing.journal_key)
    await journal.open(None)
    first = await journal.append("e1", "s", "p", "person", 1)
    assert await journal.append("e1", "s", "p", "person", 2) == first
    assert (await journal.append("e2", "s", "q", "person", 3)).sequence == 2
    assert len(world.journal.read_text().splitlines()) == 2
    assert world.journal.stat().st_mode & 0o777 == 0o600


async def test_a_receipt_with_one_byte_changed_does_not_verify(world: World) -> None:
    """Nor one whose verifier has pinned another key."""
    eraser, begun = await begin(world)
    signed = await receipt(eraser, begun)
    pinned = await world.signing.public()
    payload = str(signed["payload"])
    flipped = ("A" if payload[5] != "A" else "B").join((payload[:5], payload[6:]))
    for wrong in (signed | {"payload": flipped}, signed | {"signature": "AAAA"}, {}, {"payload": payload}):
        with pytest.raises(ValueError, match="receipt"):
            verify(wrong, pinned)
    with pytest.raises(ValueError, match="receipt"):
        verify(signed, {"keys": [json.loads(json.dumps(pinned["keys"][0])) | {"x": "A" * 43}]})
