"""`file-access incidents` and `file-access contain`: beside a running gateway on PostgreSQL, in its place on SQLite."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest
import structlog
from click.testing import CliRunner, Result
from sqlalchemy import MetaData

from cache.errors import Unavailable
from cache.model import Scope
from gateway.cli import main
from gateway.commands.office import Office, run, show
from gateway.db.migrate import migrate
from gateway.identity import Suspended
from gateway.ledger import Ledger
from tests.databases import database_url, pytest_generate_tests
from tests.gateway.desks import Building, Clock, Desk

__all__ = ["database_url", "pytest_generate_tests"]
pytestmark = pytest.mark.both
AGO = "2026-11-20T10:00:00+01:00"


@pytest.fixture
def schema() -> Sequence[MetaData]:
    """None: the command brings the tables up to date, as every start does."""
    return ()


@dataclass
class Shell:
    """An operator's shell on the machine of a deployment."""

    url: str
    building: Building
    runner: CliRunner

    @property
    def sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    async def run(self, *words: str) -> Result:
        """A command, in a thread: it has a loop of its own."""
        return await asyncio.to_thread(self.runner.invoke, main, list(words))

    async def json(self, *words: str) -> Any:
        """What it printed, where it went well."""
        done = await self.run(*words)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    async def refused(self, *words: str) -> str:
        """What it said, where it did not."""
        done = await self.run(*words)
        assert done.exit_code != 0, done.output
        assert not isinstance(done.exception, Exception) or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output
        return done.output

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Desk]:
        """A gateway that runs, as long as nothing else has to."""
        async with Clock(self.url) as database:
            self.building.database = database
            async with self.building.desk() as desk:
                yield desk


