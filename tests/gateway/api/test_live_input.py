"""Bad input: each a precise 4xx problem that repeats nothing of it, and nothing stored."""

from __future__ import annotations

import json
import secrets
from typing import Any

import pytest

from providers.drive import Ref
from tests.gateway.api.live import Live, Person, token_form, tus

ROOT = "/v1/drives/native/items/root"
MARK = "zitronenfalter"
"""A word that bad input carries: it may come back in no answer."""


ODD_ITEMS = [
    "x",
    "A", "AA", "====", "%00", "%2e%2e", "..%2f..%2fetc%2fpasswd", "A" * 4097, "A" * 9000, "root%00", "ROOT",
    "%ff", "%ed%a0%80", "%E2%80%AE", str(Ref("", "0" * 31)), str(Ref("elsewhere", "0" * 32)),
    str(Ref("", "0" * 32, "key")),
    str(Ref("", "../../etc/passwd")), str(Ref("", "' OR 1=1 --")), str(Ref("a\nb", "c")), "%0d%0aX-Injected:1",
]  # fmt: skip


@pytest.mark.parametrize("drive", ["native", "nobody", "0" * 32, "%00", "N" * 5000, "native%00"])
async def test_unknown_ids(student: Person, drive: str) -> None:
    """Whatever an id looks like, it is not there."""
    for item in ODD_ITEMS:
        for method, path in (("GET", ""), ("GET", "/children"), ("GET", "/content"), ("DELETE", "")):
            answer = await student.ask(method, f"/v1/drives/{drive}/items/{item}{path}")
            assert (answer.status, answer.code) == (404, "not_found"), (method, item, path)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/jobs/{}"),
        ("GET", "/v1/jobs/{}/events"),
        ("POST", "/v1/jobs/{}/cancel"),
        ("GET", "/v1/uploads/{}"),
        ("DELETE", "/v1/cache/{}"),
        ("DELETE", "/v1/tokens/{}"),
        ("DELETE", "/v1/connections/{}"),
        ("POST", "/v1/connections/{}/confirm"),
        ("GET", "/v1/receipts/{}"),
    ],
)
async def test_ids_of_another_form(student: Person, method: str, path: str) -> None:
    """Not ours, so not there."""
    for name in ("x", "0" * 31, "0" * 33, "F" * 32, "%00" * 32, "%2e%2e", "g" * 32):
        answer = await student.ask(method, path.format(name))
        assert (answer.status, answer.code) == (404, "not_found"), name


@pytest.mark.parametrize(
    "cursor",
    ["x", "====", "AAAA", "A" * 40, "A" * 8192, "%00", "%ff", "%C3%A4", "%2e%2e", "a%20b", "-_-_", "1", "0", "-1"],
)
@pytest.mark.parametrize("path", ["/v1/jobs", f"{ROOT}/children"])
async def test_malformed_cursors(student: Person, path: str, cursor: str) -> None:
    """Only what we made continues a list."""
    answer = await student.ask("GET", f"{path}?cursor={cursor}")
    assert (answer.status, answer.code) == (400, "bad_cursor")


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=-1", "limit=1001", "limit=x", "limit=1e3", "limit=", "limit=1&limit=2", "cursor=", "Limit=1",
     f"{MARK}=1", f"cursor={'A' * 8193}", "limit=99999999999999999999", "limit=%00", "limit=1.5", "limit=nan"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/v1/jobs", f"{ROOT}/children"])
async def test_malformed_queries(student: Person, path: str, query: str) -> None:
    """422, with the place where it does not fit. A folder's pages are as large as its drive makes them."""
    answer = await student.ask("GET", f"{path}?{query}")
    assert (answer.status, answer.code) == (422, "invalid_query")
    if "&" not in query:
        assert answer.json["fields"]


