"""Reports as files, plans, pausing and trying again, live; and cells that a spreadsheet must not calculate."""

from __future__ import annotations

import asyncio
import csv
import io
import secrets

import pytest

from gateway.api.reports import cell, wanted
from gateway.api.services import Services
from tests.gateway.api.live import Live, Person
from tests.gateway.api.test_live_jobs import copied, folder


@pytest.mark.parametrize("text", ["=1+1", "+4", "-4", "@sum", "\tx", "\rx", "\nx", "  =cmd|' /C calc'!A0"])
def test_a_formula_stays_text(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("notes;=1+1", "notes;'=1+1"),
        ("a; \"=cmd|' /C calc'!A0", "a; \"'=cmd|' /C calc'!A0"),
        ("two\n@sum", "two\n'@sum"),
        ("\n=1", "'\n'=1"),
        ("\uff1d1+1", "'\uff1d1+1"),
    ],
)
def test_a_formula_stays_text_also_where_semicolons_separate(text: str, safe: str) -> None:
    assert cell(text) == safe


@pytest.mark.parametrize("value", ["plain", "a=b", 7, "3-4"])
def test_other_cells_stay_as_they_are(value: object) -> None:
    assert cell(value) == value
    assert cell(None) == ""


def test_the_query_wins_over_what_is_accepted() -> None:
    assert wanted(None, "text/csv, */*") == wanted("csv", "application/json") == "csv"
    assert wanted(None, "*/*") == wanted("json", "text/csv") == "json"


async def test_a_report_adds_up_in_both_forms(student: Person, teacher: Person) -> None:
    job = await copied(student, 3)
    told = await student.get(f"/v1/jobs/{job}/report?format=json")
    assert told["job"]["counts"] == {
        "found": 3, "copied": 3, "skipped": 0, "failed": 0, "unsupported": 0, "waiting": 0,
    }  # fmt: skip
    assert [item["state"] for item in told["items"]] == ["copied"] * 3
    address = f"{student.live.url}/v1/jobs/{job}/report"
    async with student.http.get(address, headers={"Accept": "text/csv"}) as response:
        assert response.content_type == "text/csv"
        assert response.headers["Content-Disposition"].startswith("attachment")
        rows = list(csv.reader(io.StringIO((await response.read()).decode("utf-8-sig"))))
    assert rows[0][:4] == ["path", "name", "kind", "state"]
    assert [row[3] for row in rows[1:4]] == ["copied"] * 3
    assert {row[1]: row[4] for row in rows[4:]}["found"] == "3"
    assert (await teacher.ask("GET", f"/v1/jobs/{job}/report")).status == 404
    assert (await student.ask("GET", f"/v1/jobs/{job}/report?format=xls")).status == 422


async def test_an_ended_job_is_not_paused_and_has_nothing_to_retry(student: Person, teacher: Person) -> None:
    job = await copied(student, 1)
    assert (await student.post(f"/v1/jobs/{job}/pause", 202))["state"] == "done"
    assert (await student.post(f"/v1/jobs/{job}/resume", 202))["state"] == "done"
    assert (await student.post(f"/v1/jobs/{job}/retry", 409))["code"] == "nothing_to_retry"
    for verb in ("pause", "resume", "retry"):
        await teacher.post(f"/v1/jobs/{job}/{verb}", 404)


async def test_a_plan_is_looked_at_and_confirmed(student: Person, teacher: Person) -> None:
    item = await student.upload(f"{secrets.token_hex(6)}.txt", b"x" * 100)
    order = {
        "mode": "copy", "sources": [{"drive": "native", "item": item}], "on_conflict": "skip",
        "destination": {"drive": "native", "item": await folder(student)},
    }  # fmt: skip
    path = f"/v1/transfers/preflight/{(await student.post('/v1/transfers/preflight', 202, json=order))['id']}"
    async with asyncio.timeout(30):
        while (plan := await student.get(path))["state"] in ("planning", "running"):
            await asyncio.sleep(0.05)
    assert (plan["state"], plan["complete"], plan["items"]["file"], plan["bytes"]) == ("done", True, 1, 100)
    assert plan["quota"]["used"] > 0
    assert await student.get(f"{path}/findings") == {"items": []}
    assert (await teacher.ask("GET", path)).status == (await teacher.ask("GET", f"{path}/findings")).status == 404
    assert (await student.post("/v1/transfers", 202, json={**order, "preflight": plan["id"]}))["kind"] == "transfer"
    refused = await student.post("/v1/transfers", 422, json={**order, "mode": "move", "preflight": plan["id"]})
    assert refused["code"] == "preflight_unfit"


async def test_a_job_says_at_its_own_level_what_came_of_it(student: Person) -> None:
    job = await copied(student, 2)
    told = await student.get(f"/v1/jobs/{job}")
    assert (told["outcome"], told["kept"]) == ("all", 0)
    report = await student.ask("GET", f"/v1/jobs/{job}/report?format=csv")
    rows = {row[1]: row for row in csv.reader(io.StringIO(report.body.decode("utf-8-sig")))}
    assert rows["kept"][2:5] == ["total", "", "0"]
    assert rows["outcome"][2:4] == ["total", "all"]


async def test_trying_again_is_no_way_around_the_most_jobs_at_once(student: Person, live: Live) -> None:
    job = await copied(student, 1)
    assert (await student.ask("POST", f"/v1/jobs/{job}/retry")).code == "nothing_to_retry"

    async def full(services: Services) -> int:
        before, services.transfers._most = services.transfers._most, 0
        return before

    async def again(services: Services) -> None:
        services.transfers._most = most

    most = live.run(full)
    try:
        refused = await student.ask("POST", f"/v1/jobs/{job}/retry")
        assert (refused.status, refused.code) == (429, "too_many_jobs")
    finally:
        live.run(again)
