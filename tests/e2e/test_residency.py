"""The command tells every school's ledger where its data lies, once for each change, and never moves a region."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from gateway.db.tables_people import schools
from gateway.ledger import Ledger
from gateway.residency import ACTION
from gateway.safety import load
from gateway.stores import opened
from tests.e2e.processes import command, playground
from tests.e2e.test_start import SANDBOX, is_refusal, settings


def deployment(folder: Path, region: str = "eu-central", **more: str) -> dict[str, str]:
    """One on this machine whose operator says where it stands."""
    told = {"riverside": {"name": "Riverside School", "region": region}}
    providers = json.dumps([{**SANDBOX, "schools": told}])
    said = {"RESIDENCY__MACHINES": "a cupboard in Bonn", "RESIDENCY__BACKUPS": "none are made", **more}
    return settings(folder, REGION=region, IDENTITY_PROVIDERS=providers, **said)


async def run_once(known: Mapping[str, str], folder: Path) -> None:
    process = await playground.spawn(["gateway", "serve"], dict(known), folder / "log")
    await playground.stop(process)


async def said(known: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any] | None]:
    """What stands in the school's ledger."""
    with monkeypatch.context() as patched:
        for name, value in known.items():
            patched.setenv(name, value)
        chosen = load()
    async with AsyncExitStack() as stack:
        stores = await opened(chosen, None, stack)
        async with stores.database.read() as tx:
            (school,) = (await tx.execute(select(schools.c.id))).scalars()
        entries = await Ledger(stores.vault, stores.database).read(school)
    return [entry.details for entry in entries if entry.action == ACTION]


async def test_each_start_says_what_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = deployment(tmp_path)
    await run_once(known, tmp_path)
    await run_once(known, tmp_path)
    changed = {**known, "FILE_ACCESS_RESIDENCY__BACKUPS": "a safe in Cologne"}
    await run_once(changed, tmp_path)
    found = await said(changed, monkeypatch)
    assert [one["places"]["backups"]["told"] for one in found if one] == ["none are made", "a safe in Cologne"]
    assert all(one and one["region"] == "eu-central" for one in found)
    assert all(one and one["places"]["database"]["how"] == "machines" for one in found)
    assert "cupboard" not in (tmp_path / "log").read_text(), "what is said goes into the ledger, not into logs"


async def test_a_database_of_another_region_is_refused(tmp_path: Path) -> None:
    await run_once(deployment(tmp_path), tmp_path)
    moved = deployment(tmp_path, "us-east")
    is_refusal(await command("serve", environment=moved), "'eu-central'", "'us-east'", "needs a deployment there")
    await run_once(deployment(tmp_path), tmp_path)
