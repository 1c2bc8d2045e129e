"""What holds at a school and what it answers: notices by version, corrections, people who are away for long."""

from __future__ import annotations

from collections.abc import Sequence

from aiohttp import web

from cache.errors import Suspended
from cache.vault import Scope
from gateway.api.fresh import require_fresh
from gateway.api.paging import link_next
from gateway.api.problems import Problem
from gateway.api.routes_account import moment
from gateway.api.routes_rights import after, correction_out, correction_problem, journal_full, place
from gateway.api.routing import Call, Route, answer, nothing
from gateway.api.schemas_rights import (
    AwayList,
    AwayOut,
    CorrectionDecision,
    CorrectionOut,
    CorrectionPage,
    NoticeList,
    NoticeOut,
    RightsPaging,
    SchoolPeople,
    SchoolPerson,
)
from gateway.identity.errors import NotActive
from gateway.ids import is_id
from gateway.rights import CorrectionRefused, NotAcceptable, Standing


def _notice(call: Call, one: Standing) -> NoticeOut:
    notice = one.notice
    return NoticeOut(
        kind=notice.kind,
        version=notice.version,
        state=one.state,
        title=call.say(notice.title),
        text=[call.say(text) for text in notice.text],
        changes=call.say(notice.changes),
        material=notice.material,
        published=notice.since.isoformat(),
        changed=None if one.holds_since is None else moment(one.holds_since),
        accepted=None if one.accepted is None else moment(one.accepted),
        acceptable=one.acceptable,
        fingerprint=notice.fingerprint,
    )


def _notices(call: Call, found: Sequence[Standing]) -> web.Response:
    return answer(NoticeList(items=[_notice(call, one) for one in found]))


async def holding(call: Call) -> web.StreamResponse:
    """The privacy notice and the terms that hold here, and since when."""
    return _notices(call, await call.services.rights.notices.holding(call.me.school))


async def standing(call: Call) -> web.StreamResponse:
    """Every version: what held, what holds, what was announced and waits for the school."""
    return _notices(call, await call.services.rights.notices.standing(call.me.school))


async def accept(call: Call) -> web.StreamResponse:
    """Accept the version that waits: it holds for everybody at the school from now on."""
    await require_fresh(call.services, call.me)
    kind, version = call.path("kind"), call.path("version")
    try:
        await call.services.rights.notices.accept(call.me, kind, int(version) if version.isdecimal() else 0)
    except NotAcceptable:
        raise Problem(
            409, "not_acceptable", "This version does not wait for your school. Load the list again."
        ) from None
    return nothing()


async def waiting_corrections(call: Call) -> web.StreamResponse:
    """What people asked the school to correct and has not been answered, the oldest first."""
    bound = f"{call.me.person}\0school corrections"
    found, more = await call.services.rights.corrections.waiting(
        call.me.school, place(call, bound), call.query.limit
    )  # fmt: skip
    following = after(call, bound, more)
    items = [correction_out(one, await _name(call, one.person)) for one in found]
    page = CorrectionPage(items=items, next=following)
    return answer(page, headers=link_next(call.request.path, following))


async def _name(call: Call, person: str) -> str:
    try:
        return (await call.services.people.get(Scope(call.me.school, person))).name
    except (NotActive, Suspended):
        return ""


async def decide(call: Call) -> web.StreamResponse:
    """Accept or refuse. Accepted holds at once, over what the directory says until that says something new."""
    accepted, text = call.body.decision == "accept", call.body.answer.strip()
    if not accepted and not text:
        raise Problem(422, "reason_missing", "Say why, so that the person understands it.")
    correction = call.path("correction")
    try:
        decided = await call.services.rights.corrections.decide(
            call.me, correction if is_id(correction) else "", accept=accepted, answer=text
        )
    except CorrectionRefused as error:
        raise correction_problem(error) from None
    except OSError:
        raise journal_full() from None
    return answer(correction_out(decided, await _name(call, decided.person)))


async def people(call: Call) -> web.StreamResponse:
    """The people of the school who have signed in here."""
    bound = f"{call.me.person}\0people"
    start, limit = call.services.cursors.read(call.query.cursor, bound) or "", call.query.limit
    found = await call.services.people.of_school(call.me.school, after=start, limit=limit)
    items = [
        SchoolPerson(
            id=one.id,
            name=one.name if one.readable else None,
            email=one.email,
            role=one.role,
            unreadable=None if one.readable else "suspended_key",
            state="suspended" if one.suspended else "active",
            age_band=one.age_band,
            seen=moment(one.seen),
        )
        for one in found
    ]
    following = call.services.cursors.make(found[-1].id, bound) if len(found) == limit else None
    return answer(SchoolPeople(items=items, next=following), headers=link_next(call.request.path, following))


async def away(call: Call) -> web.StreamResponse:
    """Who was away for long and will be forgotten, and when, unless they sign in before."""
    bound = f"{call.me.person}\0away"
    found, more = await call.services.rights.inactivity.of_school(
        call.me.school, place(call, bound), call.query.limit
    )  # fmt: skip
    items = [
        AwayOut(person=one.person, name=await _name(call, one.person), noticed=moment(one.noticed), due=moment(one.due))
        for one in found
    ]
    following = after(call, bound, more)
    return answer(AwayList(items=items, next=following), headers=link_next(call.request.path, following))


NOTICES = "/v1/school/notices"
CORRECTIONS = "/v1/school/corrections"
ROUTES = (
    Route("GET", "/v1/notices", holding, "notice.read", "Privacy notice and terms", "rights", answer=NoticeList),
    Route("GET", NOTICES, standing, "school.notices", "All versions of the notices", "school", answer=NoticeList),
    Route(
        "POST", f"{NOTICES}/{{kind}}/{{version}}/acceptance", accept, "school.notice_accept", "Accept a notice",
        "school", status=204, problems=(409,),
    ),
    Route(
        "GET", CORRECTIONS, waiting_corrections, "school.corrections", "Corrections to decide", "school",
        query=RightsPaging, answer=CorrectionPage,
    ),
    Route(
        "POST", f"{CORRECTIONS}/{{correction}}/decision", decide, "school.correct", "Decide a correction", "school",
        body=CorrectionDecision, answer=CorrectionOut, problems=(409,),
    ),
    Route("GET", "/v1/school/people", people, "school.people", "The school's people", "school",
        query=RightsPaging, answer=SchoolPeople,
    ),
    Route(
        "GET", "/v1/school/inactive", away, "school.people", "People who will be forgotten", "school",
        query=RightsPaging, answer=AwayList,
    ),
)  # fmt: skip
