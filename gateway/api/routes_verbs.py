"""What only some drives can do: search, lists across folders, trash, versions, pictures, quota and what changed.

A drive without the verb answers `not_offered`. Search words and names stand in no log and no cursor.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from aiohttp import web

from gateway.api import headers
from gateway.api.items import item_out, not_offered, offered, parse_ref, reader, writer
from gateway.api.listing import listed
from gateway.api.problems import Problem, not_found
from gateway.api.routes_drives import DRIVE_PROBLEMS, PATH
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas import Continued, Item, ItemPage
from gateway.api.schemas_verbs import (
    ChangeList,
    ChangeOut,
    PictureHow,
    QuotaOut,
    Since,
    SpaceList,
    SpaceOut,
    VersionList,
    VersionOut,
    Words,
)
from gateway.sentences import sentence
from providers.errors import Changed, Untrusted
from providers.verbs import (
    PICTURE_LIMIT,
    CanRestore,
    CanSearch,
    HasChanges,
    HasQuota,
    HasSpaces,
    HasThumbnails,
    HasTrash,
    HasVersions,
    HasViews,
    View,
)

DRIVE: Final = "/v1/drives/{drive}"
PICTURES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})


async def list_spaces(call: Call) -> web.StreamResponse:
    """The shared drives or libraries that the account reaches, each with the id of its top folder."""
    spaces = await offered(await reader(call), HasSpaces).spaces()
    return answer(SpaceList(items=[SpaceOut(name=one.name, root=str(one.root)) for one in spaces]))


async def search_drive(call: Call) -> web.StreamResponse:
    """What has these words in its name or its text, wherever it lies."""
    words = _words(call.query.q)
    source = offered(await reader(call), CanSearch)
    return await listed(call, f"search\0{words}", lambda cursor: source.search(words, cursor), {"q": words})


def _words(text: str) -> str:
    """The words; 422 where there are none, or something that nobody types."""
    words = " ".join(text.split())
    if not words or any(unicodedata.category(c) in ("Cc", "Cs") for c in text):
        raise Problem(422, "no_words", "Type one or more words to search for.")
    return words


async def list_view(call: Call) -> web.StreamResponse:
    """A list across folders: `shared` with the account, `starred` by it, or used by it most recently: `recent`."""
    name, source = call.path("view"), await reader(call)
    if name not in set(View):
        raise not_found()
    viewing, view = offered(source, HasViews), View(name)
    if name not in source.traits.views:
        raise not_offered()
    return await listed(call, f"view\0{name}", lambda cursor: viewing.view(view, cursor))


async def list_trash(call: Call) -> web.StreamResponse:
    """What was put into the drive's trash; `ends` tells when an item is gone for good, where the drive says so."""
    source = offered(await reader(call), HasTrash)
    return await listed(call, "trash", source.trashed)


async def restore_item(call: Call) -> web.StreamResponse:
    """Take an item out of the trash, back to where it was."""
    drive, ref = call.path("drive"), parse_ref(call.path("item"))
    restored = await offered(await writer(call), CanRestore).restore(ref)
    call.services.freshness.changed(call.scope, drive, [ref])
    item = item_out(drive, restored)
    return answer(item, headers={"ETag": item.etag})


async def list_versions(call: Call) -> web.StreamResponse:
    """The contents that a file has and had, the current one first. Older ones are opened by `content?version=`."""
    kept = await offered(await reader(call), HasVersions).versions(parse_ref(call.path("item")))
    items = [
        VersionOut(id=one.id, size=one.size, modified=one.modified, current=place == 0)
        for place, one in enumerate(kept)
    ]
    return answer(VersionList(items=items))


