"""The one door of Graph v1.0: who asks, for what, may they, and which handler answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox, label
from providers.sandbox.microsoft import odata
from providers.sandbox.microsoft.accounts import Account
from providers.sandbox.microsoft.addressing import PREFIX, Address, parse
from providers.sandbox.microsoft.batch import Batch
from providers.sandbox.microsoft.changes import Changes
from providers.sandbox.microsoft.contents import Contents
from providers.sandbox.microsoft.control import Control
from providers.sandbox.microsoft.listing import Listing
from providers.sandbox.microsoft.odata import CONFLICT, Options
from providers.sandbox.microsoft.placing import Places, Slot
from providers.sandbox.microsoft.rewriting import Rewriting, rewritten
from providers.sandbox.microsoft.rights import READ, WRITE, Rights
from providers.sandbox.microsoft.sessions import Sessions
from providers.sandbox.microsoft.signin import SignIn
from providers.sandbox.microsoft.sites import Sites
from providers.sandbox.microsoft.thumbnails import Thumbnails
from providers.sandbox.microsoft.tree import ACTING, Doc, Tree
from providers.sandbox.microsoft.versions import Versions
from providers.sandbox.microsoft.wire import Wire, answer, context, user
from providers.sandbox.oauth import Session

_SHOWN = {"select", "expand"}
_LISTED = _SHOWN | {"top", "skiptoken"}
_SITES = frozenset({"sites.read.all", "sites.readwrite.all", ".default"})
_WRITING = frozenset({"files.readwrite", "files.readwrite.all", "sites.readwrite.all", ".default"})
_READING = _WRITING | {"files.read", "files.read.all", "sites.read.all"}
OPTIONS: dict[tuple[str, str, str], set[str]] = {
    ("GET", "user", ""): {"select"},
    ("GET", "drives", ""): {"select", "top"},
    ("GET", "drive", ""): {"select"},
    ("GET", "followedSites", ""): {"select"},
    ("GET", "sites", ""): {"select", "search"},
    ("GET", "site", ""): {"select"},
    ("GET", "siteDrives", ""): {"select", "top"},
    ("GET", "item", ""): _SHOWN,
    ("PATCH", "item", ""): _SHOWN | {CONFLICT},
    ("PUT", "item", ""): {CONFLICT},
    ("DELETE", "item", ""): set(),
    ("GET", "item", "children"): _LISTED | {"orderby", "filter"},
    ("POST", "item", "children"): _SHOWN | {CONFLICT},
    ("GET", "item", "content"): set(),
    ("PUT", "item", "content"): {CONFLICT},
    ("POST", "item", "createUploadSession"): set(),
    ("POST", "item", "copy"): {CONFLICT},
    ("GET", "item", "delta"): _LISTED | {"token"},
    ("GET", "item", "search"): _LISTED,
    ("POST", "item", "checkout"): set(),
    ("POST", "item", "checkin"): set(),
    ("GET", "item", "versions"): {"select", "top"},
    ("GET", "item", "version"): {"select"},
    ("GET", "item", "version/content"): set(),
    ("POST", "item", "version/restoreVersion"): set(),
    ("GET", "item", "thumbnails"): {"select"},
    ("GET", "item", "thumbnail"): set(),
    ("GET", "item", "thumbnail/content"): set(),
    ("GET", "sharedWithMe", ""): {"select", "top", "allowexternal"},
    ("GET", "recent", ""): {"select", "top"},
    ("POST", "item", "permanentDelete"): set(),
    ("POST", "item", "restore"): _SHOWN,
}


class Graph:
    """Graph v1.0 of one stand-in."""

    def __init__(self, box: Sandbox, sign_in: SignIn) -> None:
        self.box, self.oauth, self.kept, self.policies = box, sign_in.oauth, sign_in.kept, sign_in.policies
        self.tree = Tree(self.box)
        self.sites = Sites(self.box, self.tree)
        self.rights = Rights(self.tree, self.sites)
        self.contents = Contents(self.box, self.tree, self.kept)
        self.thumbnails = Thumbnails(self.box, self.contents)
        self.wire = Wire(self.tree, self.contents.address, self.thumbnails.sets, self.kept)
        self.versions = Versions(self.tree, self.contents, self.kept)
        self.rewriting = Rewriting(self.contents, self.kept)
        self.places = Places(self.tree, self.versions, self.wire)
        self.sessions = Sessions(self.contents, self.places, self.wire, self.kept, self.rewriting)
        self.changes = Changes(self.box, self.places, self.wire, self.rights, self.versions)
        self.listing = Listing(self.tree, self.wire, self.rights, self.kept)
        Control(self.box, self.kept, self.places, self.rights, self.sites)
        Batch(self.box, PREFIX)
        self.box.app.router.add_route("*", PREFIX + "/{tail:.*}", self.answer)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Any request below /v1.0."""
        label(request, PREFIX)  # before the address is understood, nothing of it may be named
        address = parse(request.rel_url.raw_path)
        label(request, address.template)
        session = self._caller(request, address)
        account = self.tree.account(session.person.email)
        self.contents.throttle.hold(account.tid)
        limits = self.contents.throttle.count(account.tid, session.client)
        response = await self._asked(request, account, address)
        if limits:
            response.headers.update(limits)
        return response

    async def _asked(self, request: web.Request, account: Account, address: Address) -> web.StreamResponse:
        ACTING.set(account.person.email)
        allowed = OPTIONS.get((request.method, address.kind, address.verb))
        if allowed is None:
            raise Refused(405, "methodNotAllowed", "The method is not allowed at this address.")
        options = odata.options(request, allowed)
        if address.kind == "item":
            return await self._item(request, account, self._drive(account, address), address, options)
        return self._other(request, account, address, options)

    @behaviour("documented", "A request without a live bearer token is 401 InvalidAuthenticationToken.")
    @behaviour(
        "documented", "Files.Read lets one read, Files.ReadWrite write, User.Read see oneself; else 403 accessDenied."
    )
    @behaviour("documented", "Sites are listed with Sites.Read.All; no scope for files is enough.")
    def _caller(self, request: web.Request, address: Address) -> Session:
        session = self.oauth.session(request)
        if session is None:
            headers = {"WWW-Authenticate": 'Bearer realm="", authorization_uri="/common/oauth2/v2.0/authorize"'}
            raise Refused(401, "InvalidAuthenticationToken", "Access token is missing, malformed or expired.", headers)
        scopes = {scope.rpartition("/")[2].lower() for scope in session.scopes}
        enough = _READING if request.method == "GET" else _WRITING
        enough = enough | {"user.read"} if address.kind == "user" else enough
        if not scopes & (_SITES if address.kind in ("followedSites", "sites", "site") else enough):
            raise Refused(403, "accessDenied", "The caller does not have permission to perform the action.")
        self.policies.at_graph(session.person)
        return session

    @behaviour("documented", "/sites/{id}/drive is the site's default library.")
    def _drive(self, account: Account, address: Address) -> str:
        """The drive that is addressed, of which the caller may see something."""
        if address.site is not None:
            return str(self.sites.find(account, address.site)["libraries"][0])
        own = self.tree.drive_of(account.person)
        return own if address.drive is None else self.rights.drive(account, address.drive)

    def _other(self, request: web.Request, account: Account, address: Address, options: Options) -> web.StreamResponse:
        match address.kind:
            case "user":
                return answer(context(request, "users/$entity") | _some(user(account), options))
            case "followedSites":
                return self._listed(request, "sites", map(self.sites.render, self.sites.followed(account)), options)
            case "sites":
                found = self.sites.search(account, options.search)
                return self._listed(request, "sites", map(self.sites.render, found), options)
            case "site":
                site = self.sites.render(self.sites.find(account, address.site or ""))
                return answer(context(request, "sites/$entity") | _some(site, options))
            case "siteDrives":
                drives = self.sites.find(account, address.site or "")["libraries"]
                return self._listed(request, "drives", map(self.wire.drive, drives), options)
        drive = self._drive(account, address)
        if address.kind in ("sharedWithMe", "recent"):
            return self.listing.beyond(request, account, drive, address.kind, options)
        doc = self.wire.drive(drive)
        if address.kind == "drives":
            return self._listed(request, "drives", [doc], options)
        return answer(context(request, "drives/$entity") | _some(doc, options))

    @staticmethod
    def _listed(request: web.Request, what: str, docs: Iterable[dict[str, Any]], options: Options) -> web.Response:
        return answer(context(request, what) | {"value": [_some(doc, options) for doc in docs]})

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
            self.rights.demand(account, slot.item or slot.parent, WRITE)
            if verb == "createUploadSession":
                return await self.sessions.create(request, slot)
            if verb == "content":
                return await self._put(request, account, slot, options)
            return await self.sessions.redirect(request, slot)
        item = self.places.descend(drive, anchor, path)
        self.rights.demand(account, item, READ if method == "GET" or verb == "copy" else WRITE)
        if method == "GET":
            return self._read(request, item, address, options)
        match method, verb:
            case "PATCH", _:
                return await self.changes.update(request, item, options)
            case "POST", "children":
                return await self.changes.make_folder(request, item, options)
            case "POST", "copy":
                return await self.changes.copy(request, item, options)
            case "POST", "checkout" | "checkin":
                return await self.changes.hold(request, item, out=verb == "checkout")
            case "POST", "version/restoreVersion":
                self.places.unlocked(item)
                return self.versions.restore(item, address.argument or "")
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
            case "versions":
                return self.versions.all(request, item)
            case "version":
                return self.versions.show(request, item, address.argument or "")
            case "version/content":
                return self.versions.content(request, item, address.argument or "")
            case "thumbnails":
                return self.thumbnails.all(request, item, options)
            case "thumbnail" | "thumbnail/content" as verb:
                return self.thumbnails.show(request, item, address.argument or "", content="/" in verb)
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
                self.rewriting.consider(item)
        except BaseException:
            self.contents.drop(stored.blob)
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
