"""The bench itself: what a row says and what counts as met, the relay, the bare client, the profile. No figures."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.sandboxes import ROOT

sys.path.append(str(ROOT / "scripts"))

from benchmarks import bare, targets, usage, watched
from benchmarks.__main__ import table
from benchmarks.rclone import binary
from benchmarks.relay import Door, End, Latency
from benchmarks.rows import Measured, Row, Side, compare, failed
from benchmarks.table import ROWS
from benchmarks.targets import Sides, Weight
from benchmarks.usage import Cost
from benchmarks.world import World, profiled

FIELDS = ["name", "work", "ours", "peer", "bare", "ratio", "unit", "target", "met", "limit", "cpu_s", "peak_mib"]
NAMES = {
    "google-onedrive", "onedrive-google", "google-native", "native-onedrive", "latency", "small", "open", "memory",
    "throttled", "planning", "forget", "keys-cycle", "expiry", "expiry-sqlite",
}  # fmt: skip


async def _nothing(_: World) -> Measured:
    raise NotImplementedError


ROW = Row("one", "a | b", "fast", _nothing)


def test_every_row_of_the_table() -> None:
    assert {row.name for row in ROWS} == NAMES
    assert len(ROWS) == len(NAMES)
    assert ROWS[-1].name == "planning", "its account is refused for a day"


def test_a_row_as_json_and_as_a_line() -> None:
    side = Side([Cost(2.0, {"gateway": 1.0, "google": 0.5}, 100.0, 130.0)])
    result = compare({"ours": side, "peer": Side([Cost(4.0, {"rclone": 3.0}, 0.0, 200.0)])}, 100, "MiB/s")
    result.judged([])
    found = json.loads(json.dumps(result.as_json(ROW)))
    assert list(found) == FIELDS
    assert (found["ours"], found["peer"], found["bare"], found["ratio"], found["met"]) == (50, 25, None, 2, True)
    assert found["cpu_s"] == {"ours": 1.0, "servers": 0.5, "peer": 3.0}
    assert found["peak_mib"] == {"ours": 130.0, "growth": 30.0, "peer": 200.0}
    assert found["limit"] == ""
    assert table([found]).splitlines()[2].startswith("| a \\| b | 50 | 25 |  | MiB/s | 2x | fast | yes |")


def test_what_is_missed_says_so_and_why() -> None:
    side = Side([Cost(1.0, {"gateway": 0.95})])
    result = compare({"ours": side}, 1, "x")
    result.judged(["too slow"])
    result.notes.append("a note")
    assert result.as_json(ROW)["limit"] == ("too slow; gateway fills its core (of one core each: gateway 95%); a note")
    assert not result.as_json(ROW)["met"]


def test_a_row_that_could_not_be_measured_has_the_same_fields() -> None:
    found = failed(ROW, "no nginx")
    assert list(found) == FIELDS
    assert not found["met"]
    assert "no nginx" in table([found])
    cells = [line.replace("\\|", "").count("|") for line in table([found]).splitlines()]
    assert len(set(cells)) == 1


@pytest.mark.parametrize(
    ("judge", "met", "missed"),
    [
        (lambda ours: targets.large(Sides(ours, 100, 1000), 1.3), 130, 129.9),
        (lambda ours: targets.large(Sides(ours, 100, 100), 1.3), 90, 89.9),
        (lambda cpu: targets.light(Weight(cpu, 1.0, 0, 100)), 1.0, 1.01),
        (lambda growth: targets.light(Weight(1.0, 1.0, growth, 100)), 50, 50.1),
        (lambda ours: targets.small(Sides(ours, 1, 1), 10), 80, 79.9),
        (lambda ours: targets.small(Sides(ours, 40, 1), 1), 80, 79.9),
        (lambda ours: targets.small(Sides(ours, 1, 200), 1), 80, 79.9),
        (lambda seconds: targets.throttled(seconds, 10), 15, 15.1),
        (lambda ours: targets.latency(ours, 100), 160, 159.9),
        (lambda growth: targets.crowd(growth, 1), 350, 350.1),
        (lambda p99: targets.crowd(1, p99), 25, float("inf")),
        (lambda rate: targets.planning(rate, 0), 2000, 1999),
        (lambda late: targets.planning(5000, late), 16, 16.1),
        (lambda seconds: targets.forgetting(seconds, 5000), 1.5, 1.51),
        (lambda rate: targets.forgetting(1, rate), 5000, 4999),
        (targets.rewrapping, 20_000, 19_999),
        (targets.expiring, 50, 50.1),
        (lambda cpu: targets.opening(cpu, 1.0, 1), 0.5, 0.51),
        (lambda share: targets.opening(0.1, share, 1), 0.3, 0.29),
        (lambda share: targets.opening(0.1, share, 1), 0.3, None),
        (lambda first: targets.opening(0.1, 1.0, first), 10, 10.1),
    ],
)
def test_targets_at_the_border(judge: Callable[[Any], list[str]], met: float, missed: float | None) -> None:
    assert judge(met) == []
    assert len(judge(missed)) == 1


def test_percentiles() -> None:
    values = [float(number) for number in range(100, 0, -1)]
    assert (targets.percentile(values, 0.5), targets.percentile(values, 0.99), targets.percentile([7.0], 0.99)) == (
        50, 99, 7,
    )  # fmt: skip
    assert targets.percentile([*values[1:], float("inf")], 1.0) == float("inf")
    with pytest.raises(ValueError, match="nothing"):
        targets.percentile([], 0.5)


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


async def _through(hosts: bool, latency: Latency, sent: bytes, hello: bytes = b"") -> bytes:
    """What comes back of bytes that went to an echo behind the relay, by name or by a port of its own."""
    loop = asyncio.get_running_loop()
    echo = await asyncio.start_server(_echo, "127.0.0.1", 0)
    port = echo.sockets[0].getsockname()[1]
    server = await loop.create_server(
        lambda: Door({"drive.example": port}, None if hosts else port, latency), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
    try:
        writer.write(hello + sent)
        answer = await reader.readuntil(b"\r\n\r\n") if hello else b""
        return answer + (await reader.readexactly(len(sent)) if answer.find(b" 403 ") < 0 else b"")
    finally:
        writer.close()
        server.close()
        echo.close()


async def test_the_relay_passes_bytes_on() -> None:
    sent = os.urandom(1 << 20)
    assert await _through(False, Latency(), sent) == sent
    assert await _through(False, Latency(0.001), sent) == sent, "held back, and still whole and in order"
    hello = b"CONNECT drive.example:443 HTTP/1.1\r\nHost: drive.example:443\r\n\r\n"
    assert await _through(True, Latency(), sent, hello) == b"HTTP/1.1 200 OK\r\n\r\n" + sent
    refused = await _through(True, Latency(), b"", b"CONNECT other.example:443 HTTP/1.1\r\n\r\n")
    assert refused.startswith(b"HTTP/1.1 403 ")


class Clock:
    """A loop of which only the time and what is due are asked."""

    def __init__(self) -> None:
        self.now, self.due = 0.0, list[tuple[float, Callable[[], None]]]()

    def time(self) -> float:
        return self.now

    def call_later(self, seconds: float, call: Callable[[], None]) -> None:
        self.due.append((self.now + seconds, call))

    def until(self, moment: float) -> None:
        """Let time pass."""
        while self.due and min(self.due, key=lambda one: one[0])[0] <= moment:
            first = min(self.due, key=lambda one: one[0])
            self.due.remove(first)
            self.now = first[0]
            first[1]()
        self.now = moment


async def test_the_relay_holds_answers_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, arrived = Clock(), list[bytes]()
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: clock)
    monkeypatch.setattr(End, "_pass", lambda _, data: arrived.append(data))
    end, latency = End(None, latency := Latency(0.05)), latency
    end.data_received(b"a")
    clock.until(0.03)
    end.data_received(b"b")
    clock.until(0.049)
    assert arrived == []
    clock.until(0.05)
    assert arrived == [b"a"]
    latency.seconds = 0.0
    end.data_received(b"c")
    assert arrived == [b"a"], "nothing overtakes what is held back"
    clock.until(0.2)
    assert arrived == [b"a", b"b", b"c"]
    end.data_received(b"d")
    assert arrived[-1] == b"d"


async def test_the_bare_client_cuts_without_loss() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"abc", b"defgh", b"i"):
            yield piece

    cut = bare._Cut(pieces())
    assert [b"".join([one async for one in cut.take(length)]) for length in (2, 5, 2)] == [b"ab", b"cdefg", b"hi"]


def test_a_machine_that_others_use_is_remarked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "busy", lambda: 100.0)
    elsewhere = usage.Elsewhere()
    elsewhere._started -= 10 * 3600
    worked = 100.0 + 3600 * 10 * (os.cpu_count() or 1) * 0.5
    monkeypatch.setattr(usage, "busy", lambda: worked)
    assert elsewhere.told(0.0) == ["other work took 50% of the machine meanwhile"]
    assert elsewhere.told(worked - 100.0) == []


def test_where_a_stack_is() -> None:
    assert watched.located(sys._getframe()) == ("tests", "tests/test_bench.py test_where_a_stack_is")
    assert watched.part(asyncio.runners.__file__) == watched.NATIVE
    assert watched.part(pytest.__file__) == "pytest"
    assert watched.part(threading.__file__) == "threading"


def test_a_profile_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    look = watched.Look()
    before = signal.signal(signal.SIGPROF, look.seen)
    try:
        watched.obey(io.StringIO("start\n"), look)
        while look.parts.total() < 3:
            sum(range(10_000))
        watched.obey(io.StringIO("stop\n"), look)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    word, _, told = capsys.readouterr().out.partition(" ")
    found = json.loads(told)
    assert word == "profile"
    assert found["cpu"] > 0
    assert found["functions"]["tests/test_bench.py test_a_profile_on_request"] > 0
    seen = {"parts": {"aiohttp": 0.75, "json": 0.01}, "functions": {"gateway/app.py run": 1.0}, "cpu": 4.0}
    assert profiled(seen) == "profile of 4 CPU s: aiohttp 75%; in: gateway/app.py run 100%"


def test_an_unknown_row_is_refused_with_the_known_ones() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--only", "small", "--only", "none"],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": f"scripts:{ROOT}"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert told.returncode == 2
    assert all(name in told.stderr for name in NAMES)
    assert told.stdout == ""


def test_rclone_is_there() -> None:
    assert os.access(binary(), os.X_OK)
