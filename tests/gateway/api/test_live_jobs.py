"""Jobs and lists, live: pages by cursor, progress by events, and coming back with Last-Event-ID."""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import Any

import aiohttp
import pytest

from tests.gateway.api.live import LIMIT, Live, Person

ROOT = "/v1/drives/native/items/root"


async def folder(who: Person, parent: str = "root") -> str:
    """A new folder's id."""
    made = await who.post(f"/v1/drives/native/items/{parent}/children", 201, json={"name": secrets.token_hex(6)})
    return str(made["id"])


async def copied(who: Person, files: int = 3) -> str:
    """A job that has copied some files; its id."""
    items = [await who.upload(f"{secrets.token_hex(6)}.txt", b"x" * 100) for _ in range(files)]
    order = {
        "mode": "copy", "sources": [{"drive": "native", "item": item} for item in items],
        "destination": {"drive": "native", "item": await folder(who)},
    }  # fmt: skip
    job = await who.post("/v1/transfers", 202, json=order)
    async with asyncio.timeout(30):
        while (now := await who.get(f"/v1/jobs/{job['id']}"))["state"] in ("planning", "running"):
            await asyncio.sleep(0.05)
    assert (now["state"], now["counts"]["copied"]) == ("done", files)
    return str(job["id"])


async def pages(who: Person, path: str, limit: int) -> list[list[dict[str, Any]]]:
    """All pages of a list, by its own Link."""
    found, at = [], f"{path}?limit={limit}"
    for _ in range(100):
        answer = await who.ask("GET", at)
        assert answer.status == 200
        page = answer.json
        found.append(page["items"])
        if "next" not in page:
            assert "Link" not in answer.headers
            return found
        assert answer.headers["Link"] == f'<{path}?cursor={page["next"]}>; rel="next"'
        at = f"{path}?cursor={page['next']}&limit={limit}"
    raise AssertionError("the list goes round in circles")


async def events(who: Person, job: str, **headers: str) -> list[tuple[str, str, dict[str, Any]]]:
    """All events of a job until its end: name, id, data."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    async with asyncio.timeout(30), who.http.get(f"{who.live.url}/v1/jobs/{job}/events", headers=more) as response:
        assert response.status == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        assert response.headers["Cache-Control"] == "no-store"
        text = (await response.read()).decode()
    for frame in text.strip().split("\n\n"):
        told = dict(line.split(": ", 1) for line in frame.split("\n"))
        found.append((told["event"], told["id"], json.loads(told["data"])))
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
async def test_a_report_in_pages(student: Person, limit: int) -> None:
    """Each item once, in order, whatever the size of a page."""
    job = await copied(student)
    found = await pages(student, f"/v1/jobs/{job}/items", limit)
    assert all(len(page) <= limit for page in found)
    ids = [one["id"] for page in found for one in page]
    assert len(ids) == len(set(ids)) == 3
    assert {one["state"] for page in found for one in page} == {"copied"}


async def test_jobs_in_pages(student: Person) -> None:
    """The newest first; the same whatever the size of a page."""
    newest = await copied(student, 1)
    small = [one["id"] for page in await pages(student, "/v1/jobs", 2) for one in page]
    large = [one["id"] for page in await pages(student, "/v1/jobs", 1000) for one in page]
    assert small == large
    assert small.index(newest) == 0
    assert len(small) == len(set(small))


async def test_a_folder_in_pages(teacher: Person) -> None:
    """A folder of a connected drive, by its provider's pages; a cursor is good for its own folder only."""
    drive = await teacher.connect("google", "amira.haddad@riverside.example")
    root = f"/v1/drives/{drive}/items/root"
    found = await teacher.get(f"{root}/children")
    ids = [one["id"] for one in found["items"]]
    assert len(ids) == len(set(ids)) > 1
    assert found["complete"] is True
    cursor = (await teacher.get("/v1/jobs?limit=1")).get("next")
    if cursor is not None:
        refused = await teacher.ask("GET", f"{root}/children?cursor={cursor}")
        assert (refused.status, refused.code) == (400, "bad_cursor")


