"""A throttled account, live: its job says when it goes on and for whom it waits, in the reader's language."""

from __future__ import annotations

import asyncio
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp

from tests.gateway.api.live import Live, Person

THROTTLED: list[dict[str, Any]] = [
    {
        "match": {"path": "/upload/*"},
        "do": {"status": 403, "reason": "userRateLimitExceeded", "retry_after": 600},
    },
]


async def first_waiting(who: Person, job: str) -> dict[str, Any]:
    """The first event that says until when the job waits."""
    async with asyncio.timeout(30), who.http.get(f"{who.live.url}/v1/jobs/{job}/events") as response:
        async for line in response.content:
            if line.startswith(b"data: ") and "resumes_at" in (data := json.loads(line[6:])):
                found: dict[str, Any] = data
                return found
    raise AssertionError("it never waited")


async def test_a_throttled_job_says_when_it_goes_on(live: Live, student: Person) -> None:
    file = await student.upload(f"{secrets.token_hex(6)}.txt", b"x" * 100)
    drive = await student.connect("google", "leo.park@riverside.example")
    root = (await student.get(f"/v1/drives/{drive}/items/root"))["id"]
    order = {
        "mode": "copy", "sources": [{"drive": "native", "item": file}],
        "destination": {"drive": drive, "item": root},
    }  # fmt: skip
    faults = f"{live.boxes['google']}/_sandbox/faults"
    async with aiohttp.ClientSession() as http:
        await http.post(faults, json=THROTTLED)
        try:
            job = (await student.post("/v1/transfers", 202, json=order))["id"]
            told = await first_waiting(student, job)
        finally:
            await http.delete(faults)
    resumes = datetime.fromisoformat(told["resumes_at"])
    now = datetime.now(UTC)
    assert now + timedelta(minutes=8) < resumes < now + timedelta(minutes=12)
    assert (told["state"], told["reason"]) == ("running", "waiting_google")
    [item] = (await student.get(f"/v1/jobs/{job}/items"))["items"]
    assert (item["state"], item["reason"], item["resumes_at"]) == ("ready", "waiting_google", told["resumes_at"])
    german = await student.ask("GET", f"/v1/jobs/{job}", headers={"Accept-Language": "de"})
    assert german.json["resumes_at"] == told["resumes_at"]
    assert german.json["advice"].startswith("Google Drive verlangt eine Pause")
    listed = next(one for one in (await student.get("/v1/jobs"))["items"] if one["id"] == job)
    assert (listed["resumes_at"], listed["reason"]) == (told["resumes_at"], "waiting_google")
    await student.ask("POST", f"/v1/jobs/{job}/cancel")
    async with asyncio.timeout(30):
        while (ended := await student.get(f"/v1/jobs/{job}"))["state"] == "running":
            await asyncio.sleep(0.05)
    assert ended["state"] == "cancelled"
    assert "resumes_at" not in ended
    busy = await student.ask("GET", f"/v1/drives/{drive}/items/root/children")
    assert (busy.status, busy.code) == (503, "busy")
    assert 480 < int(busy.headers["Retry-After"]) <= 600
    assert (await student.ask("DELETE", f"/v1/connections/{drive}")).status in (200, 202, 204)
