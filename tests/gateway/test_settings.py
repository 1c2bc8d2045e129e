"""Settings: environment before file, everything documented, and unsafe ones refused with what to change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from gateway.safety import UnsafeSettings, load, serving
from gateway.settings import IdentityProvider, Settings, describe, unknown

SCHOOL = {"riverside": {"name": "Riverside", "region": "local"}}
PROVIDER: dict[str, Any] = {"issuer": "https://id.example", "client_id": "c", "schools": SCHOOL}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("FILE_ACCESS_CONFIG", "FILE_ACCESS_PORT"):
        monkeypatch.delenv(name, raising=False)


def problems(**given: Any) -> str:
    with pytest.raises(UnsafeSettings) as caught:
        load(**given)
    return str(caught.value)


def test_defaults_are_embedded_and_on_this_machine(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "data")
    assert settings.database_url.get_secret_value() == f"sqlite:///{tmp_path}/data/gateway.db"
    assert settings.blobs_url.get_secret_value() == f"file://{tmp_path}/data/blobs"
    assert settings.root_key_file == tmp_path / "data-root.key"
    assert settings.public_url == "http://127.0.0.1:8420"


def test_environment_with_nesting_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text('port = 9000\nregion = "eu"\n[google]\nclient_id = "file"\napi_root = "https://g.example/"\n')
    monkeypatch.setenv("FILE_ACCESS_CONFIG", str(path))
    monkeypatch.setenv("FILE_ACCESS_GOOGLE__CLIENT_ID", "environment")
    monkeypatch.setenv("FILE_ACCESS_IDENTITY_PROVIDERS", json.dumps([PROVIDER]))
    settings = Settings()
    assert (settings.port, settings.region) == (9000, "eu")
    assert (settings.google.client_id, settings.google.api_root) == ("environment", "https://g.example")
    assert settings.identity_providers[0].schools["riverside"].name == "Riverside"


def test_file_of_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = tmp_path / "gateway.env"
    path.write_text("FILE_ACCESS_PORT=9001\nFILE_ACCESS_MICROSOFT__CLIENT_ID=m\n")
    monkeypatch.setenv("FILE_ACCESS_CONFIG", str(path))
    settings = load()
    assert (settings.port, settings.microsoft.client_id) == (9001, "m")


@pytest.mark.parametrize("text", ["port = ", "prot = 1"])
def test_a_file_that_cannot_be_read_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    monkeypatch.setenv("FILE_ACCESS_CONFIG", str(tmp_path / "bad.toml"))
    assert "FILE_ACCESS_" in problems()
    monkeypatch.setenv("FILE_ACCESS_CONFIG", str(tmp_path / "missing.toml"))
    assert "FILE_ACCESS_CONFIG" in problems()


def test_secrets_are_not_shown() -> None:
    settings = load(root_key="hunter2", google={"client_secret": "hunter2"})
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in problems(database_url="mysql://u:hunter2@h/x", port="hunter2")
    assert "hunter2" not in problems(expiry_url="redis://u:hunter2@keys.example:6379/0?ssl_cert_reqs=none")
    assert "hunter2" not in repr(load(expiry_url="rediss://u:hunter2@keys.example"))


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"public_url": "http://files.school.example"}, "PUBLIC_URL"),
        ({"public_url": "https://user:pw@files.school.example"}, "PUBLIC_URL"),
        ({"google": {"token_url": "http://google.example/token"}}, "GOOGLE__TOKEN_URL"),
        ({"microsoft": {"graph_root": "http://graph.example"}}, "MICROSOFT__GRAPH_ROOT"),
        ({"microsoft": {"authority": "http://127.0.0.1.example"}}, "MICROSOFT__AUTHORITY"),
        ({"database_url": "postgresql://u@db.example/x"}, "DATABASE_URL"),
        ({"database_url": "postgresql://u@db.example/x?sslmode=require"}, "DATABASE_URL"),
        ({"blobs_url": "s3://b/p?endpoint=http://s3.example"}, "BLOBS_URL"),
        ({"blobs_url": "ftp://b"}, "BLOBS_URL"),
        ({"data_dir": "/srv/fag", "root_key_file": "/srv/fag/keys/root"}, "ROOT_KEY_FILE"),
        ({"data_dir": "/srv/fag", "expiry_dir": "/srv/x/../fag/e"}, "EXPIRY_DIR"),
        ({"expiry_url": "redis://keys.example"}, "rediss"),
        ({"expiry_url": "rediss://keys.example"}, "password"),
        ({"expiry_url": "http://127.0.0.1"}, "EXPIRY_URL"),
        ({"expiry_url": "redis://127.0.0.1", "expiry_dir": "/dev/shm/k"}, "not both"),
        ({"root_key": "k", "root_key_file": "/srv/k"}, "ROOT_KEY"),
        ({"identity_providers": [{**PROVIDER, "issuer": "http://id.example"}]}, "IDENTITY_PROVIDERS"),
        ({"identity_providers": [{**PROVIDER, "origins": ["http://keys.example"]}]}, "IDENTITY_PROVIDERS"),
        ({"identity_providers": [PROVIDER, PROVIDER]}, "listed twice"),
        ({"identity_providers": [PROVIDER], "region": "eu"}, "another region"),
        ({"identity_providers": [{**PROVIDER, "schools": {}}]}, "IDENTITY_PROVIDERS"),
        ({"identity_providers": [{**PROVIDER, "roles": {"root": "operator"}}]}, "IDENTITY_PROVIDERS"),
        ({"identity_providers": [{**PROVIDER, "tenant": "x"}]}, "IDENTITY_PROVIDERS"),
        ({"cache_seconds": 0}, "CACHE_SECONDS"),
    ],
)
def test_unsafe_settings_are_refused_and_named(given: dict[str, Any], named: str) -> None:
    assert named in problems(**given)


def test_what_is_safe_is_accepted() -> None:
    load(
        public_url="https://files.school.example",
        database_url="postgresql://u@db.example/x?sslmode=verify-full",
        blobs_url="s3://b/p?endpoint=http://127.0.0.1:9000",
        expiry_url="rediss://u:pw@keys.example:6380/0",
        google={"token_url": "http://localhost:1/token"},
        identity_providers=[PROVIDER],
    )


SANDBOX = {**PROVIDER, "issuer": "http://127.0.0.1:9003"}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({}, "nobody could sign in"),
        ({"identity_providers": [PROVIDER], "host": "0.0.0.0", "public_url": "https://f.example"}, "FILE_ACCESS_HOST"),
        ({"identity_providers": [PROVIDER], "tls_cert": "/c"}, "TLS_KEY"),
        ({"identity_providers": [SANDBOX], "public_url": "https://files.school.example"}, "sandbox"),
        ({"identity_providers": [{**PROVIDER, "sandbox": True}], "public_url": "https://f.example"}, "sandbox"),
        ({"identity_providers": [SANDBOX], "host": "0.0.0.0", "public_url": "http://127.0.0.1:1"}, "sandbox"),
    ],
)
def test_serving_is_refused(given: dict[str, Any], named: str) -> None:
    assert any(named in line for line in serving(load(**given)))


PUBLIC: dict[str, Any] = {"host": "0.0.0.0", "behind_proxy": True, "public_url": "https://files.school.example"}


def test_serving_is_accepted() -> None:
    assert serving(load(identity_providers=[SANDBOX])) == []
    assert serving(load(identity_providers=[PROVIDER], **PUBLIC)) == []


def _fields(model: type[BaseModel]) -> list[str]:
    missing = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            missing += _fields(field.annotation)
        elif not field.description:
            missing.append(name)
    return missing


def test_every_setting_is_documented() -> None:
    assert _fields(Settings) + _fields(IdentityProvider) == []
    table = describe()
    for name in ("FILE_ACCESS_GOOGLE__API_ROOT", "FILE_ACCESS_DATABASE_URL", "`school_claim`"):
        assert name in table


def test_all_addresses_that_may_be_called() -> None:
    settings = load(identity_providers=[{**PROVIDER, "origins": ["https://keys.example"]}])
    assert {"https://id.example", "https://keys.example", settings.google.api_root} <= set(settings.outside)
    assert settings.google.auth_url not in settings.outside


def test_misspelt_variables_are_found() -> None:
    given = {
        "FILE_ACCESS_PROT": "1",
        "FILE_ACCESS_PORT": "1",
        "FILE_ACCESS_GOOGLE": "{}",
        "FILE_ACCESS_GOOGLE__API_ROT": "",
    }
    assert unknown({**given, "PATH": ""}) == ["FILE_ACCESS_GOOGLE__API_ROT", "FILE_ACCESS_PROT"]
