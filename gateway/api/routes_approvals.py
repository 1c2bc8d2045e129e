"""What needs two administrators and a delay: looked at, approved, cancelled by administrators of the school."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from gateway.api.paging import link_next
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas import Paging
from gateway.api.schemas_erasures import ApprovalGiven, ApprovalList, ApprovalOut, ApprovalPeople, BehindIt
from gateway.approvals import ApprovalError, NoSuchApproval, Request, SecondNeeded, State, subjects
from gateway.sentences import sentence

WORDS: Final = {
    State.PROPOSED: sentence("A second administrator must approve it."),
    State.APPROVED: sentence("It is done once its delay is over. Until then every administrator can cancel it."),
    State.DONE: sentence("It was begun."),
    State.CANCELLED: sentence("It was cancelled."),
    State.LAPSED: sentence("Nobody else approved it in time, or the service was restored from a backup. Ask anew."),
}


def approval_out(call: Call, request: Request) -> ApprovalOut:
    """A request on the wire."""
    return ApprovalOut(
        id=request.id,
        kind=request.kind,
        state=request.state.value,
        words=call.say(WORDS[request.state]),
        needed=request.needed,
        behind=[BehindIt(person=vote.person, at=moment(vote.at)) for vote in request.votes],
        people=request.people,
        reason=request.details.get("reason"),
        delay_seconds=request.delay // 1000,
        made=moment(request.made),
        due=None if request.due is None else moment(request.due),
        ended=None if request.ended is None else moment(request.ended),
    )


def _problem(error: ApprovalError) -> Problem:
    if isinstance(error, NoSuchApproval):
        return not_found()
    if isinstance(error, SecondNeeded):
        return Problem(409, "second_administrator", "Another administrator must approve this.")
    return Problem(409, "approval_over", "This request is over, or does not wait for an approval.")


async def list_approvals(call: Call) -> web.StreamResponse:
    """The school's requests, the newest first."""
    bound = f"{call.me.school}\0approvals"
    place = call.services.cursors.read(call.query.cursor, bound)
    made, _, last = (place or "").partition(" ")
    before = (int(made), last) if place else None
    found, more = await call.services.approvals.list(call.me.school, before, call.query.limit)
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    page = ApprovalList(items=[approval_out(call, one) for one in found], next=after)
    return answer(page, headers=link_next(call.request.path, after))


async def _found(call: Call) -> Request:
    try:
        return await call.services.approvals.get(call.me.school, call.path("approval"))
    except ApprovalError as error:
        raise _problem(error) from None


async def get_approval(call: Call) -> web.StreamResponse:
    """One request."""
    return answer(approval_out(call, await _found(call)))


async def list_people(call: Call) -> web.StreamResponse:
    """The people whom a request is about, by random id. Who was forgotten since is not among them."""
    request = await _found(call)
    bound = f"{call.me.school}\0{request.id}"
    place = call.services.cursors.read(call.query.cursor, bound) or ""
    async with call.services.database.read() as tx:
        found = await subjects(tx, request.id, place, call.query.limit)
    after = call.services.cursors.make(found[-1], bound) if len(found) == call.query.limit else None
    return answer(ApprovalPeople(items=list(found), next=after), headers=link_next(call.request.path, after))


async def approve(call: Call) -> web.StreamResponse:
    """Stand behind a request of another administrator: needs a sign-in of the last minutes.

    With the last approval that it needs its delay begins. Of a request to forget the answer has the one-time address of
    its receipt, as the answer to the request itself had.
    """
    try:
        given, secret = await call.services.orders.approve(call.me.school, call.me.person, call.path("approval"))
    except ApprovalError as error:
        raise _problem(error) from None
    receipt = None if secret is None else f"/v1/receipts/{secret}"
    return answer(ApprovalGiven(approval=approval_out(call, given), receipt=receipt))


async def cancel(call: Call) -> web.StreamResponse:
    """Cancel a request before it is done. Every administrator can."""
    try:
        return answer(approval_out(call, await call.services.approvals.cancel(
            call.me.school, call.me.person, call.path("approval")
        )))  # fmt: skip
    except ApprovalError as error:
        raise _problem(error) from None


PATH: Final = "/v1/school/approvals"
ONE: Final = f"{PATH}/{{approval}}"
ROUTES = (
    Route(
        "GET", PATH, list_approvals, "school.approvals", "Requests that need two administrators", "school",
        query=Paging, answer=ApprovalList,
    ),
    Route("GET", ONE, get_approval, "school.approvals", "One request", "school", answer=ApprovalOut),
    Route(
        "GET", f"{ONE}/people", list_people, "school.approvals", "Whom a request is about", "school", query=Paging,
        answer=ApprovalPeople,
    ),
    Route(
        "POST", f"{ONE}/approve", approve, "school.approve", "Approve a request", "school", answer=ApprovalGiven,
        problems=(409,), rate=20, page="/school",
    ),
    Route(
        "POST", f"{ONE}/cancel", cancel, "school.cancel", "Cancel a request", "school", answer=ApprovalOut,
        problems=(409,), rate=20,
    ),
)  # fmt: skip
