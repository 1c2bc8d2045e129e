"""Drives and what is in them: list, look, open, make, rename, move inside, delete."""

from __future__ import annotations

import unicodedata
from functools import partial

from aiohttp import web

from gateway.api import content
from gateway.api.items import item_etag, item_out, parse_ref, reader, ref_of, writer
from gateway.api.listing import listed
from gateway.api.presence import Presence
from gateway.api.problems import Problem
from gateway.api.ranges import check_match
from gateway.api.routing import Call, Header, Route, answer, nothing
from gateway.api.schemas import (
    ContentHow,
    Continued,
    DeleteHow,
    DriveList,
    DriveOut,
    DriveTraits,
    Item,
    ItemChange,
    ItemPage,
    NewFolder,
)
from gateway.drives import Connected
from gateway.files.opening import Asked
from providers.drive import OnConflict
from providers.verbs import View

IF_MATCH = Header("If-Match", "The ETag of the item as the caller saw it.")
NEED_MATCH = Header("If-Match", "The ETag of the item as the caller saw it.", required=True)
RANGE = Header("Range", "One byte range.")
PATH = "/v1/drives/{drive}/items/{item}"
_NEVER = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Categories of Unicode: controls, lone surrogates, line and paragraph separators."""
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
"""Controls that turn the direction of text, and could show ``exe.gpj`` as another file."""


def drive_out(drive: Connected) -> DriveOut:
    """A drive on the wire."""
    traits = drive.traits
    return DriveOut(
        id=drive.id,
        kind=drive.kind,
        label=drive.label,
        state=drive.state,
        traits=DriveTraits(
            hash=traits.hash,
            needs_size=traits.needs_size,
            unique_names=traits.unique_names,
            case_sensitive=traits.case_sensitive,
            max_size=traits.max_size,
            max_name=traits.max_name,
        ),
        can=sorted(drive.can),
        views=[View(one).value for one in traits.views],
        reach=drive.reach,
    )


async def list_drives(call: Call) -> web.StreamResponse:
    """The person's own drive and the accounts they connected."""
    found = await call.services.drives.list(call.me.person, call.me.school)
    return answer(DriveList(items=[drive_out(drive) for drive in found]))


async def get_item(call: Call) -> web.StreamResponse:
    """One item; `root` stands for the drive's top folder."""
    source = await reader(call)
    ref = await ref_of(call, source)
    entry = await call.services.freshness.entry(call.scope, call.path("drive"), lambda: source.stat(ref))
    item = item_out(call.path("drive"), entry)
    return answer(item, headers={"ETag": item.etag})


async def list_children(call: Call) -> web.StreamResponse:
    """One page of a folder, as large as the drive makes it. `complete` is false where the provider left items out."""
    source = await reader(call)
    ref = await ref_of(call, source)
    return await listed(call, str(ref), lambda cursor: source.children(ref, cursor))


async def make_folder(call: Call) -> web.StreamResponse:
    """A new folder."""
    drive, wanted = call.path("drive"), call.body
    check_name(wanted.name)
    to = await writer(call)
    made = await to.make_folder(await ref_of(call, to), wanted.name, OnConflict(wanted.on_conflict))
    item = item_out(drive, made)
    return answer(item, 201, {"ETag": item.etag, "Location": f"/v1/drives/{drive}/items/{item.id}"})


async def change_item(call: Call) -> web.StreamResponse:
    """Rename an item, move it inside its drive, or both."""
    drive, change = call.path("drive"), call.body
    if change.name is None and change.parent is None:
        raise Problem(422, "nothing_to_change", "Send a name, a parent, or both.")
    if change.name is not None:
        check_name(change.name)
    ref = parse_ref(call.path("item"))
    to = await writer(call)
    now = await to.stat(ref)
    check_match(call.request.headers.get("If-Match"), item_etag(drive, now), required=True)
    parent = parse_ref(change.parent) if change.parent else None
    item = item_out(drive, await to.relocate(ref, parent, change.name, version=now.version))
    call.services.freshness.changed(call.scope, drive, [ref])
    return answer(item, headers={"ETag": item.etag})