async def test_a_cursor_belongs_to_its_list(student: Person) -> None:
    """Of one job's report, not of another's, nor of the list of jobs; one letter changed: refused."""
    first, second = await copied(student, 2), await copied(student, 2)
    cursor = (await student.get(f"/v1/jobs/{first}/items?limit=1"))["next"]
    assert (await student.ask("GET", f"/v1/jobs/{first}/items?cursor={cursor}")).status == 200
    changed = cursor[:10] + ("A" if cursor[10] != "A" else "B") + cursor[11:]
    for path in (f"/v1/jobs/{second}/items?cursor={cursor}", f"/v1/jobs?cursor={cursor}",
                 f"{ROOT}/children?cursor={cursor}", f"/v1/jobs/{first}/items?cursor={changed}"):  # fmt: skip
        refused = await student.ask("GET", path)
        assert (refused.status, refused.code) == (400, "bad_cursor")


async def test_events_of_a_job_under_way(student: Person) -> None:
    """Progress, then one end with the last state; counts add up at each step."""
    items = [await student.upload(f"{secrets.token_hex(6)}.txt", b"x" * 1000) for _ in range(4)]
    order = {
        "mode": "move", "sources": [{"drive": "native", "item": item} for item in items],
        "destination": {"drive": "native", "item": await folder(student)},
    }  # fmt: skip
    job = await student.post("/v1/transfers", 202, json=order)
    told = await events(student, job["id"])
    assert [name for name, _, _ in told].count("end") == 1
    assert told[-1][0] == "end"
    assert told[-1][2] == await student.get(f"/v1/jobs/{job['id']}")
    assert (told[-1][2]["state"], told[-1][2]["counts"]["copied"]) == ("done", 4)
    for _, _, data in told:
        counts = data["counts"]
        assert counts["found"] == sum(
            counts[name] for name in ("copied", "skipped", "failed", "unsupported", "waiting")
        )


async def test_coming_back_with_the_last_event(student: Person) -> None:
    """What was seen is not told again; an id nobody gave is as none."""
    job = await copied(student, 1)
    told = await events(student, job)
    assert [name for name, _, _ in told] == ["progress", "end"]
    last = told[-1][1]
    assert [name for name, _, _ in await events(student, job, Last_Event_ID=last)] == ["end"]
    for other in ("x", "", "0" * 5000, "é"):
        assert [name for name, _, _ in await events(student, job, Last_Event_ID=other)] == ["progress", "end"]


async def test_cancelling(student: Person) -> None:
    """May be said twice, and after the end; the state stays what it is."""
    job = await copied(student, 1)
    for _ in range(2):
        answer = await student.ask("POST", f"/v1/jobs/{job}/cancel")
        assert answer.status == 202
        assert answer.json["state"] == "done"


async def test_no_more_than_the_limit(live: Live, student: Person) -> None:
    """Somebody whose transfers have not ended waits; 429, and no job."""
    file = await student.upload(f"{secrets.token_hex(6)}.txt", b"x")
    order = {
        "mode": "copy", "sources": [{"drive": "native", "item": file}],
        "destination": {"drive": "native", "item": await folder(student)},
    }  # fmt: skip
    slow = [{"match": {"path": "/upload/*"}, "do": {"latency_ms": 1500}}]
    drive = await student.connect("google", "leo.park@riverside.example")
    abroad = {**order, "destination": {"drive": drive, "item": "root"}}
    async with aiohttp.ClientSession() as http:
        faults = f"{live.boxes['google']}/_sandbox/faults"
        await http.post(faults, json=slow)
        try:
            begun = [await student.ask("POST", "/v1/transfers", json=abroad) for _ in range(LIMIT + 2)]
        finally:
            await http.delete(faults)
    assert [one.status for one in begun[:LIMIT]] == [202] * LIMIT
    refused = begun[-1]
    assert (refused.status, refused.code) == (429, "too_many_jobs")
    for one in begun[:LIMIT]:
        assert (await events(student, one.json["id"]))[-1][2]["state"] == "done"
    assert (await student.ask("POST", "/v1/transfers", json=order)).status == 202
