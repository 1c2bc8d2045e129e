"""Cycles as a deployment runs them: by itself when they are due, by hand, and what an operator is told."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request
from click.testing import CliRunner
from pydantic import SecretStr
from sqlalchemy import MetaData, create_engine, text

from cache.root_places import parse
from gateway.api.application import _fixed
from gateway.cli import main
from gateway.db.engine import Database
from gateway.db.metadata import metadata
from gateway.keys import REST, SECONDS, KeyCycles, measure
from gateway.ledger import Ledger
from gateway.signing import DEPLOYMENT
from tests.cache.rotating import DAY, SCHEMA, Turning, turning

Keys = Callable[..., str]


@pytest.fixture
def schema() -> Sequence[MetaData]:
    return (*SCHEMA, metadata)


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> AsyncIterator[Turning]:
    async with turning(database, tmp_path) as made:
        await made.enrol(DEPLOYMENT)
        yield made


@pytest.mark.both
async def test_a_cycle_that_is_due_is_run_and_recorded(house: Turning) -> None:
    ledger = Ledger(house.vault, house.database._inner)
    keys = KeyCycles(house.cycles, ledger, house.database._inner)
    assert await keys.tend() == 0
    assert await ledger.read(DEPLOYMENT.tenant) == []
    house.database.ahead += 7 * DAY
    assert await keys.tend() == 1
    assert await keys.tend() == 0
    [entry] = await ledger.read(DEPLOYMENT.tenant)
    assert entry.action == "keys.cycle"
    assert entry.details is not None
    assert entry.details["root"] == 2
    house.database.ahead += 7 * DAY
    assert await keys.tend() == 1
    assert (await ledger.read(DEPLOYMENT.tenant))[0] == entry, "it can be read after the next one"


async def test_what_cannot_go_on_rests_a_while(house: Turning, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    keys = KeyCycles(house.cycles, Ledger(house.vault, house.database._inner), house.database._inner, lambda: clock[0])
    house.database.ahead += 7 * DAY
    tried = []

    def refused(self: Path, target: Path) -> Path:
        tried.append(target)
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)
        assert await keys.tend() == 0
        assert await keys.tend() == 0
        assert len(tried) == 1
        clock[0] = REST
        assert await keys.tend() == 0
        assert len(tried) == 2
    cycle = (await house.cycles.status()).cycle
    assert cycle is not None
    assert "cannot be written: Read-only file system" in cycle.counts["waits"]
    clock[0] = 2 * REST
    assert await keys.tend() == 1
    assert (await house.versions())["roots"] == [(1, "retired"), (2, "current")]


async def test_a_cycle_that_is_a_day_late_is_told_once(house: Turning, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it could not begin, or does not end; a start later, and by another process, not again."""
    ledger = Ledger(house.vault, house.database._inner)

    async def tend() -> None:
        await KeyCycles(house.cycles, ledger, house.database._inner).tend()
        await measure(house.cycles)

    async def told() -> list[int]:
        entries = await ledger.read(DEPLOYMENT.tenant)
        return [dict(entry.details or {})["seconds"] for entry in entries if entry.action == "operator.keys_late"]

    def refused(self: Path, target: Path) -> Path:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", refused)
        house.database.ahead += 7 * DAY
        await tend()
        assert await told() == [], "a day is counted for it"
        house.database.ahead += DAY
        await tend()
        await tend()
        [seconds] = await told()
        assert 0 <= seconds - 86_400 < 3600
        house.database.ahead += DAY
        await tend()
        assert len(await told()) == 1
        assert SECONDS._value.get() >= 2 * 86_400
    await tend()
    assert (await house.cycles.status()).cycle.finished  # type: ignore[union-attr]
    assert SECONDS._value.get() == 0
    assert len(await told()) == 1
    house.database.ahead += 9 * DAY  # nobody tended it meanwhile
    services: Any = SimpleNamespace(
        cycles=house.cycles, settings=SimpleNamespace(metrics_token=SecretStr("x")), public_origin=""
    )
    [metrics] = [route.handler for route in _fixed(services) if route.path == "/metrics"]
    shown: Any = await metrics(make_mocked_request("GET", "/metrics", {"Authorization": "Bearer x"}))
    assert SECONDS._value.get() >= 86_400
    assert b"file_access_keys_late_seconds 1" in shown.body
    await tend()
    assert len(await told()) == 2, "it is told although it is made up for at once"


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """The command `file-access keys`, on an installation of its own with one school and one person."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("cache.cycle.Cycles.__init__.__kwdefaults__", {"settle": 0.0, "grace": 0})
    monkeypatch.setenv("FILE_ACCESS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("FILE_ACCESS_EXPIRY_DIR", str(tmp_path / "expiry"))

    def run(*words: str, ends: int = 0) -> str:
        done = CliRunner().invoke(main, ["keys", *words])
        assert done.exit_code == ends, (done.output, done.exception)
        assert "Traceback" not in done.output
        return done.output

    return run


def test_status_rotate_and_retire(keys: Keys, tmp_path: Path) -> None:
    told = keys("status")
    assert "root key 1: current" in told
    assert "latest cycle: none yet" in told
    assert "finished" in keys("rotate")
    found = json.loads(keys("status", "--json"))
    assert [(one["version"], one["state"]) for one in found["roots"]] == [(1, "retired"), (2, "current")]
    assert found["cycle"]["finished"]
    assert found["next"] - found["roots"][1]["made"] == 7 * DAY
    file = tmp_path / "data-root.key"
    assert list(parse(file.read_text())) == [1, 2]
    assert "is needed to open backups" in keys("retire", "1", ends=2)
    assert "is in use" in keys("retire", "2", ends=2)
    assert "there is no version 7" in keys("retire", "7", ends=2)
    assert "Destroy every copy" in keys("retire", "1", "--now")
    assert list(parse(file.read_text())) == [2]
    keys("retire", "1", "--attest")
    told = keys("status")
    assert "root key 1: gone" in told
    assert "you vouched that no copy is left" in told
    for line in re.findall(r"[A-Za-z0-9+/]{43}=", told + file.read_text()):
        assert line not in told, "no key is printed"


def test_what_is_given_up_need_not_be_there(keys: Keys, tmp_path: Path) -> None:
    keys("rotate")
    file = tmp_path / "data-root.key"
    first, second = file.read_text().splitlines()
    file.write_text(second + "\n")
    assert "version 1 of the root key is missing" in keys("status", ends=2)
    assert "retire 1 --now --attest" in keys("status", ends=2)
    keys("retire", "1", "--now", "--attest")
    assert "root key 1: gone" in keys("status")
    file.write_text(first + "\n")
    assert "version 2 of its root key is missing" in keys("status", ends=2)


def test_new_keys_for_people_and_schools(keys: Keys, tmp_path: Path) -> None:
    keys("status")  # makes the database
    assert "there are no keys of this id" in keys("rekey", "nobody", ends=2)
    assert "--everyone" in keys("rekey", ends=2)
    assert "finished" in keys("rekey", "deployment")
    assert "finished" in keys("rekey", "--everyone", "--compromised")
    engine = create_engine(f"sqlite:///{tmp_path}/data/gateway.db")
    with engine.connect() as tx:
        assert tx.execute(text("SELECT version FROM vault_tenant_keys")).scalars().all() == [3]
        actions = tx.execute(text("SELECT action FROM ledger_entries ORDER BY sequence")).scalars().all()
    engine.dispose()
    assert [one for one in actions if one != "operator.command"] == ["keys.rekey", "keys.rekey"]


def test_the_ledger_names_the_operator_before_anything_is_done(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where that cannot be written no root is destroyed, and no key is replaced."""
    monkeypatch.setattr(os, "getuid", lambda: 0)
    monkeypatch.setenv("SUDO_USER", "maria")
    keys("rotate")
    engine, file = create_engine(f"sqlite:///{tmp_path}/data/gateway.db"), tmp_path / "data-root.key"
    before = file.read_text()
    refuse = "CREATE TRIGGER away BEFORE INSERT ON ledger_entries BEGIN SELECT RAISE(ABORT, 'away'); END"
    with engine.begin() as tx:
        tx.execute(text(refuse))
    for words in (["retire", "1", "--now"], ["rekey", "--everyone"], ["rotate"], ["status"]):
        assert "the ledger cannot be written" in keys(*words, ends=2)
    assert file.read_text() == before
    with engine.begin() as tx:
        tx.execute(text("DROP TRIGGER away"))
    keys("retire", "1", "--now")
    assert file.read_text() != before
    engine.dispose()
    done = CliRunner().invoke(main, ["ledger", "export"])
    lines = [json.loads(line) for line in done.output.splitlines()]
    told = [(one["action"], one.get("told")) for one in lines if str(one.get("action")).startswith(("op", "keys"))]
    assert [action for action, _ in told[:4]] == ["operator.command", "keys.rotate", "operator.command", "keys.retire"]
    assert told[2][1] == {"by": "maria", "command": "keys retire", "ids": {"version": 1, "now": True}}


