"""Kill -9 between a job's end and its message, and between the sending and the writing down: the school is told."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest

from cache.blobs import open_blobs
from cache.expiry import FolderExpiry
from cache.keyring import Keyring
from cache.roots import Root
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.ledger import Ledger
from gateway.schools import SchoolChoices
from gateway.webhooks import Sender, Webhooks
from tests.databases import STILL, database_url
from tests.gateway.jobs.support import make_jobs, new, order
from tests.gateway.vaults import enrol
from tests.gateway.webhooks.conftest import Office
from tests.gateway.webhooks.receiver import Receiver, verified

assert database_url
ROOT = Root(1, b"r" * 32)


async def open_office(database: Database, folder: Path) -> Office:
    """With keys that another process of the same school would have."""
    (folder / "expiry").mkdir(mode=0o700, exist_ok=True)
    keyring = Keyring(ROOT, database, FolderExpiry(folder / "expiry"), limit=STILL)
    vault = Vault(keyring, open_blobs((folder / "blobs").as_uri()), database, folder / "staging")
    await vault.start()
    ledger = Ledger(vault, database)
    webhooks = Webhooks(vault, database, ledger, Sender(here=True))
    return Office(vault, database, ledger, SchoolChoices(vault, database, ledger), webhooks)


@pytest.mark.both
async def test_kill_9_between_the_end_of_a_job_and_its_message(
    database_url: str, tmp_path: Path, receiver: Receiver
) -> None:
    async with Database(database_url) as database:
        office = await open_office(database, tmp_path)
        await enrol(database, office.vault, "s1", None)
        secret = str(await office.set(receiver.url, after=0))
        job = await order(make_jobs(database), new("a", tenant="s1"), new("b", tenant="s1"), tenant="s1")
        await office.vault.close()
    program = "tests.gateway.webhooks.ending_process"
    worker = await asyncio.create_subprocess_exec(sys.executable, "-m", program, database_url, job)
    assert await worker.wait() == -signal.SIGKILL
    assert receiver.came == []
    async with Database(database_url) as database:
        office = await open_office(database, tmp_path)
        office.now = await database.now()
        await office.later(0)
        await office.later(3600)
        await office.vault.close()
    ((headers, body),) = receiver.came
    assert verified(secret, headers, body)
    told = json.loads(body)["data"]
    assert (told["job"], told["state"], told["outcome"], told["kept"]) == (job, "done", "all", 0)
    assert told["counts"] == {"found": 2, "copied": 2, "skipped": 0, "failed": 0, "unsupported": 0}
    assert set(told) == {
        "school", "person", "job", "kind", "mode", "state", "outcome", "seconds", "counts", "kept", "bytes",
    }  # fmt: skip


async def test_kill_9_in_the_middle_of_an_attempt(
    office: Office, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        """What no handler of an error catches, as nothing runs after kill -9."""

    async def die(*_: object, **__: object) -> None:
        raise Killed

    await office.set(receiver.url)
    await office.ended()
    with monkeypatch.context() as patched:
        patched.setattr("gateway.webhooks.outbox.went", die)
        with pytest.raises(Killed):
            await office.webhooks.deliver("s1", office.now)
    await office.later(0)
    assert len(receiver.came) == 1, "the next attempt is put off already"
    await office.later(60)
    (first, _), (again, _) = receiver.came
    assert first["webhook-id"] == again["webhook-id"], "so the receiver knows it"
    await office.later(3600)
    assert len(receiver.came) == 2
