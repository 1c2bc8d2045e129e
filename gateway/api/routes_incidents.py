"""The school's incident book, for its administrators: read it, write into it, draft the notices, sign and close."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import datetime
from typing import Any, Final

from aiohttp import web

from gateway.api.fresh import require_fresh
from gateway.api.headers import disposition
from gateway.api.paging import link_again
from gateway.api.problems import Problem, not_found
from gateway.api.ranges import check_match, strong_etag
from gateway.api.routes_account import moment
from gateway.api.routing import Call, Header, Route, answer, spoken
from gateway.api.schemas import Paging
from gateway.api.schemas_incidents import (
    ActList,
    ActOut,
    AffectedAdded,
    AffectedList,
    AffectedOut,
    AffectedWanted,
    Awareness,
    ClockOut,
    Decision,
    IncidentBrief,
    IncidentChange,
    IncidentFacts,
    IncidentHow,
    IncidentList,
    IncidentOut,
    IncidentWanted,
    Lifting,
    Note,
    NoticeHow,
    Notified,
)
from gateway.containment import Word
from gateway.ids import is_id
from gateway.incidents import (
    Act,
    Changed,
    Closed,
    Draft,
    Incident,
    IncidentError,
    NoSuchIncident,
    NotYet,
    Refused,
    Told,
)
from gateway.incidents.kinds import KINDS
from gateway.incidents.notices import MEDIA_TYPES, TITLES, draft
from gateway.sentences import sentence
from gateway.web import catalogs

_TIMES: Final = ("at", "began", "ended", "aware")
_WORDS: Final = ("description", "consequences", "measures", "contact", "people", "data")
_REFUSED: Final = {
    "in_the_future": sentence("This time lies ahead. Give a time that has passed."),
    "ends_before_it_begins": sentence("It would end before it begins. Look at the two times."),
    "aware_before": sentence(
        "The school was aware earlier than that. An awareness can only be moved to an earlier time."
    ),
    "reason_for_delay": sentence("More than 72 hours had passed. Say why it took longer."),
    "signed_already": sentence("You have signed this already. Another person must sign too."),
    "open": sentence("It is open already."),
    "unreadable": sentence("The book cannot be read at the moment, so nothing can be changed in it."),
}
"""What an administrator is told, by code."""


def _ms(time: datetime | None) -> int | None:
    return None if time is None else int(time.timestamp() * 1000)


def _at(ms: int | None) -> datetime | None:
    return None if ms is None else moment(ms)


def _word(call: Call) -> Word:
    return Word(call.me.school, call.me.person)


def _id(call: Call) -> str:
    text = call.path("incident")
    if not is_id(text):
        raise not_found()
    return text


async def _brief(call: Call, one: Incident) -> dict[str, Any]:
    clock = one.clock(await call.services.database.now())
    return {
        "id": one.id, "kind": one.kind, "words": call.say(KINDS[one.kind]), "severity": one.severity,
        "origin": one.origin, "state": one.state, "opened": moment(one.opened), "began": _at(one.began),
        "ended": _at(one.ended), "noticed": _at(one.noticed), "aware": _at(one.aware), "aware_by": one.aware_by,
        "notify_authority": one.authority, "authority_notified": _at(one.authority_told),
        "notify_people": one.people, "people_notified": _at(one.people_told), "closed": _at(one.closed),
        "signs": one.signs, "acts": one.acts,
        "clock": ClockOut(state=clock.state, deadline=_at(clock.deadline), remaining=clock.remaining),
    }  # fmt: skip


async def _out(call: Call, one: Incident, status: int = 200) -> web.Response:
    told = one.told
    facts = None
    if told is not None:
        names = ("people_count", "records_count", *_WORDS)
        facts = IncidentFacts(**{name: getattr(told, name) for name in names})
    shown = IncidentOut(
        **await _brief(call, one),
        facts=facts,
        detected=dict(told.facts) if told is not None else {},
        affected=dict(await call.services.incidents.counted(call.me.school, one.id)),
        signed=sorted(one.signed),
        signatures_needed=one.needed,
        missing=one.missing,
    )
    headers = {"ETag": _etag(one)} | ({"Location": f"{PATH}/{one.id}"} if status == 201 else {})
    return answer(shown, status, headers)


def _etag(one: Incident) -> str:
    return strong_etag("incident", one.id, str(one.acts))


async def _done(call: Call, step: Awaitable[Incident], status: int = 200) -> web.Response:
    """The incident after a step, or the problem that it makes no sense."""
    return await _out(call, await _tried(step), status)


async def _tried(step: Awaitable[Any]) -> Any:
    try:
        return await step
    except IncidentError as error:
        raise _problem(error) from None


def _problem(error: IncidentError) -> Problem:
    match error:
        case NoSuchIncident():
            return not_found()
        case Changed():
            return Problem(412, "changed", "Somebody else wrote into it in the meantime. Load it again.")
        case Closed():
            return Problem(409, "closed", "This incident is closed. Open it again first, or add a note.")
        case NotYet():
            return Problem(409, "not_yet", "Something must be done before it can be closed.", missing=error.missing)
        case Refused():
            return Problem(422, error.code, _REFUSED[error.code])
    return Problem(409, error.code)


async def list_incidents(call: Call) -> web.StreamResponse:
    """The school's incidents, the newest first. `aware` is missing where no administrator has looked yet."""
    bound = f"{call.me.school}\0incidents\0{call.query.state or ''}"
    place = call.services.cursors.read(call.query.cursor, bound)
    opened, _, last = (place or "").partition(" ")
    found, more = await call.services.incidents.list(
        call.me.school,
        state=call.query.state,
        before=(int(opened), last) if place else None,
        limit=call.query.limit,
    )
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    page = IncidentList(items=[IncidentBrief(**await _brief(call, one)) for one in found], next=after)
    return answer(page, headers=link_again(call.request, after))


