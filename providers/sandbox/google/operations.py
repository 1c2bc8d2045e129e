"""files.download: a download that is made ready first, asked after by its operation, then fetched at its address."""

from __future__ import annotations

import secrets
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused, base
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.errors import forbidden, not_found
from providers.sandbox.google.fields import cut
from providers.sandbox.google.media import download, exported, without_query
from providers.sandbox.google.office import EXPORTS
from providers.sandbox.store import Doc

VALID_MS = 24 * 3_600_000
_FEED = "/feeds/download/operations"
_FAILED = {"code": 9, "message": "The download could not be prepared."}


class Operations:
    """files.download, operations.get and the address that the finished operation tells."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._kept = api.box.store.table("operations")

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes."""
        router.add_post(f"{prefix}/files/{{fileId}}/download", self.begin)
        router.add_get(f"{prefix}/operations/{{name}}", self.get, allow_head=False)
        router.add_get(f"{_FEED}/{{name}}", self.fetch, allow_head=False)

    @behaviour("documented", "files.download begins an operation, valid for 24 hours, also for exports over 10 MB.")
    @behaviour("assumed", "An operation is not done when it is begun nor when it is asked for the first time.")
    async def begin(self, request: web.Request) -> web.Response:
        """A new operation."""
        call = self._api.open(request, "files.download", "operation")
        row = call.find(request.match_info["fileId"])
        if not call.view(row).can("canDownload"):
            raise forbidden("cannotDownloadFile", "This file cannot be downloaded by the user.")
        mime = call.params.get("mimeType")
        if not row.get("blob") and mime not in EXPORTS.get(row["mime"], {}):
            raise Refused(400, "badRequest", "The requested conversion is not supported.")
        self._forget()
        name = secrets.token_urlsafe(24)
        whose = call.viewer.person.email
        begun = {"file": row["id"], "mime": mime, "whose": whose, "begun": call.tree.now(), "asked": 0}
        self._kept.put(name, begun)
        return self._answer(call, name, begun)

    async def get(self, request: web.Request) -> web.Response:
        """The operation now."""
        call = self._api.open(request, "operations.get", "operation")
        name = request.match_info["name"]
        known = self._known(call, name)
        known = {**known, "asked": known["asked"] + 1}
        self._kept.put(name, known)
        return self._answer(call, name, known)

    @behaviour("assumed", "The downloadUri needs the person's token and gives the same bytes as an export.")
    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """The bytes that were made ready."""
        call = self._api.open(without_query(request), "operations.get", "operation")
        known = self._known(call, request.match_info["name"])
        row = call.find(known["file"])
        if row.get("blob"):
            return await download(self._api, call, row)
        return web.Response(body=await exported(call, row, known["mime"]), content_type=known["mime"])

    def _known(self, call: Call, name: str) -> Doc:
        self._forget()
        known = self._kept.get(name)
        if known is None or known["whose"] != call.viewer.person.email:
            raise not_found(name)
        return known

    def _answer(self, call: Call, name: str, known: Doc) -> web.Response:
        answer: dict[str, Any] = {"name": name, "done": known["asked"] > 1}
        row = self._api.tree.get(known["file"])
        if answer["done"] and (row is None or row.get("marks", {}).get("unready")):
            answer["error"] = _FAILED
        elif answer["done"]:
            address = f"{base(call.request)}{_FEED}/{name}"
            answer["response"] = {"downloadUri": address, "partialDownloadAllowed": bool(row and row.get("blob"))}
        return web.json_response(cut(answer, call.selected))

    def _forget(self) -> None:
        oldest = self._api.tree.now() - VALID_MS
        for name in [name for name, known in self._kept.items() if known["begun"] < oldest]:
            self._kept.drop(name)