@pytest.mark.parametrize(
    ("body", "media", "status", "code"),
    [
        (b"", "application/json", 400, "bad_json"),
        (b"{", "application/json", 400, "bad_json"),
        (f'{{"{MARK}'.encode(), "application/json", 400, "bad_json"),
        (b"\xff\xfe", "application/json", 400, "bad_json"),
        (b'{"name": NaN}', "application/json", 400, "bad_json"),
        (b"[" * 100_000, "application/json", 400, "bad_json"),
        (b'{"a":' * 50_000, "application/json", 400, "bad_json"),
        (b"[]", "application/json", 422, "invalid_body"),
        (b"null", "application/json", 422, "invalid_body"),
        (b'"name"', "application/json", 422, "invalid_body"),
        (b"{}", "application/json", 422, "invalid_body"),
        (b'{"name": 1}', "application/json", 422, "invalid_body"),
        (b'{"name": ["x"]}', "application/json", 422, "invalid_body"),
        (b'{"name": ""}', "application/json", 422, "invalid_body"),
        (f'{{"name": "x", "{MARK}": 1}}'.encode(), "application/json", 422, "invalid_body"),
        (f'{{"name": "x", "kind": "{MARK}"}}'.encode(), "application/json", 422, "invalid_body"),
        (f'{{"name": "x", "on_conflict": "{MARK}"}}'.encode(), "application/json", 422, "invalid_body"),
        (json.dumps({"name": MARK * 100}).encode(), "application/json", 422, "invalid_body"),
        (json.dumps({"name": "x" * 300_000}).encode(), "application/json", 413, "too_large"),
        (b'{"name":"' + b"9" * (2 << 20) + b'"}', "application/json", 413, "too_large"),
        (b'{"number":' + b"9" * 200_000 + b"}", "application/json", 400, "bad_json"),
        (b'{"name": "x"}', "text/plain", 415, "wrong_media_type"),
        (b'{"name": "x"}', MARK, 415, "wrong_media_type"),
        (b"name=x", "application/x-www-form-urlencoded", 415, "wrong_media_type"),
        (b'{"name": "x", "name": "y"}', "application/json", 400, "bad_json"),
    ],
)
async def test_bodies(student: Person, body: bytes, media: str, status: int, code: str) -> None:
    """Bounded before it is read, strict after."""
    before = await student.names()
    answer = await student.ask("POST", f"{ROOT}/children", data=body, headers={"Content-Type": media})
    assert (answer.status, answer.code) == (status, code)
    assert MARK.encode() not in answer.body
    assert await student.names() == before


async def test_a_body_without_an_end_is_cut_off(student: Person) -> None:
    """Chunked, no length told: refused as soon as it is too much."""
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        while sent < 64 << 20:
            sent += 1 << 16
            yield b" " * (1 << 16)

    try:
        answer = await student.ask(
            "POST", f"{ROOT}/children", data=endless(), headers={"Content-Type": "application/json"}
        )
    except OSError:
        pass  # the gateway hung up before everything was sent, which is as good
    else:
        assert (answer.status, answer.code) == (413, "too_large")
    assert sent < 64 << 20


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid_body"),
        (b"grant_type=authorization_code&grant_type=refresh_token&client_id=x", 422, "invalid_body"),
        (f"grant_type={MARK}&client_id=x".encode(), 422, "invalid_body"),
        (b"grant_type=refresh_token&client_id=" + b"x" * 101, 422, "invalid_body"),
        (b"&".join(b"a%d=1" % n for n in range(60)), 400, "bad_form"),
        (b"grant_type=\xff", 400, "bad_form"),
        (b"grant_type=%ff", 400, "bad_form"),
        (b"a=" + b"x" * 300_000, 413, "too_large"),
        (b"grant_type=refresh_token&client_id=file-access-extension", 400, "token_refused"),
        (b"grant_type=refresh_token&client_id=file-access-extension&refresh_token=", 400, "token_refused"),
        (b"grant_type=refresh_token&client_id=file-access-extension&refresh_token=%00", 400, "token_refused"),
        (b"grant_type=authorization_code&client_id=x&code=%F0%9F%A6%86", 400, "token_refused"),
    ],
)
@pytest.mark.parametrize("media", ["application/x-www-form-urlencoded"])
async def test_forms(nobody: Person, media: str, body: bytes, status: int, code: str) -> None:
    """The token endpoint, which anybody may call."""
    answer = await nobody.ask("POST", "/v1/token", data=body, headers={"Content-Type": media})
    assert (answer.status, answer.code) == (status, code)
    assert MARK.encode() not in answer.body


