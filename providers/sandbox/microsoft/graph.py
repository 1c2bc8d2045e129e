"""The one door of Graph v1.0: who asks, for what, may they, and which handler answers."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox, label
from providers.sandbox.microsoft import odata
from providers.sandbox.microsoft.accounts import Account
from providers.sandbox.microsoft.addressing import PREFIX, Address, parse
from providers.sandbox.microsoft.changes import Changes
from providers.sandbox.microsoft.contents import Contents
from providers.sandbox.microsoft.listing import Listing
from providers.sandbox.microsoft.odata import CONFLICT, Options
from providers.sandbox.microsoft.placing import Places, Slot
from providers.sandbox.microsoft.rewriting import rewritten
from providers.sandbox.microsoft.sessions import Sessions
from providers.sandbox.microsoft.tree import Doc, Tree
from providers.sandbox.microsoft.wire import Wire, answer, context, user
from providers.sandbox.oauth import OAuth

_SHOWN = {"select", "expand"}
_LISTED = _SHOWN | {"top", "skiptoken"}
OPTIONS: dict[tuple[str, str, str], set[str]] = {
    ("GET", "user", ""): {"select"},
    ("GET", "drives", ""): {"select", "top"},
    ("GET", "drive", ""): {"select"},
    ("GET", "item", ""): _SHOWN,
    ("PATCH", "item", ""): _SHOWN | {CONFLICT},
    ("PUT", "item", ""): {CONFLICT},
    ("DELETE", "item", ""): set(),
    ("GET", "item", "children"): _LISTED | {"orderby"},
    ("POST", "item", "children"): _SHOWN | {CONFLICT},
    ("GET", "item", "content"): set(),
    ("PUT", "item", "content"): {CONFLICT},
    ("POST", "item", "createUploadSession"): set(),
    ("POST", "item", "copy"): {CONFLICT},
    ("GET", "item", "delta"): _LISTED | {"token"},
    ("GET", "item", "search"): _LISTED,
    ("POST", "item", "permanentDelete"): set(),
    ("POST", "item", "restore"): _SHOWN,
}


class Graph:
    """Graph v1.0 of one stand-in."""

    def __init__(self, box: Sandbox, oauth: OAuth) -> None:
        self.box, self.oauth = box, oauth
        self.tree = Tree(self.box)
        self.contents = Contents(self.box, self.tree)
        self.wire = Wire(self.tree, self.contents.address)
        self.places = Places(self.tree, self.contents, self.wire)
        self.sessions = Sessions(self.box, self.tree, self.contents, self.places, self.wire)
        self.changes = Changes(self.box, self.tree, self.places, self.wire)
        self.listing = Listing(self.tree, self.wire)
        self.box.app.router.add_route("*", PREFIX + "/{tail:.*}", self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any request below /v1.0."""
        label(request, PREFIX)  # before the address is understood, nothing of it may be named
        address = parse(request.rel_url.raw_path)
        label(request, address.template)
        account = self._caller(request)
        allowed = OPTIONS.get((request.method, address.kind, address.verb))
        if allowed is None:
            raise Refused(405, "methodNotAllowed", "The method is not allowed at this address.")
        options = odata.options(request, allowed)
        drive = self._drive(account, address.drive)
        if address.kind == "item":
            return await self._item(request, account, drive, address, options)
        return self._other(request, account, drive, address.kind, options)

    @behaviour("documented", "A request without a live bearer token is 401 InvalidAuthenticationToken.")
    @behaviour(
        "documented", "Files.Read lets one read, Files.ReadWrite write, User.Read see oneself; else 403 accessDenied."
    )
    def _caller(self, request: web.Request) -> Account:
        session = self.oauth.session(request)
        if session is None:
            headers = {"WWW-Authenticate": 'Bearer realm="", authorization_uri="/common/oauth2/v2.0/authorize"'}
            raise Refused(401, "InvalidAuthenticationToken", "Access token is missing, malformed or expired.", headers)
        scopes = {scope.rpartition("/")[2].lower() for scope in session.scopes}
        reading = request.method == "GET"
        enough = {"files.readwrite", "files.readwrite.all", "sites.readwrite.all", ".default"}
        enough |= {"files.read", "files.read.all", "sites.read.all"} if reading else set()
        enough |= {"user.read"} if request.path == f"{PREFIX}/me" else set()
        if not scopes & enough:
            raise Refused(403, "accessDenied", "The caller does not have permission to perform the action.")
        return Account(session.person)

    @behaviour("assumed", "Another person's drive is 403 accessDenied, an unknown one 404 itemNotFound.")
    def _drive(self, account: Account, wanted: str | None) -> str:
        own = self.tree.drive_of(account.person)
        if wanted is None or wanted.lower() == own.lower():
            return own
        if any(Account(person).drive_id.lower() == wanted.lower() for person in self.box.people.all()):
            raise Refused(403, "accessDenied", "The caller does not have permission to perform the action.")
        raise Refused(404, "itemNotFound", "The drive could not be found.")

    def _other(
        self, request: web.Request, account: Account, drive: str, kind: str, options: Options
    ) -> web.StreamResponse:
        if kind == "user":
            return answer(context(request, "users/$entity") | _some(user(account), options))
        doc = _some(self.wire.drive(drive), options)
        if kind == "drives":
            return answer(context(request, "drives") | {"value": [doc]})
        return answer(context(request, "drives/$entity") | doc)

    async def _item(
        self, request: web.Request, account: Account, drive: str, address: Address, options: Options
    ) -> web.StreamResponse:
        anchor, path, method, verb = address.anchor or "root", address.names, request.method, address.verb
        if verb != "content":
            await request.read()  # first, so that nothing is awaited between looking at an item and changing it
        if (method, verb) == ("POST", "restore"):
            return await self.changes.restore(request, drive, anchor, options)
        if method == "PUT" or verb == "createUploadSession":
            slot = self.places.slot(drive, anchor, path)
            if verb == "createUploadSession":
                return await self.sessions.create(request, slot)
            if verb == "content":
                return await self._put(request, account, slot, options)
            return await self.sessions.redirect(request, slot)
        item = self.places.descend(drive, anchor, path)
        if method == "GET":
            return self._read(request, item, address, options)
        match method, verb:
            case "PATCH", _:
                return await self.changes.update(request, item, options)
            case "POST", "children":
                return await self.changes.make_folder(request, item, options)
            case "POST", "copy":
                return await self.changes.copy(request, item, options)
        return await self.changes.delete(request, item, forever=verb == "permanentDelete")

    @behaviour("documented", "GET with If-None-Match answers 304 where the item still has that tag.")
    @behaviour("documented", "GET …/content answers 302 to a pre-authenticated download address.")
    def _read(self, request: web.Request, item: Doc, address: Address, options: Options) -> web.Response:
        match address.verb:
            case "children":
                return self.listing.children(request, item, options)
            case "search":
                return self.listing.search(request, item, address.argument or "", options)
            case "delta":
                return self.listing.delta(request, item, address.argument or options.token, options)
            case "content":
                if item["kind"] != "file":
                    raise Refused(400, "invalidRequest", "The item has no content.")
                return web.Response(status=302, headers={"Location": self.contents.address(request, item)})
        tags = self.wire.tags(item, self.tree.owner(item["drive"])).values()
        if request.headers.get("If-None-Match") in tags:
            return web.Response(status=304)
        return answer(context(request, "driveItem") | self.wire.item(request, item, options))

    @behaviour("documented", "PUT …/content replaces by default; 201 for a new item, 200 for new content.")
    async def _put(self, request: web.Request, account: Account, slot: Slot, options: Options) -> web.Response:
        conflict = options.conflict or "replace"
        self.places.preconditions(request, slot.item)
        if not slot.by_id:
            self.places.settle(slot, conflict)
        stored = await self.contents.take(request, account)
        try:
            async with rewritten(request, self.contents, stored, account) as final:
                item, new = self.places.place(slot, final, conflict)
        except BaseException:
            self.contents.discard(stored)
            raise
        doc = context(request, "driveItem") | self.wire.item(request, item, Options())
        return answer(doc, 201 if new else 200)


def _some(doc: dict[str, Any], options: Options) -> dict[str, Any]:
    """What was selected of a drive or a person."""
    if options.select is None:
        return doc
    if unknown := set(options.select) - set(doc):
        raise Refused(400, "invalidRequest", f"Parsing OData Select and Expand failed: {min(unknown)[:60]!r}")
    return {name: doc[name] for name in options.select}