async def open_incident(call: Call) -> web.StreamResponse:
    """Enter an incident. The school's 72 hours run from `aware`, by default from now."""
    wanted = call.body
    told = Told(**{name: getattr(wanted, name) for name in IncidentFacts.model_fields})
    draft_of = Draft(wanted.kind, wanted.severity, told, _ms(wanted.began), _ms(wanted.ended), _ms(wanted.aware))
    return await _done(call, call.services.incidents.open(_word(call), draft_of, call.word), 201)


async def get_incident(call: Call) -> web.StreamResponse:
    """An incident as it stands. The first administrator who looks makes the school aware, and its clock begins."""
    return await _done(call, call.services.incidents.read(_word(call), _id(call)))


async def change_incident(call: Call) -> web.StreamResponse:
    """Change what is named. Signatures under what stood before do not count any more."""
    found = await _current(call)
    given = call.body.model_dump(exclude_unset=True)
    changes = {
        name: value for name, value in given.items() if value is not None or name not in (*_WORDS, "kind", "severity")
    }
    changes |= {name: _ms(changes[name]) for name in ("began", "ended") if name in changes}
    return await _done(call, call.services.incidents.amend(_word(call), found.id, found.acts, changes))


async def _current(call: Call) -> Incident:
    """The incident that If-Match names. 428, 412, 404."""
    found: Incident = await _tried(call.services.incidents.get(call.me.school, _id(call)))
    check_match(call.request.headers.get("If-Match"), _etag(found), required=True)
    return found


async def list_acts(call: Call) -> web.StreamResponse:
    """What was done about it, step by step, the oldest first."""
    incident, bound = _id(call), f"{call.me.school}\0acts\0{call.path('incident')}"
    place = call.services.cursors.read(call.query.cursor, bound)
    limit = call.query.limit
    found = await _tried(call.services.incidents.acts(call.me.school, incident, int(place or 0), limit + 1))
    after = call.services.cursors.make(str(found[limit - 1].sequence), bound) if len(found) > limit else None
    return answer(
        ActList(items=[_act(one) for one in found[:limit]], next=after), headers=link_again(call.request, after)
    )


def _act(one: Act) -> ActOut:
    told = None
    if one.told is not None:
        told = {name: moment(value).isoformat() if name in _TIMES and isinstance(value, int) else value
                for name, value in one.told.items()}  # fmt: skip
    return ActOut(sequence=one.sequence, at=moment(one.at), actor=one.actor, by=one.by, act=one.act, told=told)


async def set_awareness(call: Call) -> web.StreamResponse:
    """The school became aware earlier than is known so far: its 72 hours run from then."""
    at = _ms(call.body.at)
    assert at is not None
    return await _done(call, call.services.incidents.aware(_word(call), _id(call), at))


async def add_note(call: Call) -> web.StreamResponse:
    """Something that the investigation found. It is kept as it is."""
    return await _done(call, call.services.incidents.note(_word(call), _id(call), call.body.text))


async def decide(call: Call) -> web.StreamResponse:
    """Whether the authority, or the people, are to be notified, and why. The latest decision counts."""
    word, wanted = _word(call), call.body
    return await _done(
        call, call.services.incidents.decide(word, _id(call), wanted.about, wanted.notify, wanted.reason)
    )  # fmt: skip


async def notified(call: Call) -> web.StreamResponse:
    """The authority, or the people, were notified."""
    wanted, at = call.body, _ms(call.body.at)
    assert at is not None
    step = call.services.incidents.notified(
        _word(call), _id(call), wanted.about, at, wanted.reference, wanted.delay.strip()
    )  # fmt: skip
    return await _done(call, step)


async def sign(call: Call) -> web.StreamResponse:
    """Put one's name under what stands here. Severe ones need two people. Needs a sign-in of the last minutes."""
    found = await _current(call)
    await require_fresh(call.services, call.me)
    return await _done(call, call.services.incidents.sign(_word(call), found.id, found.acts))


async def close(call: Call) -> web.StreamResponse:
    """It is over: everything that `missing` named was done."""
    return await _done(call, call.services.incidents.close(_word(call), _id(call)))


async def reopen(call: Call) -> web.StreamResponse:
    """It was not over."""
    return await _done(call, call.services.incidents.reopen(_word(call), _id(call), call.body.reason))


