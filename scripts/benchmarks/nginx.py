"""nginx as the peer of opening a file: one process that serves one folder in plain HTTP on loopback.

Taken from PATH, else unpacked from Debian's own package into the scratch folder: nothing is installed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import playground

_CONFIGURATION = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{}}
http {{
  access_log off; sendfile on; tcp_nopush on;
  client_body_temp_path {folder}/tmp; proxy_temp_path {folder}/tmp; fastcgi_temp_path {folder}/tmp;
  uwsgi_temp_path {folder}/tmp; scgi_temp_path {folder}/tmp;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


@asynccontextmanager
async def serving(folder: Path, root: Path) -> AsyncIterator[tuple[str, int] | None]:
    """The address and the process id, for as long as the context lasts; None where there is no nginx to be had."""
    binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin") or await _unpacked(folder)
    if binary is None:
        yield None
        return
    port, settings = playground.free_port(0), folder / "nginx.conf"
    settings.write_text(_CONFIGURATION.format(folder=folder, root=root, port=port))
    process = await asyncio.create_subprocess_exec(binary, "-p", str(folder), "-c", str(settings))
    try:
        await _listening(process, port)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        await playground.stop(process)


async def _listening(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(10):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
    raise RuntimeError("nginx did not start")


async def _unpacked(folder: Path) -> str | None:
    """The program out of the package nginx, where apt knows it."""
    place = folder / "nginx"
    place.mkdir()
    if not shutil.which("apt-get") or not await _told(place, "apt-get", "download", "-qq", "nginx"):
        return None
    binary = place / "usr" / "sbin" / "nginx"
    for package in place.glob("*.deb"):
        await _told(place, "dpkg", "-x", str(package), ".")
    return str(binary) if binary.exists() and await _told(place, str(binary), "-v") else None


async def _told(place: Path, *command: str) -> bool:
    """Whether a command succeeds."""
    nowhere = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        *command, cwd=place, stdin=nowhere, stdout=nowhere, stderr=nowhere, env={**os.environ, "LC_ALL": "C"}
    )
    return await process.wait() == 0
