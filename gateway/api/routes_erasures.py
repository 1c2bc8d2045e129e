"""Being forgotten: the whole person, one thing, everything temporary; for administrators one, many, the school."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web

from gateway.api.items import parse_ref
from gateway.api.paging import link_next
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routes_approvals import approval_out
from gateway.api.routing import PUBLIC, Call, Route, answer
from gateway.api.schemas import (
    ErasurePlan,
    ErasureRequest,
    ErasureStarted,
    HeldPlan,
    OutsidePlan,
    Paging,
    StorePlan,
)
from gateway.api.schemas_erasures import (
    AccountsLeft,
    ErasureList,
    ErasureOut,
    SchoolErasure,
    SchoolErasurePlan,
    SchoolErasurePlanned,
    SchoolErasureStarted,
    Thing,
    ThingForgotten,
    ThingPlan,
    ThingPlanned,
    ThingStarted,
)
from gateway.erasure import ordering
from gateway.erasure.looking import Place, Seen
from gateway.erasure.model import DONE, Asked, ErasureRefused, Held, NothingThere, Target
from gateway.erasure.outside import REMAINS
from gateway.erasure.plans import Many, Part
from gateway.ids import is_id
from gateway.sentences import sentence

WORDS: Final = {
    "running": sentence("It is being destroyed."),
    "done": sentence("It was destroyed here. It is gone from backups too after the stated day."),
}


def store_plan(call: Call, part: Part) -> StorePlan:
    """What of one store would go."""
    return StorePlan(store=part.store, count=part.count, bytes=part.bytes, what=call.say(part.what))


HELD: Final = sentence("A legal hold keeps these contents of files. They are gone only once it is released.")


def held_plan(call: Call, held: Sequence[Held]) -> list[HeldPlan]:
    """What legal holds would keep back."""
    return [HeldPlan(hold=one.hold, count=one.count, bytes=one.bytes, what=call.say(HELD)) for one in held]


async def erasure_plan(call: Call) -> web.StreamResponse:
    """What would go and what would remain outside, if the person were forgotten now."""

    def told(one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "what": call.say(one["what"])}

    outside: list[dict[str, Any]] = await call.services.outside.plan(call.scope)
    return answer(
        ErasurePlan(
            stores=[store_plan(call, one) for one in await call.services.plans.person(call.scope)],
            outside=[OutsidePlan(**told(one)) for one in outside],
            held=held_plan(call, await call.services.plans.held(call.scope)),
        )
    )


async def begin_erasure(call: Call) -> web.StreamResponse:
    """Forget the person: needs a sign-in of the last minutes. Answers with the one-time address of the receipt."""
    begun = await call.services.eraser.begin(call.scope)
    if begun is None:
        raise Problem(409, "erasing", "This is being done already.")
    response = answer(ErasureStarted(receipt=_receipt(begun.secret)), 202)
    response.del_cookie(call.services.cookie_name, path="/", secure=call.services.secure, httponly=True)
    return response


def _receipt(secret: str | None) -> str:
    return f"/v1/receipts/{secret}"


def _target(thing: Thing) -> Target:
    """404 for what cannot be an id here."""
    if thing.kind in ("native", "version"):
        ref = parse_ref(thing.id or "")
        if ref.space:
            raise not_found()
        return Target(thing.kind, ref.id, thing.version or "")
    if thing.kind != "temporary" and not is_id(thing.id or ""):
        raise not_found()
    return Target(thing.kind, thing.id or "")


def _refused(error: ErasureRefused) -> Problem:
    return Problem(409, error.code, "This cannot be forgotten now.", advice=error.advice)


async def plan_item(call: Call) -> web.StreamResponse:
    """What would go, if this one thing were forgotten now."""
    try:
        parts = await call.services.plans.item(call.scope, target := _target(call.body.target))
    except NothingThere:
        raise not_found() from None
    except ErasureRefused as error:
        raise _refused(error) from None
    held = held_plan(call, await call.services.plans.held(call.scope, target))
    return answer(ThingPlan(stores=[store_plan(call, one) for one in parts], held=held))


async def begin_item(call: Call) -> web.StreamResponse:
    """Forget one thing, or everything temporary. With `receipt` the answer has the receipt's one-time address.

    A file or folder goes with all its versions, also from the trash. Its receipt says by when it is gone from backups.
    """
    wanted = call.body
    try:
        begun = await call.services.eraser.begin_item(
            call.scope, _target(wanted.target), Asked(call.me.person), receipt=wanted.receipt, word=call.word
        )
    except NothingThere:
        raise not_found() from None
    except ErasureRefused as error:
        raise _refused(error) from None
    receipt = None if begun.secret is None else _receipt(begun.secret)
    return answer(ThingStarted(id=begun.id, receipt=receipt), 202, {"Location": f"/v1/erasures/{begun.id}"})


def _out(call: Call, seen: Seen) -> ErasureOut:
    one = seen.erasure
    state = "done" if one.step == DONE else "running"
    return ErasureOut(
        id=one.id,
        scope=one.scope,
        kind=one.counts.get("kind"),
        state=state,
        words=call.say(WORDS[state]),
        asked=moment(one.begun),
        destroyed=None if one.destroyed is None else moment(one.destroyed),
        finished=None if one.ended is None else moment(one.ended),
        dead_by=None if one.dead_by is None else moment(one.dead_by),
        person=one.person or None,
        people=seen.people,
        forgotten=seen.forgotten,
    )


def _before(call: Call, bound: str) -> Place | None:
    place = call.services.cursors.read(call.query.cursor, bound)
    if place is None:
        return None
    begun, _, last = place.partition(" ")
    return int(begun), last


def _listed(call: Call, bound: str, found: tuple[Any, Place | None]) -> web.Response:
    seen, more = found
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    page = ErasureList(items=[_out(call, one) for one in seen], next=after)
    return answer(page, headers=link_next(call.request.path, after))


async def list_erasures(call: Call) -> web.StreamResponse:
    """Things that the person had forgotten, the newest first: ids, times and counts only."""
    bound = f"{call.me.person}\0erasures"
    looking = call.services.looking
    return _listed(call, bound, await looking.own(call.me.person, _before(call, bound), call.query.limit))


async def get_erasure(call: Call) -> web.StreamResponse:
    """How far one of them is."""
    try:
        return answer(_out(call, await call.services.looking.own_one(call.me.person, call.path("erasure"))))
    except NothingThere:
        raise not_found() from None


async def plan_school(call: Call) -> web.StreamResponse:
    """What would go, if these people, or the school with everybody in it, were forgotten now."""
    plans, wanted = call.services.plans, call.body
    if wanted.scope == "school":
        found = await plans.school(call.me.school)
    else:
        found = await plans.people(call.me.school, wanted.people)
    return answer(_plan_of_many(call, found))


def _plan_of_many(call: Call, found: Many) -> SchoolErasurePlan:
    return SchoolErasurePlan(
        people=found.people,
        stores=[store_plan(call, one) for one in found.parts],
        outside=[
            AccountsLeft(provider=provider, count=count, what=call.say(REMAINS[provider]))
            for provider, count in found.accounts.items()
        ],
        held=held_plan(call, found.held),
        refused=call.say(ordering.HELD) if found.waits else None,
    )


async def begin_school(call: Call) -> web.StreamResponse:
    """Have one person forgotten now, or ask for many people, or for the whole school, which then leaves.

    Needs a sign-in of the last minutes. Many people and a school wait for a second administrator and for the school's
    delay, in which every administrator can cancel. The receipt's one-time address is in this answer and in no other.
    """
    me, wanted, orders = call.me, call.body, call.services.orders
    details = {"reason": wanted.reason} if wanted.reason else {}
    try:
        if wanted.scope == "person":
            begun = await orders.person(me.school, me.person, wanted.people[0])
            return answer(SchoolErasureStarted(erasure=begun.id, receipt=_receipt(begun.secret)), 202)
        if wanted.scope == "people":
            request, secret = await orders.many(me.school, me.person, wanted.people, details, call.word)
        else:
            request, secret = await orders.school(me.school, me.person, details, call.word)
    except NothingThere:
        raise not_found() from None
    except ErasureRefused as error:
        raise _refused(error) from None
    started = SchoolErasureStarted(approval=approval_out(call, request), receipt=_receipt(secret))
    return answer(started, 202, {"Location": f"/v1/school/approvals/{request.id}"})


async def list_school(call: Call) -> web.StreamResponse:
    """What the school's administrators had forgotten, the newest first: ids, times and counts only."""
    bound = f"{call.me.school}\0erasures"
    looking = call.services.looking
    return _listed(call, bound, await looking.of_school(call.me.school, _before(call, bound), call.query.limit))


