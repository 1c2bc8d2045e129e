"""Legal holds: a school's administrators open, read, hand out and release what must be kept of a person.

Two open one, and two release it, by the same approvals as everything else that takes two. All but looking at the list
needs a sign-in of the last minutes.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Mapping
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Final, TypeVar

import structlog
from aiohttp import web

from cache.errors import Missing, Shredded, StorageError
from gateway.api.content import WRITE_TIMEOUT
from gateway.api.headers import for_file
from gateway.api.items import parse_ref
from gateway.api.paging import link_next
from gateway.api.presence import Presence
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas import Paging
from gateway.api.schemas_holds import (
    HeldContent,
    HeldContents,
    HoldExported,
    HoldList,
    HoldOut,
    HoldReleased,
    HoldWanted,
)
from gateway.holds import Hold, HoldError, NoSuchHold, NothingToHold, Order, Part, State
from gateway.holds.model import Waits
from gateway.ids import is_id
from gateway.rights.archive import gathered
from gateway.sentences import sentence
from providers.drive import Ref
from providers.native.kept import Kept

log = structlog.get_logger()

Result = TypeVar("Result")
WORDS: Final = {
    State.PROPOSED: sentence("A second administrator must approve it. Until then it keeps nothing."),
    State.APPROVED: sentence("It begins in a moment."),
    State.OPENING: sentence("It holds. What it keeps is being put under its own key."),
    State.OPEN: sentence("It holds. What it keeps stays, also if its person deletes it or is forgotten."),
    State.RELEASING: sentence("It was released. What only it kept is being destroyed."),
    State.RELEASED: sentence("It was released. What only it kept is destroyed."),
    State.CANCELLED: sentence("It was cancelled before it began, or nobody else approved it in time."),
    State.VOID: sentence("There was nothing left to keep when it was to begin."),
}
WAITS: Final[Mapping[Waits, str]] = {
    "school_key": sentence(
        "What it says cannot be read, and nothing goes on with it, until the suspension of your school's key is lifted."
    ),
    "person_key": sentence("It goes on once the suspension of its person's key is lifted."),
}
LOOK_AGAIN: Final = sentence("Look the ids up again: a hold keeps files and folders that are there now.")
_PIECE: Final = 64 * 1024


def hold_out(call: Call, found: Hold, now: int) -> HoldOut:
    """A hold on the wire."""
    order, holding = found.order, found.state in (State.OPENING, State.OPEN)
    return HoldOut(
        id=found.id,
        person=order.person,
        state="opening" if found.state is State.APPROVED else found.state.value,
        words=call.say(WAITS[found.waits] if found.waits else WORDS[found.state]),
        waits=found.waits,
        items=None if order.items is None else [str(Ref("", item)) for item in order.items],
        basis=order.basis or None,
        authority=order.authority or None,
        reference=order.reference or None,
        untold=order.untold or None,
        review=moment(order.review),
        overdue=holding and order.review <= now,
        opened_by=found.by,
        approval=found.approval,
        release=found.release,
        contents=found.contents,
        bytes=found.bytes,
        parts=call.services.held_out.parts(found),
        made=moment(found.made),
        began=None if found.began is None else moment(found.began),
        ended=None if found.ended is None else moment(found.ended),
    )


async def _out(call: Call, found: Hold) -> HoldOut:
    return hold_out(call, found, await call.services.database.now())


async def _told(step: Awaitable[Result]) -> Result:
    """What a step gives, or the problem that it cannot be done."""
    try:
        return await step
    except NoSuchHold:
        raise not_found() from None
    except NothingToHold:
        raise Problem(
            422, "nothing_to_hold", "There is no such person at your school, or nothing of these in their own drive.",
            advice=LOOK_AGAIN,
        ) from None  # fmt: skip
    except HoldError:
        raise Problem(409, "hold_state", "This cannot be done now. Look at how far the hold is.") from None


async def _found(call: Call) -> Hold:
    text = call.path("hold")
    if not is_id(text):
        raise not_found()
    return await _told(call.services.holds.get(call.me.school, text))


async def list_holds(call: Call) -> web.StreamResponse:
    """The school's legal holds, the newest first."""
    bound = f"{call.me.person}\0holds"
    place = call.services.cursors.read(call.query.cursor, bound)
    made, _, last = (place or "").partition(" ")
    before = (int(made), last) if place else None
    found, more = await call.services.holds.list(call.me.school, before, call.query.limit)
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    now = await call.services.database.now()
    page = HoldList(items=[hold_out(call, one, now) for one in found], next=after)
    return answer(page, headers=link_next(PATH, after))


async def get_hold(call: Call) -> web.StreamResponse:
    """One of them."""
    return answer(await _out(call, await _found(call)))


def _item(text: str) -> str:
    ref = parse_ref(text)
    if ref.space:
        raise not_found()
    return ref.id


async def open_hold(call: Call) -> web.StreamResponse:
    """Ask for a hold. It begins when a second administrator has approved the request that `approval` names.

    It keeps contents that are there when it begins: of files that are named, of everything in folders that are, older
    versions and the trash included; without `items` of the person's whole native drive. Never cached copies or anything
    else that ends by itself. It is the only thing that an erasure leaves, and it leaves nothing else.
    """
    wanted, services = call.body, call.services
    review = round(wanted.review.timestamp() * 1000)
    if review <= await services.database.now():
        raise Problem(422, "review_past", "The day on which you look at the hold again must lie ahead.")
    order = Order(
        person=wanted.person,
        items=None if wanted.items is None else tuple(dict.fromkeys(map(_item, wanted.items))),
        basis=wanted.basis,
        authority=wanted.authority,
        reference=wanted.reference,
        review=review,
        untold=wanted.untold.strip(),
    )
    opened = await _told(services.holds.open(services.approvals, call.me.school, call.me.person, order))
    return answer(await _out(call, opened), 201, {"Location": f"{PATH}/{opened.id}"})


