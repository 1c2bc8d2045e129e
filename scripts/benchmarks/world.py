"""What every row runs on: TLS stand-ins, the relay, the gateway with a signed-in teacher, and rclone set up beside it.

Everything is a process of its own on one temporary folder, ended by its process id. The gateway runs on embedded
defaults; nothing in it is told that it is being measured.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import playground
from tour import Browser

from benchmarks import rclone
from benchmarks.usage import Cost, child, cpu, measured, memory
from tests.contract.relay import GOOGLE, MICROSOFT, Authority

ROOT: Final = Path(__file__).resolve().parent.parent.parent

TEACHER: Final = "amira.haddad@riverside.example"


@dataclass
class World:
    """``pids`` by name; ``ports`` of the relay; ``drives`` of the teacher by kind."""

    folder: Path
    authority: Authority
    pids: dict[str, int] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    drives: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    gateway: str = ""
    launchpad: str = ""
    idle: float = 0.0
    """MiB of the gateway after the sign-in, before any work."""
    relay: asyncio.subprocess.Process | None = None
    served: asyncio.subprocess.Process | None = None
    browser: Browser | None = None

    @property
    def teacher(self) -> Browser:
        """The signed-in teacher at the gateway."""
        assert self.browser is not None
        return self.browser

    def origin(self, vendor: str) -> str:
        """A stand-in's address through the relay."""
        return f"https://127.0.0.1:{self.ports[vendor]}"

    async def latency(self, milliseconds: float) -> None:
        """Hold every answer back for so long, from now on."""
        assert self.relay is not None
        assert self.relay.stdin is not None
        self.relay.stdin.write(f"{milliseconds}\n".encode())
        await self.relay.stdin.drain()

    async def control(self, vendor: str, method: str, name: str, body: object | None = None) -> Any:
        """A call of a stand-in's control endpoint."""
        origin = self.launchpad if vendor == "launchpad" else self.origin(vendor)
        url = f"{origin}/_sandbox/{name}"
        async with self.teacher.http.request(method, url, json=body) as answer:
            if answer.status != 200:
                raise RuntimeError(f"{vendor} {name}: {answer.status} {(await answer.text())[:300]}")
            return await answer.json()

    async def vendor_json(self, vendor: str, method: str, path: str, **more: Any) -> Any:
        """A call of a vendor's own API, as the teacher, beside the gateway."""
        headers = {"Authorization": f"Bearer {self.tokens[vendor]}"}
        async with self.teacher.http.request(method, self.origin(vendor) + path, headers=headers, **more) as answer:
            raw = await answer.read()
            if answer.status >= 400:
                raise RuntimeError(f"{vendor} {path.partition('?')[0]}: {answer.status} {raw[:300]!r}")
            return json.loads(raw) if raw else None

    # ours

    async def transfer(
        self, sources: Sequence[tuple[str, str]], to: tuple[str, str], **order: Any
    ) -> tuple[dict[str, Any], Cost]:
        """Order a copy through the API and follow it to its end; the job and its cost. RuntimeError where not all went.

        ``sources`` and ``to``: (kind of drive, item id).
        """
        body = {
            "mode": "copy",
            "sources": [{"drive": self.drives[kind], "item": item} for kind, item in sources],
            "destination": {"drive": self.drives[to[0]], "item": to[1]},
            **order,
        }
        async with self.costs() as cost:
            headers = {"Idempotency-Key": secrets.token_hex(16)}
            job = await self.teacher.api("POST", "/v1/transfers", 202, json=body, headers=headers)
            job = await self.ended(job["id"])
        counts = job["counts"]
        if job["state"] != "done" or counts["failed"] or counts["copied"] != counts["found"]:
            raise RuntimeError(f"the transfer ended as {job['state']} with {counts}: {await self._reasons(job['id'])}")
        return job, cost

    async def _reasons(self, job: str) -> dict[str, int]:
        """How many items ended for which reason."""
        items = (await self.teacher.api("GET", f"/v1/jobs/{job}/items?limit=1000"))["items"]
        return dict(Counter(str(one["reason"]) for one in items if one.get("reason")))

    @asynccontextmanager
    async def costs(self) -> AsyncIterator[Cost]:
        """What the gateway does inside costs; its memory above what it had before any work."""
        async with measured(self.pids, "gateway") as cost:
            yield cost
        cost.idle = self.idle

    @asynccontextmanager
    async def profile(self) -> AsyncIterator[list[str]]:
        """Where the gateway's processor time goes inside; the words stand in the list afterwards."""
        assert self.served is not None
        async with profile(self.served) as found:
            yield found

    async def ended(self, job: str, patience: float = 900, who: Browser | None = None) -> dict[str, Any]:
        """The job once it has ended, followed by its events."""
        last: dict[str, Any] = {}
        async with (
            asyncio.timeout(patience),
            (who or self.teacher).http.get(
                f"{self.gateway}/v1/jobs/{job}/events", timeout=aiohttp.ClientTimeout(total=None)
            ) as response,
        ):
            event = ""
            async for raw in response.content:
                line = raw.decode().rstrip("\n")
                if line.startswith("event: "):
                    event = line[7:]
                elif line.startswith("data: "):
                    last = json.loads(line[6:])
                    if event == "end":
                        break
        return last

    async def make_folder(self, kind: str, name: str) -> str:
        """A new folder at the top of one of the teacher's drives; its id at the gateway."""
        made = await self.teacher.api(
            "POST",
            f"/v1/drives/{self.drives[kind]}/items/root/children",
            201,
            json={"name": name, "kind": "folder"},
            headers={"Idempotency-Key": secrets.token_hex(16)},
        )
        return str(made["id"])

    async def fresh_folder(self, kind: str, name: str) -> str:
        """The same, instead of one of that name that a row which failed has left."""
        async for one in self.teacher.children(self.drives[kind], "root"):
            if one["name"] == name:
                await self.drop(kind, one["id"])
        return await self.make_folder(kind, name)

    async def item(self, kind: str, path: str) -> str:
        """The id of an item by its path from the top."""
        at = "root"
        for name in path.split("/"):
            async for one in self.teacher.children(self.drives[kind], at):
                if one["name"] == name:
                    at = one["id"]
                    break
            else:
                raise RuntimeError(f"no {path} in {kind}")
        return at

    async def drop(self, kind: str, item: str) -> None:
        """Delete for good, so that the next run finds what this one found."""
        await self.teacher.api("DELETE", f"/v1/drives/{self.drives[kind]}/items/{item}?permanent=true", 204)

    # the peer

    async def rclone(self, *arguments: str) -> Cost:
        """rclone, unmodified, through the relay."""
        command = [str(rclone.binary()), *arguments, "--config", str(self.folder / "rclone.conf")]
        command += ["--ca-cert", str(self.authority.ca_file), "--use-mmap=false"]
        proxy = f"http://127.0.0.1:{self.ports['proxy']}"
        env = {"HTTPS_PROXY": proxy, "HOME": str(self.folder), "PATH": os.environ["PATH"]}
        before = self.server_cpu()
        cost, _ = await child(command, env, "rclone")
        cost.cpu |= {name: now - before[name] for name, now in self.server_cpu().items()}
        return cost

    async def purge(self, path: str) -> None:
        """Delete what rclone has copied, for good: the bins of a whole run would not fit into memory."""
        await self.rclone("purge", path, "--drive-use-trash=false", "--onedrive-hard-delete")

    def server_cpu(self) -> dict[str, float]:
        """CPU seconds of the stand-ins and the relay."""
        return {name: cpu(self.pids[name]) for name in ("google", "microsoft", "relay")}

    async def bare(self, work: Mapping[str, Any]) -> Cost:
        """The bare client doing ``work`` (see `benchmarks.bare`)."""
        plan = {**work, "origins": {v: self.origin(v) for v in ("google", "microsoft")}, "tokens": self.tokens}
        command = [sys.executable, "-m", "benchmarks.bare", json.dumps(plan)]
        before = self.server_cpu()
        cost, said = await child(command, {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'scripts'}"}, "bare")
        cost.cpu |= {name: now - before[name] for name, now in self.server_cpu().items()}
        cost.seconds = float(said.split()[-1])  # its own clock: starting Python is not the work
        return cost


@asynccontextmanager
async def world(authority: Authority, folder: Path) -> AsyncIterator[World]:
    """Everything running and signed in; ended by process id when left."""
    made = World(folder, authority)
    async with AsyncExitStack() as stack:
        addresses = await _stand_ins(made, stack)
        await _relay(made, stack, addresses)
        made.launchpad = addresses["launchpad"]
        made.served, made.gateway = await gateway(made, stack, folder / "ours")
        made.pids["gateway"] = made.served.pid
        made.browser = await stack.enter_async_context(Browser(made.gateway))
        await made.teacher.sign_in("riverside", TEACHER.partition("@")[0])
        google = await made.teacher.connect("google", TEACHER)
        microsoft = await made.teacher.connect("microsoft", TEACHER)
        made.drives = {"native": "native", "google": google, "onedrive": microsoft}
        await rclone.configure(made, TEACHER)
        made.idle = memory(made.pids["gateway"])
        yield made


def profiled(seen: Mapping[str, Any]) -> str:
    """A profile in a line: the largest parts, and the project's own functions that stand below most of it."""

    def top(name: str, most: int) -> str:
        ranked = sorted(seen[name].items(), key=lambda pair: -pair[1])
        return ", ".join(f"{what} {share:.0%}" for what, share in ranked[:most] if share >= 0.02)

    return f"profile of {seen['cpu']:.3g} CPU s: {top('parts', 6)}; in: {top('functions', 5)}"


async def _stand_ins(made: World, stack: AsyncExitStack) -> dict[str, str]:
    certificate, key = made.authority.tls
    found = {}
    for vendor in playground.VENDORS:
        state = made.folder / vendor
        command = ["providers.sandbox", vendor, "--state", str(state), "--port", "0"]
        if vendor != "launchpad":
            command += ["--tls-cert", str(certificate), "--tls-key", str(key)]
        process, line = await _started(stack, command, {}, made.folder / f"{vendor}.log")
        made.pids[vendor], found[vendor] = process.pid, line.split()[1]
    return found


async def _relay(made: World, stack: AsyncExitStack, addresses: Mapping[str, str]) -> None:
    ports = {vendor: urlsplit(addresses[vendor]).port for vendor in ("google", "microsoft")}
    hosts = dict.fromkeys(GOOGLE, ports["google"]) | dict.fromkeys(MICROSOFT, ports["microsoft"])
    plan = json.dumps({"hosts": hosts, "forwards": ports})
    made.relay, line = await _started(stack, ["benchmarks.relay", plan], {}, made.folder / "relay.log")
    made.pids["relay"], made.ports = made.relay.pid, json.loads(line.partition(" ")[2])


async def gateway(
    world: World, stack: AsyncExitStack, folder: Path, more: Mapping[str, str] = MappingProxyType({})
) -> tuple[asyncio.subprocess.Process, str]:
    """A gateway on the stand-ins with its data in ``folder``, and its address. ``more``: settings."""
    port = playground.free_port(0)
    addresses = {vendor: world.origin(vendor) for vendor in ("google", "microsoft")} | {"launchpad": world.launchpad}
    folder.mkdir(exist_ok=True)
    settings = playground.gateway_settings(folder, port, addresses)
    settings |= {"FILE_ACCESS_EXPIRY_DIR": str(folder / "expiry"), "SSL_CERT_FILE": str(world.authority.ca_file)}
    command = ["benchmarks.watched", "gateway", "serve"]
    process, _ = await _started(stack, command, {**settings, **more}, folder / "gateway.log")
    return process, f"http://127.0.0.1:{port}"


@asynccontextmanager
async def profile(served: asyncio.subprocess.Process) -> AsyncIterator[list[str]]:
    """Where a gateway's processor time goes inside; the words stand in the list afterwards."""
    found: list[str] = []
    assert served.stdin is not None
    assert served.stdout is not None
    served.stdin.write(b"start\n")
    try:
        yield found
    finally:
        served.stdin.write(b"stop\n")
        async with asyncio.timeout(30):
            while not (line := await served.stdout.readline()).startswith(b"profile "):
                if not line:
                    raise RuntimeError("the gateway has ended")
        found.append(profiled(json.loads(line[8:])))


async def _started(
    stack: AsyncExitStack, module: Sequence[str], environment: Mapping[str, str], log: Path
) -> tuple[asyncio.subprocess.Process, str]:
    """A process that has printed its ``ready`` line, and that line."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FILE_ACCESS_")}
    clean["PYTHONPATH"] = f"{ROOT}:{ROOT / 'scripts'}"
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *module, cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=errors, env={**clean, **environment}, start_new_session=True,
        )  # fmt: skip
    stack.push_async_callback(playground.stop, process)
    assert process.stdout is not None
    async with asyncio.timeout(playground.PATIENCE):
        while line := (await process.stdout.readline()).decode():
            if line.startswith("ready "):
                return process, line
    raise RuntimeError(f"{module[0]} did not start: {log.read_text()[-2000:]}")
