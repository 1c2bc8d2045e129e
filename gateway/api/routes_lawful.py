"""What authorities ask a school for: its administrators write it down, two approve, one hands out, or it is refused.

The school is the controller: it decides. Every step needs a sign-in of the last minutes and is told in the ledger.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from aiohttp import web

from gateway.api.fresh import require_fresh
from gateway.api.lines import send_lines
from gateway.api.paging import link_next
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas import Paging
from gateway.api.schemas_lawful import LawfulList, LawfulOut, LawfulRefused, LawfulWanted
from gateway.approvals import ApprovalError
from gateway.approvals import SecondNeeded as AnotherNeeded
from gateway.ids import is_id
from gateway.lawful import Actor, LawfulError, LawfulRequest, NoSuchPerson, NoSuchRequest, Order, SecondNeeded, State

Result = TypeVar("Result")


def lawful_out(found: LawfulRequest) -> LawfulOut:
    """A request on the wire."""
    order = found.order
    return LawfulOut(
        id=found.id,
        state=found.state.value,
        authority=order.authority,
        reference=order.reference,
        basis=order.basis,
        people=list(order.people),
        parts=list(order.parts),
        since=None if order.since is None else moment(order.since),
        until=None if order.until is None else moment(order.until),
        tells=order.tells,
        opened_by=found.by.person,
        approval=found.approval,
        why=found.why or None,
        made=moment(found.made),
        ended=None if found.ended is None else moment(found.ended),
    )


async def _fresh(call: Call) -> Actor:
    """Who asks, with a sign-in of the last minutes."""
    await require_fresh(call.services, call.me)
    return Actor(call.me.person)


async def _told(step: Awaitable[Result]) -> Result:
    """What a step gives, or the problem that it cannot be done."""
    try:
        return await step
    except NoSuchRequest:
        raise not_found() from None
    except (SecondNeeded, AnotherNeeded):
        raise Problem(409, "second_needed", "Another administrator must approve this.") from None
    except NoSuchPerson:
        raise Problem(422, "no_such_person", "One of these people is not, and never was, at your school.") from None
    except (LawfulError, ApprovalError):
        raise Problem(409, "lawful_state", "This cannot be done now. Look at how far the request is.") from None


def _id(call: Call) -> str:
    text = call.path("request")
    if not is_id(text):
        raise not_found()
    return text


async def list_requests(call: Call) -> web.StreamResponse:
    """What authorities asked for, the newest first. What the law forbids to tell the school is not here until then."""
    bound = f"{call.me.person}\0lawful"
    place = call.services.cursors.read(call.query.cursor, bound)
    before = None
    if place is not None:
        made, _, last = place.partition(" ")
        before = (int(made), last)
    found, more = await call.services.lawful.list(call.me.school, before, call.query.limit)
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    page = LawfulList(items=[lawful_out(one) for one in found], next=after)
    return answer(page, headers=link_next(PATH, after))


async def get_request(call: Call) -> web.StreamResponse:
    """One of them."""
    return answer(lawful_out(await _told(call.services.lawful.get(call.me.school, _id(call)))))


async def open_request(call: Call) -> web.StreamResponse:
    """Write down what an authority asks for, and be the first who approves it. A second administrator must, too."""
    by, wanted, services = await _fresh(call), call.body, call.services
    order = Order(
        authority=wanted.authority,
        reference=wanted.reference,
        basis=wanted.basis,
        people=tuple(dict.fromkeys(wanted.people)),
        parts=tuple(dict.fromkeys(wanted.parts)),
        since=None if wanted.since is None else round(wanted.since.timestamp() * 1000),
        until=None if wanted.until is None else round(wanted.until.timestamp() * 1000),
        tells=wanted.tells,
    )
    opened = await _told(services.lawful.open(call.me.school, by, order))
    proposed = await _told(services.lawful.propose(services.approvals, call.me.school, call.me.person, opened.id))
    return answer(lawful_out(proposed), 201, {"Location": f"{PATH}/{opened.id}"})


async def approve(call: Call) -> web.StreamResponse:
    """Stand behind a request: the first where the operator wrote it down, else the second; approved seconds later."""
    await _fresh(call)
    lawful, approvals = call.services.lawful, call.services.approvals
    found = await _told(lawful.approve(approvals, call.me.school, call.me.person, _id(call)))
    return answer(lawful_out(found), 202)


async def refuse(call: Call) -> web.StreamResponse:
    """Hand out nothing, and write down why."""
    by = await _fresh(call)
    return answer(lawful_out(await _told(call.services.lawful.refuse(call.me.school, by, _id(call), call.body.why))))


async def hand_out(call: Call) -> web.StreamResponse:
    """What was asked for, once two administrators approved: JSON Lines. The ledger tells its length and SHA-256."""
    by, school, lawful = await _fresh(call), call.me.school, call.services.lawful
    found = await _told(lawful.get(school, _id(call)))
    if found.state is State.OPEN:
        raise Problem(409, "lawful_state", "This cannot be done now. Look at how far the request is.")
    found = await _told(lawful.hand_out(school, by, found.id))

    async def delivered(lines: int, digest: str) -> None:
        await lawful.delivered(found, by, lines, digest)

    return await send_lines(call, "lawful-request.jsonl", call.services.handing.lines(found, delivered))


PATH = "/v1/school/lawful-requests"
ONE = f"{PATH}/{{request}}"
ROUTES = (
    Route(
        "GET", PATH, list_requests, "school.lawful", "What authorities asked for", "school", query=Paging,
        answer=LawfulList, rate=120,
    ),
    Route(
        "POST", PATH, open_request, "school.lawful", "Write down a lawful request", "school", body=LawfulWanted,
        answer=LawfulOut, status=201, problems=(409,), rate=20,
    ),
    Route("GET", ONE, get_request, "school.lawful", "A lawful request", "school", answer=LawfulOut, rate=120),
    Route(
        "POST", f"{ONE}/approve", approve, "school.lawful", "Approve a lawful request", "school", answer=LawfulOut,
        status=202, problems=(409,), rate=20,
    ),
    Route(
        "POST", f"{ONE}/refuse", refuse, "school.lawful", "Refuse a lawful request", "school", body=LawfulRefused,
        answer=LawfulOut, problems=(409,), rate=20,
    ),
    Route(
        "POST", f"{ONE}/export", hand_out, "school.lawful", "Hand out what was asked for", "school",
        media="application/jsonl", problems=(409,), rate=20,
    ),
)  # fmt: skip
