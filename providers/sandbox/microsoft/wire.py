"""How drives, items and people look in Graph's JSON: default property sets, $select, $expand."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, base
from providers.sandbox.microsoft.accounts import Account, Holder
from providers.sandbox.microsoft.odata import Options, only
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.microsoft.tree import Doc, Tree

DOWNLOAD = "@microsoft.graph.downloadUrl"
_ITEM = """id name size eTag cTag createdDateTime lastModifiedDateTime createdBy lastModifiedBy webUrl parentReference
fileSystemInfo folder file package root description deleted shared remoteItem image photo audio video location malware
searchResult specialFolder sharepointIds webDavUrl publication pendingOperations content children thumbnails"""
_REMOTE = [
    "id",
    "name",
    "size",
    "webUrl",
    "createdBy",
    "createdDateTime",
    "lastModifiedBy",
    "lastModifiedDateTime",
    "fileSystemInfo",
    "file",
    "folder",
    "package",
    "parentReference",
]
SELECTABLE = frozenset([*_ITEM.split(), DOWNLOAD])
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"


def answer(doc: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer with Graph's content type."""
    body = _ENCODER.encode(doc).encode()
    return web.Response(body=body, status=status, headers={"Content-Type": _JSON, **(headers or {})})


@behaviour("rclone", "Personal drives keep milliseconds, school drives whole seconds.")
def moment(ms: int, account: Holder) -> str:
    """A time as Graph writes it."""
    fraction, text = ms % 1000 if account.personal else 0, _second(ms // 1000)
    return f"{text}.{fraction:03}".rstrip("0") + "Z" if fraction else text + "Z"


@lru_cache(maxsize=4096)
def _second(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def parse_moment(text: object) -> int:
    """Epoch milliseconds of an ISO time with a zone. Refused 400 for anything else."""
    try:
        parsed = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        parsed = None
    if parsed is None or parsed.tzinfo is None:
        raise Refused(400, "invalidRequest", "A date and time is malformed.")
    return int((parsed - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000)


def parse_times(info: object, before: list[int]) -> list[int]:
    """created and last modified of a fileSystemInfo, each as before where it does not say."""
    given = only(info, createdDateTime=str, lastModifiedDateTime=str, lastAccessedDateTime=str)
    both = zip(("createdDateTime", "lastModifiedDateTime"), before, strict=True)
    return [parse_moment(given[name]) if name in given else old for name, old in both]


Pictures = Callable[[web.Request, Doc], list[dict[str, Any]]]


class Wire:
    """Renders what lies in a tree. ``address(request, item)`` gives an item's download address."""

    def __init__(self, tree: Tree, address: Callable[[web.Request, Doc], str], pictures: Pictures, kept: Kept) -> None:
        self._tree, self._address, self._pictures, self._kept = tree, address, pictures, kept
        self._places: dict[str, str] = {}
        self._shape = tree.shape
        self._shares = tree.box.store.table("shares")

    @behaviour("documented", "$select gives just the selected properties; $expand knows children and thumbnails.")
    def item(self, request: web.Request, item: Doc, options: Options) -> dict[str, Any]:
        """One item with what the request selected and expanded."""
        unknown = set(options.select or ()) - SELECTABLE | set(options.expand) - {"children", "thumbnails"}
        if unknown:
            raise Refused(400, "invalidRequest", f"Parsing OData Select and Expand failed: {min(unknown)[:60]!r}")
        whole = self._whole(request, item, link=options.select is None or DOWNLOAD in options.select)
        if options.select is not None:
            whole = {name: value for name, value in whole.items() if name in options.select or name == "@odata.etag"}
        if "children" in options.expand:
            whole["children"] = [self._whole(request, one) for one in self._tree.children(item)]
        if "thumbnails" in options.expand:
            whole["thumbnails"] = self._pictures(request, item)
        return whole

    @behaviour("schema", "Items carry Graph's default property set, files with a pre-authenticated download address.")
    def _whole(self, request: web.Request, item: Doc, *, link: bool = True) -> dict[str, Any]:
        account = self._tree.owner(item["drive"])
        by, editor = (self._tree.account(item[role]).identity for role in ("by", "editor"))
        linked = link and item["kind"] == "file"
        doc: dict[str, Any] = {DOWNLOAD: self._address(request, item)} if linked else {}
        doc |= {"createdDateTime": moment(item["created"], account), **self.tags(item, account), "id": item["id"]}
        doc |= {"lastModifiedDateTime": moment(item["modified"], account), "name": item["name"]}
        doc |= {"webUrl": self._web(item, account), "size": self._tree.size(item), "createdBy": by}
        doc |= {"lastModifiedBy": editor, "parentReference": self._parent(item, account)}
        created, modified = (moment(one, account) for one in item["fs"])
        doc["fileSystemInfo"] = {"createdDateTime": created, "lastModifiedDateTime": modified}
        if item.get("description"):
            doc["description"] = item["description"]
        if item["id"] in self._shares:
            doc["shared"] = {"scope": "users"}
        return doc | self._facets(item)

    @behaviour("documented", "What lies in another drive is told with the remoteItem facet.")
    def remote(self, request: web.Request, item: Doc, share: Doc) -> dict[str, Any]:
        """An item as those see it with whom it was shared."""
        whole = self._whole(request, item)
        owner, by = self._tree.owner(item["drive"]), self._tree.account(share["by"])
        there = {name: whole[name] for name in _REMOTE if name in whole}
        there["shared"] = {"owner": owner.identity, "sharedBy": by.identity, "scope": "users"}
        there["shared"]["sharedDateTime"] = moment(share["at"], owner)
        plain = ("id", "name", "size", "webUrl", "createdDateTime", "lastModifiedDateTime", "file", "folder")
        return {name: whole[name] for name in plain if name in whole} | {"remoteItem": there}

    @behaviour(
        "documented", "The eTag changes with everything, the cTag with content only; school folders have no cTag."
    )
    def tags(self, item: Doc, account: Holder) -> dict[str, str]:
        """Both tags, in the form that the kind of account uses."""
        content = self._tree.stamp(item) if item["kind"] == "folder" else item["ctag"]
        if account.personal:
            return {"eTag": f"a{item['id']}.{item['etag']}", "cTag": f"c{item['id']}.{content}"}
        tags = {"eTag": f'"{{{item["id"]}}},{item["etag"]}"'}
        return tags if item["kind"] == "folder" else tags | {"cTag": f'"c:{{{item["id"]}}},{content}"'}

    @behaviour("documented", "quickXorHash is the one hash that both school and personal drives give.")
    @behaviour("documented", "A file may come without hashes.")
    @behaviour("assumed", "Personal drives give SHA-1 and SHA-256 as well.")
    def _facets(self, item: Doc) -> dict[str, Any]:
        if item["kind"] == "file":
            hashed = self._kept.now.hashes and not item.get("hashless")
            facet = {"mimeType": item["mime"]} | ({"hashes": item["hashes"]} if hashed else {})
            return {"file": facet} | ({"malware": {"description": "Made up."}} if item.get("malware") else {})
        if item["kind"] == "package":
            return {"package": {"type": "oneNote"}}
        facets: dict[str, Any] = {"folder": {"childCount": len(self._tree.taken(item))}}
        return facets | ({"root": {}} if item["parent"] is None else {})

    @behaviour("rclone", "parentReference holds the path as '/drives/{id}/root:/a/b', not percent-encoded.")
    def _parent(self, item: Doc, account: Holder) -> dict[str, Any]:
        reference = {"driveId": item["drive"], "driveType": account.drive_type}
        if site := self._tree.drives[item["drive"]].get("site"):
            reference["siteId"] = site
        if item["parent"] is None:
            return reference
        parent = self._tree.items[item["parent"]]
        path = f"/drives/{item['drive']}/root:{self._place(parent)}"
        return reference | {"id": parent["id"], "name": parent["name"], "path": path}

    def _web(self, item: Doc, account: Holder) -> str:
        if item["parent"] is None:
            return account.web
        return f"{account.web}{quote(self._place(self._tree.items[item['parent']]))}/{quote(item['name'])}"

    def _place(self, folder: Doc) -> str:
        """The path of a folder, looked up once for all that it holds while no folder changes."""
        if self._tree.shape != self._shape or len(self._places) > 10_000:
            self._places.clear()
            self._shape = self._tree.shape
        if folder["id"] not in self._places:
            self._places[folder["id"]] = self._tree.path(folder)
        return self._places[folder["id"]]

    @behaviour("documented", "quota: total, used (with the recycle bin), remaining, deleted, and a state in words.")
    def drive(self, drive: str) -> dict[str, Any]:
        """A drive with its owner and quota."""
        account, row, used = self._tree.owner(drive), self._tree.drives[drive], self._tree.used(drive)
        root = self._tree.items[row["root"]]
        left = max(0, row["total"] - used)
        states = (
            (left == 0, "exceeded"),
            (left < row["total"] // 100, "critical"),
            (left < row["total"] // 10, "nearing"),
        )
        quota = {"total": row["total"], "used": used, "remaining": left, "deleted": used - self._tree.size(root)}
        quota["state"] = next((word for true, word in states if true), "normal")
        return {
            "createdDateTime": moment(root["created"], account),
            "description": "",
            "id": drive,
            "lastModifiedDateTime": moment(root["modified"], account),
            "name": account.drive_name,
            "webUrl": self._web(root, account),
            "driveType": account.drive_type,
            "owner": account.identity,
            "quota": quota,
        }


@behaviour("schema", "/me answers with Graph's default property set of a user.")
def user(account: Account) -> dict[str, Any]:
    """A person."""
    given, _, surname = account.person.name.rpartition(" ")
    doc: dict[str, Any] = {
        "businessPhones": [],
        "displayName": account.person.name,
        "givenName": given,
        "jobTitle": None,
    }
    doc |= {"mail": account.person.email, "mobilePhone": None, "officeLocation": None}
    doc |= {"preferredLanguage": account.person.locale, "surname": surname}
    return doc | {"userPrincipalName": account.person.email, "id": account.user_id}


def context(request: web.BaseRequest, what: str) -> dict[str, str]:
    """The annotation that says what an answer is."""
    return {"@odata.context": f"{base(request)}/v1.0/$metadata#{what}"}
