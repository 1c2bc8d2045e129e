"""A gateway and its three stand-ins for the browser tests: real processes, the ones that ./scripts/start runs."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import shutil
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType

from cache.expiry import default_folder
from tests.aftermath import left

ROOT = Path(__file__).resolve().parents[2]
EXTENSION = ROOT / "gateway" / "extension"


@dataclass(frozen=True)
class Running:
    """Where everything is. ``google``, ``microsoft`` and ``launchpad`` are the stand-ins' addresses."""

    gateway: str
    google: str
    microsoft: str
    launchpad: str
    data: Path


def extension_id() -> str:
    """The id that browsers derive from the manifest's public key: the first half of its SHA-256, in letters a to p."""
    key = b64decode(json.loads((EXTENSION / "manifest.json").read_text())["key"])
    return "".join(chr(ord("a") + int(digit, 16)) for digit in hashlib.sha256(key).hexdigest()[:32])


def _playground() -> ModuleType:
    spec = importlib.util.spec_from_file_location("playground", ROOT / "scripts" / "playground.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.EXTENSION_ID = extension_id()  # type: ignore[attr-defined]  # a module known only at run time
    any_port = partial(module.free_port, 0)
    module.free_port = lambda _preferred: any_port()  # type: ignore[attr-defined]  # two that start at once want the same
    return module


@contextmanager
def stack(data: Path) -> Iterator[Running]:
    """Everything started, and ended by process id afterwards; from a thread of its own, so that any test may use it."""
    playground = _playground()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="stack")
    thread.start()
    context = playground.playground(data)
    try:
        found = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(120)
        try:
            boxes = found.sandboxes
            yield Running(found.gateway, boxes["google"], boxes["microsoft"], boxes["launchpad"], data)
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(60)
        assert left(data) == []
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
        if (expiry := default_folder(data / "gateway")) is not None:
            shutil.rmtree(expiry, ignore_errors=True)
