"""A school's settings: its administrators change them, its people open documents by them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.api.services import Services
from tests.gateway.api.conftest import TEACHER
from tests.gateway.api.live import Live, Person

PATH = "/v1/school/settings"


@pytest.fixture(autouse=True)
def as_before(live: Live) -> Iterator[None]:
    """Defaults again after each test."""
    yield

    async def back(services: Services) -> None:
        for school in list(services.schools._by_id):
            choices = services.school_choices
            version = (await choices.get(school)).version
            await choices.change(school, "test", version, dict.fromkeys(("document", "spreadsheet", "drawing")))

    live.run(back)


async def change(who: Person, tag: str | None, body: Any) -> Any:
    """A PATCH's answer."""
    headers = {"Content-Type": "application/json"} | ({"If-Match": tag} if tag else {})
    return await who.ask("PATCH", PATH, headers=headers, data=json.dumps(body))


async def test_an_administrator_changes_what_is_named_and_nothing_else(administrator: Person) -> None:
    before = await administrator.ask("GET", PATH)
    assert before.json["exports"]["document"] == "docx"
    assert "odt" in before.json["offered"]["document"]
    changed = await change(administrator, before.headers["ETag"], {"exports": {"document": "odt"}})
    assert changed.status == 200
    assert changed.json["exports"] == {**before.json["exports"], "document": "odt"}
    assert (await administrator.ask("GET", PATH)).headers["ETag"] == changed.headers["ETag"] != before.headers["ETag"]
    late = await change(administrator, before.headers["ETag"], {"exports": {"document": "pdf"}})
    assert (late.status, late.code) == (412, "changed")
    back = await change(administrator, changed.headers["ETag"], {"exports": {"document": None}})
    assert back.json["exports"]["document"] == "docx"


async def test_nobody_else_does(student: Person, teacher: Person, extension: Person) -> None:
    for who in (student, teacher, extension):
        for answer in (await who.ask("GET", PATH), await change(who, "*", {"exports": {"document": "pdf"}})):
            assert (answer.status, answer.code) == (403, "not_allowed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"exports": {"document": "exe"}}, "no_such_format"),
        ({"exports": {"document": "xlsx"}}, "no_such_format"),
        ({"exports": {"song": "mp3"}}, "invalid_body"),
        ({"exports": {"document": 1}}, "invalid_body"),
        ({"exports": {"document": "x" * 17}}, "invalid_body"),
        ({"webhook": "http://127.0.0.1"}, "invalid_body"),
    ],
)
async def test_what_cannot_be_chosen(administrator: Person, body: Any, code: str) -> None:
    answer = await change(administrator, "*", body)
    assert (answer.status, answer.code) == (422, code)
    assert (await change(administrator, None, {"exports": {}})).code == "precondition_required"


async def document(who: Person, drive: str) -> str:
    """A Google document somewhere in this drive."""
    folders = ["root"]
    for folder in folders:
        for one in (await who.get(f"/v1/drives/{drive}/items/{folder}/children"))["items"]:
            if one["media_type"] == "application/vnd.google-apps.document":
                return str(one["id"])
            folders += [one["id"]] if one["kind"] == "folder" else []
    raise AssertionError("no document in this drive")


async def test_documents_open_in_the_schools_format_unless_a_person_says_otherwise(
    administrator: Person, teacher: Person
) -> None:
    drive = await teacher.connect("google", TEACHER)
    path = f"/v1/drives/{drive}/items/{await document(teacher, drive)}/content"

    async def suffix(query: str = "") -> str:
        opened = await teacher.ask("HEAD", path + query)
        return str(opened.headers["Content-Disposition"]).rpartition(".")[2]

    assert await suffix() == "docx"
    assert (await change(administrator, "*", {"exports": {"document": "pdf"}})).status == 200
    assert await suffix() == "pdf"
    assert await suffix("?export=txt") == "txt"
