"""Bytes into the stand-in: simple, multipart and resumable uploads, for new files and for new content.

A session keeps its metadata in the store and its bytes in a blob, so it survives a restart. What counts as received is
the blob's length rounded down to 256 KiB: a client must go on from what the server says, not from what it has sent.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused, base, label, show
from providers.sandbox.google.calls import Api, Call
from providers.sandbox.google.content import check_quota, filled
from providers.sandbox.google.conversion import check_import_size, check_media, converted
from providers.sandbox.google.files import changed
from providers.sandbox.google.hashing import digests
from providers.sandbox.google.metadata import draft
from providers.sandbox.google.multipart import MultipartBody
from providers.sandbox.google.ranges import Sent, sent
from providers.sandbox.google.resource import is_native
from providers.sandbox.google.tree import Viewer
from providers.sandbox.store import Doc
from providers.sandbox.transfer import PIECE, Digests, digest_file, pieces, receive

WEEK = 7 * 86400


class Uploads:
    """The upload endpoints."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._sessions = api.box.store.table("uploads")
        self._digests: dict[str, Digests] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        for upload_id in [key for key, session in self._sessions.items() if session["ends"] <= api.box.now()]:
            self.expire(upload_id)

    def mount(self, router: web.UrlDispatcher, prefix: str) -> None:
        """Adds the routes."""
        router.add_route("*", f"{prefix}/files", self.upload)
        router.add_route("*", f"{prefix}/files/{{fileId}}", self.upload)

    @behaviour("documented", "uploadType=media, multipart or resumable; POST makes a file, PATCH replaces its content.")
    async def upload(self, request: web.Request) -> web.Response:
        """Tells the ways apart."""
        if request.query.get("upload_id"):
            label(request, "/upload/drive/v3/files?upload_id")
            return await self._session(request)
        if request.method != ("PATCH" if "fileId" in request.match_info else "POST"):
            raise web.HTTPMethodNotAllowed(request.method, ["POST", "PATCH"])
        method = "files.update" if request.method == "PATCH" else "files.create"
        call = self._api.open(request, method, "file", writes=True)
        way = request.query.get("uploadType", "")
        if way == "resumable":
            return await self._begin(call)
        if way == "multipart":
            return await self._multipart(call)
        if way == "media":
            kind = request.content_type
            row = self._planned(call, {}, kind, request.match_info.get("fileId"))
            return await call.file(await self._whole(call, row, pieces(request), kind, dated=False))
        raise Refused(400, "invalidParameter", "uploadType must be media, multipart or resumable.")

    def expire(self, upload_id: str) -> None:
        """Forgets a session and its bytes."""
        session = self._sessions.drop(upload_id)
        self._digests.pop(upload_id, None)
        if session and not session["done"]:
            self._api.box.store.blob(session["blob"]).unlink(missing_ok=True)

    def _planned(self, call: Call, body: dict[str, Any], content_type: str, file_id: str | None) -> Doc:
        """The row as it will be, checked now and not yet put; Refused for anything wrong with it."""
        show(call.request, body)
        if file_id is None:
            row = draft(call, body, content_type)
        else:
            row = changed(call, call.allowed(call.find(file_id), "canModifyContent"), body)
            if content_type and not body.get("mimeType") and not is_native(row["mime"]):
                row = {**row, "mime": content_type}
        check_media(row, content_type)
        return row

    async def _whole(self, call: Call, row: Doc, body: AsyncIterator[bytes], media_type: str, *, dated: bool) -> Doc:
        path, hashes = self._api.box.store.new_blob(), digests(call.selected)
        try:
            await receive(body, path, 0, hashes)
            return call.tree.relocate(await self._filled(call, row, path, hashes, media_type, dated=dated))
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    async def _filled(self, call: Call, row: Doc, path: Path, hashes: Digests, media_type: str, *, dated: bool) -> Doc:
        """The row with the bytes, or with the document that they become. Refused where they do not fit."""
        converting = check_media(row, media_type)
        if converting is not None:
            check_import_size(row, hashes.position)
            row = await converted(call, row, path, converting, dated=dated)
            self._api.box.store.discard(path.name)
            return row
        check_quota(call, hashes.position, row.get("size") or 0)
        row = filled(call.tree, row, path.name, hashes, dated=dated, by=call.viewer.person.email)
        return {**row, "keep": bool(call.params.get("keepRevisionForever"))}

    @behaviour("rclone", "multipart/related uploads may be larger than 5 MB: 8 MiB and more are taken.")
    async def _multipart(self, call: Call) -> web.Response:
        file_id = call.request.match_info.get("fileId")
        try:
            async with aclosing(pieces(call.request)) as chunks:
                parts = MultipartBody(chunks, call.request.headers.get("Content-Type", ""))
                body = await _metadata(parts)
                headers = await parts.part()
                kind = headers.get("content-type", "")
                row = self._planned(call, body, kind, file_id)
                done = await self._whole(call, row, _media(parts, headers), kind, dated="modifiedTime" in body)
        except ValueError:
            raise Refused(400, "badContent", "Malformed multipart body.") from None
        return await call.file(done)

    @behaviour("documented", "Resumable: 200 with the session address in Location, which works without Authorization.")
    @behaviour("documented", "A session lives for one week.")
    async def _begin(self, call: Call) -> web.Response:
        body = await self._api.box.json(call.request)
        content_type = call.request.headers.get("X-Upload-Content-Type", "")
        declared = call.request.headers.get("X-Upload-Content-Length")
        if declared is not None and not declared.isdecimal():
            raise Refused(400, "badRequest", "Invalid X-Upload-Content-Length.")
        row = self._planned(call, body, content_type, call.request.match_info.get("fileId"))
        size = None if declared is None else int(declared)
        check_import_size(row, size or 0)
        check_quota(call, size or 0, row.get("size") or 0)
        upload_id, blob = secrets.token_urlsafe(48), self._api.box.store.new_blob()
        blob.touch()
        session: Doc = {"blob": blob.name, "body": body, "type": content_type, "size": size, "done": None}
        viewer = call.viewer
        session |= {"person": viewer.person.email, "client": viewer.client, "scopes": sorted(viewer.scopes)}
        session |= {"file": call.request.match_info.get("fileId"), "query": dict(call.request.query)}
        self._sessions.put(upload_id, session | {"id": row["id"], "ends": self._api.box.now() + WEEK})
        place = f"{base(call.request)}{call.request.path}?uploadType=resumable&upload_id={upload_id}"
        return web.Response(headers={"Location": place, "X-GUploader-UploadID": upload_id})

    @behaviour("assumed", "DELETE on a session address gives the upload up: 499.")
    async def _session(self, request: web.Request) -> web.Response:
        upload_id = request.query["upload_id"]
        session = self._sessions.get(upload_id)
        if session is None or session["ends"] <= self._api.box.now():
            self.expire(upload_id)
            raise Refused(404, "notFound", "Upload session not found.")
        if request.method == "DELETE":
            self.expire(upload_id)
            return web.Response(status=499)
        async with self._locks.setdefault(upload_id, asyncio.Lock()):
            return await self._continue(request, upload_id, self._sessions[upload_id])

    @behaviour(
        "documented", "Chunks by PUT or POST with Content-Range; 308 with Range: bytes=0-n, without it at 0 bytes."
    )
    @behaviour(
        "documented", "bytes */N asks for the state; a-b/* is a chunk of an unknown total; no header is the whole."
    )
    @behaviour("documented", "After the end a session answers 200 with the file again.")
    @behaviour(
        "assumed", "Bytes that are there already are skipped; a chunk that leaves a gap gets 308 with the state."
    )
    async def _continue(self, request: web.Request, upload_id: str, session: Doc) -> web.Response:
        if session["done"]:
            call = self._call(request, session)
            return await call.file(call.find(session["done"]))
        asked = sent(request.headers.get("Content-Range"), request.content_length)
        if None not in (asked.total, session["size"]) and asked.total != session["size"]:
            raise Refused(400, "badRequest", "The total differs from X-Upload-Content-Length.")
        total = session["size"] if asked.total is None else asked.total
        stored = self._stored(session)
        if not asked.query and asked.start <= stored:
            if asked.whole:
                stored = 0
            stored = await self._receive(request, upload_id, session, asked, stored, total)
            if asked.whole and total is None:
                total = stored
        if total is not None and stored == total:
            return await self._finish(request, upload_id, session)
        stored = self._stored(session)
        headers = {"Range": f"bytes=0-{stored - 1}"} if stored else {}
        return web.Response(status=308, reason="Resume Incomplete", headers=headers)

    @behaviour("assumed", "Until the end only whole multiples of 256 KiB count as received.")
    def _stored(self, session: Doc) -> int:
        size = self._api.box.store.blob(session["blob"]).stat().st_size
        return size - size % PIECE

    async def _receive(
        self, request: web.Request, upload_id: str, session: Doc, asked: Sent, stored: int, total: int | None
    ) -> int:
        """Takes a chunk; how long the blob is then, not rounded."""
        path = self._api.box.store.blob(session["blob"])
        await asyncio.to_thread(os.truncate, path, stored)
        hashes = self._digests.get(upload_id)
        if hashes is None or hashes.position != stored:
            hashes = self._digests[upload_id] = digests(self._call(request, session).selected)
            await digest_file(path, hashes)
        limit = min((one for one in (asked.stop, total) if one is not None), default=None)
        try:
            return await receive(_skipping(pieces(request), stored - asked.start), path, stored, hashes, limit)
        except OverflowError:
            raise Refused(400, "badRequest", "More bytes than Content-Range says.") from None

    async def _finish(self, request: web.Request, upload_id: str, session: Doc) -> web.Response:
        call = self._call(request, session)
        path = self._api.box.store.blob(session["blob"])
        hashes = self._digests.pop(upload_id, None) or digests(call.selected)
        if hashes.position != path.stat().st_size:
            hashes = digests(call.selected)
            await digest_file(path, hashes)
        row = self._planned(call, session["body"], session["type"], session["file"])
        if session["file"] is None and "id" not in session["body"]:
            row["id"] = session["id"]
        dated = "modifiedTime" in session["body"]
        row = await self._filled(call, row, path, hashes, session["type"], dated=dated)
        with self._api.box.store.batch():
            done = call.tree.relocate(row)
            self._sessions.merge(upload_id, done=done["id"])
        self._locks.pop(upload_id, None)
        return await call.file(done)

    def _call(self, request: web.Request, session: Doc) -> Call:
        """The call that began the session, with its parameters and its person, now that it ends."""
        person = self._api.box.people.find(session["person"])
        if person is None:
            raise _lost()
        viewer = Viewer(person, session["client"], frozenset(session["scopes"]), all_drives=True)
        method = "files.update" if session["file"] else "files.create"
        return self._api.resume(request, session["query"], viewer, method)


def _lost() -> Refused:
    return Refused(404, "notFound", "Upload session not found.")


async def _metadata(parts: MultipartBody) -> dict[str, Any]:
    await parts.part()
    text = b"".join([chunk async for chunk in parts.content()])
    body = json.loads(text or b"{}")
    if not isinstance(body, dict):
        raise ValueError("metadata is no object")  # noqa: TRY004 - one error for whatever is malformed
    return body


async def _media(parts: MultipartBody, headers: dict[str, str]) -> AsyncIterator[bytes]:
    if headers.get("content-transfer-encoding", "").lower() == "base64":
        yield base64.b64decode(b"".join([chunk async for chunk in parts.content()]))
    else:
        async for chunk in parts.content():
            yield chunk
    await parts.close()


async def _skipping(body: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    async for chunk in body:
        if count < len(chunk):
            yield chunk[count:] if count else chunk
        count = max(0, count - len(chunk))
