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
SITE = {"id": "h,1,2", "displayName": "Class", "root": {}, "siteCollection": {"hostname": "h"}, "webUrl": "u"}
PICTURE = {"height": 96, "width": 96, "url": "u"}
BATCH = replace(
    RIGHT,
    method="POST",
    path="/v1.0/$batch",
    body={"requests": [{"id": "1", "method": "GET", "url": "/me"}]},
    answer={"responses": [{"id": "1", "status": 200, "headers": {}, "body": {"anything": 1}}]},
)
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
        BATCH,
        replace(RIGHT, path="/v1.0/me/followedSites", answer={"value": [SITE]}),
        replace(RIGHT, path="/v1.0/sites", query=(("search", "x"),), answer={"value": [SITE]}),
        replace(RIGHT, path="/v1.0/sites/h,1,2", answer=SITE),
        replace(RIGHT, path="/v1.0/sites/h:/sites/class:/drives", answer={"value": [{"id": "b!1"}]}),
        replace(RIGHT, path="/v1.0/sites/h:/sites/class:/drive/root:/a.txt"),
        replace(RIGHT, path="/v1.0/me/drive/sharedWithMe", answer={"value": [{"id": "1", "remoteItem": {"id": "2"}}]}),
        replace(RIGHT, path=RIGHT.path + "/versions", answer={"value": [{"id": "1.0", "size": 3}]}),
        replace(RIGHT, path=RIGHT.path + "/versions/1.0", answer={"id": "1.0", "size": 3}),
        replace(
            RIGHT,
            path=RIGHT.path + "/versions/1.0/content",
            status=302,
            answer=None,
            answer_headers=CIMultiDict(Location="u"),
        ),
        replace(RIGHT, path=RIGHT.path + "/versions/1.0/restoreVersion", method="POST", status=204, answer=None),
        replace(RIGHT, path=RIGHT.path + "/thumbnails", answer={"value": [{"id": "0", "c9x9_crop": PICTURE}]}),
        replace(RIGHT, path=RIGHT.path + "/thumbnails/0/small", answer=PICTURE),
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
        (replace(RIGHT, path="/v1.0/me/followedSites", answer={"value": [{**SITE, "members": 3}]}), "members"),
        (replace(RIGHT, path="/v1.0/sites/h,1,2/libraries", answer={"value": []}), "not a route"),
        (replace(RIGHT, path="/v1.0/me/drive/recent", answer={"value": [{"remoteItem": {"drive": 1}}]}), "drive"),
        (replace(RIGHT, path=RIGHT.path + "/versions", answer={"value": [{"number": 1}]}), "number"),
        (replace(RIGHT, path=RIGHT.path + "/versions/1.0/undo", answer={}), "not a route"),
        (replace(RIGHT, path=RIGHT.path + "/thumbnails", answer={"value": [{"huge": PICTURE}]}), "huge"),
        (replace(RIGHT, path=RIGHT.path + "/thumbnails/0/small", answer={**PICTURE, "colour": 1}), "colour"),
        (replace(BATCH, body={"requests": [{"id": "1", "verb": "GET"}]}), "verb"),
        (replace(BATCH, answer={"responses": [{"id": 1}]}), "str"),
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
