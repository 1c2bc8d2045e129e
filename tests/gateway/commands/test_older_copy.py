"""Commands on an older copy that was put back: only the gateway's own start makes it tell the truth again."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from gateway.app import deployment
from gateway.cli import main
from gateway.safety import load

COMMANDS = (
    ["ledger", "export", "--out", "export.jsonl"],
    ["lawful", "list", "--school", "SCHOOL"],
    ["keys", "status"],
    ["keys", "rekey", "deployment"],
    ["incidents", "list", "--school", "SCHOOL"],
    ["contain", "list", "--school", "SCHOOL"],
)
"""One of each way in which a command opens the stores, and one that would change something."""


@pytest.fixture(autouse=True)
def _logs() -> Iterator[None]:
    """A command says where the logs of its process go: this process does other things afterwards."""
    root = logging.root
    before = root.handlers[:], root.level
    yield
    root.handlers, root.level = before[0], before[1]
    structlog.reset_defaults()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a deployment's settings point to."""
    school = {"riverside": {"name": "Riverside", "region": "local"}}
    provider = {"issuer": "https://id.example", "client_id": "g", "schools": school, "sandbox": True}
    for name, value in {
        "DATA_DIR": str(tmp_path / "data"), "EXPIRY_DIR": str(tmp_path / "expiry"),
        "ROOT_KEY_FILE": str(tmp_path / "root.key"), "JOURNAL_DIR": str(tmp_path / "journal"),
        "IDENTITY_PROVIDERS": json.dumps([provider]),
    }.items():  # fmt: skip
        monkeypatch.setenv(f"FILE_ACCESS_{name}", value)
    monkeypatch.chdir(tmp_path)
    return tmp_path


async def run(*words: str) -> Result:
    """In a thread: a command has a loop of its own."""
    done = await asyncio.to_thread(CliRunner().invoke, main, list(words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


async def started() -> str:
    """A start and its end. The school."""
    async with deployment(load()) as made:
        return next(iter(made.services.schools.ids))


def journal(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "journal").iterdir()}


async def test_an_older_copy_is_for_the_gateway_first(folder: Path) -> None:
    school = await started()
    shutil.copytree(folder / "data", folder / "kept")
    await started()
    commands = [[word.replace("SCHOOL", school) for word in words] for words in COMMANDS]
    for words in commands[:-3]:
        assert (await run(*words)).exit_code == 0, "a database that is the newest"
    (folder / "export.jsonl").unlink()
    shutil.rmtree(folder / "data")
    shutil.copytree(folder / "kept", folder / "data")
    with (folder / "journal" / "erasures.jsonl").open("ab") as file:
        file.write(b"half a li")
    before = journal(folder)
    for words in commands:
        done = await run(*words)
        assert done.exit_code != 0, words
        assert "older copy" in done.output
        assert "start the gateway first" in done.output
    assert (await run("ledger", "verify")).exit_code == 0, "which shows nothing of anybody"
    gone = await run("keys", "retire", "7")
    assert "there is no version 7" in gone.output, "without it no gateway starts on a copy whose root is lost"
    assert not (folder / "export.jsonl").exists() or (folder / "export.jsonl").read_bytes() == b""
    assert journal(folder) == before, "commands only look at it"
    await started()
    for words in commands[:-3]:
        assert (await run(*words)).exit_code == 0, words


async def test_beside_a_gateway_that_runs_and_before_the_first_start(folder: Path) -> None:
    assert (await run("keys", "status")).exit_code == 0, "no journal yet"
    assert not (folder / "journal").exists(), "and none is made"
    async with deployment(load()) as made:
        for _ in range(2):
            assert (await run("ledger", "export", "--out", "export.jsonl")).exit_code == 0
            await made.services.restorer.beat()
    shutil.move(folder / "journal", folder / "gone")
    done = await run("keys", "status")
    assert (done.exit_code, "erasure journal is missing" in done.output) == (2, True)


async def test_the_first_count_of_all_is_waited_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first start counts in the database first, and writes the mark right after: that is no older copy."""
    await started()
    mark = folder / "journal" / "mark"
    text, looks = mark.read_bytes(), list[float]()
    mark.unlink()

    async def written(seconds: float) -> None:
        looks.append(seconds)
        mark.write_bytes(text)

    monkeypatch.setattr("gateway.erasure.restoring.sleep", written)
    assert (await run("keys", "status")).exit_code == 0
    assert looks == [1.0]
