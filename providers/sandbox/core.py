"""The server that every stand-in is: routes, faults, recent requests, observers, control endpoint, state on disk.

Public API
----------
``VENDORS``                           kind -> "module:Class" of a `Vendor`
``Vendor``                            what a stand-in brings: title, mount(box), seed(box), refuse(...)
``Sandbox`` (``box``)                 kind, vendor, app, store, people, faults, oauth, observers, recent, url
``box.now()``                         epoch seconds, may be moved by ``POST /_sandbox/clock {"ahead": seconds}``
``await box.json(request)``           a bounded JSON object body (shown to observers); Refused 400 if it is none
``base(request)``                     'scheme://host' as the client wrote it, for absolute Locations
``label(request, template)``          names the route for the log and observers where the router's pattern does not tell
``show(request, body)``               tells observers the JSON part of a body that was read by other means (multipart)
``raise Refused(status, reason, message, headers)``   anywhere in a handler: rendered by ``vendor.refuse``
``async with serve(kind, state) as box``               in-process, for tests; ``box.url`` says where
``main(kind, state=..., host=..., port=..., ...)``     a process: prints ``ready http://HOST:PORT``, ends on SIGTERM

Control (never hit by faults, never in the log): see `control`.
"""

from __future__ import annotations

import asyncio
import importlib
import signal
import ssl
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from providers.sandbox import control
from providers.sandbox.box import VENDORS, Exchange, Observer, Refused, Sandbox, Vendor, base, label, show

__all__ = [
    "VENDORS",
    "Exchange",
    "Observer",
    "Refused",
    "Sandbox",
    "Vendor",
    "base",
    "label",
    "main",
    "serve",
    "show",
]


@asynccontextmanager
async def serve(
    kind: str,
    state: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: tuple[Path, Path] | None = None,
    seed: bool = True,
) -> AsyncIterator[Sandbox]:
    """A stand-in inside this process. ``tls`` is (certificate, key); port 0 takes a free one, see ``box.url``."""
    box = await asyncio.to_thread(Sandbox, kind, state, seed=seed)
    control.mount(box)
    context = None
    if tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*tls)
    runner = web.AppRunner(box.app, access_log=None, max_line_size=65536, shutdown_timeout=0.2)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, ssl_context=context)
        await site.start()
        bound = runner.addresses[0][1]
        box.url = f"{'https' if tls else 'http'}://{host}:{bound}"
        yield box
    finally:
        await runner.cleanup()
        box.store.close()


async def _until_told(kind: str, **options: Any) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(kind, **options) as box:
        sys.stdout.write(f"ready {box.url}\n")
        sys.stdout.flush()
        await stop.wait()


def main(
    kind: str,
    *,
    state: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: tuple[Path, Path] | None = None,
    seed: bool = True,
) -> None:
    """Runs a stand-in until SIGTERM or SIGINT. Prints one line when it listens: ``ready http://127.0.0.1:PORT``."""
    try:
        runner: Callable[..., None] = importlib.import_module("uvloop").run
    except ImportError:
        runner = asyncio.run
    runner(_until_told(kind, state=state, host=host, port=port, tls=tls, seed=seed))
