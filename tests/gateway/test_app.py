"""What the composition root puts together runs: all that ends by itself is swept, by sweepers that are started."""

from __future__ import annotations

import ast
import asyncio
import gc
import importlib
import os
import signal
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

import cache
import gateway
import providers
from gateway.app import Deployment, deployment, run
from gateway.containment import Target, Word
from gateway.db.tables_approvals import approvals
from gateway.db.tables_containment import containments
from gateway.db.tables_people import sessions
from gateway.holds import Order as HoldOrder
from gateway.holds import State
from gateway.suspended import Kind
from gateway.sweeper import STEP, Sweeper
from tests.gateway.containment.test_starting import LATER, arrive, filed, settings

SHARED = {
    "answers", "approvals", "blobs", "cached", "caps", "consents", "containments", "detections", "guardians",
    "history", "holds", "inactive", "jobs", "lawful", "ledger", "native", "notices", "objects", "orphans", "receipts",
    "sessions", "shortened", "sign_ins", "signing", "tokens", "trash", "uploads", "versions",
}  # fmt: skip
OWN = {"attested", "here", "known"}
ELSEWHERE = {"Decisions": "counts of its own process, told by a task of its own", "Vault": "all its kinds at once"}
"""Classes whose `sweep` no sweeper calls: each with its reason."""


def swept() -> Iterator[type[Any]]:
    """Every class of the product that has something to sweep."""
    for package in (gateway, cache, providers):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef) and any(
                    isinstance(one, ast.AsyncFunctionDef) and one.name == "sweep" for one in node.body
                ):
                    name = ".".join(path.relative_to(root.parent).with_suffix("").parts)
                    yield getattr(importlib.import_module(name), node.name)


def sweepers(made: Deployment) -> tuple[Sweeper, ...]:
    return made.sweeper, made.own, made.keys


async def test_all_that_ends_by_itself_is_swept_and_nothing_fails(tmp_path: Path) -> None:
    """By name, and once each with nobody there."""
    async with deployment(settings(tmp_path)) as made:
        names = [set(sweeper._sweeps) for sweeper in sweepers(made)]
        assert names == [SHARED, OWN, {"keys"}]
        for sweeper in sweepers(made):
            for sweep in sweeper._sweeps.values():
                await sweep(STEP)


async def test_every_class_that_can_sweep_is_asked_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = set[str]()
    classes = {kind.__name__: kind for kind in swept()}
    assert len(classes) > len(ELSEWHERE) + 10
    for name, kind in classes.items():

        async def note(*_: object, name: str = name) -> int:
            asked.add(name)
            return 0

        monkeypatch.setattr(kind, "sweep", note)
    async with deployment(settings(tmp_path)) as made:
        asked.clear()
        for sweeper in sweepers(made):
            for sweep in sweeper._sweeps.values():
                await sweep(STEP)
    assert classes.keys() - asked == ELSEWHERE.keys()


@pytest.fixture
def collector() -> Iterator[None]:
    """As it was: `run` spares it for good."""
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.mark.usefixtures("collector")
async def test_a_running_process_starts_all_of_its_sweepers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys' too, which nobody else would renew; and it ends when it is told to."""
    started = {name: asyncio.Event() for name in ("sweeper", "own", "keys")}
    held: list[Deployment] = []

    async def noted(self: Sweeper) -> bool:
        for made in held:
            for name, event in started.items():
                if getattr(made, name) is self:
                    event.set()
        return False

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    real = gateway.app._compose

    async def composed(*given: Any) -> Deployment:
        held.append(await real(*given))
        return held[-1]

    monkeypatch.setattr(Sweeper, "may", noted)
    monkeypatch.setattr(gateway.app, "_compose", composed)
    running = asyncio.create_task(run(settings(tmp_path).model_copy(update={"port": port}), api=True, work=True))
    everyone = asyncio.create_task(all_of(started.values()))
    async with asyncio.timeout(30):
        await asyncio.wait({everyone, running}, return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running.exception()
        await everyone
        os.kill(os.getpid(), signal.SIGTERM)
        await running


async def all_of(events: Iterable[asyncio.Event]) -> None:
    for event in events:
        await event.wait()


async def test_holds_begin_and_suspensions_are_noted_while_the_clock_is_doubted(tmp_path: Path) -> None:
    """Nothing of it ends by time. What does, stays: a request whose delay is over, a sign-in."""
    async with deployment(settings(tmp_path)) as made:
        services = made.services
        sofia, ada = [await arrive(made, one, role="administrator", age_band="adult") for one in ("sofia", "ada")]
        leo, mia, school = await arrive(made, "leo"), await arrive(made, "mia"), sofia.tenant
        await filed(made, leo)
        asked = await services.holds.open(
            services.approvals,
            school,
            str(sofia.subject),
            HoldOrder(str(leo.subject), None, "Section 12", "District Court", "7/26", LATER),
        )
        await services.approvals.approve(school, str(ada.subject), str(asked.approval))
        forget, _ = await services.orders.many(school, str(sofia.subject), [str(leo.subject)], {})
        await services.orders.approve(school, str(ada.subject), forget.id)
        held = await services.containments.begin(Word(school), Target(Kind.PERSON, str(mia.subject)), "odd")
        async with services.database.write() as tx:
            await tx.execute(update(approvals).where(approvals.c.id == forget.id).values(due=1))
            await tx.execute(update(containments).values(noted=None))
            ended = {"id": "s", "school": school, "person": leo.subject, "signed_in_at": 1, "used": 1}
            await tx.execute(insert(sessions).values(**ended, secret=b"s" * 32, ends=1))
        services.database.clock.park(3_600_000)
        assert not await made.sweeper.may()
        await made.sweeper.meanwhile()
        assert (await services.holds.get(school, asked.id)).state is State.OPEN
        async with services.database.read() as tx:
            noted = select(containments.c.noted).where(containments.c.id == held.id)
            assert (await tx.execute(noted)).scalar_one() is not None
            assert (await tx.execute(select(sessions.c.id))).scalars().all() == ["s"]
        assert (await services.approvals.get(school, forget.id)).state == "approved"
