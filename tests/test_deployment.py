"""The examples of a deployment are true: they parse, name only settings that exist, and would start."""

from __future__ import annotations

import base64
import configparser
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # comes with the tests' dependencies, without types

from cache.redis_address import Address
from cache.redis_client import RedisClient
from cache.redis_expiry import RedisExpiry
from cache.roots import Root, Roots
from gateway.db.address import parse
from gateway.residency import missing
from gateway.safety import load, serving
from gateway.settings import unknown
from tests.cache.test_redis import LEAST
from tests.redis_server import redis_server

ROOT = Path(__file__).resolve().parents[1]
UNITS = sorted((ROOT / "scripts" / "units").glob("*.service"))
SCHOOLS = {"riverside": {"name": "Riverside School", "region": "eu-central"}}
GIVEN = {
    "ADDRESS": "files.school.example",
    "IDENTITY_PROVIDERS": json.dumps([{"issuer": "https://id.example", "client_id": "files", "schools": SCHOOLS}]),
    "ROOT_KEY": base64.b64encode(bytes(range(32))).decode(),
    "DATABASE_PASSWORD": "d-secret",
    "REDIS_PASSWORD": "r-secret",
    "BUCKET_SECRET": "b-secret",
    "OPERATOR": "Schools Trust, Main Street 1",
    "CONTACT": "privacy@trust.example",
    "PLACE": "Example Hosting, Frankfurt, Germany",
    "BACKUPS": "a safe of the trust, Bonn, Germany",
}
"""What the compose file asks for."""


def filled(text: str) -> str:
    """With what an operator gives; everything that has no default must be among it."""

    def value(found: re.Match[str]) -> str:
        name, kind, default = found[1], found[2], found[3]
        if kind == ":?":
            return GIVEN[name]
        return GIVEN.get(name, default)

    return re.sub(r"\$\{(\w+)(:[-?])([^}]*)\}", value, text)


def compose() -> dict[str, Any]:
    text = (ROOT / "scripts" / "compose.yaml").read_text()
    found = yaml.safe_load(text)
    assert isinstance(found, dict)
    return found


def would_start(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """These settings pass every check of `file-access serve` before it opens anything."""
    assert unknown(environment) == []
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = load()
    assert serving(settings) == []
    assert missing(settings) == []
    assert settings.public_url == "https://files.school.example"


@pytest.mark.parametrize("name", ["gateway-1", "gateway-2", "worker-1", "worker-2"])
def test_the_compose_file_would_start(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    service = compose()["services"][name]
    environment = {key: filled(str(value)) for key, value in service["environment"].items()}
    url = environment["FILE_ACCESS_DATABASE_URL"]  # reading it loads the certificate, which is on the operator's disk
    environment["FILE_ACCESS_DATABASE_URL"] = url.replace("&sslrootcert=/certificates/ca.pem", "")
    would_start({key: value for key, value in environment.items() if key.startswith("FILE_ACCESS_")}, monkeypatch)
    assert parse(environment["FILE_ACCESS_DATABASE_URL"]).encrypted
    assert service["command"] == (["serve", "--no-worker"] if name.startswith("gateway") else ["worker"])


def test_services_volumes_and_configs_of_the_compose_file_exist() -> None:
    found = compose()
    for name, service in found["services"].items():
        assert set(service.get("depends_on", ())) <= set(found["services"]), name
        assert {one["source"] for one in service.get("configs", ())} <= set(found["configs"]), name
        volumes = {one.split(":")[0] for one in service.get("volumes", ()) if not one.startswith(("${", "/"))}
        assert volumes <= set(found["volumes"]), name
    for line in re.findall(r"^COPY (.+) \S+$", found["x-gateway"]["build"]["dockerfile_inline"], re.MULTILINE):
        for path in line.split():
            assert (ROOT / path).exists(), path


async def test_the_redis_of_the_compose_file_is_a_place_for_expiry_keys(tmp_path: Path) -> None:
    lines = filled(compose()["configs"]["redis"]["content"]).splitlines()
    [rights] = [line.partition(f">{GIVEN['REDIS_PASSWORD']} ")[2] for line in lines if line.startswith("user gateway")]
    options = [line for line in lines if not line.startswith(("port", "tls-", "user"))]
    assert rights == LEAST
    async with redis_server(tmp_path, *options, rights=rights) as server:
        client = RedisClient(Address.parse(server.url))
        await client.start()
        async with server.look() as look:
            seconds, _ = await look.time()
        await RedisExpiry(client, Roots.of(Root(1, bytes(32)))).start(int(seconds) * 1000)
        await client.close()


_SAID = (
    "OPERATOR__NAME",
    "OPERATOR__CONTACT",
    *(f"RESIDENCY__{name}" for name in ("MACHINES", "JOURNAL", "BACKUPS", "LOGS")),
)
_MANY = ("ROOT_KEY", "DATABASE_URL", "EXPIRY_URL", "RESIDENCY__AWS_REGIONS", "RESIDENCY__DATABASE", "RESIDENCY__EXPIRY")
SECRETS = {
    "file-access.service": ("IDENTITY_PROVIDERS", *_SAID),
    "file-access-gateway.service": ("IDENTITY_PROVIDERS", *_SAID, *_MANY),
    "file-access-worker.service": ("IDENTITY_PROVIDERS", *_SAID, *_MANY),
}
"""What each unit reads from its files: secrets, and what the operator says."""

VALUES = {
    **GIVEN,
    "DATABASE_URL": "postgresql://files:d-secret@db.example/files?sslmode=verify-full",
    "EXPIRY_URL": "rediss://gateway:r-secret@redis.example",
    "RESIDENCY__AWS_REGIONS": '["eu-central-1"]',
    **dict.fromkeys(_SAID, "Example Hosting, Frankfurt, Germany"),
    **dict.fromkeys(("RESIDENCY__DATABASE", "RESIDENCY__EXPIRY"), "Example Hosting, Frankfurt, Germany"),
}


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_the_units_would_start(unit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = configparser.RawConfigParser(strict=False, interpolation=None)
    found.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's names have capitals
    found.read_string(unit.read_text())
    lines = [line.partition("=")[2] for line in unit.read_text().splitlines() if line.startswith("Environment=")]
    environment = dict(pair.split("=", 1) for line in lines for pair in line.split())
    for name in SECRETS[unit.name]:
        assert f"FILE_ACCESS_{name}" in unit.read_text(), "the unit says that the file holds it"
        environment[f"FILE_ACCESS_{name}"] = VALUES[name]
    named = set(re.findall(r"FILE_ACCESS_\w+", unit.read_text()))
    assert unknown(dict.fromkeys(named, "")) == []
    would_start(environment, monkeypatch)
    words = found["Service"]["ExecStart"].split()
    assert words[0].endswith("/file-access")
    assert words[1:] in (["serve"], ["serve", "--no-worker"], ["worker"])


def test_the_readme_names_every_example() -> None:
    text = (ROOT / "README.md").read_text()
    for path in (ROOT / "scripts" / "compose.yaml", *UNITS):
        assert path.name in text, path.name
