"""Upload sessions: an address that takes a file in fragments, in order, and needs no token.

A session is a row; its bytes so far are a blob. The hash of what has arrived is kept in memory and made again from the
blob where it was lost (a restart, a broken fragment).
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, label
from providers.sandbox.faults import Dropped, fault
from providers.sandbox.microsoft import odata
from providers.sandbox.microsoft.contents import Contents, Stored, makers, origin, written
from providers.sandbox.microsoft.placing import Places, Slot
from providers.sandbox.microsoft.rewriting import Rewriting, rewritten
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.microsoft.tree import ACTING, Doc
from providers.sandbox.microsoft.wire import Wire, answer, context, moment, parse_times
from providers.sandbox.transfer import Digests, digest_file, pieces, receive

ALIGNMENT = 327_680
FRAGMENT_LIMIT = 60 * 1024 * 1024
FILE_LIMIT = 250 * 1024 * 1024 * 1024
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15})")


class Sessions:
    """The upload sessions of one tree."""

    def __init__(self, contents: Contents, places: Places, wire: Wire, kept: Kept, rewriting: Rewriting) -> None:
        self.box, self._tree, self._contents, self._places = contents.box, places.tree, contents, places
        self._wire, self._kept, self._rewriting = wire, kept, rewriting
        box = self.box
        self._rows = box.store.table("uploads")
        self._digests: dict[str, Digests] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        handlers = {"GET": self.status, "PUT": self.fragment, "POST": self.commit, "DELETE": self.cancel}
        for method, handler in handlers.items():
            box.app.router.add_route(method, "/up/{session}", handler)

    @behaviour("documented", "createUploadSession takes item and deferCommit, and needs no body at all.")
    @behaviour("rclone", "Without a conflict behaviour a session replaces what is there.")
    @behaviour("assumed", "With conflictBehavior=fail a name that is taken already is 409 at once.")
    async def create(self, request: web.Request, slot: Slot) -> web.Response:
        """A new session for a slot."""
        body = odata.only(await self.box.json(request), item=dict, deferCommit=bool)
        types: dict[str, type] = {"name": str, "fileSize": int, "description": str, "fileSystemInfo": dict}
        item = odata.only(body.get("item", {}), **types, driveItemSource=dict, mediaSource=dict)
        if not slot.by_id and item.get("name", slot.name) != slot.name:
            raise Refused(400, "invalidRequest", "The name in the body differs from the address.")
        self._places.preconditions(request, slot.item)
        conflict = odata.body_conflict(item, "replace")
        if not slot.by_id:
            self._places.settle(slot, conflict)
        if item.get("fileSize", 0) > FILE_LIMIT:
            raise Refused(413, "invalidRequest/maxFileSizeExceeded", "The file is too large.")
        self._places.room(slot.parent["drive"], item.get("fileSize", 0))
        row = {"drive": slot.parent["drive"], "parent": slot.parent["id"], "name": slot.name, "conflict": conflict}
        row |= {"item": slot.item["id"] if slot.by_id and slot.item else None, "defer": body.get("deferCommit", False)}
        row |= {
            "by": ACTING.get(),
            "more": self._more(item),
            "total": None,
            "at": 0,
            "blob": self._contents.fresh(),
        }
        key = secrets.token_urlsafe(24)
        self._rows.put(key, row | {"ends": int((self.box.now() + self._kept.now.session_ttl) * 1000)})
        doc = {**context(request, "microsoft.graph.uploadSession"), "uploadUrl": f"{origin(request)}/up/{key}"}
        return answer(doc | self._state(self._rows[key]))

    @behaviour("documented", "GET on the upload address tells the ranges that are missing; nextExpectedRanges.")
    async def status(self, request: web.Request) -> web.Response:
        """What is missing."""
        return answer(self._state(self._rows[self._open(request)]))

    @behaviour("documented", "DELETE on the upload address ends the session: 204.")
    async def cancel(self, request: web.Request) -> web.Response:
        """Ends a session and its bytes."""
        key = self._open(request)
        self._contents.drop(self._rows[key]["blob"])
        self.forget(key)
        return web.Response(status=204)

    @behaviour("documented", "Fragments come in order: 202 with what is next, 200 or 201 with the item at the end.")
    async def fragment(self, request: web.Request) -> web.Response:
        """One fragment."""
        key = self._open(request)
        async with self._locks.setdefault(key, asyncio.Lock()):
            row = self._rows[self._open(request)]
            start, stop, total = self._claimed(request, row)
            if total > FILE_LIMIT:
                raise Refused(413, "invalidRequest/maxFileSizeExceeded", "The file is too large.")
            self._places.room(row["drive"], total)
            await self._absorb(request, key, row, start, stop)
            row = self._rows.merge(key, at=stop, total=total)
            if stop < total or row["defer"]:
                return answer(self._state(row), 202)
            return await self._finish(request, key, row, {})

    @behaviour("documented", "A deferred upload to a school drive is completed by an empty POST to the upload address.")
    async def commit(self, request: web.Request) -> web.Response:
        """Completes a deferred session."""
        key = self._open(request)
        async with self._locks.setdefault(key, asyncio.Lock()):
            row = self._rows[self._open(request)]
            if self._tree.owner(row["drive"]).personal or await request.read():
                raise Refused(400, "invalidRequest", "An upload is completed by an empty POST, on school drives only.")
            return await self._finish(request, key, row, {})

    @behaviour("documented", "A PUT of name and @microsoft.graph.sourceUrl to the item's address commits a session.")
    async def redirect(self, request: web.Request, slot: Slot) -> web.Response:
        """Commits a whole session under new metadata, in the slot that the address means."""
        body = await self.box.json(request)
        key = str(body.pop("@microsoft.graph.sourceUrl", "")).rpartition("/")[2]
        item = odata.only(body, name=str, fileSystemInfo=dict, description=str)
        if key not in self._rows or self._rows[key]["drive"] != slot.parent["drive"]:
            raise Refused(404, "itemNotFound/uploadSessionNotFound", "The upload session was not found.")
        if item.get("name", slot.name) != slot.name:
            raise Refused(400, "invalidRequest", "The name in the body differs from the address.")
        self._places.preconditions(request, slot.item)
        async with self._locks.setdefault(key, asyncio.Lock()):
            changes = {"parent": slot.parent["id"], "name": slot.name, "item": None}
            changes |= {"conflict": odata.body_conflict(item, "fail")}
            changes["more"] = self._rows[key]["more"] | self._more(item)
            return await self._finish(request, key, self._rows[key], changes)

    def forget(self, key: str) -> None:
        """The session is over."""
        self._rows.drop(key)
        self._digests.pop(key, None)
        self._locks.pop(key, None)

    def expire(self, request: web.BaseRequest) -> None:
        """The session that this request addresses is over, its bytes are lost."""
        key = request.path.rpartition("/")[2]
        if key in self._rows:
            self._contents.drop(self._rows[key]["blob"])
            self.forget(key)

    @behaviour("documented", "A session that has ended is 404 at every method of its address.")
    @behaviour("documented", "An Authorization header at the upload address answers 401.")
    def _open(self, request: web.Request) -> str:
        label(request, "/up/{session}")
        if "Authorization" in request.headers:
            raise Refused(401, "unauthenticated", "The upload address takes no Authorization header.")
        key = request.match_info["session"]
        row = self._rows.get(key)
        if row is None or row["ends"] <= self.box.now() * 1000:
            raise Refused(404, "itemNotFound/uploadSessionNotFound", "The upload session was not found.")
        self._contents.throttle.hold(self._tree.owner(row["drive"]).tid)
        return key

    @behaviour(
        "documented", "Fragments: a multiple of 327,680 bytes except the last, under 60 MiB, the total never changes."
    )
    @behaviour("documented", "A fragment that was received before is 416 invalidRange with fragmentOverlap.")
    @behaviour(
        "assumed", "A fragment that does not line up is 400 at once; one that skips bytes is 416 fragmentOutOfOrder."
    )
    def _claimed(self, request: web.Request, row: Doc) -> tuple[int, int, int]:
        """start, stop and total that the fragment's headers claim."""
        found = _RANGE.fullmatch(request.headers.get("Content-Range", ""))
        if not found:
            raise Refused(400, "invalidRequest", "The Content-Range header is missing or malformed.")
        start, stop, total = int(found[1]), int(found[2]) + 1, int(found[3])
        if not start < stop <= total or request.content_length != stop - start:
            raise Refused(400, "invalidRequest/fragmentLengthMismatch", "Content-Range and Content-Length do not fit.")
        if row["total"] not in (None, total):
            raise Refused(400, "invalidRequest", "The total size of the file has changed.")
        if start < row["at"]:
            raise Refused(
                416, "invalidRange/fragmentOverlap", "The uploaded fragment overlaps with data already received."
            )
        if start > row["at"]:
            raise Refused(416, "invalidRange/fragmentOutOfOrder", "The uploaded fragment leaves a gap.")
        if stop - start >= FRAGMENT_LIMIT:
            raise Refused(413, "invalidRequest/maxFragmentLengthExceeded", "The fragment is too long.")
        if stop < total and (stop - start) % ALIGNMENT:
            raise Refused(400, "invalidRequest", "The length of a fragment must be a multiple of 327680.")
        return start, stop, total

    @behaviour("documented", "A fragment that breaks off is ignored as a whole.")
    async def _absorb(self, request: web.Request, key: str, row: Doc, start: int, stop: int) -> None:
        """The fragment's bytes into the blob. With the fault reason 'partial' a broken one is kept in part."""
        path = self._contents.sink(row["blob"])
        digests = await self._hashed(key, row)
        del self._digests[key]
        try:
            await receive(pieces(request), path, start, digests, stop)
        except Dropped:
            if fault(request, "reason") == "partial":
                self._rows.merge(key, at=digests.position)
            raise
        self._digests[key] = digests

    @behaviour(
        "documented", "A conflict at the end is 409 nameAlreadyExists; the session survives and can be redirected."
    )
    async def _finish(self, request: web.Request, key: str, row: Doc, changes: dict[str, Any]) -> web.Response:
        if row["total"] is None or row["at"] != row["total"]:
            raise Refused(400, "invalidRequest/uploadSessionIncomplete", "The upload session is not complete.")
        target = row | changes
        ACTING.set(row["by"])  # the upload address takes no token
        parent = self._tree.live(target["drive"], target["parent"])
        item = self._tree.live(target["drive"], target["item"]) if target["item"] else None
        slot = Slot(parent, target["name"], item, by_id=item is not None)
        stored = Stored(row["blob"], row["at"], written(await self._hashed(key, row)))
        async with rewritten(request, self._contents, stored, self._tree.owner(row["drive"])) as final:
            placed, new = self._places.place(slot, final, target["conflict"], **target["more"])
            self._rewriting.consider(placed)
        self.forget(key)
        doc = self._wire.item(request, placed, odata.Options())
        return answer(context(request, "driveItem") | doc, 201 if new else 200)

    async def _hashed(self, key: str, row: Doc) -> Digests:
        """The hashes of what the row says has arrived; what lies behind that in the blob is cut off."""
        digests = self._digests.get(key)
        if digests is None or digests.position != row["at"]:
            digests, path = Digests(makers(self._tree.owner(row["drive"]))), self._contents.path(row["blob"])
            if row["at"] and not row["blob"]:  # nothing to hash again
                self.forget(key)
                raise Refused(404, "itemNotFound/uploadSessionNotFound", "The session's bytes were discarded.")
            if row["at"]:
                os.truncate(path, row["at"])
                await digest_file(path, digests)
            self._digests[key] = digests
        return digests

    def _state(self, row: Doc) -> dict[str, Any]:
        left = [] if row["at"] == row["total"] else [f"{row['at']}-"]
        ends = moment(row["ends"], self._tree.owner(row["drive"]))
        return {"expirationDateTime": ends, "nextExpectedRanges": left}

    def _more(self, item: dict[str, Any]) -> dict[str, Any]:
        """What the item of a request says beside its name: dates and a description."""
        now = int(self.box.now() * 1000)
        more = {"fs": parse_times(item["fileSystemInfo"], [now, now])} if "fileSystemInfo" in item else {}
        return more | ({"description": item["description"]} if "description" in item else {})