async def get_thumbnail(call: Call) -> web.StreamResponse:
    """A small picture of an item, as its drive draws it. It passes through and is kept nowhere."""
    source, ref = offered(await reader(call), HasThumbnails), parse_ref(call.path("item"))
    picture = await source.thumbnail(ref, call.query.edge)
    if picture is None:
        raise Problem(404, "no_picture", "There is no picture of this item.")
    if picture.media_type not in PICTURES or len(picture.data) > PICTURE_LIMIT:
        raise Untrusted("not a small picture", reason="picture")
    known = call.services.freshness.known(call.scope, drive := call.path("drive"), ref)
    await call.services.accesses.pictured(
        call.me, call.instruction, call.scope, drive, ref, None if known is None else known.name
    )  # fmt: skip
    return web.Response(body=picture.data, headers=headers.for_picture(picture.media_type))


async def get_quota(call: Call) -> web.StreamResponse:
    """How full the drive is, in bytes; `limit` null: without a limit."""
    used, limit = await offered(await reader(call), HasQuota).quota()
    return answer(QuotaOut(used=used, limit=limit), nulls=True)


async def list_changes(call: Call) -> web.StreamResponse:
    """What changed since `cursor`; without one, where to begin. `item` null: gone, in the trash or out of sight.

    `space` is the top folder's id of another space of the drive. 410 where the cursor is too old: list again.
    """
    drive, source = call.path("drive"), await reader(call)
    offered(source, HasChanges)
    space = parse_ref(call.query.space).space if call.query.space else ""
    bound = f"{call.me.person}\0{drive}\0changes\0{space}"
    place = call.services.cursors.read(call.query.cursor, bound)
    try:
        found, after = await call.services.following.since(call.scope, drive, source, place, space)
    except Changed as error:
        if error.reason != "resync":
            raise
        raise Problem(
            410, "resync", "Too much has happened since this list was loaded.",
            advice=sentence("Load the folder again."),
        ) from None  # fmt: skip
    items = [ChangeOut(id=str(one.ref), item=one.entry and item_out(drive, one.entry)) for one in found.items]
    told = ChangeList(items=items, next=call.services.cursors.make(after, bound), more=found.more)
    return answer(told, nulls=True)


ROUTES = (
    Route(
        "GET", f"{DRIVE}/spaces", list_spaces, "drive.read", "Other trees of a drive", "drives",
        answer=SpaceList, problems=(*DRIVE_PROBLEMS, 412), rate=120,
    ),
    Route(
        "GET", f"{DRIVE}/search", search_drive, "drive.search", "Search a drive", "drives",
        query=Words, answer=ItemPage, problems=(*DRIVE_PROBLEMS, 412), rate=60,
    ),
    Route(
        "GET", f"{DRIVE}/views/{{view}}", list_view, "drive.read", "A list across folders", "drives",
        query=Continued, answer=ItemPage, problems=(*DRIVE_PROBLEMS, 412), rate=120,
    ),
    Route(
        "GET", f"{DRIVE}/trash", list_trash, "drive.read", "What is in the trash", "drives",
        query=Continued, answer=ItemPage, problems=(*DRIVE_PROBLEMS, 412), rate=120,
    ),
    Route(
        "GET", f"{DRIVE}/quota", get_quota, "drive.read", "How full a drive is", "drives",
        answer=QuotaOut, problems=DRIVE_PROBLEMS, rate=120,
    ),
    Route(
        "GET", f"{DRIVE}/changes", list_changes, "drive.read", "What changed", "drives",
        query=Since, answer=ChangeList, problems=(*DRIVE_PROBLEMS, 410, 412), rate=240,
    ),
    Route(
        "POST", f"{PATH}/restore", restore_item, "drive.write", "Take an item out of the trash", "items",
        answer=Item, idempotent=True, problems=(*DRIVE_PROBLEMS, 412, 507),
    ),
    Route(
        "GET", f"{PATH}/versions", list_versions, "drive.read", "Versions of a file", "items",
        answer=VersionList, problems=DRIVE_PROBLEMS, rate=240,
    ),
    Route(
        "GET", f"{PATH}/thumbnail", get_thumbnail, "drive.read", "A small picture", "items",
        query=PictureHow, media="image/*", problems=DRIVE_PROBLEMS, rate=1200,
    ),
)  # fmt: skip
