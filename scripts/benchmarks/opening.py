"""The row about opening: a cached file, sealed on the disk, beside nginx that serves the same bytes plain."""

from __future__ import annotations

import shutil
import time
from functools import partial
from pathlib import Path

from yarl import URL

from benchmarks import nginx, targets
from benchmarks.bulk import made_up, provide
from benchmarks.rows import Measured, Row, Side, alternate, limits
from benchmarks.usage import MIB, Cost, child, cpu
from benchmarks.world import World

SIZE = 256 * MIB
AGAIN = 4
"""Times that a client reads the file in one run, so that a run is longer than the kernel's clock is coarse."""
RUNS = 5
OPENS = 200
GB = 1e9


async def _opening(world: World) -> Measured:
    curl = shutil.which("curl")
    if curl is None:
        raise RuntimeError("curl is not there: the row needs a client that is not the limit")
    large = await _content(world, "opened", "large.bin", SIZE)
    small = await _content(world, "opened small", "small.bin", 4096)
    await _warm(world, large)
    first = await _first_bytes(world, small)
    root = world.folder / "plain"
    root.mkdir()
    made_up(root / "large.bin", SIZE, 0)
    read = partial(_read, world, curl)
    async with nginx.serving(world.folder, root) as plain:
        found = await alternate(
            RUNS,
            ours=lambda _: read(f"{world.gateway}{large}", "gateway", world.pids["gateway"]),
            peer=(lambda _: read(f"{plain[0]}/large.bin", "nginx", plain[1])) if plain else None,
        )
    async with world.profile() as profile:
        await read(f"{world.gateway}{large}", "gateway", world.pids["gateway"])
    (root / "large.bin").unlink()
    return _told(found, first, profile[0])


def _told(found: dict[str, Side], first: list[float], profile: str) -> Measured:
    mib, gb = AGAIN * SIZE / MIB, AGAIN * SIZE / GB
    side, p50 = found["ours"], targets.percentile(first, 0.5) * 1000
    result = Measured("MiB/s", mib / side.seconds, peak_mib={"growth": side.growth}, notes=[*side.remarks])
    result.cpu_s = {"ours": side.cpu("gateway")}
    if "peer" in found:
        result.peer = mib / found["peer"].seconds
        result.ratio = result.ours / result.peer
        result.cpu_s["peer"] = found["peer"].cpu("nginx")
    a_gb = side.cpu("gateway") / gb
    missed = targets.opening(a_gb, result.ratio if result.peer else None, p50)
    result.judged(missed, f"{limits(side)}; {profile}")
    result.notes += [
        f"{a_gb:.2g} CPU s/GB" + (f", nginx {result.cpu_s['peer'] / gb:.2g}" if result.peer else ""),
        f"first byte p50 {p50:.3g} ms, p99 {targets.percentile(first, 0.99) * 1000:.3g} ms of {len(first)}",
    ]
    return result


async def _content(world: World, folder: str, name: str, size: int) -> str:
    """A file of Google Drive; the path of its content at the gateway."""
    await provide(world, "google", folder, [(name, size)])
    return f"/v1/drives/{world.drives['google']}/items/{await world.item('google', f'{folder}/{name}')}/content"


async def _warm(world: World, path: str) -> None:
    """Fill the cache and see that the next one comes from it. RuntimeError where it does not."""
    status = ""
    for _ in range(2):
        async with world.teacher.http.get(world.gateway + path) as response:
            size = sum([len(chunk) async for chunk in response.content.iter_any()])
            status = response.headers.get("Cache-Status", "")
    if size != SIZE or "hit" not in status:
        raise RuntimeError(f"the file does not come from the cache: {status}")


async def _first_bytes(world: World, path: str) -> list[float]:
    """Seconds to the first byte of a small cached file, of each open; the drive was asked just before them."""
    waits = []
    for number in range(OPENS + 1):
        started = time.perf_counter()
        async with world.teacher.http.get(world.gateway + path) as response:
            await response.content.readany()
            if number:
                waits.append(time.perf_counter() - started)
            await response.read()
    return waits


async def _read(world: World, curl: str, url: str, who: str, pid: int) -> Cost:
    """One client reads the file `AGAIN` times over one connection; its server's cost."""
    jar = world.teacher.http.cookie_jar.filter_cookies(URL(world.gateway))
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in jar.items())
    settings = Path(world.folder / "curl.conf")  # not on the command line, where everyone sees it
    settings.write_text(f'header = "Cookie: {cookies}"\n')
    settings.chmod(0o600)
    asked = [part for _ in range(AGAIN) for part in ("-o", "/dev/null", url)]
    before = cpu(pid)
    async with world.costs() as seen:
        cost, said = await child(
            [curl, "-sS", "-K", str(settings), "-w", "%{http_code} %{size_download}\\n", *asked], {}, "curl"
        )
    if said.decode().split() != ["200", str(SIZE)] * AGAIN:
        raise RuntimeError(f"{who} did not give the file: {said[:200].decode(errors='replace')}")
    return Cost(cost.seconds, {**seen.cpu, who: cpu(pid) - before}, seen.idle, seen.peak)


OPEN = Row(
    "open",
    "a cached file of 256 MiB opened, sealed on the disk; peer: nginx serving the same bytes plain",
    "≤ 0.5 CPU s/GB; ≥ 0.3x nginx; first byte of a small file ≤ 10 ms at p50, the drive asked in the last 10 s",
    _opening,
)
