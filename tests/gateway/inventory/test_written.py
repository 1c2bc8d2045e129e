"""What is written, logged, counted and sent: the lists of the inventory are those of the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

import gateway.app
from gateway.inventory import browser, files
from gateway.inventory.recipients import RECIPIENTS
from gateway.logs import FIELDS
from gateway.settings import IdentityProvider, Settings
from providers.http.guard import SUFFIXES

ROOT = Path(__file__).resolve().parents[3]
LEVELS = {"debug", "info", "warning", "error", "exception", "critical", "log"}
assert gateway.app


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Every module of the product but the stand-ins."""
    for folder in ("cache", "providers", "gateway"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "sandbox" not in path.parts and "migrations" not in path.parts:
                yield path, ast.parse(path.read_text())


def calls(tree: ast.Module, names: set[str]) -> Iterator[ast.Call]:
    """Calls of a method of one of these names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in names:
            yield node


def spoken() -> Iterator[tuple[str, ast.Call]]:
    """Every call that writes a log line, and where."""
    for path, tree in modules():
        for call in calls(tree, LEVELS):
            target = call.func.value if isinstance(call.func, ast.Attribute) else None
            logger = ast.unparse(target) if target is not None else ""
            if logger in ("log", "logger", "structlog.get_logger()"):
                yield f"{path.relative_to(ROOT)}:{call.lineno}", call


def test_every_log_field_says_what_it_holds() -> None:
    assert set(files.LOG_FIELDS) == set(FIELDS), "say in gateway/inventory/files.py what the field holds"


def test_every_log_line_names_its_event_and_only_fields_of_the_inventory() -> None:
    found = list(spoken())
    assert len(found) > 15, "the walk finds the lines"
    for where, call in found:
        assert isinstance(call.args[0], ast.Constant), f"{where}: an event is a name in the code, never put together"
        assert len(call.args) == 1, where
        fields = {keyword.arg for keyword in call.keywords} - {"exc_info"}
        assert fields <= set(files.LOG_FIELDS), f"{where}: {fields - set(files.LOG_FIELDS)}"


def test_no_other_logger_speaks() -> None:
    """The standard library's loggers are reduced to who spoke; ours go through the allow-list."""
    for path, tree in modules():
        for call in calls(tree, {"getLogger", "print_exc", "print_exception", "format_exc"}):
            raise AssertionError(f"{path.relative_to(ROOT)}:{call.lineno}")


def test_every_metric_and_label_is_listed() -> None:
    ours = {
        collector._name: tuple(collector._labelnames)  # type: ignore[attr-defined]  # a metric has them, a collector not
        for collector in REGISTRY._collector_to_names
        if hasattr(collector, "_labelnames")
    }
    assert {name: labels for name, labels in ours.items() if name.startswith("file_access")} == files.METRICS
    assert [name for name in ours if not name.startswith(("file_access", *files.OF_LIBRARIES))] == []


def test_cookies_are_set_in_one_place_and_under_known_names() -> None:
    found = [(path, call) for path, tree in modules() for call in calls(tree, {"set_cookie"})]
    assert [path.relative_to(ROOT).as_posix() for path, _ in found] == ["gateway/api/pages.py"]
    for name in ("session", "__Host-session", "__Host-signin", "signin", "language"):
        assert browser.cookie(name), name
    assert browser.cookie("tracking") is None
    assert "Set-Cookie" not in "".join(path.read_text() for path, _ in modules() if path.name != "browser.py")


@pytest.mark.parametrize("setting", [*Settings.model_fields, *IdentityProvider.model_fields])
def test_every_address_in_the_settings_belongs_to_a_recipient(setting: str) -> None:
    """Whatever is named as an address, a URL or an issuer leads outside."""
    covered = {name for one in RECIPIENTS for name in one.settings}
    if setting in IdentityProvider.model_fields:
        assert "identity_providers" in covered
        return
    group = getattr(Settings.model_fields[setting].annotation, "model_fields", None)
    names = [setting] if group is None else [f"{setting}__{name}" for name in group]
    for name in names:
        leads = name.endswith(("_url", "_root", "_kms", "authority", "issuer", "origins", "endpoint"))
        assert not leads or name in covered | {"public_url"}, f"who is reached by {name}?"


def test_every_host_family_belongs_to_a_recipient() -> None:
    assert sorted(host for one in RECIPIENTS for host in one.hosts) == sorted(SUFFIXES)


def test_only_known_modules_open_a_way_out() -> None:
    """The guarded connector, S3, Redis and PostgreSQL: whoever opens another way out says here to whom."""
    ways = {"ClientSession", "TCPConnector", "create_connection", "open_connection", "urlopen", "Redis", "client"}
    allowed = {
        "providers/http/outbound.py", "cache/blobs/s3.py", "cache/redis_client.py", "cache/root_kms.py",
        "providers/consent/bridge.py",
    }  # fmt: skip
    for path, tree in modules():
        found = {call.func.attr for call in calls(tree, ways) if isinstance(call.func, ast.Attribute)}
        plain = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        if (found | plain) & ways:
            assert path.relative_to(ROOT).as_posix() in allowed, f"{path}: {(found | plain) & ways}"
    for path, tree in modules():
        if path.relative_to(ROOT).as_posix() in allowed | {"cache/redis_expiry.py", "cache/redis_haste.py"}:
            continue
        roots = {
            (name.name if isinstance(node, ast.Import) else node.module or "").split(".")[0]
            for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom) for name in node.names
        }  # fmt: skip
        assert not roots & {"requests", "httpx", "urllib3", "smtplib", "ftplib", "boto3", "botocore", "redis"}, path


@pytest.mark.parametrize(
    ("place", "path", "fits"),
    [
        ("data", "gateway.db", True),
        ("data", "gateway.db-journal", False),
        ("data", f"staging/12-{'0' * 16}/{'a' * 32}", True),
        ("data", f"staging/12-{'0' * 16}/homework.pdf", False),
        ("blobs", f"aa/{'a' * 32}", True),
        ("blobs", f"aa/{'a' * 31}", False),
        ("root", "gateway-root.key", True),
        ("root", ".gateway-root.key.17", True),
        ("expiry", "5912345.key", True),
        ("temporary", "anything", False),
    ],
)
def test_patterns(place: files.Place, path: str, fits: bool) -> None:
    assert files.known(place, path, "gateway-root.key") is fits


def test_patterns_of_other_stores() -> None:
    assert files.in_bucket("a" * 32)
    assert not files.in_bucket("a" * 32 + ".txt")
    assert files.in_redis(f"file-access:{'0' * 16}:expiry:5912345")
    assert files.in_redis(f"file-access:{'0' * 16}:expiry:probe")
    assert files.in_redis(f"file-access:{'0' * 16}:destroyed")
    assert not files.in_redis("file-access:leo.park")
