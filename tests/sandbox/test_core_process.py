"""A stand-in as a process: the ready line, kill -9 in the middle, TLS, the list of behaviours, the control endpoint."""

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import trustme

from providers.sandbox.behaviours import behaviours
from providers.sandbox.core import VENDORS, serve
from tests.sandbox.test_google.client import Client

KIB256 = 256 * 1024


@asynccontextmanager
async def _process(state: Path, *options: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    arguments = ["-m", "providers.sandbox", "google", "--state", str(state), "--port", "0", "--no-seed", *options]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        assert line.startswith("ready http"), line
        yield process, line.split()[1]
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


class _Remote:
    """What `Client` needs of a stand-in in another process."""

    def __init__(self, url: str) -> None:
        self.url = url


async def _client(url: str, session: aiohttp.ClientSession) -> Client:
    return await Client.sign_in(_Remote(url), session)  # type: ignore[arg-type]  # only its url is used


async def test_kill_9_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    data = bytes(range(256)) * 3072
    async with aiohttp.ClientSession() as session:
        async with _process(tmp_path) as (process, url):
            drive = await _client(url, session)
            kept = await drive.put("kept.txt", b"kept")
            gone = await drive.put("gone.txt", b"gone")
            await drive.call("DELETE", f"/files/{gone}", status=204)
            place = await drive.session_for(size=len(data))
            headers = {"Content-Range": f"bytes 0-{KIB256 - 1}/{len(data)}"}
            await drive.call("PUT", place, data=data[:KIB256], headers=headers, status=308)
            process.send_signal(signal.SIGKILL)
            await process.wait()
        async with _process(tmp_path) as (process, fresh):
            drive.box = _Remote(fresh)  # type: ignore[assignment]  # the token is the old one and still good
            assert (await drive.call("GET", f"/files/{kept}", alt="media")).body == b"kept"
            await drive.call("GET", f"/files/{gone}", status=404)
            place = place.replace(url, fresh)
            state = await drive.call("PUT", place, headers={"Content-Range": f"bytes */{len(data)}"}, status=308)
            assert state.headers["Range"] == f"bytes=0-{KIB256 - 1}"
            headers = {"Content-Range": f"bytes {KIB256}-{len(data) - 1}/{len(data)}"}
            made = (await drive.call("PUT", place, data=data[KIB256:], headers=headers)).json["id"]
            assert (await drive.call("GET", f"/files/{made}", alt="media")).body == data
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 10) == 0


async def test_tls(tmp_path: Path) -> None:
    authority, folder = trustme.CA(), tmp_path / "tls"
    folder.mkdir()
    leaf = authority.issue_cert("127.0.0.1")
    leaf.private_key_pem.write_to_path(folder / "key.pem")
    leaf.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    connector = aiohttp.TCPConnector(ssl=context)
    tls = (folder / "cert.pem", folder / "key.pem")
    async with (
        serve("google", tmp_path / "state", seed=False, tls=tls) as box,
        aiohttp.ClientSession(connector=connector) as session,
    ):
        assert box.url.startswith("https://127.0.0.1:")
        drive = await Client.sign_in(box, session)
        assert (await drive.session_for()).startswith(box.url)
        data = b"x" * 3_000_000
        file_id = await drive.put("over tls", data)
        assert (await drive.call("GET", f"/files/{file_id}", alt="media")).body == data


async def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").touch()
    arguments = [
        "-m",
        "providers.sandbox",
        "google",
        "--state",
        str(tmp_path),
        "--tls-cert",
        str(tmp_path / "cert.pem"),
    ]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    _, said = await process.communicate()
    assert process.returncode == 2
    assert b"belong together" in said


async def test_behaviours_are_printed_with_their_basis() -> None:
    arguments = ["-m", "providers.sandbox", "behaviours", "google"]
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    lines = said.decode().splitlines()
    assert process.returncode == 0
    bases = {line.split()[1] for line in lines}
    assert bases == {"schema", "rclone", "documented", "assumed"}
    assert {line.split()[0] for line in lines} == {"all", "google"}


async def test_control(tmp_path: Path) -> None:
    assert set(VENDORS) == {"google", "microsoft", "launchpad"}
    async with serve("google", tmp_path, seed=False) as box, aiohttp.ClientSession() as session:
        drive = await Client.sign_in(box, session)
        person = {"key": "ada.new", "name": "Ada New", "school": "riverside", "role": "student", "age_band": "under_13"}
        everyone = await drive.control("users", person)
        assert everyone[-1]["email"] == "ada.new@riverside.example"
        fresh = await Client.sign_in(box, session, "ada.new@riverside.example")
        assert await fresh.names("trashed=false") == []
        assert (await drive.control("oauth", {"access_ttl": 5}))["access_ttl"] == 5
        assert (await drive.control("clock", {"ahead": 3601}))["ahead"] == 3601
        await drive.call("GET", "/files", status=401)
        async with session.get(f"{box.url}/_sandbox/requests") as reply:
            recent = await reply.json()
        assert recent[-1] == {
            "method": "GET",
            "host": box.url.removeprefix("http://"),
            "path": "/drive/v3/files",
            "status": 401,
            "query": [],
            "fault": False,
        }
        async with session.get(f"{box.url}/_sandbox/behaviours") as reply:
            assert len(await reply.json()) == len(list(behaviours("google")))
        async with session.delete(f"{box.url}/_sandbox/requests") as reply:
            assert len(await reply.json()) == len(recent)
        assert list(box.recent) == []


async def test_the_log_names_no_session_address(tmp_path: Path) -> None:
    async with serve("google", tmp_path, seed=False) as box, aiohttp.ClientSession() as session:
        drive = await Client.sign_in(box, session)
        place = await drive.session_for()
        await drive.call("PUT", place, data=b"x")
        secret = place.rpartition("upload_id=")[2]
        assert secret not in str(list(box.recent))
        assert drive.tokens["access_token"] not in str(list(box.recent))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("users", {"key": "x"}),
        ("users", {"key": "x", "name": "X", "school": "s", "role": "king"}),
        ("users", {"key": "x", "name": "X", "school": "s", "colour": "red"}),
        ("oauth", {"colour": "red"}),
        ("clock", {"ahead": "tomorrow"}),
    ],
)
async def test_bad_control_is_400(tmp_path: Path, name: str, body: object) -> None:
    async with serve("google", tmp_path, seed=False) as box, aiohttp.ClientSession() as session:
        async with session.post(f"{box.url}/_sandbox/{name}", json=body) as reply:
            assert reply.status == 400
        assert len(box.people.all()) == 6
