"""A storm: one folder after the other goes round the drives while processes are killed at seeded points of requests.

The dice choose who dies and where: before a request arrives, amid its body, or with its answer lost. After every leg
the invariants are asked of the stand-ins' disks, of the wire and of the job's report.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar, cast

import aiohttp

from tests.e2e.deaths import TEACHER
from tests.e2e.invariants import CHUNK, nothing_stays, sent_once, sessions_are_closed
from tests.e2e.parcels import Found, Parcel, Place, adds_up, contents, planted
from tests.e2e.processes import Browser, House, Running, eventually, house, tour
from tests.e2e.stores import Stores
from tests.e2e.wire import Strike, Where, Wire
from tests.sandboxes import ROOT

T = TypeVar("T")
LEGS: Final[tuple[tuple[Place, Place], ...]] = (("google", "onedrive"), ("onedrive", "native"), ("native", "back"))
FILM: Final = 61 * 1024 * 1024
"""More than one piece for OneDrive."""
PATIENCE: Final = 240.0
"""Seconds after which a storm in which nothing moves is over: minutes longer than any that ends."""
ASLEEP: Final = 8.0
"""Seconds for which a process is stopped: longer than its lease."""


@dataclass
class Storm:
    """``victims``: whom it meets, each as often as it is named.

    'worker' is one of those that run beside the gateway, 'sleep' stops one past its lease, 'trouble' is ``trouble``.
    """

    house: House
    teacher: Browser
    drives: dict[Place, str]
    wire: Wire
    dice: random.Random
    victims: Sequence[str]
    database: str = ""
    stores: Stores | None = None
    large: int = FILM
    workers: list[Process] = field(default_factory=list)
    sleepers: list[asyncio.Task[None]] = field(default_factory=list)
    stack: AsyncExitStack = field(default_factory=AsyncExitStack)
    trouble: Callable[[], Awaitable[None]] | None = None
    struck: int = 0
    """How often it has struck."""
    slept: int = 0
    _left: list[str] = field(default_factory=list)

    async def rage(self, each: int) -> None:
        """Carry folders round until it has struck ``each`` times for every leg of one lap."""
        lap = 0
        while self.struck < each * len(LEGS):
            lap += 1
            parcel = await self.parcel(lap)
            for leg, (at, to) in enumerate(LEGS):
                mode = ("move", "copy")[(lap + leg + 1) % 2]
                await self.carry(parcel, mode, at, to, min(self.struck + each, each * len(LEGS)))
        await asyncio.gather(*self.sleepers)
        await nothing_stays(self.house, self.database, self.stores)
        assert not self.wire.wrong, self.wire.wrong

    async def parcel(self, lap: int) -> Parcel:
        """A new folder at Google; the first one has a large file in it."""
        await self.house.google.token_for(TEACHER, fresh=True)
        tree = contents(f"{self.dice.random()}", large=self.large if lap == 1 else 0)
        return await planted(self.house, self.teacher, self.drives, f"Storm {lap}", tree)

    async def carry(self, parcel: Parcel, mode: str, at: Place, to: Place, until: int = 0) -> None:
        """One leg in the storm, and everything that must be true after it."""
        self.wire.sent.clear()
        before = await parcel.found(at)
        assert before == parcel.expected or at == "google"
        job = await parcel.order(mode, at, to)
        guarded = parcel if (mode, at) == ("move", "google") else None
        await self._weather(job, until, guarded)
        await self.arrived(parcel, mode, job, at, to, before)

    async def arrived(self, parcel: Parcel, mode: str, job: str, at: Place, to: Place, before: Found) -> None:
        """The job ends, and has done what was ordered: everything once, and whole, and nothing of ours is left open."""
        await self._ended(job)
        await adds_up(self.teacher, job, parcel.expected)
        assert await parcel.found(to) == parcel.expected, f"{mode} {at} → {to}: everything once, and whole"
        left = await parcel.found(at)
        assert left == ([] if mode == "move" else before), f"{mode} {at} → {to}: what stays at the source"
        if to != "native":
            sent_once(self.wire.sent, CHUNK[to])
            sessions_are_closed(self.house, self.wire.sent, self.struck)

    # the weather

    async def _weather(self, job: str, until: int, guarded: Parcel | None) -> None:
        """Strike again and again while the job runs."""
        async with asyncio.timeout(PATIENCE):
            await self._strikes(job, until, guarded)

    async def _strikes(self, job: str, until: int, guarded: Parcel | None) -> None:
        while self.struck < until:
            victim = self._next()
            strike = self.wire.arm(self._strike(victim))
            while not strike.struck.is_set():
                if await self._over(job):
                    self.wire.disarm()
                    self._left.append(victim)
                    return
                await asyncio.sleep(0.05)
            print(f"strike {self.struck}: {victim}, {strike.where.value} a request")
            if guarded is not None:
                guarded.nothing_is_lost()
            await self._revive(victim)

    def _next(self) -> str:
        """Whose turn it is: as cards are drawn, so that nobody is left out."""
        if not self._left:
            self._left = self.dice.sample(self.victims, len(self.victims))
        return self._left.pop()

    def _strike(self, victim: str) -> Strike:
        dice = self.dice
        after, where, part = dice.randint(0, 16), dice.choice(tuple(Where)), dice.random()
        worker = dice.choice(self.workers) if victim in ("worker", "sleep") else None
        return Strike(after, where, part, dice.random() < 0.3, lambda: self._hit(victim, worker))

    def _hit(self, victim: str, worker: Process | None) -> None:
        self.struck += 1
        if worker is not None:
            self.workers.remove(worker)
        if victim == "sleep" and worker is not None:
            worker.send_signal(signal.SIGSTOP)
            self.slept += 1
            self.sleepers.append(asyncio.create_task(self._wake(worker)))
        elif victim != "trouble":
            (worker or self._process(victim)).kill()

    def _process(self, victim: str) -> Process:
        process = self.house.process if victim == "gateway" else getattr(self.house, victim).process
        assert process is not None
        return cast("Process", process)

    async def _revive(self, victim: str) -> None:
        if victim == "trouble":
            assert self.trouble is not None
            await self.trouble()
            return
        if victim in ("worker", "sleep"):
            self.workers.append(await self.stack.enter_async_context(self.house.worker()))
            return
        await self._process(victim).wait()
        if victim == "gateway":
            self.house.process = None
            await insisted(self.house.start)
        else:
            await self._restart(getattr(self.house, victim))

    async def _restart(self, vendor: Running) -> None:
        vendor.process = await restarted(vendor)
        self.stack.push_async_callback(_end, vendor.process)

    async def _wake(self, worker: Process) -> None:
        await asyncio.sleep(ASLEEP)
        worker.send_signal(signal.SIGCONT)
        self.workers.append(worker)

    async def _over(self, job: str) -> bool:
        """Whether the job has ended; not, as far as anybody knows, while the gateway is dead."""
        try:
            return bool((await self.teacher.api("GET", f"/v1/jobs/{job}")).get("ended"))
        except (aiohttp.ClientError, tour.TourFailed):
            return False

    async def _ended(self, job: str) -> None:
        await eventually(lambda: self._over(job), 90, 0.1)


async def insisted(start: Callable[[], Awaitable[T]]) -> T:
    """What starts, as a supervisor does it: a start that gives up on a slow machine is tried again."""
    for _ in range(2):
        with suppress(SystemExit):
            return await start()
    return await start()


async def restarted(vendor: Running) -> Process:
    """A stand-in that has died, again on its port and its disk."""
    port = vendor.url.rpartition(":")[2]
    arguments = ["--state", str(vendor.state), "--port", port, "--no-seed"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "providers.sandbox", vendor.kind, *arguments, cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(30):
        assert (await process.stdout.readline()).startswith(b"ready")
    return process


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


@asynccontextmanager
async def open_storm(
    folder: Path,
    seed: int,
    victims: Sequence[str],
    database: str = "",
    *,
    workers: int = 0,
    stores: Stores | None = None,
    environment: Mapping[str, str] | None = None,
) -> AsyncGenerator[Storm]:
    """A house behind relays. With ``workers`` its gateway does no work itself. ``environment``: more settings.

    ``stores``: a bucket and a Redis for it, instead of folders.
    """
    wire, serve = Wire(), ["--no-worker"] if workers else []
    async with AsyncExitStack() as stack:
        google, microsoft = [await stack.enter_async_context(wire.relay()) for _ in range(2)]
        addresses = {
            "FILE_ACCESS_GOOGLE__API_ROOT": google.url,
            "FILE_ACCESS_MICROSOFT__GRAPH_ROOT": f"{microsoft.url}/v1.0",
            **(stores.environment if stores else {}),
            **(environment or {}),
        }
        running = await stack.enter_async_context(
            house(folder, database_url=database, serve=serve, environment=addresses)
        )
        google.to, microsoft.to = running.google.url, running.microsoft.url
        teacher = await stack.enter_async_context(Browser(running.url))
        await teacher.sign_in("riverside", "amira.haddad")
        drives: dict[Place, str] = {"native": "native"}
        drives["google"] = await teacher.connect("google", TEACHER)
        drives["back"] = drives["google"]
        drives["onedrive"] = await teacher.connect("microsoft", TEACHER)
        storm = Storm(running, teacher, drives, wire, random.Random(seed), victims, database, stores, stack=stack)
        storm.workers = [await stack.enter_async_context(running.worker()) for _ in range(workers)]
        yield storm