async def get_school(call: Call) -> web.StreamResponse:
    """How far one of them is."""
    try:
        return answer(_out(call, await call.services.looking.one_of_school(call.me.school, call.path("erasure"))))
    except NothingThere:
        raise not_found() from None


async def get_receipt(call: Call) -> web.StreamResponse:
    """The signed receipt, once. 425 while the erasure still runs, or waits for administrators: ask again."""
    try:
        receipt = await call.services.eraser.receipts.fetch(call.path("secret"))
    except KeyError:
        raise not_found() from None
    if receipt is None:
        raise Problem(425, "not_ready", "It is still being done. Ask again shortly.", headers={"Retry-After": "1"})
    return web.Response(
        text=receipt, content_type="application/jose+json", headers={"Cache-Control": "no-store"}
    )  # fmt: skip


async def receipt_keys(call: Call) -> web.StreamResponse:
    """The public keys that receipts are signed with, as a JWKS."""
    return web.json_response(await call.services.signing.public(), content_type="application/jwk-set+json")


OWN: Final = "/v1/erasures"
SCHOOL: Final = "/v1/school/erasures"
ROUTES = (
    Route("GET", "/v1/erasure/plan", erasure_plan, "erasure.plan", "What would go", "erasure", answer=ErasurePlan),
    Route(
        "POST", OWN, begin_erasure, "erasure.self", "Forget me", "erasure",
        body=ErasureRequest, answer=ErasureStarted, status=202, problems=(409,), page="/forget",
    ),
    Route(
        "GET", OWN, list_erasures, "erasure.read", "Things you had forgotten", "erasure", query=Paging,
        answer=ErasureList,
    ),
    Route(
        "POST", f"{OWN}/items/plan", plan_item, "erasure.read", "What would go of one thing", "erasure",
        body=ThingPlanned, answer=ThingPlan, problems=(409,),
    ),
    Route(
        "POST", f"{OWN}/items", begin_item, "erasure.item", "Forget one thing, or everything temporary", "erasure",
        body=ThingForgotten, answer=ThingStarted, status=202, problems=(409,), idempotent=True, rate=60,
    ),
    Route("GET", f"{OWN}/{{erasure}}", get_erasure, "erasure.read", "How far it is", "erasure", answer=ErasureOut),
    Route(
        "POST", f"{SCHOOL}/plan", plan_school, "school.erasures", "What would go of many people or the school",
        "school", body=SchoolErasurePlanned, answer=SchoolErasurePlan, rate=10,
    ),
    Route(
        "POST", SCHOOL, begin_school, "school.erase", "Have people, or the school, forgotten", "school",
        body=SchoolErasure, answer=SchoolErasureStarted, status=202, problems=(409,), idempotent=True, rate=20,
        page="/school",
    ),
    Route(
        "GET", SCHOOL, list_school, "school.erasures", "What the school had forgotten", "school", query=Paging,
        answer=ErasureList,
    ),
    Route(
        "GET", f"{SCHOOL}/{{erasure}}", get_school, "school.erasures", "How far it is", "school", answer=ErasureOut,
    ),
    Route(
        "GET", "/v1/receipts/{secret}", get_receipt, PUBLIC, "Fetch a receipt, once", "erasure",
        media="application/jose+json", problems=(425,),
    ),
    Route(
        "GET", "/v1/receipt-keys", receipt_keys, PUBLIC, "Keys that sign receipts", "erasure",
        media="application/jwk-set+json",
    ),
)  # fmt: skip
