"""`./scripts/start --tour` holds what it shows, and leaves no trace of anybody in what the gateway wrote."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.aftermath import Stopped
from tests.e2e.traces import Traces
from tests.e2e.watching import Watch, of_log
from tests.sandboxes import ROOT

pytestmark = pytest.mark.slow

PATIENCE = 240


async def tour(folder: Path, watch: Watch) -> str:
    """The whole tour, as people start it; what it printed."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FILE_ACCESS_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "scripts" / "playground.py"), "--tour", "--data", str(folder / "data"), cwd=ROOT,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**clean, **watch.environment(), "TMPDIR": str(folder / "tmp")},
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)  # it ends what it started
            await process.wait()
    assert process.returncode == 0, out.decode()
    return out.decode()


async def test_the_tour_holds_and_leaves_no_trace(tmp_path: Path) -> None:
    data = tmp_path / "data"
    (tmp_path / "tmp").mkdir()
    watch = Watch(tmp_path / "notes", {}, data / "gateway-root.key")
    told = await tour(tmp_path, watch)
    assert "Everything held" in told
    assert "signing in again makes a new, empty person" in told
    traces = Traces(Stopped(data), None, elsewhere=[tmp_path / "tmp"], watch=watch)
    assert len(watch.keys) > 10, "every key that the gateway made is searched for"
    assert len(watch.secrets) > 10, "and every cookie, token and code"
    assert (data / "gateway" / "gateway.db").stat().st_size > 0
    assert traces.found() == []
    assert of_log(data / "gateway.log") == []
