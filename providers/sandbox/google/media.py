"""Bytes out of the stand-in: alt=media with ranges, exports of documents, the links of large exports."""

from __future__ import annotations

import asyncio

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.content import filled
from providers.sandbox.google.errors import forbidden, invalid
from providers.sandbox.google.hashing import digests
from providers.sandbox.google.office import EXPORTS, export
from providers.sandbox.google.resource import is_native
from providers.sandbox.google.tree import FOLDER, NATIVE, SHORTCUT
from providers.sandbox.store import Doc, Store
from providers.sandbox.transfer import send, span

EXPORT_LIMIT = 10 * 1024 * 1024


@behaviour("documented", "alt=media honours Range with 206; only files with binary content have it, others are 403.")
@behaviour("documented", "A file marked abusive is 403 cannotDownloadAbusiveFile, unless its owner acknowledges.")
@behaviour("assumed", "A range past the end is 416 requestedRangeNotSatisfiable with Content-Range: bytes */size.")
async def download(api: Api, call: Call, row: Doc) -> web.StreamResponse:
    """The bytes of a file."""
    if not row.get("blob"):
        text = "Only files with binary content can be downloaded. Use Export with Docs Editors files."
        raise forbidden("fileNotDownloadable", text)
    marks = row.get("marks", {})
    if not call.view(row).can("canDownload"):
        raise forbidden("cannotDownloadFile", "This file cannot be downloaded by the user.")
    if marks.get("abusive") and not (call.params.get("acknowledgeAbuse") and call.view(row).mine):
        text = "This file has been identified as malware or spam and cannot be downloaded."
        raise forbidden("cannotDownloadAbusiveFile", text)
    part = span(call.request.headers.get("Range"), row["size"])
    if part is None:
        headers = {"Content-Range": f"bytes */{row['size']}"}
        raise Refused(416, "requestedRangeNotSatisfiable", "Request range not satisfiable", headers)
    return await send(call.request, api.box.store.blob(row["blob"]), part, {"Content-Type": row["mime"]})


def blank(store: Store, call: Call, row: Doc) -> Doc:
    """A new row without upload: folders and shortcuts have no content, documents an empty one, files no bytes."""
    if row["mime"] in (FOLDER, SHORTCUT):
        return row
    if is_native(row["mime"]):
        kind = row["mime"].removeprefix(NATIVE)
        return {**row, "doc": {"kind": kind, "paragraphs": []}}
    path = store.new_blob()
    path.touch()
    return filled(call.tree, row, path.name, digests(), dated=True)


class Exports:
    """files.export, and the address in exportLinks."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes."""
        router.add_get(f"{prefix}/files/{{fileId}}/export", self.export, allow_head=False)
        router.add_get("/feeds/download/documents/export/Export", self.link, allow_head=False)

    @behaviour("documented", "An export over 10 MB is 403 exportSizeLimitExceeded; its exportLinks still work.")
    @behaviour("documented", "files.export is for documents only: others are 403 fileNotExportable.")
    @behaviour("assumed", "An export comes with Content-Length, ignores Range, and is the same every time.")
    async def export(self, request: web.Request) -> web.Response:
        """A document in another format."""
        call = self._api.open(request, "files.export", "file")
        if "mimeType" not in call.params:
            raise Refused(400, "required", "Required parameter: mimeType")
        row = call.find(request.match_info["fileId"])
        body = await exported(call, row, call.params["mimeType"])
        if len(body) > EXPORT_LIMIT:
            raise forbidden("exportSizeLimitExceeded", "This file is too large to be exported.")
        return web.Response(body=body, content_type=call.params["mimeType"])

    async def link(self, request: web.Request) -> web.Response:
        """The same without the limit, addressed by id and file suffix."""
        session_call = self._api.open(without_query(request), "files.export", "file")
        row = session_call.find(request.query.get("id", ""))
        suffix = request.query.get("exportFormat", "")
        revision = request.query.get("revision")
        older = [one["doc"] for one in session_call.tree.history.of(row) if one["id"] == revision and "doc" in one]
        if revision is not None and not older:
            raise Refused(404, "notFound", f"Revision not found: {revision}.")
        row = {**row, "doc": older[0]} if older else row
        mimes = [mime for mime, known in EXPORTS.get(row["mime"], {}).items() if known == suffix]
        if not mimes:
            raise invalid("exportFormat", suffix)
        return web.Response(body=await exported(session_call, row, mimes[0]), content_type=mimes[0])


def without_query(request: web.Request) -> web.Request:
    return request.clone(rel_url=request.rel_url.with_query(None))


async def exported(call: Call, row: Doc, mime: str) -> bytes:
    """A document in that format, of whatever size. Refused where it has none."""
    if not row.get("doc") or row["mime"] not in EXPORTS:
        raise forbidden("fileNotExportable", "Export only supports Docs Editors files.")
    if not call.view(row).can("canDownload"):
        raise forbidden("cannotDownloadFile", "This file cannot be downloaded by the user.")
    if mime not in EXPORTS[row["mime"]]:
        raise Refused(400, "badRequest", "The requested conversion is not supported.")
    return await asyncio.to_thread(export, row["doc"], EXPORTS[row["mime"]][mime])
