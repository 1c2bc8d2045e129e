"""Each fault does what it says, where it says, as often as it says, and in the vendor's own envelope."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from providers.sandbox.core import Sandbox, serve
from providers.sandbox.faults import Faults
from tests.sandbox.test_google.client import Client


@pytest.fixture
async def drive(tmp_path: Path) -> AsyncIterator[Client]:
    async with serve("google", tmp_path, seed=False) as box, aiohttp.ClientSession() as session:
        session._retry_connection = False
        yield await Client.sign_in(box, session)


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        ({"status": 429}, "rateLimitExceeded"),
        ({"status": 429, "retry_after": 7}, "rateLimitExceeded"),
        ({"status": 403}, "userRateLimitExceeded"),
        ({"status": 403, "reason": "storageQuotaExceeded"}, "storageQuotaExceeded"),
        ({"status": 403, "reason": "downloadQuotaExceeded"}, "downloadQuotaExceeded"),
        ({"status": 500}, "internalError"),
        ({"status": 502}, "badGateway"),
        ({"status": 503, "retry_after": 0}, "backendError"),
        ({"status": 401}, "authError"),
        ({"status": 410}, "deleted"),
    ],
)
async def test_status(drive: Client, do: dict[str, Any], reason: str) -> None:
    await drive.fault({}, **do)
    reply = await drive.call("GET", "/files", status=do["status"])
    assert reply.reason == reason
    assert reply.headers.get("Retry-After") == (str(do["retry_after"]) if "retry_after" in do else None)


async def test_rate_limits_are_of_the_usage_domain(drive: Client) -> None:
    await drive.fault({}, status=403, reason="sharingRateLimitExceeded")
    error = (await drive.call("GET", "/files", status=403)).json["error"]["errors"][0]
    assert error["domain"] == "usageLimits"


async def test_the_token_endpoint_fails_in_oauth_s_form(drive: Client) -> None:
    await drive.fault({"path": "/token"}, status=400, reason="invalid_grant")
    async with drive.session.post(f"{drive.box.url}/token", data={}) as reply:
        assert (reply.status, (await reply.json())["error"]) == (400, "invalid_grant")


async def test_every_nth_after_some_and_so_many_times(drive: Client) -> None:
    await drive.fault({"path": "/drive/v3/files*", "after": 2, "nth": 3, "times": 2}, status=503)
    seen = []
    for _ in range(14):
        async with drive.session.get(f"{drive.box.url}/drive/v3/files") as reply:
            seen.append(reply.status)
    assert [number for number, status in enumerate(seen, 1) if status == 503] == [5, 8]


async def test_matching_by_method_path_and_query(drive: Client) -> None:
    await drive.fault({"method": "GET", "path": "*/files/*", "query": "*alt=media*"}, status=500)
    file_id = await drive.put("f", b"1")
    await drive.file(file_id)
    await drive.call("GET", f"/files/{file_id}", alt="media", status=500)


async def test_latency(drive: Client) -> None:
    await drive.fault({}, latency_ms=120)
    began = time.monotonic()
    await drive.call("GET", "/files")
    assert time.monotonic() - began >= 0.12


async def test_drop_before_and_after_the_work(drive: Client) -> None:
    for when, made in ((True, []), ("answer", ["f"])):
        await drive.fault({"method": "POST", "path": "*/files", "times": 1}, drop=when)
        with pytest.raises(aiohttp.ServerDisconnectedError):
            await drive.call("POST", "/files", body={"name": "f"})
        assert await drive.names("name='f'") == made


async def test_a_simple_upload_that_is_cut_leaves_nothing(drive: Client) -> None:
    await drive.fault({"path": "/upload/*"}, drop_after=100_000)
    with pytest.raises(aiohttp.ClientError):
        await drive.call("POST", "/upload/drive/v3/files", data=b"x" * 500_000, uploadType="media")
    assert list(drive.box.store.blobs.iterdir()) == []
    assert await drive.names("trashed=false") == []


@pytest.mark.parametrize("cut", [0, 1, 1000, 400_000])
async def test_truncated_bytes(drive: Client, cut: int) -> None:
    data = bytes(range(250)) * 2000
    file_id = await drive.put("f", data)
    await drive.fault({"query": "*alt=media*"}, truncate=cut)
    url = f"{drive.box.url}/drive/v3/files/{file_id}?alt=media"
    headers, got = {"Authorization": f"Bearer {drive.tokens['access_token']}"}, bytearray()
    async with drive.session.get(url, headers=headers) as reply:
        assert reply.headers["Content-Length"] == str(len(data))
        with pytest.raises(aiohttp.ClientPayloadError):
            await _drain(reply, got)
    assert bytes(got) == data[:cut]


async def _drain(reply: aiohttp.ClientResponse, into: bytearray) -> None:
    while chunk := await reply.content.readany():
        into += chunk


async def test_truncated_json(drive: Client) -> None:
    await drive.fault({}, truncate=10, stall_ms=50)
    with pytest.raises(aiohttp.ClientPayloadError):
        await drive.call("GET", "/files")


async def test_a_portal_page_comes_with_200(drive: Client) -> None:
    await drive.fault({"times": 1}, html=True)
    reply = await drive.call("GET", "/files")
    assert reply.headers["Content-Type"].startswith("text/html")
    assert b"Sign in to the network" in reply.body
    assert (await drive.call("GET", "/files")).json["kind"] == "drive#fileList"


async def test_an_expired_token_needs_a_refresh(drive: Client) -> None:
    await drive.fault({"path": "/drive/*", "times": 1}, expire_token=True)
    assert (await drive.call("GET", "/files", status=401)).reason == "authError"
    await drive.call("GET", "/files", status=401)
    form = {"grant_type": "refresh_token", "refresh_token": drive.tokens["refresh_token"], "client_id": "app"}
    async with drive.session.post(f"{drive.box.url}/token", data=form) as reply:
        drive.tokens = await reply.json()
    await drive.call("GET", "/files")


async def test_a_grant_that_was_taken_away_cannot_be_refreshed(drive: Client) -> None:
    await drive.fault({"path": "/token", "times": 1}, expire_grant=True)
    form = {"grant_type": "refresh_token", "refresh_token": drive.tokens["refresh_token"], "client_id": "app"}
    async with drive.session.post(f"{drive.box.url}/token", data=form) as reply:
        assert (reply.status, (await reply.json())["error"]) == (400, "invalid_grant")
    await drive.call("GET", "/files", status=401)


async def test_rules_are_shown_with_their_counts_and_cleared(drive: Client) -> None:
    await drive.fault({"method": "GET"}, status=500)
    await drive.call("GET", "/files", status=500)
    async with drive.session.get(f"{drive.box.url}/_sandbox/faults") as reply:
        assert await reply.json() == [{"match": {"method": "GET"}, "do": {"status": 500}, "seen": 1, "hits": 1}]
    async with drive.session.delete(f"{drive.box.url}/_sandbox/faults") as reply:
        assert await reply.json() == []
    await drive.call("GET", "/files")


async def test_the_log_says_which_requests_were_hit(drive: Client) -> None:
    await drive.fault({"times": 1}, status=500)
    await drive.call("GET", "/files", status=500)
    await drive.call("GET", "/files")
    assert [one["fault"] for one in list(drive.box.recent)[-2:]] == [True, False]


@pytest.mark.parametrize(
    "rules",
    [
        {},
        [7],
        [{"match": {}}],
        [{"match": [], "do": {"status": 500}, "x": 1}],
        [{"match": 7, "do": {"status": 500}}],
        [{"match": {"colour": 1}, "do": {"status": 500}}],
        [{"match": {"nth": 0}, "do": {"status": 500}}],
        [{"match": {"times": True}, "do": {"status": 500}}],
        [{"match": {}, "do": {"status": "500"}}],
        [{"match": {}, "do": {"explode": True}}],
        [{"match": {}, "do": {"status": 500}}, {"match": {}, "do": {}}],
    ],
)
def test_what_is_no_rule_is_refused_and_nothing_is_kept(rules: object) -> None:
    faults = Faults()
    with pytest.raises(ValueError):
        faults.add(rules)
    assert faults.rules == []


async def test_bad_rules_are_400(drive: Client) -> None:
    for data in (b"{", b"[{}]"):
        async with drive.session.post(f"{drive.box.url}/_sandbox/faults", data=data) as reply:
            assert reply.status == 400


async def test_the_control_endpoint_is_never_hit(drive: Client) -> None:
    box: Sandbox = drive.box
    await drive.fault({}, status=500)
    async with drive.session.get(f"{box.url}/_sandbox/users") as reply:
        assert reply.status == 200
