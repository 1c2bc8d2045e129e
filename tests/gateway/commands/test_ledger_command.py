"""`file-access ledger` beside a gateway that runs: it verifies, exports, and what it exported verifies without it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import MetaData, update

from gateway.app import Deployment, deployment
from gateway.cli import main
from gateway.db.engine import Database
from gateway.db.tables_approvals import approvals
from gateway.db.tables_ledger import ledger_entries
from gateway.ledger import Event
from gateway.settings import Settings
from tests.databases import database, database_url, pytest_generate_tests
from tests.gateway.rights.conftest import claims

__all__ = ["database", "database_url", "pytest_generate_tests"]
PROVIDER = {
    "issuer": "http://127.0.0.1:9",
    "client_id": "x",
    "sandbox": True,
    "schools": {"a": {"name": "A", "region": "local"}},
}


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """Nothing: the gateway migrates."""
    return []


@dataclass
class Ran:
    code: int
    out: str
    err: str


@dataclass
class Gateway:
    """A deployment that is open in this process, and its settings for others."""

    made: Deployment
    environment: dict[str, str]
    folder: Path

    @property
    def school(self) -> str:
        return next(iter(self.made.services.schools._by_id))

    async def run(self, *arguments: str, environment: dict[str, str] | None = None) -> Ran:
        """The command in a thread of this process, with a loop of its own: to start one takes longer than all it does.

        It knows nothing of the gateway but where that keeps its things.
        """
        given = environment or self.environment
        named: dict[str, str | None] = {name: None for name in os.environ if name.startswith("FILE_ACCESS_")}
        done = await asyncio.to_thread(
            CliRunner().invoke, main, list(arguments), env={**named, **given}, prog_name="file-access"
        )
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return Ran(done.exit_code, done.stdout, done.stderr)

    async def process(self, *arguments: str) -> Ran:
        """The command as an operator runs it: a process of its own."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FILE_ACCESS_")}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", *arguments, env={**kept, **self.environment},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return Ran(process.returncode or 0, out.decode(), err.decode())

    async def fill(self, count: int) -> None:
        for number in range(count):
            event = Event("school.settings", None, None, None, "p", {"number": number})
            await self.made.services.ledger.record(self.school, event)

    async def acts(self) -> list[str]:
        return [entry.action for entry in await self.made.services.ledger.read("deployment", limit=1000)]


@pytest.fixture
async def gateway(database_url: str, tmp_path: Path) -> AsyncIterator[Gateway]:
    environment = {
        "FILE_ACCESS_DATA_DIR": str(tmp_path / "data"),
        "FILE_ACCESS_DATABASE_URL": database_url,
        "FILE_ACCESS_EXPIRY_DIR": str(tmp_path / "expiry"),
        "FILE_ACCESS_IDENTITY_PROVIDERS": json.dumps([PROVIDER]),
    }
    settings = Settings(
        data_dir=tmp_path / "data", database_url=database_url, expiry_dir=tmp_path / "expiry",
        identity_providers=[PROVIDER],
    )  # fmt: skip
    async with AsyncExitStack() as stack:
        made = await stack.enter_async_context(deployment(settings))
        yield Gateway(made, environment, tmp_path)


