"""A real Redis for tests: a process of its own on a free port of this machine, ended by its process id.

It may be stopped, paused and started again on the same port, so that tests see what a gateway sees when its place for
expiry keys goes away. What it holds is gone with the process unless the test turns persistence on.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from redis.asyncio import Redis

from tests.cache.servers import free_port

SAFE = ('save ""', "appendonly no", "maxmemory-policy noeviction")
"""What the gateway demands of the server."""

USER = "gateway"


@dataclass
class RedisServer:
    """One server. ``url`` is what a gateway is given; ``password`` is part of it."""

    folder: Path
    port: int
    options: tuple[str, ...]
    tls: bool = False
    rights: str = "~* &* +@all"
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Address with user and password."""
        return f"{'rediss' if self.tls else 'redis'}://{USER}:{self.password}@127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it and wait until it answers. OSError where it ended at once, as on a port that is taken."""
        program = shutil.which("redis-server") or shutil.which("valkey-server")
        assert program is not None, "redis-server is missing: scripts/test installs it"
        listening = f"port 0\ntls-port {self.port}" if self.tls else f"port {self.port}"
        lines = ["bind 127.0.0.1", listening, f'dir "{self.folder}"', *self.options]
        lines += [f"user {USER} on >{self.password} {self.rights}", f"user default on >{self.password} ~* &* +@all"]
        with (self.folder / "redis.log").open("ab") as out:
            self.process = await asyncio.create_subprocess_exec(
                program, "-", stdin=asyncio.subprocess.PIPE, stdout=out, stderr=out
            )
        assert self.process.stdin is not None
        self.process.stdin.write("\n".join(lines).encode() + b"\n")
        self.process.stdin.close()  # passwords come this way, never as arguments that anybody could list
        async with asyncio.timeout(20):
            while not await self._answers():
                if self.process.returncode is not None:
                    raise OSError("redis-server ended at once; see redis.log")
                await asyncio.sleep(0.02)

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True

    @asynccontextmanager
    async def look(self) -> AsyncGenerator[Redis]:
        """A client that may do everything, to look behind the gateway's own; not for servers with TLS."""
        client = Redis(host="127.0.0.1", port=self.port, password=self.password, socket_timeout=5)
        try:
            yield client
        finally:
            await client.aclose()

    def pause(self) -> None:
        """It keeps its connections and answers nobody."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """It answers again."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """SIGKILL: nothing is written on the way."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        self.process = None


@asynccontextmanager
async def redis_server(
    folder: Path, *options: str, tls: tuple[Path, Path] | None = None, rights: str = "~* &* +@all"
) -> AsyncGenerator[RedisServer]:
    """A running server on 127.0.0.1, ended with the context.

    ``options``: lines of redis.conf, instead of `SAFE`; ``tls``: certificate and key; ``rights``: those of the ACL user
    that ``url`` names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lines = options or SAFE
    if tls is not None:
        lines = (*lines, f'tls-cert-file "{tls[0]}"', f'tls-key-file "{tls[1]}"', "tls-auth-clients no")
    server = RedisServer(folder, free_port(), lines, tls is not None, rights)
    try:
        for left in (2, 1, 0):
            try:
                await server.start()
                break
            except OSError:  # somebody took the port meanwhile
                if not left:
                    raise
                server.port = free_port()
        yield server
    finally:
        await server.stop()


async def commands(server: RedisServer, *words: str | bytes | int) -> object:
    """One command with all rights; its answer."""
    async with server.look() as client:
        ask: Any = client.execute_command
        return await ask(*words)
