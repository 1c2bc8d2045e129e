"""The Graph checker itself: what is right passes, and each kind of invention is caught."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from multidict import CIMultiDict

from providers.sandbox.core import Exchange
from tests.contract.graph_schema import SHAPES, GraphChecker, problems

ITEM: dict[str, Any] = {
    "id": "01A",
    "name": "a.txt",
    "size": 3,
    "eTag": "e",
    "createdDateTime": "2026-01-02T03:04:05Z",
    "lastModifiedDateTime": "2026-01-02T03:04:05.123Z",
    "fileSystemInfo": {"lastModifiedDateTime": "2026-01-02T03:04:05Z"},
    "parentReference": {"driveId": "b!1"},
    "file": {"hashes": {"quickXorHash": "AAAA"}, "mimeType": "text/plain"},
}
RIGHT = Exchange(
    method="GET",
    host="graph.microsoft.com",
    path="/v1.0/me/drive/items/01A",
    template="/v1.0/item",
    query=(),
    headers=CIMultiDict({"Authorization": "Bearer x"}),
    body=None,
    status=200,
    answer_headers=CIMultiDict(),
    answer=ITEM,
    fault=False,
)
ERROR = {"error": {"code": "itemNotFound", "message": "m", "innerError": {"date": "2026-01-02T03:04:05"}}}
UP = replace(RIGHT, path="/up/abc", headers=CIMultiDict(), method="PUT", status=202)


def without(name: str) -> dict[str, Any]:
    return {key: value for key, value in ITEM.items() if key != name}


@pytest.mark.parametrize(
    "exchange",
    [
        RIGHT,
        replace(RIGHT, query=(("$select", "id,@microsoft.graph.downloadUrl"),), answer={"id": "01A"}),
        replace(RIGHT, query=(("select", "id"),), answer={"id": "01A", "@odata.context": "c"}),
        replace(RIGHT, path="/v1.0/drives/b!1/root:/a/b.txt:"),
        replace(
            RIGHT, path="/v1.0/drives/b!1/root:/a/b.txt:/children", answer={"value": [ITEM], "@odata.nextLink": "l"}
        ),
        replace(RIGHT, path="/v1.0/me/drive/root/search(q='it''s a (test)')", answer={"value": []}),
        replace(RIGHT, path="/v1.0/me/drive/root/delta(token='x')", answer={"value": [], "@odata.deltaLink": "l"}),
        replace(RIGHT, path="/v1.0/me/drive/root/delta", query=(("token", "x"),), answer={"value": []}),
        replace(RIGHT, status=404, answer=ERROR),
        replace(RIGHT, status=302, answer=None, path=RIGHT.path + "/content", answer_headers=CIMultiDict(Location="u")),
        replace(RIGHT, status=204, answer=None, method="DELETE"),
        replace(
            RIGHT, method="PATCH", body={"name": "b", "fileSystemInfo": {"createdDateTime": "2026-01-02T03:04:05Z"}}
        ),
        replace(UP, answer={"nextExpectedRanges": ["26-"], "expirationDateTime": "2026-01-02T03:04:05Z"}),
        replace(UP, answer=ITEM, status=201),
        replace(RIGHT, path="/common/oauth2/v2.0/token", answer={"whatever": 1}),
        replace(RIGHT, status=499, answer=None, fault=True),
    ],
)
def test_what_is_right_passes(exchange: Exchange) -> None:
    assert problems(exchange) == []


@pytest.mark.parametrize(
    ("exchange", "word"),
    [
        (replace(RIGHT, answer={**ITEM, "colour": "red"}), "colour"),
        (replace(RIGHT, answer={**ITEM, "file": {"hashes": {"md5": "x"}}}), "md5"),
        (replace(RIGHT, answer={**ITEM, "size": "3"}), "size"),
        (replace(RIGHT, answer={**ITEM, "size": True}), "size"),
        (replace(RIGHT, answer={**ITEM, "createdDateTime": "yesterday"}), "createdDateTime"),
        (replace(RIGHT, answer={**ITEM, "workbook": {"id": "x"}}), "Workbook"),
        (replace(RIGHT, answer={**ITEM, "folder": {}}), "facets"),
        (replace(RIGHT, answer=without("file")), "facets"),
        (replace(RIGHT, answer=without("eTag")), "eTag"),
        (replace(RIGHT, answer=[ITEM]), "list"),
        (replace(RIGHT, answer=None), "NoneType"),
        (replace(RIGHT, query=(("$selekt", "id"),)), "selekt"),
        (replace(RIGHT, query=(("$top", "5"),)), "top"),
        (replace(RIGHT, query=(("$select", "id,colour"),)), "colour"),
        (replace(RIGHT, headers=CIMultiDict()), "Authorization"),
        (replace(RIGHT, path="/v1.0/me/drive/items/01A/nonsense"), "not a route"),
        (replace(RIGHT, path="/v1.0/elsewhere"), "not a route"),
        (replace(RIGHT, method="POST"), "not a route"),
        (replace(RIGHT, method="PATCH", body={"title": "b"}), "title"),
        (replace(RIGHT, method="PATCH", body={"parentReference": {"drive": "b"}}), "drive"),
        (replace(RIGHT, path=RIGHT.path + "/children", answer={"value": [{**ITEM, "x": 1}]}), "x"),
        (replace(RIGHT, status=404, answer={"message": "not so"}), "message"),
        (replace(RIGHT, status=404, answer={"error": {"code": "", "message": "m"}}), "code"),
        (replace(RIGHT, status=404, answer={"error": {"code": "c", "message": "m", "errors": []}}), "errors"),
        (replace(RIGHT, status=302, answer=None, path=RIGHT.path + "/content"), "Location"),
        (replace(RIGHT, status=204, method="DELETE"), "an answer"),
        (replace(UP, headers=RIGHT.headers, answer={}), "Authorization"),
        (replace(UP, answer={"nextExpectedRanges": "26-"}), "list"),
        (replace(UP, status=206, answer={}), "not documented"),
        (replace(UP, status=404, answer=None), "NoneType"),
    ],
)
def test_what_is_invented_is_caught(exchange: Exchange, word: str) -> None:
    found = problems(exchange)
    assert found, "nothing was found wrong"
    assert any(word in one for one in found), found


def test_the_observer_collects() -> None:
    checker = GraphChecker()
    checker(RIGHT)
    checker(replace(RIGHT, answer={**ITEM, "colour": "red"}))
    assert checker.seen == {"GET /v1.0/item": 2}
    assert checker.problems == ["GET /v1.0/item -> 200: answer.colour is not declared in DriveItem"]


def test_the_shapes_are_whole() -> None:
    models, named = SHAPES["models"], set()
    for route in SHAPES["routes"].values():
        named |= {method[side] for method in route["methods"].values() for side in ("request", "response")}
    assert named - {None, "bytes"} <= set(models)
    assert {shape["base"] for shape in models.values()} - {None} <= set(models)
    assert SHAPES["source"].startswith("msgraph-sdk 1.")
