"""Notices by version: what is material waits for the school, what is not holds at once, published texts stay."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import insert, select

from cache.model import Scope
from gateway.api.routes_account import me_out
from gateway.db.tables_webhooks import webhook_messages, webhooks
from gateway.rights.notices import NotAcceptable, Notice, Notices
from gateway.rights.texts import NOTICES
from tests.gateway.rights.conftest import World, principal

PUBLISHED = {
    ("privacy", 1): "b0e4c2b793b7d90eabb466569992f58ad9da0ef0aeffcc9516ba4f242fe9c4f0",
    ("terms", 1): "71462d870f7f21e1190f393e4eb539acc71fa5febbf653b09ac36d4b19ebdbde",
}
"""The hash of every text that was ever published. A changed text is a new version, and a new line here."""


def test_a_published_text_never_changes() -> None:
    assert {(one.kind, one.version): one.fingerprint for one in NOTICES} == PUBLISHED


def notice(version: int, *, material: bool = False, kind: str = "privacy") -> Notice:
    text = (f"text {version}",)
    return Notice(kind, version, date(2026, 1, version), "Title", text, f"changes {version}", material)  # type: ignore[arg-type]  # one of the kinds


def notices(world: World, *found: Notice) -> Notices:
    return Notices(world.database, world.ledger, found)


async def states(world: World, made: Notices) -> list[str]:
    return [one.state for one in await made.standing(world.school.id)]


@pytest.mark.both
async def test_the_first_version_holds_and_what_changes_nothing_material_follows_it(world: World) -> None:
    made = notices(world, notice(1), notice(2))
    assert await states(world, made) == ["held", "holds"]
    (holds,) = await made.holding(world.school.id)
    assert holds.holds_since == 1_767_312_000_000
    assert await made.announce(lambda: [world.school.id]) == 0


@pytest.mark.both
async def test_a_material_change_is_announced_once_and_holds_when_it_is_accepted(world: World, sofia: Scope) -> None:
    made = notices(world, notice(1), notice(2, material=True), notice(3))
    assert await states(world, made) == ["holds", "announced", "announced"]
    assert [one.acceptable for one in await made.standing(world.school.id)] == [False, True, False]
    assert await made.announce(lambda: [world.school.id]) == 2
    assert await made.announce(lambda: [world.school.id]) == 0
    assert len(await world.entries("notice.announced")) == 2
    with pytest.raises(NotAcceptable):
        await made.accept(principal(sofia), "privacy", 3)
    before = await world.database.now()
    await made.accept(principal(sofia), "privacy", 2)
    await made.accept(principal(sofia), "privacy", 2)
    assert await states(world, made) == ["held", "held", "holds"]
    accepted = (await made.standing(world.school.id))[1]
    assert (accepted.holds_since or 0) >= before
    (entry,) = await world.entries("notice.accepted")
    assert (entry.principal, entry.details or {}) == (
        sofia.subject, {"notice": "privacy", "version": 2, "fingerprint": notice(2).fingerprint},
    )  # fmt: skip
    other = world.schools.find("https://id.example", "hillcrest")
    assert other is not None
    assert [one.state for one in await made.standing(other.id)] == ["holds", "announced", "announced"]


async def messages(world: World) -> list[Any]:
    async with world.database.read() as tx:
        return [(row.school, row.person, json.loads(row.body)) for row in await tx.execute(select(webhook_messages))]


async def test_a_school_is_told_once_at_its_own_address_which_version_waits(world: World) -> None:
    made = notices(world, notice(1), notice(2, material=True))
    other = world.schools.find("https://id.example", "hillcrest")
    assert other is not None
    row = {"school": world.school.id, "told": b"x", "after": 86_400_000, "stopped": 0, "given_up": 0}
    async with world.database.write() as tx:
        await tx.execute(insert(webhooks).values(**row))
    for _ in range(2):
        await made.announce(lambda: [world.school.id, other.id])
    [(school, person, body)] = await messages(world)
    assert (school, person, body["type"]) == (world.school.id, "", "notice.announced")
    assert body["data"] == {"school": world.school.id, "notice": "privacy", "version": 2}


async def test_administrators_are_told_how_many_wait(world: World, sofia: Scope) -> None:
    made = notices(world, notice(1), notice(2, material=True), notice(1, kind="terms"), notice(2, kind="terms"))
    services: Any = SimpleNamespace(
        people=world.people, schools=world.schools, rights=replace(world.given, notices=made)
    )  # fmt: skip
    student = principal(sofia)
    admin = replace(student, role="administrator")
    assert [(await me_out(services, who)).notices_waiting for who in (admin, student)] == [1, None]
    await made.accept(admin, "privacy", 2)
    assert (await me_out(services, admin)).notices_waiting == 0


@pytest.mark.both
async def test_accepted_is_a_text_and_not_a_number(world: World, sofia: Scope) -> None:
    await notices(world, notice(1), notice(2, material=True)).accept(principal(sofia), "privacy", 2)
    other = Notice("privacy", 2, date(2026, 1, 2), "Title", ("something else",), "", material=True)
    assert await states(world, notices(world, notice(1), other)) == ["holds", "announced"]


@pytest.mark.parametrize(("kind", "version"), [("privacy", 1), ("privacy", 9), ("terms", 2), ("x", 2), ("privacy", 0)])
async def test_what_cannot_be_accepted(world: World, sofia: Scope, kind: str, version: int) -> None:
    made = notices(world, notice(1), notice(2, material=True), notice(1, kind="terms"))
    with pytest.raises(NotAcceptable):
        await made.accept(principal(sofia), kind, version)
    assert await world.entries("notice.accepted") == []


@pytest.mark.parametrize("found", [(notice(2),), (notice(1), notice(3)), (notice(1, material=True),)])
def test_versions_have_no_gaps_and_the_first_holds(world: World, found: tuple[Notice, ...]) -> None:
    with pytest.raises(ValueError):
        notices(world, *found)
