"""What the tests of work share: keys without a vault, people who may be stopped, executors that can be steered."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.fields import Fields
from cache.keys import Key
from cache.model import Scope
from gateway.db.engine import Database
from gateway.ids import new_id
from gateway.jobs.model import ItemState, JobView, NewItem, Outcome
from gateway.jobs.service import Jobs, lane
from gateway.jobs.taking import Timing
from gateway.jobs.turn import Turn

SCHOOL, PERSON = "school-one", "person-one"
QUICK = Timing(beat=0.1, guard=0.05, poll=0.05, settle=0.1, row=0.05, backoff=0.02, editing=0.02, abandon=1.0)
"""Quick in everything but the lease: a machine that is busy for a second is not dead."""
SHORT = replace(QUICK, lease=1.0)
"""Where one worker is to take over from another."""


class Gone(Exception):
    """The person may not begin anything."""


class FixedKeys:
    """One key per scope, derived from its ids: two processes of a test have the same."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self._key = Key("k", 1, hashlib.sha256(f"{scope.tenant}/{scope.subject}".encode()).digest())

    def current(self) -> Key:
        return self._key

    def version(self, version: int) -> Key | None:
        return self._key if version == 1 else None

    def live(self) -> list[Key]:
        return [self._key]


class FixedSealers:
    """The field sealers of a vault, without its keyring."""

    async def fields(self, scope: Scope) -> Fields:
        return Fields(FixedKeys(scope))

    async def renew(self, _tx: AsyncConnection, scope: Scope) -> None:
        """These keys never change."""


class People:
    """Everybody is active but those in ``erasing``."""

    def __init__(self) -> None:
        self.erasing: set[str] = set()

    async def require_active(self, _tx: AsyncConnection, person: str) -> None:
        if person in self.erasing:
            raise Gone


def make_jobs(database: Database, people: People | None = None) -> Jobs:
    return Jobs(database, FixedSealers(), (people or People()).require_active)


class Steered:
    """An executor whose every turn does what the test says."""

    def __init__(self, do: Callable[[Turn], Awaitable[Outcome]]) -> None:
        self._do = do
        self.turns: list[Turn] = []
        self.abandoned: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    async def run(self, turn: Turn) -> Outcome:
        self.turns.append(turn)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._do(turn)
        finally:
            self.at_once -= 1

    async def abandon(self, turn: Turn) -> None:
        self.abandoned.append(turn.item.id)


async def copied(_turn: Turn) -> Outcome:
    return Outcome(ItemState.COPIED)


async def forever(_turn: Turn) -> Outcome:
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


def new(name: str, *, drive: str = "drive", kind: str = "copy", **more: Any) -> NewItem:
    values: dict[str, Any] = {
        "id": new_id(),
        "kind": kind,
        "lane": lane(more.pop("tenant", SCHOOL), more.pop("person", PERSON), drive),
        "entry": {"name": name, "path": f"/{name}", "kind": "file"},
        "identity": name,
        "size": 10,
    }
    return NewItem(**{**values, **more})


async def order(
    jobs: Jobs, *first: NewItem, tenant: str = SCHOOL, person: str = PERSON, spec: Mapping[str, Any] | None = None
) -> str:
    async with jobs.database.write() as tx:
        job = await jobs.create(
            tx,
            tenant=tenant,
            person=person,
            kind="transfer",
            mode="copy",
            spec=spec or {},
            first=first,
            instruction="i" * 32,
            policy_version="1",
        )
    jobs.wake(job)
    return job


async def ended(jobs: Jobs, job: str, tenant: str = SCHOOL, person: str = PERSON, within: float = 20.0) -> JobView:
    async with asyncio.timeout(within):
        views = [view async for view in jobs.watch(tenant, person, job)]
    return views[-1]