def test_a_root_in_the_environment(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    first = keys("new", "1").strip()
    monkeypatch.setenv("FILE_ACCESS_ROOT_KEY", first)
    assert "root key 1: current" in keys("status")
    assert "add version 2 to it" in keys("rotate", ends=2)
    assert "it waits: the root key is given in FILE_ACCESS_ROOT_KEY: add version 2" in keys("status")
    assert "finished" in keys("rekey", "deployment"), "what needs no new root goes on"
    second = keys("new", "2").strip()
    monkeypatch.setenv("FILE_ACCESS_ROOT_KEY", f"{first} {second}")
    assert "finished" in keys("rotate")
    assert "take version 1 out" in keys("retire", "1", "--now", ends=2)
    monkeypatch.setenv("FILE_ACCESS_ROOT_KEY", second)
    assert "is gone" in keys("retire", "1", "--now", "--attest")
    monkeypatch.setenv("FILE_ACCESS_ROOT_KEY", first)
    assert "version 2 of its root key is missing" in keys("status", ends=2)


async def test_sqlite_belongs_to_the_gateway_that_runs(keys: Keys, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    async with Database(f"sqlite:///{tmp_path}/data/gateway.db"):
        told = await asyncio.to_thread(keys, "status", ends=2)
    assert "It runs its cycles by itself; stop it" in told
