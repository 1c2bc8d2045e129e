"""What a school is told: signed so that it can be checked, once it is taken, again until then, and never unrecorded."""

from __future__ import annotations

import asyncio
import json

import pytest
import structlog
from sqlalchemy import select

from gateway.db.tables_webhooks import webhook_messages, webhooks
from gateway.webhooks import NoWebhook, Sender, Webhooks
from gateway.webhooks.outbox import LIFE, PAUSES
from gateway.webhooks.service import OVERLAP
from tests.gateway.webhooks.conftest import NOW, Office
from tests.gateway.webhooks.receiver import Receiver, receiving, verified


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes everything and answers nothing."""
    await reader.read()
    writer.close()


@pytest.mark.both
async def test_a_message_is_signed_and_sent_once(office: Office, receiver: Receiver) -> None:
    secret = await office.set(receiver.url)
    assert secret is not None
    assert await office.ended()
    await office.later(0)
    await office.later(100)
    ((headers, body),) = receiver.came
    assert verified(secret, headers, body)
    assert not verified(secret, headers, body + b" ")
    assert headers["webhook-timestamp"] == str(NOW // 1000)
    assert headers["content-type"] == "application/json"
    told = json.loads(body)
    assert (told["type"], told["timestamp"]) == ("job.ended", "2027-01-15T08:00:00.000+00:00")
    assert told["data"] == {"school": "s1", "person": "ben", "job": "j" * 32, "state": "done"}
    view = await office.webhooks.get("s1")
    assert view is not None
    assert (view.waiting, view.succeeded, view.failure) == (0, NOW, None)


@pytest.mark.both
async def test_a_message_is_tried_again_for_a_day_under_its_one_id_and_then_given_up(
    office: Office, receiver: Receiver
) -> None:
    secret = await office.set(receiver.url)
    receiver.status = 500
    await office.ended()
    await office.later(0)
    await office.later(PAUSES[0] - 1)
    assert len(receiver.came) == 1, "too early"
    for pause in PAUSES:
        await office.later(pause * 1.1)
    assert len(receiver.came) == 1 + len(PAUSES)
    assert len({headers["webhook-id"] for headers, _ in receiver.came}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.came}) == 1 + len(PAUSES)
    assert all(verified(str(secret), *one) for one in receiver.came)
    view = await office.webhooks.get("s1")
    assert view is not None
    assert (view.waiting, view.failure, view.status, view.given_up) == (1, "answer", 500, 0)
    sent = len(receiver.came)
    await office.later(LIFE / 1000)
    view = await office.webhooks.get("s1")
    assert view is not None
    assert (len(receiver.came), view.waiting, view.given_up, view.stopped) == (sent, 0, 1, False)


@pytest.mark.both
async def test_410_ends_it_until_the_address_is_set_again(office: Office, receiver: Receiver) -> None:
    await office.set(receiver.url)
    receiver.status = 410
    await office.ended()
    await office.ended()
    await office.later(0)
    view = await office.webhooks.get("s1")
    assert view is not None
    assert (view.stopped, view.failure, view.waiting, view.given_up) == (True, "gone", 0, 2)
    assert not await office.ended()
    receiver.status = 200
    assert await office.set(receiver.url) is None, "the secret stays the one that the receiver knows"
    assert await office.ended()
    await office.later(0)
    assert len(receiver.came) == 2


@pytest.mark.both
async def test_two_secrets_are_valid_for_a_day_and_never_three(office: Office, receiver: Receiver) -> None:
    first = str(await office.set(receiver.url))
    office.now = await office.database.now()
    second, third = await office.webhooks.rotate("s1", "ann"), await office.webhooks.rotate("s1", "ann")
    await office.ended()
    await office.later(0)
    office.now += OVERLAP + 60_000
    await office.ended()
    await office.later(0)
    (during, after) = receiver.came
    assert [verified(one, *during) for one in (first, second, third)] == [False, True, True]
    assert [verified(one, *after) for one in (first, second, third)] == [False, False, True]


async def test_nothing_leaves_before_the_ledger_names_the_instruction(office: Office, receiver: Receiver) -> None:
    await office.set(receiver.url)
    await office.ended()
    receiver.status = 503
    await office.later(0)
    await office.later(40)
    await office.webhooks.test("s1")
    setting, *sent = await office.ledger.read("s1")
    assert (setting.action, setting.principal) == ("school.settings", "ann")
    assert setting.details == {"exports": {}, "webhook": {"host": "127.0.0.1", "after": 60}}
    assert [one.action for one in sent] == ["webhook.sent"] * 3
    assert {one.instruction for one in sent} == {setting.instruction}
    told = [one.details["message"] if one.details else None for one in sent]
    assert told == [headers["webhook-id"] for headers, _ in receiver.came]


async def test_a_ledger_that_cannot_be_written_stops_the_message(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.set(receiver.url)
    await office.ended()

    async def broken(*_: object) -> int:
        raise OSError

    with monkeypatch.context() as patched:
        patched.setattr(office.ledger, "append", broken)
        await office.later(0)
    assert receiver.came == []
    await office.later(0)
    assert len(receiver.came) == 1, "it was not lost"


async def test_only_long_jobs_are_told_unless_all_are_wanted(office: Office, receiver: Receiver) -> None:
    assert not await office.ended(), "nobody asked to be told"
    await office.set(receiver.url, after=60)
    assert [await office.ended(59.9), await office.ended(60), await office.ended(0, "s2")] == [False, True, False]
    await office.set(receiver.url, after=0)
    assert await office.ended(0)


@pytest.mark.both
async def test_what_is_taken_away_leaves_nothing(office: Office, receiver: Receiver) -> None:
    await office.set(receiver.url)
    await office.ended()
    await office.set(None)
    await office.later(0)
    assert receiver.came == []
    assert await office.webhooks.get("s1") is None
    async with office.database.read() as tx:
        for table in (webhooks, webhook_messages):
            assert (await tx.execute(select(table))).all() == []
    for ask in (office.webhooks.test("s1"), office.webhooks.rotate("s1", "ann")):
        with pytest.raises(NoWebhook):
            await ask


async def test_secrets_and_addresses_are_sealed_and_in_no_log(
    office: Office, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    url = receiver.url.replace("room=7", "room=confidential")
    with structlog.testing.capture_logs() as logs:
        first = str(await office.set(url))
        second = await office.webhooks.rotate("s1", "ann")
        receiver.status = 500
        await office.ended()
        await office.later(0)
        await office.webhooks.test("s1")
    async with office.database.read() as tx:
        row = (await tx.execute(select(webhooks))).one()
    entries = await office.ledger.read("s1")
    for secret in (first, second, "confidential"):
        assert secret not in f"{logs}{caplog.text}{entries}{office.webhooks!r}"
        assert secret.encode() not in row.told


async def test_a_school_whose_address_is_silent_holds_up_no_other(office: Office, receiver: Receiver) -> None:
    silent = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with silent:
        await office.set(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")
        await office.set(receiver.url, school="s2")
        await office.ended()
        await office.ended(school="s2")
        patient = office.deliveries
        looking = asyncio.create_task(patient.once())
        while not receiver.came:
            await asyncio.sleep(0.01)
        assert not looking.done(), "the silent one is still waited for"
        looking.cancel()
        await patient.close()


@pytest.mark.both
async def test_two_processes_share_the_work_and_send_nothing_twice(office: Office, receiver: Receiver) -> None:
    await office.set(receiver.url, after=0)
    for _ in range(12):
        await office.ended()
    one, two = office.deliveries, office.deliveries
    for _ in range(12):
        await asyncio.gather(one.once(), two.once())
    ids = [headers["webhook-id"] for headers, _ in receiver.came]
    assert len(ids) == len(set(ids)) == 12


@pytest.mark.parametrize(("status", "code"), [(301, "answer"), (307, "answer"), (404, "answer"), (201, None)])
async def test_an_answer_is_a_status_and_nothing_else(office: Office, status: int, code: str | None) -> None:
    async with receiving() as elsewhere, receiving(status=status, body=b"x" * (8 << 20)) as receiver:
        receiver.headers = {"Location": elsewhere.url}
        await office.set(receiver.url)
        sent = await office.webhooks.test("s1")
        assert (sent.code, sent.status) == (code, status)
        assert elsewhere.came == []
        view = await office.webhooks.get("s1")
        assert view is not None
        assert view.failure == code


async def test_a_silent_address_is_not_waited_for_long(office: Office) -> None:
    silent = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with silent:
        quick = Webhooks(office.vault, office.database, office.ledger, Sender(here=True, patience=0.05))
        await office.set(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")
        assert (await quick.test("s1")).code == "unreachable"
