"""A receiver of webhooks on loopback: it keeps what came and answers what the test says."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass
class Receiver:
    """``status`` is the answer; ``came`` what was received: headers by small name, and the raw body."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.came.append((headers, await request.read()))
        return web.Response(status=self.status, headers=self.headers, body=self.body)


def verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether a signature is of this secret: RFC 2104 written out, so that nothing is shared with what signs."""
    key = base64.b64decode(secret.removeprefix("whsec_")).ljust(64, b"\0")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    inner = hashlib.sha256(bytes(one ^ 0x36 for one in key) + signed).digest()
    outer = hashlib.sha256(bytes(one ^ 0x5C for one in key) + inner).digest()
    return "v1," + base64.b64encode(outer).decode() in headers["webhook-signature"].split(" ")


@asynccontextmanager
async def receiving(**more: Any) -> AsyncIterator[Receiver]:
    """A receiver on a free port of loopback."""
    receiver = Receiver(**more)
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", receiver.handle)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/told?room=7"
        yield receiver
    finally:
        await runner.cleanup()
