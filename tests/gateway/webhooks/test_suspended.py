"""A suspended school is told nothing; what waits is told when the suspension is lifted."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import insert, update

from gateway.db.tables_people import schools
from gateway.webhooks import outbox
from tests.gateway.webhooks.conftest import Office
from tests.gateway.webhooks.receiver import Receiver

pytestmark = pytest.mark.both


def told(receiver: Receiver) -> set[str]:
    return {json.loads(body)["data"]["school"] for _, body in receiver.came}


async def turn(office: Office, state: str) -> None:
    async with office.database.write() as tx:
        await tx.execute(update(schools).where(schools.c.id == "s1").values(state=state))


async def test_nothing_leaves_for_a_suspended_school(office: Office, receiver: Receiver) -> None:
    async with office.database.write() as tx:
        for school in ("s1", "s2"):
            row = {"id": school, "issuer": "i", "claim": school, "name": school, "region": "local", "made": 1}
            await tx.execute(insert(schools).values(**row))
    for school in ("s1", "s2"):
        await office.set(receiver.url, school=school)
        assert await office.ended(school=school)
    await turn(office, "suspended")
    async with office.database.read() as tx:
        due = await outbox.due(tx, office.now, 10)
    assert list(due) == ["s2"], "it takes nobody's turn"
    await office.later(1)
    assert told(receiver) == {"s2"}
    assert await office.webhooks.deliver("s1", office.now) is None, "nor by a process that had seen it before"
    await turn(office, "active")
    await office.later(1)
    assert told(receiver) == {"s1", "s2"}
