"""The command refuses a start that could hurt somebody: one clear sentence, exit code 2, no traceback, no secret."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sqlite3
from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from tests.e2e.processes import Ended, command, playground
from tests.redis_server import SAFE, redis_server

SECRET = "s3cret-of-the-client"
SCHOOLS = {"riverside": {"name": "Riverside School", "region": "local"}}
SANDBOX = {"issuer": "http://127.0.0.1:9", "client_id": "gateway", "schools": SCHOOLS, "sandbox": True}
REAL = {"issuer": "https://id.example.org", "client_id": "gateway", "client_secret": SECRET, "schools": SCHOOLS}


def settings(folder: Path, **more: str) -> dict[str, str]:
    """A deployment on a data folder below ``folder`` that would start."""
    known = {
        "DATA_DIR": str(folder / "gateway"),
        "EXPIRY_DIR": str(folder / "expiry"),
        "PORT": str(playground.free_port(0)),
        "IDENTITY_PROVIDERS": json.dumps([SANDBOX]),
        "GOOGLE__CLIENT_SECRET": SECRET,
    }
    return {f"FILE_ACCESS_{name}": value for name, value in {**known, **more}.items()}


def is_refusal(ended: Ended, *words: str) -> None:
    """What a person sees who tried: why, and nothing that belongs into no log."""
    assert ended.code == 2, ended
    assert ended.out == ""
    assert ended.err.startswith("file-access: ")
    assert "Traceback" not in ended.err
    assert SECRET not in ended.err
    for word in words:
        assert word in ended.err, ended.err


HERE = json.dumps([{**REAL, "schools": {"riverside": {"name": "Riverside School", "region": "eu"}}}])
PUBLIC = {"HOST": "0.0.0.0", "PUBLIC_URL": "https://files.example.org", "BEHIND_PROXY": "true"}
UNSAFE: Mapping[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "nobody could sign in": ({"IDENTITY_PROVIDERS": "[]"}, ("IDENTITY_PROVIDERS", "nobody could sign in")),
    "sandbox in public": (PUBLIC, ("the sandbox signs anybody in",)),
    "sandbox on all addresses": (
        {"HOST": "0.0.0.0", "PUBLIC_URL": "http://127.0.0.1:8420"},
        ("FILE_ACCESS_HOST", "the sandbox"),
    ),
    "plain public address": ({"PUBLIC_URL": "http://files.example.org"}, ("FILE_ACCESS_PUBLIC_URL", "https")),
    "plain provider": ({"GOOGLE__API_ROOT": "http://google.example.org"}, ("FILE_ACCESS_GOOGLE__API_ROOT", "https")),
    "plain database": ({"DATABASE_URL": f"postgresql://u:{SECRET}@db.example.org/f"}, ("sslmode=verify-full",)),
    "journal inside": ({"JOURNAL_DIR": "{data}/journal"}, ("FILE_ACCESS_JOURNAL_DIR", "outside the data folder")),
    "root key inside": ({"ROOT_KEY_FILE": "{data}/root.key"}, ("FILE_ACCESS_ROOT_KEY_FILE", "outside")),
    "expiry keys inside": ({"EXPIRY_DIR": "{data}/expiry"}, ("FILE_ACCESS_EXPIRY_DIR", "outside")),
    "misspelt": ({"IDENTITY_PROVIDER": SECRET}, ("FILE_ACCESS_IDENTITY_PROVIDER", "no such setting")),
    "misspelt below": ({"GOOGLE__CLIENTID": SECRET}, ("FILE_ACCESS_GOOGLE__CLIENTID",)),
    "no number": ({"PORT": SECRET}, ("FILE_ACCESS_PORT",)),
    "out of bounds": ({"LIMITS__STREAMS": "0"}, ("FILE_ACCESS_LIMITS__STREAMS",)),
    "no JSON": ({"IDENTITY_PROVIDERS": "{" + SECRET}, ("FILE_ACCESS_IDENTITY_PROVIDERS", "JSON")),
    "no such file": ({"CONFIG": "{data}/none.toml"}, ("FILE_ACCESS_CONFIG",)),
    "nobody says who and where": (
        {**PUBLIC, "REGION": "eu", "IDENTITY_PROVIDERS": HERE},
        (
            "FILE_ACCESS_OPERATOR__NAME",
            "FILE_ACCESS_OPERATOR__CONTACT",
            "FILE_ACCESS_RESIDENCY__MACHINES: say where",
            "FILE_ACCESS_RESIDENCY__JOURNAL",
            "FILE_ACCESS_RESIDENCY__BACKUPS",
            "FILE_ACCESS_RESIDENCY__LOGS",
        ),
    ),
    "public without a region": ({**PUBLIC, "IDENTITY_PROVIDERS": json.dumps([REAL])}, ("FILE_ACCESS_REGION",)),
    "AWS without its regions": ({"BLOBS_URL": "s3://sealed/here"}, ("FILE_ACCESS_RESIDENCY__AWS_REGIONS",)),
    "foreign region": (
        {"REGION": "eu", "IDENTITY_PROVIDERS": json.dumps([REAL])},
        ("IDENTITY_PROVIDERS[0]", "another region"),
    ),
}


@pytest.mark.parametrize("case", UNSAFE)
def test_settings_that_are_not_safe(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more, words = UNSAFE[case]
    for name in [name for name in os.environ if name.startswith("FILE_ACCESS_")]:
        monkeypatch.delenv(name)
    given = {name: value.replace("{data}", str(tmp_path / "gateway")) for name, value in more.items()}
    result = CliRunner().invoke(main, ["serve"], env=settings(tmp_path, **given))
    is_refusal(Ended(result.exit_code, result.stdout, result.stderr), *words)
    assert not (tmp_path / "gateway").exists(), "nothing was made"


@pytest.fixture
async def stopped(tmp_path: Path) -> dict[str, str]:
    """A deployment that has run once, so that its database, root key and journal exist."""
    known = settings(tmp_path)
    process = await playground.spawn(["gateway", "serve"], known, tmp_path / "log")
    await playground.stop(process)
    return known


def _database(folder: Path) -> Path:
    return folder / "gateway" / "gateway.db"


def _seen(folder: Path, applied: int) -> None:
    """The database has applied so many entries of the journal."""
    with closing(sqlite3.connect(_database(folder))) as database, database:
        database.execute("DELETE FROM erasure_state")
        database.execute("INSERT INTO erasure_state (id, applied) VALUES ('journal', ?)", (applied,))


async def test_keys_and_journal_that_do_not_fit_the_database(stopped: dict[str, str], tmp_path: Path) -> None:
    """Each refusal leaves everything as it was: with the right files back, the same data serves again."""
    key, journal = tmp_path / "gateway-root.key", tmp_path / "gateway-journal" / "erasures.jsonl"
    right = key.read_bytes()

    key.unlink()
    is_refusal(await command("serve", environment=stopped), "restore the root key")
    assert not key.exists(), "no second key was made"
    key.write_text("file-access-root 1 " + b64encode(os.urandom(32)).decode())
    key.chmod(0o600)
    is_refusal(await command("serve", environment=stopped), "root key", "restore the right one")
    key.write_bytes(right)
    key.chmod(0o644)
    is_refusal(await command("serve", environment=stopped), "mode 0600")
    key.chmod(0o600)

    _seen(tmp_path, 2)
    is_refusal(await command("serve", environment=stopped), "An older journal")
    journal.unlink()
    is_refusal(await command("serve", environment=stopped), "journal is missing")
    assert not journal.exists(), "no empty journal was made"
    journal.write_text("{}\n")
    is_refusal(await command("serve", environment=stopped), "journal is damaged")

    journal.write_text("")
    _seen(tmp_path, 0)
    process = await playground.spawn(["gateway", "serve"], stopped, tmp_path / "log")
    await playground.stop(process)


async def test_a_redis_that_is_no_place_for_keys_that_must_die(tmp_path: Path) -> None:
    known = settings(tmp_path)
    del known["FILE_ACCESS_EXPIRY_DIR"]
    async with redis_server(tmp_path / "redis", 'save "60 1"') as redis:
        known["FILE_ACCESS_EXPIRY_URL"] = redis.url
        is_refusal(refused := await command("serve", environment=known), "FILE_ACCESS_EXPIRY_URL", 'set save ""')
        assert redis.password not in refused.err
        await redis.stop()
        is_refusal(refused := await command("serve", environment=known), "FILE_ACCESS_EXPIRY_URL", "does not answer")
        assert redis.password not in refused.err
        redis.options = SAFE
        await redis.start()
        process = await playground.spawn(["gateway", "serve"], known, tmp_path / "log")
        await playground.stop(process)
        assert redis.password not in (tmp_path / "log").read_text()


async def test_a_second_process_and_a_taken_port(tmp_path: Path) -> None:
    """Beside a gateway that runs: its database is refused, its port too, and it is not disturbed. It leaves no core."""
    known = settings(tmp_path)
    process = await playground.spawn(["gateway", "serve"], known, tmp_path / "log")
    try:
        second = {**known, "FILE_ACCESS_PORT": str(playground.free_port(0))}
        is_refusal(await command("serve", environment=second), "another gateway process", "SQLite")
        other = settings(tmp_path / "other", PORT=known["FILE_ACCESS_PORT"])
        is_refusal(await command("serve", environment=other), "cannot listen on port", "in use")
        assert process.returncode is None
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(known["FILE_ACCESS_PORT"]))
        writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert (await reader.readline()).split()[1] == b"200"
        writer.close()
    finally:
        await playground.stop(process)


def _folder_is_a_file(folder: Path) -> dict[str, str]:
    (folder / "gateway").write_text("a file")
    return {}


def _no_database(folder: Path) -> dict[str, str]:
    _database(folder).parent.mkdir()
    _database(folder).write_bytes(b"This was a database once. " * 400)
    return {}


def _nobody_listens(_folder: Path) -> dict[str, str]:
    return {"DATABASE_URL": f"postgresql://postgres:{SECRET}@127.0.0.1:{playground.free_port(0)}/files"}


def _root_key_unreadable(_folder: Path) -> dict[str, str]:
    return {"ROOT_KEY": SECRET}


def _no_certificate(folder: Path) -> dict[str, str]:
    return {"TLS_CERT": str(folder / "none.pem"), "TLS_KEY": str(folder / "none.key")}


UNUSABLE: Mapping[str, tuple[Callable[[Path], dict[str, str]], str]] = {
    "a file for a folder": (_folder_is_a_file, "data folder"),
    "no database": (_no_database, "database"),
    "nobody listens": (_nobody_listens, "database"),
    "root key unreadable": (_root_key_unreadable, "root key"),
    "no certificate": (_no_certificate, "certificate"),
}


@pytest.mark.parametrize("case", UNUSABLE)
async def test_what_cannot_be_used(case: str, tmp_path: Path) -> None:
    prepare, word = UNUSABLE[case]
    is_refusal(await command("serve", environment=settings(tmp_path, **prepare(tmp_path))), word)


async def test_a_worker_needs_a_database_of_its_own(tmp_path: Path) -> None:
    is_refusal(await command("worker", environment=settings(tmp_path)), "SQLite", "PostgreSQL")


async def test_help_and_what_needs_no_settings() -> None:
    """Also without any setting, because that is how a newcomer meets it."""
    for arguments, words in {
        ("--help",): ("serve", "worker", "sandbox", "openapi", "settings", "receipts"),
        ("serve", "--help"): ("--no-worker",),
        ("worker", "--help"): ("PostgreSQL",),
        ("sandbox", "--help"): ("google", "microsoft", "launchpad", "behaviours"),
        ("settings",): ("FILE_ACCESS_ROOT_KEY_FILE", "FILE_ACCESS_GOOGLE__API_ROOT"),
        ("sandbox", "behaviours"): ("documented", "assumed"),
    }.items():
        ended = await command(*arguments)
        assert (ended.code, ended.err) == (0, ""), arguments
        assert not [word for word in words if word not in ended.out], arguments
    document = json.loads((await command("openapi")).out)
    assert document["openapi"].startswith("3.1")
    assert "/v1/transfers" in document["paths"]
    unknown = await command("sevre")
    assert unknown.code == 2
    assert "No such command" in unknown.err
