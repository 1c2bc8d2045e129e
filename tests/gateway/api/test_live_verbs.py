"""What only some drives can do, live on all three: search, trash and back, versions, pictures, quota, what changed."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest

from gateway.drives import VERBS
from providers.drive import Page, Ref
from providers.errors import Changed
from providers.verbs import PICTURE_LIMIT, Changes, Picture
from tests import canary
from tests.gateway.api.conftest import TEACHER
from tests.gateway.api.live import Live, Person, patch, person, tus
from tests.gateway.api.standing import Odd, entry, standing_in

NATIVE = "/v1/drives/native"
CONVERTED = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture(scope="module")
def drives(live: Live) -> dict[str, str]:
    """The teacher's drives, by kind."""

    async def connected() -> dict[str, str]:
        async with person(live, TEACHER) as teacher:
            for provider in ("google", "microsoft"):
                await teacher.connect(provider, TEACHER)
            found = (await teacher.get("/v1/drives"))["items"]
            return {one["kind"]: one["id"] for one in found}

    return asyncio.run(connected())


@pytest.fixture(params=["native", "google", "onedrive"])
def drive(request: pytest.FixtureRequest, drives: dict[str, str]) -> str:
    """The address of each of them."""
    return f"/v1/drives/{drives[request.param]}"


def plain() -> bytes:
    return secrets.token_hex(300).encode()


async def test_drives_say_what_they_can(teacher: Person, drives: dict[str, str]) -> None:
    """And what they do not say, they do not offer."""
    found = {one["kind"]: one for one in (await teacher.get("/v1/drives"))["items"]}
    assert {"search", "versions", "trash", "restore", "changes", "quota", "copy"} <= set(found["native"]["can"])
    assert "trash" not in found["onedrive"]["can"]
    assert found["google"]["views"] == ["shared", "starred", "recent"]
    assert {one["reach"] for one in found.values()} == {"all"}
    assert set().union(*(one["can"] for one in found.values())) <= {*VERBS, "convert"}
    for kind, path in (("native", "spaces"), ("onedrive", "trash")):
        refused = await teacher.ask("GET", f"/v1/drives/{drives[kind]}/{path}")
        assert (refused.status, refused.code) == (422, "not_offered")
        assert refused.json["advice"]
    assert (await teacher.ask("GET", f"{NATIVE}/views/nonsense")).status == 404
    assert (await teacher.ask("GET", f"{NATIVE}/views/starred")).code == "not_offered"