async def list_affected(call: Call) -> web.StreamResponse:
    """Whom and what it touched, as far as it was noted: random ids."""
    incident, bound = _id(call), f"{call.me.school}\0affected\0{call.path('incident')}"
    place = call.services.cursors.read(call.query.cursor, bound)
    kind, _, last = (place or "").partition(" ")
    limit = call.query.limit
    found = await _tried(call.services.incidents.affected(call.me.school, incident, (kind, last), limit + 1))
    more = found[limit - 1] if len(found) > limit else None
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    items = [AffectedOut(kind=kind, id=target, noted=moment(at)) for kind, target, at in found[:limit]]
    return answer(AffectedList(items=items, next=after), headers=link_again(call.request, after))


async def add_affected(call: Call) -> web.StreamResponse:
    """Note whom and what it touched, such as what the questions under `/v1/school/affected` found."""
    affected = [(one.kind, one.id) for one in call.body.items]
    added = await _tried(call.services.incidents.touch(_word(call), _id(call), affected))
    return answer(AffectedAdded(added=added))


async def get_notice(call: Call) -> web.StreamResponse:
    """A drafted notice to the `authority`, the `school` or a `person`, in any language, as a text to be completed."""
    audience = call.path("audience")
    if audience not in TITLES:
        raise not_found()
    language = call.query.language or spoken(call.request)
    if language not in catalogs.LANGUAGES:
        raise Problem(422, "no_such_language", "There is no draft in this language.")
    facts = await _tried(
        call.services.incidents.facts(call.me.school, _id(call), call.services.schools.get(call.me.school).name)
    )
    text = draft(audience, language, call.query.format, facts)  # type: ignore[arg-type]
    media = MEDIA_TYPES[call.query.format]
    name = f"{audience}-{language}.{'md' if call.query.format == 'markdown' else 'txt'}"
    headers = {
        "Content-Disposition": disposition(name, media, download=True), "Content-Language": language,
        "Cache-Control": "no-store",
    }  # fmt: skip
    return web.Response(body=text.encode(), content_type=media, charset="utf-8", headers=headers)


PATH = "/v1/school/incidents"
ONE = f"{PATH}/{{incident}}"
ACTION = "school.incidents"
MATCH = Header("If-Match", "The ETag of the incident as the caller saw it.", required=True)
ROUTES = (
    Route(
        "GET", PATH, list_incidents, ACTION, "The incident book", "incidents", query=IncidentHow, answer=IncidentList,
    ),
    Route(
        "POST", PATH, open_incident, ACTION, "Enter an incident", "incidents",
        body=IncidentWanted, answer=IncidentOut, status=201, idempotent=True, problems=(423,),
    ),
    Route("GET", ONE, get_incident, ACTION, "An incident", "incidents", answer=IncidentOut, problems=(423,)),
    Route(
        "PATCH", ONE, change_incident, ACTION, "Change an incident", "incidents",
        body=IncidentChange, answer=IncidentOut, headers=(MATCH,), problems=(409, 412, 423, 428),
    ),
    Route("GET", f"{ONE}/acts", list_acts, ACTION, "What was done about it", "incidents", query=Paging, answer=ActList),
    Route(
        "POST", f"{ONE}/awareness", set_awareness, ACTION, "When the school became aware", "incidents",
        body=Awareness, answer=IncidentOut, problems=(409, 423),
    ),
    Route(
        "POST", f"{ONE}/notes", add_note, ACTION, "Add a note", "incidents",
        body=Note, answer=IncidentOut, idempotent=True, problems=(409, 423),
    ),
    Route(
        "POST", f"{ONE}/decisions", decide, ACTION, "Decide whom to notify", "incidents",
        body=Decision, answer=IncidentOut, idempotent=True, problems=(409, 423),
    ),
    Route(
        "POST", f"{ONE}/notified", notified, ACTION, "Somebody was notified", "incidents",
        body=Notified, answer=IncidentOut, idempotent=True, problems=(409, 423),
    ),
    Route(
        "POST", f"{ONE}/signature", sign, ACTION, "Sign an incident", "incidents",
        answer=IncidentOut, headers=(MATCH,), problems=(409, 412, 422, 423, 428),
    ),
    Route(
        "POST", f"{ONE}/close", close, ACTION, "Close an incident", "incidents",
        answer=IncidentOut, problems=(409, 423),
    ),
    Route(
        "POST", f"{ONE}/reopen", reopen, ACTION, "Open an incident again", "incidents",
        body=Lifting, answer=IncidentOut, problems=(409, 423),
    ),
    Route(
        "GET", f"{ONE}/affected", list_affected, ACTION, "Whom it touched", "incidents",
        query=Paging, answer=AffectedList,
    ),
    Route(
        "POST", f"{ONE}/affected", add_affected, ACTION, "Note whom it touched", "incidents",
        body=AffectedWanted, answer=AffectedAdded, problems=(409, 423),
    ),
    Route(
        "GET", f"{ONE}/notices/{{audience}}", get_notice, ACTION, "A drafted notice", "incidents",
        query=NoticeHow, media="text/markdown, text/plain", problems=(423,),
    ),
)  # fmt: skip
