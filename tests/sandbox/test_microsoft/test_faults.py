"""Trouble on request, as Graph words it; and what a stand-in remembers over a restart."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from providers.sandbox.behaviours import behaviours
from providers.sandbox.core import Sandbox, serve
from tests.sandbox.test_microsoft.client import Client


@pytest.mark.parametrize(
    ("status", "code", "inner"),
    [
        (429, "activityLimitReached", "throttledRequest"),
        (503, "serviceNotAvailable", None),
        (509, "activityLimitReached", "throttledRequest"),
        (504, "generalException", "timeout"),
        (500, "generalException", None),
        (423, "notAllowed", "resourceLocked"),
        (507, "quotaLimitReached", None),
        (403, "accessDenied", None),
    ],
)
async def test_the_usual_code_of_a_status(teacher: Client, status: int, code: str, inner: str | None) -> None:
    await teacher.fault({"path": "/v1.0/me/drive*", "times": 1}, status=status)
    reply = await teacher.call("GET", "/me/drive/root")
    error = reply.json["error"]
    assert (reply.status, error["code"], error["innerError"].get("code")) == (status, code, inner)
    assert error["innerError"]["request-id"] == reply.headers["request-id"]
    assert (await teacher.call("GET", "/me/drive/root")).status == 200


async def test_throttling_with_and_without_retry_after(teacher: Client) -> None:
    await teacher.fault({"path": "/v1.0/*", "times": 1}, status=429, retry_after=41)
    await teacher.fault({"path": "/v1.0/*", "times": 1}, status=429)
    first, second = [await teacher.call("GET", "/me/drive/root") for _ in range(2)]
    assert first.headers["Retry-After"] == "41"
    assert "Retry-After" not in second.headers


async def test_a_code_of_ones_own(teacher: Client) -> None:
    await teacher.fault({"path": "*/content", "times": 1}, status=403, reason="malwareDetected")
    assert (await teacher.call("GET", "/me/drive/root:/Welcome.txt:/content")).error == (403, "malwareDetected")


async def test_every_second_request_is_cut(teacher: Client) -> None:
    await teacher.fault({"path": "/v1.0/me", "nth": 2}, drop=True)
    assert (await teacher.call("GET", "/me")).status == 200
    with pytest.raises(aiohttp.ClientError):
        await teacher.call("GET", "/me")


async def test_a_token_that_runs_out_in_the_middle(teacher: Client) -> None:
    await teacher.fault({"path": "/v1.0/me", "times": 1}, expire_token=True)
    assert (await teacher.call("GET", "/me")).error == (401, "InvalidAuthenticationToken")
    await teacher.sign_in()
    assert (await teacher.call("GET", "/me")).status == 200


async def test_a_page_where_json_should_be(teacher: Client) -> None:
    await teacher.fault({"path": "/v1.0/me", "times": 1}, html=True)
    reply = await teacher.call("GET", "/me")
    assert (reply.status, reply.headers["Content-Type"].split(";")[0]) == (200, "text/html")


async def test_unknown_paths_and_methods_speak_graph(teacher: Client) -> None:
    reply = await teacher.call("GET", f"{teacher.box.url}/nothing")
    assert reply.error == (404, "itemNotFound")
    assert (await teacher.call("PUT", "/me")).error == (405, "methodNotAllowed")


async def test_a_new_person_has_an_empty_drive(teacher: Client, http: aiohttp.ClientSession) -> None:
    body = {"key": "new.pupil", "name": "New Pupil", "school": "home"}
    assert (await teacher.call("POST", f"{teacher.box.url}/_sandbox/users", json=body)).status == 200
    pupil = Client(http, teacher.box, "new.pupil@home.example")
    await pupil.sign_in()
    assert (await pupil.call("GET", "/me/drive/root/children")).json["value"] == []
    assert (await pupil.call("GET", "/me/drive")).json["driveType"] == "personal"


async def test_everything_is_there_after_a_restart(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    seen: list[Any] = []
    fresh: list[str] = []
    for _ in range(2):
        async with serve("microsoft", tmp_path / "kept") as box:
            client = Client(http, box, "amira.haddad@riverside.example")
            await client.sign_in()
            if not seen:
                await client.put("Marking/Kept.txt", b"kept")
                await client.call("DELETE", "/me/drive/root:/Shared resources:")
            quota = (await client.call("GET", "/me/drive")).json["quota"]
            listed = (await client.call("GET", "/me/drive/root/children?$select=id,name,size,eTag,folder")).json[
                "value"
            ]
            delta = (await client.call("GET", "/me/drive/root/delta?$select=id")).json["value"]
            seen.append((quota, listed, delta, await client.read("Marking/Kept.txt")))
            fresh.append((await client.folder("New")).json["id"])
            await client.call("POST", f"/me/drive/items/{fresh[-1]}/permanentDelete")
    assert seen[0] == seen[1]
    assert fresh[0] != fresh[1], "ids are never used again"


def test_the_seed_is_the_same_every_time(tmp_path: Path) -> None:
    found = []
    for number in range(2):
        box = Sandbox("microsoft", tmp_path / str(number))
        items = box.store.table("items").values()
        found.append(
            [(one["id"], one["name"], one["size"], one.get("hashes"), one["fs"]) for one in items if one["parent"]]
        )
        box.store.close()
    assert found[0] == found[1]
    assert len(found[0]) > 20


async def test_as_a_process(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    command = [sys.executable, "-m", "providers.sandbox", "microsoft", "--state", str(tmp_path / "state")]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), 20)).decode()
        url = re.fullmatch(r"ready (http://127\.0\.0\.1:\d+)\n", line)
        assert url is not None, line
        async with http.get(f"{url[1]}/v1.0/me") as reply:
            assert reply.status == 401
    finally:
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 10) == 0


def test_every_behaviour_has_a_basis_and_a_sentence() -> None:
    found = [entry for entry in behaviours("microsoft") if entry.vendor == "microsoft"]
    assert len(found) > 50
    assert {entry.basis for entry in found} == {"schema", "rclone", "documented", "assumed"}
    assert all(entry.sentence.endswith(".") for entry in found)