async def test_a_word_finds_its_file_and_is_kept_nowhere(
    teacher: Person, drive: str, live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in a log, not in the ledger, not in the cursor: nowhere below the gateway's folder."""
    word = "zebra" + secrets.token_hex(8)
    item = await teacher.upload(f"{word}.txt", plain(), drive.rpartition("/")[2])
    async with asyncio.timeout(20):
        while not (found := (await teacher.get(f"{drive}/search?q={word}"))["items"]):
            await asyncio.sleep(0.05)
    assert [(one["name"], one["id"]) for one in found] == [(f"{word}.txt", item)]
    missing = "quagga" + secrets.token_hex(8)
    assert (await teacher.get(f"{drive}/search?q={missing}"))["items"] == []
    assert word not in capsys.readouterr().out
    assert canary.hits([live.folder / "gateway"], [missing, word]) == []


async def test_trash_and_back(teacher: Person, drives: dict[str, str]) -> None:
    """Listed while it is there, opened no more, restored once for a repeated request."""
    for kind in ("native", "google"):
        drive = f"/v1/drives/{drives[kind]}"
        item = await teacher.upload(f"{secrets.token_hex(6)}.txt", body := plain(), drives[kind])
        path = f"{drive}/items/{item}"
        assert (await teacher.ask("GET", f"{path}/content")).body == body
        assert (await teacher.ask("DELETE", path)).status == 204
        assert (await teacher.ask("GET", f"{path}/content")).status == 404, "the cached copy went with it"
        trash = (await teacher.get(f"{drive}/trash"))["items"]
        (mine,) = [one for one in trash if one["id"] == item]
        assert "trashed" in mine["flags"]
        assert ("ends" in mine) == (kind == "native")
        key = {"Idempotency-Key": secrets.token_hex(8)}
        answers = [await teacher.ask("POST", f"{path}/restore", headers=key) for _ in range(2)]
        assert [one.status for one in answers] == [200, 200]
        assert answers[0].body == answers[1].body
        assert answers[0].headers["ETag"] == answers[0].json["etag"]
        assert (await teacher.ask("GET", f"{path}/content")).body == body


async def replaced(who: Person, name: str, content: bytes) -> None:
    """A new version of a file at the top of the native drive."""
    begun = await who.ask("POST", "/v1/uploads", headers=tus(len(content), name, on_conflict="replace"))
    where = begun.headers["Location"]
    await who.ask("PATCH", where, data=content, headers=patch(0))
    async with asyncio.timeout(20):
        while (await who.get(where))["state"] != "done":
            await asyncio.sleep(0.05)


async def test_ten_older_versions_are_kept_where_nothing_else_is_set(teacher: Person) -> None:
    """The gateway's own default, as it reaches the drive; the oldest go first."""
    name = f"{secrets.token_hex(6)}.txt"
    item = await teacher.upload(name, b"x")
    for length in range(2, 14):
        await replaced(teacher, name, b"x" * length)
    kept = (await teacher.get(f"{NATIVE}/items/{item}/versions"))["items"]
    assert [one["size"] for one in kept] == [*range(13, 2, -1)]


async def test_older_versions_are_listed_and_opened(teacher: Person) -> None:
    """Each with bytes and a tag of its own, each cached as itself."""
    name, first, second = f"{secrets.token_hex(6)}.txt", plain(), plain()
    item = await teacher.upload(name, first)
    await replaced(teacher, name, second)
    path = f"{NATIVE}/items/{item}"
    newest, oldest = (await teacher.get(f"{path}/versions"))["items"]
    assert (newest["current"], oldest["current"], oldest["size"]) == (True, False, len(first))
    now = await teacher.ask("GET", f"{path}/content")
    then = await teacher.ask("GET", f"{path}/content?version={oldest['id']}")
    assert (now.body, then.body) == (second, first)
    assert now.headers["ETag"] != then.headers["ETag"]
    same = await teacher.ask("GET", f"{path}/content?version={newest['id']}")
    assert (same.body, same.headers["ETag"]) == (second, now.headers["ETag"])
    ranged = {"Range": "bytes=5-9", "If-Range": then.headers["ETag"]}
    part = await teacher.ask("GET", f"{path}/content?version={oldest['id']}", headers=ranged)
    assert (part.status, part.body) == (206, first[5:10])
    mixed = await teacher.ask("GET", f"{path}/content", headers=ranged)
    assert (mixed.status, mixed.body) == (200, second), "two versions are never joined"
    for wrong in ("0" * 32, "%00", "x" * 4097):
        assert (await teacher.ask("GET", f"{path}/content?version={wrong}")).status in (404, 422)


async def test_quota_is_told(teacher: Person, drive: str) -> None:
    told = await teacher.get(f"{drive}/quota")
    assert set(told) == {"used", "limit"}
    assert told["used"] >= 0


async def test_a_feed_of_changes(teacher: Person, student: Person, drive: str) -> None:
    """From now on, one's own, and of this drive."""
    begun = await teacher.get(f"{drive}/changes")
    assert (begun["items"], begun["more"]) == ([], False)
    item = await teacher.upload(f"{secrets.token_hex(6)}.txt", plain(), drive.rpartition("/")[2])
    found: dict[str, Any] = {}
    at = begun["next"]
    async with asyncio.timeout(20):
        while item not in found:
            page = await teacher.get(f"{drive}/changes?cursor={at}")
            found |= {one["id"]: one["item"] for one in page["items"]}
            at = page["next"]
    assert found[item]["id"] == item
    await teacher.ask("DELETE", f"{drive}/items/{item}")
    async with asyncio.timeout(20):
        while found[item] is not None:
            page = await teacher.get(f"{drive}/changes?cursor={at}")
            found |= {one["id"]: one["item"] for one in page["items"]}
            at = page["next"]
    space = (await teacher.get(f"{drive}/items/root"))["id"]
    for who, path in (
        (student, f"{NATIVE}/changes?cursor={at}"),
        (teacher, f"{drive}/changes?cursor={at}&space={Ref('elsewhere', 'x')}"),
        (teacher, f"{drive}/items/{space}/children?cursor={at}"),
    ):
        assert (await who.ask("GET", path)).code == "bad_cursor"


class Feed(Odd):
    """A feed that has moved on, and pictures that are none."""

    async def changes(self, cursor: str | None = None, space: str = "") -> Changes:
        if cursor is not None:
            raise Changed(reason="resync")
        return Changes([], "old")

    async def thumbnail(self, ref: Ref, edge: int = 256) -> Picture | None:
        return {
            "small": Picture("image/png", b"\x89PNG" + bytes([edge % 256])),
            "svg": Picture("image/svg+xml", b"<svg onload='x'/>"),
            "html": Picture("text/html", b"<script>"),
            "huge": Picture("image/png", bytes(PICTURE_LIMIT + 1)),
        }.get(ref.id)


async def test_a_feed_that_has_moved_on_says_so(live: Live, student: Person) -> None:
    with standing_in(live, Feed()):
        begun = await student.get(f"{NATIVE}/changes")
        answer = await student.ask("GET", f"{NATIVE}/changes?cursor={begun['next']}")
    assert (answer.status, answer.code) == (410, "resync")
    assert answer.json["advice"]


async def test_pictures_pass_through_harmless(live: Live, student: Person) -> None:
    """Only kinds that cannot act, of the drive's own size limit; sandboxed, unsniffed, stored nowhere."""

    def path(name: str) -> str:
        return f"{NATIVE}/items/{Ref('', name)}/thumbnail"

    before = (await student.get("/v1/cache"))["items"]
    with standing_in(live, Feed({None: Page([entry("small")], None)})):
        await student.get(f"{NATIVE}/items/root/children")
        shown = await student.ask("GET", path("small") + "?edge=64")
        assert (shown.status, shown.body) == (200, b"\x89PNG@")
        assert shown.headers["Content-Type"] == "image/png"
        assert shown.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
        assert (shown.headers["X-Content-Type-Options"], shown.headers["Cache-Control"]) == ("nosniff", "no-store")
        assert (await student.ask("GET", path("small"))).status == 200
        assert (await student.ask("GET", path("none"))).code == "no_picture"
        for name in ("svg", "html", "huge"):
            assert (await student.ask("GET", path(name))).code == "untrusted"
        for edge in ("0", "15", "1025", "-1", "x", "1e3"):
            assert (await student.ask("GET", f"{path('small')}?edge={edge}")).status == 422
    accesses = (await student.get("/v1/me/accesses"))["items"]
    [seen] = [one for one in accesses if one["action"] == "file.pictured"]  # once, however often it is asked for
    assert (seen["item"], seen["words"]) == (str(Ref("", "small")), "A small picture of a file was shown")
    assert seen["name"] == "small", "as it was listed a moment ago"
    assert (await student.get("/v1/cache"))["items"] == before


async def test_a_picture_of_a_vendors_file(teacher: Person, drives: dict[str, str]) -> None:
    """There is one or there is none; it is never anything else."""
    drive = f"/v1/drives/{drives['google']}"
    for one in (await teacher.get(f"{drive}/items/root/children"))["items"]:
        answer = await teacher.ask("GET", f"{drive}/items/{one['id']}/thumbnail")
        assert (answer.status == 200 and answer.headers["Content-Type"].startswith("image/")) or (
            answer.code == "no_picture"
        )


async def test_only_what_a_person_picks_has_a_picker(teacher: Person, student: Person, drives: dict[str, str]) -> None:
    mine = await teacher.ask("POST", f"/v1/connections/{drives['google']}/pick")
    assert (mine.status, mine.code) == (422, "not_offered")
    for who, account in ((student, drives["google"]), (teacher, "0" * 32), (teacher, "native")):
        assert (await who.ask("POST", f"/v1/connections/{account}/pick")).code == "not_found"


async def test_a_conversion_is_offered_where_the_drive_can(teacher: Person, drives: dict[str, str]) -> None:
    """And said in a way that cannot be misread."""
    for drive, told, status in (("native", "true", 422), (drives["google"], "yes", 422), ("native", "false", 201)):
        headers = tus(3, f"{secrets.token_hex(6)}.docx", drive=drive, filetype=CONVERTED, convert=told)
        begun = await teacher.ask("POST", "/v1/uploads", headers=headers)
        assert begun.status == status, told
        assert status == 201 or begun.code == ("not_offered" if told == "true" else "bad_metadata")


async def test_one_person_asks_so_often_and_no_more(live: Live, foreigner: Person, student: Person) -> None:
    """A person's own bucket: others are not held up by it."""

    class Searching(Odd):
        async def search(self, text: str, cursor: str | None = None) -> Page:
            return Page([], None)

    with standing_in(live, Searching()):
        answers = [await foreigner.ask("GET", f"{NATIVE}/search?q=leaf") for _ in range(62)]
        late = [one for one in answers if one.status == 429]
        assert late
        assert {one.code for one in late} == {"too_many_requests"}
        assert int(late[0].headers["Retry-After"]) >= 1
        assert (await student.ask("GET", f"{NATIVE}/search?q=leaf")).status == 200


async def test_an_upload_becomes_a_document_where_that_was_asked_for(teacher: Person, drives: dict[str, str]) -> None:
    drive = drives["google"]
    for told, kind in (("true", "document"), ("false", "file")):
        headers = tus(4, f"{secrets.token_hex(6)}.txt", drive=drive, filetype="text/plain", convert=told)
        where = (await teacher.ask("POST", "/v1/uploads", headers=headers)).headers["Location"]
        assert (await teacher.ask("PATCH", where, data=b"leaf", headers=patch(0))).status == 204
        async with asyncio.timeout(20):
            while (now := await teacher.get(where))["state"] == "sending":
                await asyncio.sleep(0.05)
        assert (await teacher.get(f"/v1/drives/{drive}/items/{now['item']}"))["kind"] == kind