@pytest.fixture
async def shell(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    data, root = tmp_path / "data", tmp_path / "root.key"
    data.mkdir()
    for name, value in {
        "DATABASE_URL": database_url, "DATA_DIR": str(data), "ROOT_KEY_FILE": str(root),
        "JOURNAL_DIR": str(tmp_path / "journal"), "EXPIRY_DIR": str(tmp_path / "expiry"),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"FILE_ACCESS_{name}", value)
    async with Clock(database_url) as database:
        await migrate(database)
        made = Building(database, data)
        root.write_text(made.root.dump())
        root.chmod(0o600)
        async with made.desk() as desk:
            await desk.arrive("leo")
    return Shell(database_url, made, CliRunner())


async def leo(desk: Desk) -> Scope:
    return await desk.arrive("leo")


async def stops(desk: Desk, scope: Scope) -> bool:
    """Whether the running gateway refuses them."""
    try:
        async with desk.database.write() as tx:
            await desk.people.require_active(tx, str(scope.subject))
    except Suspended:
        return True
    return False


@asynccontextmanager
async def beside(shell: Shell) -> AsyncIterator[Callable[[], Any]]:
    """A gateway beside the commands on PostgreSQL; on SQLite it runs only while it is asked."""
    if not shell.sqlite:
        async with shell.gateway() as desk:

            @asynccontextmanager
            async def running() -> AsyncIterator[Desk]:
                yield desk

            yield running
    else:
        yield shell.gateway


async def test_sqlite_belongs_to_the_gateway_that_runs(shell: Shell) -> None:
    if not shell.sqlite:
        pytest.skip("only on SQLite")
    async with shell.gateway():
        for words in (["incidents", "list", "--school", "riverside"], ["contain", "list", "--school", "riverside"]):
            said = await shell.refused(*words)
            assert "belongs to the gateway that runs" in said
            assert "/v1/school/containment" in said
            assert "stop the gateway" in said
    assert await shell.json("incidents", "list", "--school", "riverside") == []


async def test_a_person_is_suspended_and_resumed(shell: Shell) -> None:
    async with beside(shell) as running:
        async with running() as desk:
            who = await leo(desk)
        words = ["person", str(who.subject), "--school", "riverside", "--reason", "a stolen laptop"]
        one = await shell.json("contain", *words)
        assert (one["person"], one["reason"]) == (who.subject, "a stolen laptop")
        async with running() as desk:
            assert await stops(desk, who)
        assert "done already" in await shell.refused("contain", *words)
        (listed,) = await shell.json("contain", "list", "--school", "riverside")
        assert listed["id"] == one["id"]
        await shell.json("contain", "lift", one["id"], "--reason", "it was found")
        async with running() as desk:
            assert not await stops(desk, who)
        assert await shell.json("contain", "list", "--school", "riverside") == []
        (kept,) = await shell.json("contain", "list", "--school", "riverside", "--all")
        assert kept["lift_reason"] == "it was found"


async def test_the_ledger_names_who_does_or_looks_at_what_before_it_happens(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ids and no words; and where that cannot be written, nothing happens."""
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "maria")
    async with shell.gateway() as desk:
        who = await leo(desk)
    one = await shell.json(
        "contain", "person", str(who.subject), "--school", "riverside", "--reason", "a stolen laptop"
    )
    (made,) = await shell.json("incidents", "open", "--school", "riverside", "--kind", "key", "--severity", "low")
    looks = [
        ["contain", "list", "--school", "riverside"],
        ["incidents", "list", "--school", "riverside"],
        ["incidents", "show", made["id"]],
        ["incidents", "affected", "key", "--school", "riverside", "--person", str(who.subject), "--version", "1"],
    ]
    for words in looks:
        await shell.json(*words)
    async with shell.gateway() as desk:
        entries = await desk.ledger.read("deployment", limit=1000)
    told = [entry.details or {} for entry in entries if entry.action == "operator.command"]
    assert {entry["by"] for entry in told} == {"maria"}
    assert [entry["command"] for entry in told] == [
        "contain person", "incidents open", "contain list", "incidents list", "incidents show",
        "incidents affected key",
    ]  # fmt: skip
    assert told[0]["ids"] == {"person": who.subject, "school": "riverside"}
    assert told[4]["ids"] == {"incident": made["id"]}
    assert "stolen" not in str(told)

    async def away(*_: object) -> int:
        raise Unavailable("the database is away")

    monkeypatch.setattr(Ledger, "operate", away)
    for words in (["contain", "lift", one["id"], "--reason", "x"], *looks):
        assert "the ledger cannot be written" in await shell.refused(*words)
    async with shell.gateway() as desk:
        assert await stops(desk, who)


async def test_a_school_and_a_key(shell: Shell) -> None:
    async with beside(shell) as running:
        async with running() as desk:
            who = await leo(desk)
            item = await desk.keep(who, b"essay")
        school = await shell.json("contain", "school", "--school", who.tenant, "--reason", "x")
        key = await shell.json(
            "contain", "key", "--school", "riverside", "--person", str(who.subject), "--version", "1", "--reason", "x"
        )
        async with running() as desk:
            await desk.look()
            assert await stops(desk, who)
            with pytest.raises(Exception, match="may not be used"):
                await desk.read(who, item)
        for one in (school, key):
            await shell.json("contain", "lift", one["id"], "--reason", "x")
        async with running() as desk:
            await desk.look()
            assert not await stops(desk, who)
            assert await desk.read(who, item) == b"essay"


async def test_a_signing_key(shell: Shell) -> None:
    async with beside(shell) as running:
        async with running() as desk:
            key = (await desk.signing.public())["keys"][0]["kid"]
        one = await shell.json("contain", "signing", key, "--reason", "x")
        async with running() as desk:
            assert (await desk.signing.public())["suspended"] == [key]
        assert (await shell.json("contain", "list", "--school", "deployment"))[0]["id"] == one["id"]


async def test_an_incident_from_entry_to_signature(shell: Shell, tmp_path: Path) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(json.dumps({"description": "a key got out", "data": ["files"], "people_count": 2}))
    entry = ["open", "--kind", "key", "--severity", "high", "--began", AGO, "--facts", str(facts)]
    made = await shell.json("incidents", *entry, "--school", "riverside", "--school", "riverside")
    assert len(made) == 1
    assert len(await shell.json("incidents", *entry, "--every-school")) == 2
    incident = made[0]["id"]
    shown = await shell.json("incidents", "show", incident)
    assert (shown["told"]["description"], shown["clock"]["state"]) == ("a key got out", "waiting")
    assert [step["act"] for step in shown["steps"]] == ["opened", "noticed"]
    assert shown["began"].startswith("2026-11-20T09:00:00")
    await shell.json("incidents", "told", incident, "--way", "telephone", "--at", "2026-11-20T11:00:00Z")
    await shell.json("incidents", "note", incident, "The key was replaced.")
    facts.write_text(json.dumps({"measures": "a new key"}))
    changed = await shell.json("incidents", "change", incident, "--severity", "low", "--facts", str(facts))
    assert (changed["told"]["measures"], changed["told"]["people_count"]) == ("a new key", 2)
    for about in ("authority", "people"):
        await shell.json("incidents", "decide", incident, about, "--do-not-notify", "--reason", "no risk")
    late = await shell.refused("incidents", "sign", incident, "--step", "3")
    assert "changed" in late
    missing = await shell.refused("incidents", "close", incident)
    assert "awareness" in missing
    assert "signatures" in missing
    acts = (await shell.json("incidents", "show", incident))["acts"]
    assert (await shell.json("incidents", "sign", incident, "--step", str(acts)))["signed"] == ["operator"]
    listed = await shell.json("incidents", "list", "--school", "riverside", "--open")
    assert incident in [one["id"] for one in listed]
    told = await shell.run("incidents", "notice", incident, "school", "--language", "fr", "--format", "text")
    assert told.exit_code == 0
    assert "a key got out" in told.output
    assert "Riverside" in told.output
    assert "Avis" in told.output


async def test_whom_it_touched(shell: Shell) -> None:
    async with shell.gateway() as desk:
        who = await leo(desk)
        item = await desk.keep(who, b"essay")
    found = await shell.json(
        "incidents", "affected", "key", "--school", "riverside", "--person", str(who.subject), "--version", "1"
    )
    assert [one["id"] for one in found["found"]] == [item]
    people = await shell.json("incidents", "affected", "key", "--school", "riverside", "--version", "1", "--people")
    assert who.subject in people["found"]
    span = ["--since", AGO, "--until", "2027-01-01T00:00:00Z"]
    assert (await shell.json("incidents", "affected", "time", "--school", "riverside", *span))["found"] == []
    said = await shell.refused("incidents", "affected", "object", item, "--school", "riverside")
    assert "nothing of this id" in said


ENTRY = ["incidents", "open", "--school", "riverside", "--kind", "key", "--severity", "low"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["contain", "school", "--school", "atlantis", "--reason", "x"], "no school is called so"),
        (["contain", "person", "nobody", "--school", "riverside", "--reason", "x"], "nothing of this id"),
        (["contain", "key", "--school", "riverside", "--version", "9", "--reason", "x"], "nothing of this id"),
        (["contain", "key", "--school", "riverside", "--version", "0", "--reason", "x"], "0"),
        (["contain", "lift", "nothing", "--reason", "x"], "Load the list"),
        (["contain", "signing", "nothing", "--reason", "x"], "nothing of this id"),
        (["incidents", "show", "nothing"], "no incident of this id"),
        (["incidents", "open", "--kind", "key", "--severity", "low"], "--every-school"),
        (["incidents", "open", "--school", "riverside", "--kind", "x", "--severity", "low"], "x"),
        ([*ENTRY, "--began", "x"], "2026-11-29"),
        ([*ENTRY, "--began", "2026-01-01T00:00:00"], "zone"),
        ([*ENTRY, "--began", "2199-01-01T00:00:00Z"], "in the future"),
        (["incidents", "change", "nothing"], "nothing was given"),
    ],
)
async def test_what_makes_no_sense_is_said(shell: Shell, words: list[str], said: str) -> None:
    assert said in await shell.refused(*words)


@pytest.mark.parametrize("text", ["not json", '{"people": ["cats"]}', '{"more": 1}', "[]"])
async def test_facts_that_are_none(shell: Shell, tmp_path: Path, text: str) -> None:
    facts = tmp_path / "facts.json"
    facts.write_text(text)
    assert "--facts is not such a file" in await shell.refused(*ENTRY, "--facts", str(facts))


async def test_what_is_logged_does_not_lie_among_what_is_printed(shell: Shell) -> None:
    @click.command()
    def noisy() -> None:
        async def work(_: Office) -> list[str]:
            structlog.get_logger().warning("something.happened", kind="ledger")
            return ["printed"]

        show(run(work))

    done = await asyncio.to_thread(shell.runner.invoke, noisy, [])
    assert json.loads(done.stdout) == ["printed"]
    assert json.loads(done.stderr)["event"] == "something.happened"