@pytest.mark.parametrize("media", ["multipart/form-data; boundary=x", "application/json", "", "text/plain"])
async def test_forms_of_another_kind(nobody: Person, media: str) -> None:
    """Never multipart: nothing is written to a file on the way."""
    answer = await nobody.ask("POST", "/v1/token", data=b"--x--", headers={"Content-Type": media})
    assert (answer.status, answer.code) == (415, "wrong_media_type")


BAD_NAMES = [
    ".", "..", " ", "\t",
    "a/b", "a\\b", "../x", "..\\x", "/etc/passwd", "a\x00b", "a\nb", "a\rb", "\x7f", "a\x1fb", "a\x85b",
    "a\u2028b", "a\u2029b", "\u202egpj.exe", "a\u2067b", "\ufeff", "\u200b\u200d", "\u3000",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_NAMES, ids=ascii)
async def test_names_that_no_drive_can_mean(student: Person, name: str) -> None:
    """For folders, renames and uploads alike."""
    before = await student.names()
    made = await student.ask("POST", f"{ROOT}/children", json={"name": name})
    assert (made.status, made.code) == (422, "name_refused")
    begun = await student.ask("POST", "/v1/uploads", headers=tus(1, name))
    assert (begun.status, begun.code) == (422, "name_refused")
    renamed = await student.ask(
        "PATCH", f"/v1/drives/native/items/{Ref('', '0' * 32)}", json={"name": name}, headers={"If-Match": "*"}
    )
    assert (renamed.status, renamed.code) == (422, "name_refused")
    assert await student.names() == before


@pytest.mark.parametrize("text", ['"\\ud800"', '"a\\udfffb"', '"\\ud83d"'])
async def test_lone_surrogates(student: Person, text: str) -> None:
    """Text that is no text, in a name, an id and an export rule."""
    media = {"Content-Type": "application/json"}
    folder = f'{{"name": {text}}}'.encode()
    order = (
        f'{{"mode": "copy", "sources": [{{"drive": {text}, "item": {text}}}], '
        f'"destination": {{"drive": "native", "item": "root"}}, "export": {{{text}: {text}}}}}'
    ).encode()
    for path, body in ((f"{ROOT}/children", folder), ("/v1/transfers", order)):
        for more in ({}, {"Idempotency-Key": secrets.token_hex(8)}):
            answer = await student.ask("POST", path, data=body, headers={**media, **more})
            assert answer.status in (400, 404, 422)
            assert answer.code in ("bad_json", "not_found", "name_refused", "invalid_body")


@pytest.mark.parametrize(
    "name", ["Zürich 日本語", "🦆" * 50, "a" * 200, ".hidden", "trailing ", "con", "a:b", "e\u0301", "a\u200cb"]
)
async def test_good_names_stay_what_they_are(student: Person, name: str) -> None:
    """What is unusual is not bad."""
    parent = await student.post(f"{ROOT}/children", 201, json={"name": secrets.token_hex(6)})
    path = f"/v1/drives/native/items/{parent['id']}/children"
    made = await student.post(path, 201, json={"name": name})
    assert made["name"] == name
    assert [one["name"] for one in (await student.get(path))["items"]] == [name]


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"mode": "steal"},
        {"sources": []},
        {"sources": [{"drive": "native", "item": "root"}] * 501},
        {"sources": [{"drive": "native"}]},
        {"sources": [{"drive": "", "item": "root"}]},
        {"sources": [{"drive": "native", "item": "x" * 5000}]},
        {"sources": {"drive": "native", "item": "root"}},
        {"destination": "root"},
        {"on_conflict": "overwrite"},
        {"export": {"a": 1}},
        {"export": {str(n): "x" for n in range(21)}},
        {"export": {"x" * 201: "x"}},
    ],
    ids=lambda order: "-".join(order) or "nothing",
)
async def test_orders_that_do_not_fit(student: Person, order: dict[str, Any]) -> None:
    """422 before any drive is asked; no job."""
    good = {
        "mode": "copy", "sources": [{"drive": "native", "item": "root"}],
        "destination": {"drive": "native", "item": "root"},
    }  # fmt: skip
    before = (await student.get("/v1/jobs"))["items"]
    answer = await student.ask("POST", "/v1/transfers", json={**good, **order} if order else {})
    assert (answer.status, answer.code) == (422, "invalid_body")
    assert len((await student.get("/v1/jobs"))["items"]) == len(before)


