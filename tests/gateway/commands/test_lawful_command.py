"""`file-access lawful` beside a running gateway: an operator writes down, the school decides where it may know."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from gateway.identity import Claims
from tests.gateway.commands.test_ledger_command import (
    Gateway,
    database,
    database_url,
    gateway,
    pytest_generate_tests,
    schema,
)

__all__ = ["database", "database_url", "gateway", "pytest_generate_tests", "schema"]


async def arrived(gateway: Gateway) -> str:
    """A student of the gateway's school."""
    services = gateway.made.services
    claims = Claims("http://127.0.0.1:9", "leo", "student", "13_15", "Leo", "leo@school.example", "en", 0)
    return await services.people.arrive(services.schools.get(gateway.school), claims)


async def step(gateway: Gateway, *arguments: str, who: str = "max", code: int = 0) -> Any:
    """What a command prints, as JSON; the error where it refuses."""
    ran = await gateway.run("lawful", *arguments, environment={**gateway.environment, "SUDO_USER": who})
    assert ran.code == code, ran
    assert "Traceback" not in ran.err
    return json.loads(ran.out) if code == 0 and ran.out else ran.err


def asked(gateway: Gateway, person: str) -> list[str]:
    return [
        "open", "--school", gateway.school, "--authority", "Court", "--reference", "1", "--basis", "a law",
        "--person", person, "--part", "profile", "--part", "ledger", "--since", "2026-01-01",
    ]  # fmt: skip


@pytest.mark.both
async def test_two_operators_hand_out_what_the_school_may_not_know(gateway: Gateway) -> None:
    person = await arrived(gateway)
    made = await step(gateway, *asked(gateway, person), "--forbidden", "another law")
    assert (made["state"], made["approved_by"], made["since"]) == ("open", ["max"], 1767225600000)
    request = made["id"]
    assert "another operator must approve" in await step(gateway, "approve", request, code=2)
    assert "was not approved" in await step(gateway, "export", request, code=2)
    assert (await step(gateway, "approve", request, who="eve"))["state"] == "approved"
    ran = await gateway.run("lawful", "export", request, environment={**gateway.environment, "SUDO_USER": "eve"})
    lines = [json.loads(line) for line in ran.out.splitlines()]
    assert (lines[1]["name"], lines[1]["email"]) == ("Leo", "leo@school.example")
    seen = [one.action for one in await gateway.made.services.ledger.read(gateway.school)]
    assert not [action for action in seen if action.startswith("lawful.")]
    last = (await gateway.made.services.ledger.read("deployment", limit=1000))[-1]
    assert (last.action, (last.details or {})["operator"]) == ("lawful.delivered", "eve")
    assert (last.details or {})["sha256"] == hashlib.sha256(ran.out.encode()).hexdigest()
    assert (await step(gateway, "lift", request, who="eve"))["forbidden"] == ""
    seen = [one.action for one in await gateway.made.services.ledger.read(gateway.school)]
    assert seen[-3:] == ["lawful.opened", "lawful.handed_out", "lawful.exported"]


async def test_what_the_school_may_know_waits_for_the_school(gateway: Gateway) -> None:
    person = await arrived(gateway)
    request = (await step(gateway, *asked(gateway, person)))["id"]
    assert "no such request" in await step(gateway, "approve", request, who="eve", code=2)
    assert "was not approved" in await step(gateway, "export", request, code=2)
    assert (await step(gateway, "list"))["id"] == request
    last = (await gateway.made.services.ledger.read("deployment", limit=1000))[-1]
    assert (last.action, last.details) == ("operator.command", {"by": "max", "command": "lawful list", "ids": {}})
    assert (await step(gateway, "refuse", request, "--why", "no competence"))["state"] == "refused"
    assert "not of this school" in await step(gateway, *asked(gateway, "0" * 32), code=2)
    assert "no such request" in await step(gateway, "refuse", "0" * 32, "--why", "x", code=2)
