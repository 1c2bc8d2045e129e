"""Each fault does what it says, where it says, as often as it says, and in the vendor's own envelope."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from providers.sandbox.__main__ import cli
from providers.sandbox.core import Sandbox, serve
from providers.sandbox.faults import DO, MATCH, Faults
from tests.sandbox.test_google.client import Client


@pytest.fixture
async def drive(tmp_path: Path) -> AsyncIterator[Client]:
    async with serve("google", tmp_path, seed=False) as box, aiohttp.ClientSession() as session:
        session._retry_connection = False
        yield await Client.sign_in(box, session)


def recorded(drive: Client) -> list[float]:
    """How long the stand-in would have slept from now on, in seconds: it does not."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    drive.box.faults.sleep = sleep
    return slept


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
    slept = recorded(drive)
    await drive.fault({}, latency_ms=120)
    await drive.call("GET", "/files")
    assert slept == [0.12]


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


async def test_retry_after_as_a_date_and_as_any_text(drive: Client) -> None:
    await drive.fault({"times": 1}, status=429, retry_after_date=60)
    before = int(drive.box.now())
    reply = await drive.call("GET", "/files", status=429)
    assert before + 60 <= parsedate_to_datetime(reply.headers["Retry-After"]).timestamp() <= drive.box.now() + 60
    await drive.fault({"times": 1}, status=429, retry_after="soon")
    assert (await drive.call("GET", "/files", status=429)).headers["Retry-After"] == "soon"


async def test_a_cap_by_bytes_that_ends_at_its_time(drive: Client) -> None:
    now = int(drive.box.now())
    match = {"path": "/upload/*", "after_bytes": 900, "until": now + 3600}
    await drive.fault(match, status=403, reason="userRateLimitExceeded")
    await drive.put("first", b"x" * 1000)
    with pytest.raises(AssertionError, match="userRateLimitExceeded"):
        await drive.put("second", b"x")
    drive.box.ahead = 3601
    await drive.call("GET", "/files", status=401)
    drive = await Client.sign_in(drive.box, drive.session)
    await drive.put("third", b"x")


@pytest.mark.parametrize(("word", "reason"), [("quota_full", "storageQuotaExceeded"), ("locked", "contentRestricted")])
async def test_troubles_by_name(drive: Client, word: str, reason: str) -> None:
    await drive.fault({}, **{word: True})
    assert (await drive.call("POST", "/files", body={}, status=403)).reason == reason


async def test_expired_addresses(drive: Client) -> None:
    file = await drive.put("a", b"1", mimeType="image/png")
    link = (await drive.file(file, "thumbnailLink"))["thumbnailLink"]
    await drive.fault({"times": 1}, expire_address=True)
    await drive.call("GET", link, status=404)
    await drive.call("GET", link)


async def test_a_huge_error(drive: Client) -> None:
    await drive.fault({}, status=500, huge=3_000_000)
    reply = await drive.call("GET", "/files", status=500)
    assert len(reply.body) > 3_000_000
    assert reply.reason == "internalError"


async def test_a_redirect_elsewhere(drive: Client) -> None:
    await drive.fault({}, redirect="http://169.254.169.254/latest")
    reply = await drive.call("GET", "/files", status=302)
    assert reply.headers["Location"] == "http://169.254.169.254/latest"


@pytest.mark.parametrize("size", [10, 400_000])
async def test_wrong_bytes_and_wrong_lengths(drive: Client, size: int) -> None:
    data = bytes(range(250)) * (size // 250 + 1)
    file = await drive.put("a", data)
    await drive.fault({"times": 1}, corrupt=3)
    wrong = (await drive.call("GET", f"/files/{file}", alt="media")).body
    assert (len(wrong), wrong[3:]) == (len(data), data[3:])
    assert wrong != data
    await drive.fault({"times": 1}, corrupt=3)
    headers = {"Range": "bytes=5-8"}
    wrong = (await drive.call("GET", f"/files/{file}", alt="media", headers=headers, status=206)).body
    assert wrong != data[5:9]
    await drive.fault({"times": 1}, shorten=4)
    short = await drive.call("GET", f"/files/{file}", alt="media")
    assert short.body == data[:-4]
    assert short.headers["Content-Length"] == str(len(data) - 4)


async def test_lies_in_the_metadata(drive: Client) -> None:
    file = await drive.put("a", b"12345")
    true = await drive.file(file)
    await drive.fault({"times": 1}, wrong_hash=True, wrong_size=-2)
    lied = await drive.file(file)
    changed = {name for name in true if true[name] != lied[name]}
    assert changed == {"md5Checksum", "sha1Checksum", "sha256Checksum", "size"}
    assert lied["size"] == "3"
    assert all(len(true[name]) == len(lied[name]) for name in changed - {"size"})


async def test_pages_that_lose_entries(drive: Client) -> None:
    for name in "abc":
        await drive.put(name, b"")
    await drive.fault({"times": 1}, entries=1, incomplete=True)
    told = (await drive.call("GET", "/files")).json
    assert (len(told["files"]), told["incompleteSearch"]) == (1, True)
    await drive.fault({"times": 1}, entries=1)
    told = (await drive.call("GET", "/files")).json
    assert (len(told["files"]), told["incompleteSearch"], "nextPageToken" in told) == (1, False, False)


async def test_pages_that_lead_to_themselves(drive: Client) -> None:
    file = await drive.put("a", b"")
    await drive.fault({}, endless=True)
    token: dict[str, Any] = {}
    for _ in range(3):
        told = (await drive.call("GET", "/files", **token)).json
        assert [one["id"] for one in told["files"]] == [file]
        token = {"pageToken": told["nextPageToken"]}
    start = (await drive.call("GET", "/changes/startPageToken")).json["startPageToken"]
    told = (await drive.call("GET", "/changes", pageToken=start)).json
    assert told["nextPageToken"] == start
    assert "newStartPageToken" not in told


async def test_bytes_that_come_and_go_slowly(drive: Client) -> None:
    slept = recorded(drive)
    await drive.fault({"path": "*/files*"}, bandwidth=1_000_000)
    file = await drive.put("a", b"x" * 100_000)
    assert 0.1 <= sum(slept) < 0.101  # with what stands around the bytes
    slept.clear()
    await drive.call("GET", f"/files/{file}", alt="media")
    assert sum(slept) == pytest.approx(0.1)


async def test_an_unknown_word_is_answered_with_the_known_ones(drive: Client) -> None:
    for part, words in (("match", MATCH), ("do", DO)):
        rule = {"match": {}, "do": {"status": 500}, part: {"colour": 1}}
        async with drive.session.post(f"{drive.box.url}/_sandbox/faults", json=[rule]) as reply:
            assert reply.status == 400
            text = (await reply.json())["error"]
        assert all(word.name in text for word in words)


def test_the_vocabulary_is_printed() -> None:
    text = CliRunner().invoke(cli, ["faults"]).output
    assert all(word.name in text and word.meaning in text for word in (*MATCH, *DO))