async def test_orders_that_make_no_sense(student: Person) -> None:
    """A drive moved, a folder into itself, a file as the destination."""
    outer = await student.post(f"{ROOT}/children", 201, json={"name": secrets.token_hex(6)})
    inner = await student.post(f"/v1/drives/native/items/{outer['id']}/children", 201, json={"name": "inner"})
    file = await student.upload(f"{secrets.token_hex(6)}.txt", b"x")
    for source, to, code in (
        ("root", outer["id"], "whole_drive"),
        (outer["id"], outer["id"], "into_itself"),
        (outer["id"], inner["id"], "into_itself"),
        (outer["id"], file, "not_a_folder"),
    ):
        order = {
            "mode": "move", "sources": [{"drive": "native", "item": source}],
            "destination": {"drive": "native", "item": to},
        }  # fmt: skip
        answer = await student.ask("POST", "/v1/transfers", json=order)
        assert (answer.status, answer.code) == (422, code)


async def test_preconditions(student: Person) -> None:
    """Without If-Match, with another's tag, with no tag at all; then with the right one, once."""
    item = await student.upload(f"{secrets.token_hex(6)}.txt", b"x")
    path = f"/v1/drives/native/items/{item}"
    for given, status, code in (
        ({}, 428, "precondition_required"),
        ({"If-Match": '"other"'}, 412, "changed"),
        ({"If-Match": "W/" + (await student.get(path))["etag"]}, 412, "changed"),
        ({"If-Match": MARK}, 400, "bad_precondition"),
        ({"If-Match": ""}, 400, "bad_precondition"),
    ):
        answer = await student.ask("PATCH", path, json={"name": "new.txt"}, headers=given)
        assert (answer.status, answer.code) == (status, code)
    tag = {"If-Match": (await student.get(path))["etag"]}
    wanted = f"{secrets.token_hex(6)}.txt"
    both = [await student.ask("PATCH", path, json={"name": wanted}, headers=tag) for _ in range(2)]
    assert [one.status for one in both] == [200, 412]
    assert (await student.ask("DELETE", path, headers=tag)).status == 412
    assert (await student.ask("DELETE", path, headers={"If-Match": (await student.get(path))["etag"]})).status == 204


async def test_a_change_of_nothing(student: Person) -> None:
    """422 before the item is looked for."""
    answer = await student.ask("PATCH", f"/v1/drives/native/items/{Ref('', '0' * 32)}", json={})
    assert (answer.status, answer.code) == (422, "nothing_to_change")


async def test_a_drives_top_folder_stays(student: Person) -> None:
    """It cannot be deleted, renamed or moved."""
    root = await student.get(ROOT)
    path = f"/v1/drives/native/items/{root['id']}"
    for permanent in ("false", "true"):
        answer = await student.ask("DELETE", f"{path}?permanent={permanent}")
        assert (answer.status, answer.code) == (422, "drive_root")
    folder = await student.post(f"{ROOT}/children", 201, json={"name": secrets.token_hex(6)})
    for change in ({"name": "mine"}, {"parent": folder["id"]}):
        answer = await student.ask("PATCH", path, json=change, headers={"If-Match": root["etag"]})
        assert 400 <= answer.status < 500
        assert answer.code
    assert (await student.get(ROOT))["id"] == root["id"]


async def test_no_answer_repeats_a_token(live: Live, nobody: Person) -> None:
    """A bad code is not shown again, wherever it was put."""
    for form in (token_form(MARK, MARK * 4), token_form("x", "y" * 50, client_id=MARK), token_form("x", MARK)):
        answer = await nobody.ask("POST", "/v1/token", data=form)
        assert answer.status in (400, 422)
        assert MARK.encode() not in answer.body
    for path in (f"/v1/receipts/{MARK}", f"/{MARK}", f"/static/{MARK}", f"/v1/{MARK}"):
        answer = await nobody.ask("GET", path)
        assert (answer.status, answer.code) == (404, "not_found")
        assert MARK.encode() not in answer.body
