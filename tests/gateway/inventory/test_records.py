"""The records are made of the inventory and of this deployment: complete, readable, and true to changed settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.inventory import browser, files
from gateway.inventory.facts import facts
from gateway.inventory.listing import columns
from gateway.inventory.measures import MEASURES
from gateway.inventory.recipients import RECIPIENTS
from gateway.inventory.records import RECORDS
from gateway.inventory.stores import STORES
from tests.gateway.inventory.conftest import deployment

ROOT = Path(__file__).resolve().parents[3]


def cells(markdown: str) -> set[str]:
    """The cells of all tables."""
    rows = [line.strip("|").replace("\\|", "\0").split("|") for line in markdown.splitlines() if line.startswith("|")]
    return {cell.strip().replace("\0", "|") for row in rows for cell in row}


def test_the_record_of_processing_is_complete(tmp_path: Path) -> None:
    found = cells(RECORDS["article-30"](facts(deployment(tmp_path))).markdown())
    assert {f"{column.table.name}.{column.name}" for _, column, _ in columns()} <= found
    assert {store.title for store in STORES} <= found
    assert {one.title for one in RECIPIENTS} <= found
    assert {one.name for one in browser.KEPT} <= found
    assert set(files.LOG_FIELDS) | set(files.METRICS) | set(files.REDIS) | set(files.BUCKET) <= found
    assert {pattern for patterns in files.FILES.values() for pattern in patterns} <= found
    assert {measure.against for measure in MEASURES} <= found
    assert {"Schools Trust, Main Street 1", "privacy@trust.example", "J. Doe"} <= found
    assert {"Riverside | School", "Hillcrest | School", "https://id.example"} <= found
    assert {"the trust's own safe, Bonn, Germany", "checked with AWS at every start"} <= found


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_reads_the_same_in_both_forms(name: str, tmp_path: Path) -> None:
    made = RECORDS[name](facts(deployment(tmp_path)))
    told = json.loads(made.json())
    assert (told["name"], told["title"]) == (name, made.title)
    values = {value for section in told["sections"] for row in section["rows"] for value in row.values() if value}
    assert values <= cells(made.markdown())
    for line in made.markdown().splitlines():
        assert not line.startswith("|") or line.endswith("|")
    assert "%(" not in made.markdown(), "a length of time was left out"


def test_changed_settings_change_what_is_told(tmp_path: Path) -> None:
    other = deployment(tmp_path, cache_seconds=900, microsoft={}, blobs_url="s3://b?endpoint=https://store.example")
    record = RECORDS["article-30"](facts(other)).markdown()
    assert "15 minutes after you opened it" in record
    assert "Microsoft" not in {one.title for one in facts(other).recipients}
    assert "checked with AWS" not in record
    assert "5 minutes" in RECORDS["article-35"](facts(deployment(tmp_path, cache_seconds=300))).markdown()


def test_what_aws_said_is_told(tmp_path: Path) -> None:
    known = facts(deployment(tmp_path), {"blobs": "eu-central-1"})
    assert "eu-central-1" in cells(RECORDS["sub-processors"](known).markdown())


def test_who_is_not_engaged_is_not_called_a_sub_processor(tmp_path: Path) -> None:
    engaged, others = RECORDS["sub-processors"](facts(deployment(tmp_path))).sections
    assert "Google" not in {row[0] for row in engaged.rows}
    assert {row[0]: row[1] for row in others.rows} == {
        "Google": "offered here", "Microsoft": "offered here",
        "A virus scanner": "not used", "A mail server": "not used",
    }  # fmt: skip


@pytest.mark.parametrize("measure", MEASURES, ids=lambda one: one.shown)
def test_each_measure_names_a_test_that_exists(measure: object) -> None:
    assert "def test_" in (ROOT / measure.shown).read_text()  # type: ignore[attr-defined]  # parametrize knows no types


def test_the_command_prints_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    given = {"FILE_ACCESS_DATA_DIR": str(tmp_path / "data"), "FILE_ACCESS_OPERATOR__NAME": "Schools Trust"}
    for name in RECORDS:
        shown = CliRunner().invoke(main, ["records", name], env=given)
        assert (shown.exit_code, shown.stdout.startswith("# ")) == (0, True), shown.output
        assert json.loads(CliRunner().invoke(main, ["records", name, "--format", "json"], env=given).stdout)
    assert "Schools Trust" in CliRunner().invoke(main, ["records", "article-30"], env=given).stdout
    assert not (tmp_path / "data").exists(), "it opens no store"
    refused = CliRunner().invoke(main, ["records", "article-30"], env={**given, "FILE_ACCESS_PORT": "x"})
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert CliRunner().invoke(main, ["records", "article-31"], env=given).exit_code == 2