async def delete_item(call: Call) -> web.StreamResponse:
    """Put an item into the drive's trash, or with `permanent=true` delete it for good."""
    drive, ref = call.path("drive"), parse_ref(call.path("item"))
    to = await writer(call)
    now = await to.stat(ref)
    check_match(call.request.headers.get("If-Match"), item_etag(drive, now))
    if now.parent is None:
        raise Problem(422, "drive_root", "A drive's top folder cannot be deleted.")
    version = now.version if call.request.headers.get("If-Match") else None
    if call.query.permanent == "true":
        await to.delete(ref, version=version)
    else:
        await to.trash(ref, version=version)
    await call.services.following.seen(call.scope, drive, [ref])
    return nothing()


async def get_content(call: Call) -> web.StreamResponse:
    """A file's bytes, through the encrypted cache; a document in its `export` format, else in its school's default.

    `version` names an older one, as the item's versions do. One range at a time.
    """
    source, opener, query = await reader(call), call.services.opener, call.query
    asked = Asked(parse_ref(call.path("item")), query.export, query.version)
    opened = await opener.open(call.scope, call.path("drive"), source, asked)
    await call.services.accesses.record(call.me, call.instruction, opened)
    connected = partial(call.services.drives.usable, call.me.person, call.me.school, call.path("drive"))
    present = Presence(call.services, call.me, using=True, also=connected)
    return await content.serve(call.request, opener, opened, present, download=query.download == "1")


def check_name(name: str) -> None:
    """422 for names that nobody can mean: controls, path tricks, surrogates, text that shows as another, nothing."""
    odd = any(unicodedata.category(c) in _NEVER or unicodedata.bidirectional(c) in _TURNS for c in name)
    seen = [c for c in name if not c.isspace() and unicodedata.category(c) != "Cf"]
    if odd or not seen or name.strip() in (".", "..") or "/" in name or "\\" in name:
        raise Problem(422, "name_refused", "This is not a name for a file or folder. Choose another one.")


DRIVE_PROBLEMS = (403, 409, 422, 502, 504)
CONTENT = {206: "One range of it", 304: "The caller has it already"}

ROUTES = (
    Route("GET", "/v1/drives", list_drives, "drive.list", "List your drives", "drives", answer=DriveList),
    Route("GET", PATH, get_item, "drive.read", "Look at an item", "items", answer=Item, problems=DRIVE_PROBLEMS),
    Route(
        "GET", f"{PATH}/children", list_children, "drive.read", "List a folder", "items",
        query=Continued, answer=ItemPage, problems=DRIVE_PROBLEMS,
    ),
    Route(
        "POST", f"{PATH}/children", make_folder, "drive.write", "Make a folder", "items",
        body=NewFolder, answer=Item, status=201, idempotent=True, problems=(*DRIVE_PROBLEMS, 412, 507),
    ),
    Route(
        "PATCH", PATH, change_item, "drive.write", "Rename or move an item", "items",
        body=ItemChange, answer=Item, headers=(NEED_MATCH,), problems=(*DRIVE_PROBLEMS, 412, 428),
    ),
    Route(
        "DELETE", PATH, delete_item, "drive.write", "Delete an item", "items",
        query=DeleteHow, status=204, headers=(IF_MATCH,), problems=(*DRIVE_PROBLEMS, 412),
    ),
    Route(
        "GET", f"{PATH}/content", get_content, "drive.read", "Open a file", "items",
        query=ContentHow, media="application/octet-stream", headers=(RANGE, Header("If-Range", "An ETag.")),
        also=CONTENT, problems=(*DRIVE_PROBLEMS, 412, 416),
    ),
    Route(
        "HEAD", f"{PATH}/content", get_content, "drive.read", "A file's headers", "items",
        query=ContentHow, media="application/octet-stream", headers=(RANGE,), also=CONTENT,
        problems=(*DRIVE_PROBLEMS, 412, 416),
    ),
)  # fmt: skip