@pytest.mark.both
async def test_verify_beside_a_running_gateway(gateway: Gateway) -> None:
    await gateway.fill(4)
    ran = await gateway.process("ledger", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert f"{gateway.school}: 4 entries from 1 on, nothing is wrong" in ran.out
    assert "deployment: " in ran.out
    async with gateway.made.services.database.write() as tx:
        third = (ledger_entries.c.school == gateway.school) & (ledger_entries.c.sequence == 3)
        await tx.execute(update(ledger_entries).where(third).values(action="other"))
    ran = await gateway.run("ledger", "verify", "--school", gateway.school)
    assert (ran.code, ran.out) == (1, f"{gateway.school}: broken at 3: altered\n")
    told = (await gateway.made.services.ledger.read("deployment", limit=100))[-1]
    assert told.action == "operator.ledger_verified"
    assert told.details is not None
    assert told.details["broken"] == {gateway.school: 3}
    assert told.details["by"]


async def leave(gateway: Gateway) -> None:
    """The school leaves, on the word of two."""
    services = gateway.made.services
    found = services.schools.get(gateway.school)
    ann, sofia = [
        await services.people.arrive(found, claims(one, role="administrator", age_band="adult"))
        for one in ("ann", "sofia")
    ]
    request, _ = await services.orders.school(found.id, ann, {})
    await services.orders.approve(found.id, sofia, request.id)
    async with services.database.write() as tx:
        await tx.execute(update(approvals).values(due=1))
    assert await services.approvals.sweep(10) == 1
    async with asyncio.timeout(60):
        while (await services.looking.one_of_school(found.id, request.id)).erasure.step != "done":
            await asyncio.sleep(0.05)


async def test_a_school_that_left_is_nothing_wrong(gateway: Gateway, tmp_path: Path) -> None:
    await gateway.fill(4)
    school, keys = gateway.school, tmp_path / "keys.json"
    keys.write_text(json.dumps(await gateway.made.services.signing.public("checkpoints")))
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    assert (await gateway.run("ledger", "export", "--out", str(before))).code == 0
    await leave(gateway)
    ran = await gateway.run("ledger", "verify", "--known", str(before))
    assert (ran.code, ran.err) == (0, "")
    assert f"{school}: 0 entries from " in ran.out
    assert (await gateway.run("ledger", "export", "--out", str(after))).code == 0
    ran = await gateway.run("ledger", "verify", "--file", str(after), "--keys", str(keys))
    assert (ran.code, ran.err) == (0, "")


@pytest.mark.both
async def test_an_export_verifies_offline_with_pinned_keys_and_names_what_was_changed(gateway: Gateway) -> None:
    await gateway.fill(3)
    keys, file = gateway.folder / "keys.json", gateway.folder / "ledger.jsonl"
    keys.write_text(json.dumps(await gateway.made.services.signing.public("checkpoints")))
    ran = await gateway.run("ledger", "export", "--out", str(file))
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert (await gateway.acts())[-1] == "operator.ledger_exported"
    seen = (await gateway.made.services.ledger.read(gateway.school))[-1]
    assert seen.action == "operator.ledger_exported", "the school sees it, too"
    nothing = {"PATH": os.environ["PATH"]}
    offline = ("ledger", "verify", "--file", str(file), "--keys", str(keys))
    ran = await gateway.run(*offline, environment=nothing)
    assert (ran.code, ran.err) == (0, "")
    assert f"{gateway.school}: 4 entries from 1 on, nothing is wrong" in ran.out
    lines = file.read_text().splitlines(keepends=True)
    place = next(n for n, line in enumerate(lines) if gateway.school in line and '"number":1' in line)
    file.write_text("".join([*lines[:place], lines[place].replace('"number":1', '"number":7'), *lines[place + 1 :]]))
    ran = await gateway.run(*offline, environment=nothing)
    assert (ran.code, ran.out.splitlines()[-1]) == (1, f"{gateway.school}: broken at 2: altered")
    file.write_text("".join(lines))
    ran = await gateway.run("ledger", "verify", "--known", str(file))
    assert ran.code == 0
    assert file.read_bytes().count(b'"kind":"seal"') == 1
    ran = await gateway.run("ledger", "export", "--school", gateway.school, "--sealed")
    assert '"told":null' in ran.out
    assert '"number":' not in ran.out.replace('"number":0,', "")


async def test_what_cannot_be_begun_says_why(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("not json")
    nowhere = {**gateway.environment, "FILE_ACCESS_DATA_DIR": str(tmp_path / "empty"),
               "FILE_ACCESS_DATABASE_URL": f"sqlite:///{tmp_path}/empty/gateway.db"}  # fmt: skip
    for arguments, environment, said in (
        (("verify", "--school", "nobody"), None, "there is no chain of this id"),
        (("verify", "--file", str(file)), None, "--file needs --keys"),
        (("verify", "--file", str(file), "--keys", str(file)), None, "x.json is not JSON"),
        (("verify", "--known", str(file)), None, "not an export"),
        (("verify",), nowhere, "the database cannot be used"),
    ):
        ran = await gateway.run("ledger", *arguments, environment=environment)
        assert (ran.code, said in ran.err, "Traceback" in ran.err) == (2, True, False), (arguments, ran)
    assert not (tmp_path / "empty" / "gateway.db").exists(), "nothing is made"
    assert not (tmp_path / "empty-root.key").exists()


async def test_a_database_of_another_version_is_refused(gateway: Gateway, tmp_path: Path) -> None:
    from sqlalchemy import text

    async with gateway.made.services.database.write() as tx:
        await tx.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    ran = await gateway.run("ledger", "verify")
    assert ran.code == 2
    assert "not of this version" in ran.err


async def test_beside_is_for_commands_only(tmp_path: Path) -> None:
    """A gateway takes the lock whether or not a command is at work."""
    path = tmp_path / "g.db"
    async with Database(f"sqlite:///{path}"), Database(f"sqlite:///{path}", beside=True) as other:
        await other.now()
    async with Database(f"sqlite:///{path}", beside=True), Database(f"sqlite:///{path}"):
        pass