async def release_hold(call: Call) -> web.StreamResponse:
    """Ask for its release, which a second administrator approves like every request: what only it kept is destroyed.

    That cannot be undone. The answer has the one-time address of the receipt, which finishes the erasures that the hold
    had kept something back of; the approval's answer has another one.
    """
    found, services = await _found(call), call.services
    asked = await _told(services.holds.release(services.approvals, call.me.school, call.me.person, found.id))
    assert asked.release is not None
    async with services.database.write() as tx:
        secret = await services.eraser.receipts.link(tx, asked.release)
    return answer(HoldReleased(hold=await _out(call, asked), receipt=f"/v1/receipts/{secret}"), 202)


def _content(one: Kept) -> HeldContent:
    return HeldContent(
        id=one.content, item=str(Ref("", one.node)), path=list(one.path), name=one.name, size=one.size,
        modified=moment(one.modified), sha256=one.sha256, current=one.current, trashed=one.trashed,
        damaged=one.damaged,
    )  # fmt: skip


async def list_contents(call: Call) -> web.StreamResponse:
    """What it keeps, by name. The ledger tells it, and the person where they may know."""
    found, services = await _found(call), call.services
    bound = f"{call.me.person}\0{found.id}"
    place = services.cursors.read(call.query.cursor, bound) or ""
    await _told(services.holds.looked(found, call.me.person, "hold.listed"))
    try:
        page = await services.held_out.contents(found, place, call.query.limit)
    except (Missing, Shredded):
        raise Problem(409, "hold_state", "This cannot be done now. Look at how far the hold is.") from None
    after = services.cursors.make(page[-1].content, bound) if len(page) == call.query.limit else None
    told = HeldContents(items=[_content(one) for one in page], next=after)
    return answer(told, headers=link_next(call.request.path, after))


async def export(call: Call) -> web.StreamResponse:
    """Hand out what it keeps as a zip with a manifest. The ledger tells it before the first byte, on which basis, and
    afterwards its length and SHA-256. A large hold comes in `parts`.
    """
    found, services = await _found(call), call.services
    count = services.held_out.parts(found)
    if call.body.part > count:
        raise Problem(422, "no_such_part", "This hold does not come in so many parts.")
    await _told(services.holds.looked(found, call.me.person, "hold.exported", part=call.body.part))
    part = Part(found, call.body.part, count, await services.database.now())
    return await _send(call, part)


async def _require(presence: Presence) -> None:
    """ConnectionError where whoever reads is not signed in any more."""
    if not await presence.still():
        raise ConnectionError


async def _send(call: Call, part: Part) -> web.StreamResponse:
    """The archive, for as long as its reader is signed in and reads; broken off it never looks whole."""
    services, digest, sent = call.services, hashlib.sha256(), 0
    day = datetime.fromtimestamp(part.made / 1000, UTC).strftime("%Y-%m-%d")
    headers = for_file(f"legal-hold-{day}-{part.number}.zip", "application/zip", download=True)
    response = web.StreamResponse(headers={**headers, "Content-Type": "application/zip"})
    presence = Presence(services, call.me, using=True)
    try:
        async with aclosing(gathered(services.held_out.pieces(part), _PIECE)) as pieces:  # type: ignore[type-var]
            await response.prepare(call.request)
            async for piece in pieces:
                await _require(presence)
                async with asyncio.timeout(WRITE_TIMEOUT):
                    await response.write(piece)
                digest.update(piece)
                sent += len(piece)
        told = {"part": part.number, "bytes": sent, "sha256": digest.hexdigest()}
        await services.holds.delivered(part.hold, call.me.person, **told)
        await response.write_eof()
    except (ConnectionError, TimeoutError, StorageError) as error:
        log.info("hold_export_broken", why=type(error).__name__)
        if call.request.transport is not None:
            call.request.transport.abort()
    return response


PATH: Final = "/v1/school/holds"
ONE: Final = f"{PATH}/{{hold}}"
ROUTES = (
    Route(
        "GET", PATH, list_holds, "school.holds", "Legal holds", "school", query=Paging, answer=HoldList,
    ),
    Route(
        "POST", PATH, open_hold, "school.hold", "Ask for a legal hold", "school", body=HoldWanted, answer=HoldOut,
        status=201, rate=20, page="/school",
    ),
    Route("GET", ONE, get_hold, "school.holds", "A legal hold", "school", answer=HoldOut),
    Route(
        "GET", f"{ONE}/contents", list_contents, "school.hold", "What a legal hold keeps", "school", query=Paging,
        answer=HeldContents, problems=(409,), rate=120, page="/school",
    ),
    Route(
        "POST", f"{ONE}/content", export, "school.hold", "Hand out what a legal hold keeps", "school",
        body=HoldExported, media="application/zip", problems=(409,), rate=20, page="/school",
    ),
    Route(
        "POST", f"{ONE}/release", release_hold, "school.hold", "Ask for the release of a legal hold", "school",
        answer=HoldReleased, status=202, problems=(409,), rate=20, page="/school",
    ),
)  # fmt: skip
