"""Suspensions in a school, for its administrators: what is cut off now, cut something off, give it back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.api.fresh import require_fresh
from gateway.api.paging import link_again
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas_incidents import (
    ContainmentHow,
    ContainmentList,
    ContainmentOut,
    ContainmentWanted,
    KeyList,
    KeyOut,
    Lifting,
    WhoseKey,
)
from gateway.containment import (
    Already,
    Containment,
    ContainmentError,
    NoSuchContainment,
    NoSuchTarget,
    OwnAccess,
    Target,
    Word,
)
from gateway.ids import is_id
from gateway.sentences import sentence
from gateway.suspended import Kind

WORDS: Final[Mapping[Kind, str]] = {
    Kind.SCHOOL: sentence("The whole school: only its administrators get in, jobs wait, its address is told nothing."),
    Kind.PERSON: sentence("A person: they cannot sign in, and their jobs wait."),
    Kind.CONNECTION: sentence("A connected account: its drive is not used, and jobs with it wait."),
    Kind.CLIENT: sentence("A sign-in of the browser extension: its tokens are not taken."),
    Kind.KEY: sentence("A key: nothing that it seals is read or written."),
    Kind.SIGNING: sentence("A signing key: nothing is signed with it."),
}
"""What is suspended, to be read."""


def _out(call: Call, one: Containment) -> ContainmentOut:
    return ContainmentOut(
        id=one.id,
        kind=one.target.kind.value,
        target=one.target.id or None,
        version=one.target.version,
        person=one.person,
        incident=one.incident,
        reason=one.reason,
        began=moment(one.began),
        by=one.by,
        lifted=None if one.lifted is None else moment(one.lifted),
        lifted_by=one.lifted_by,
        lift_reason=one.lift_reason,
        words=call.say(WORDS[one.target.kind]),
    )


def _word(call: Call) -> Word:
    return Word(call.me.school, call.me.person)


def _problem(error: ContainmentError) -> Problem:
    match error:
        case NoSuchContainment():
            return not_found()
        case NoSuchTarget():
            return Problem(422, error.code, "There is nothing like this in your school.", advice=error.advice)
        case Already():
            return Problem(409, error.code, "It is suspended already, or was lifted already.", advice=error.advice)
        case OwnAccess():
            return Problem(409, error.code, "This is your own access.", advice=error.advice)
    return Problem(409, error.code, advice=error.advice)


async def list_containments(call: Call) -> web.StreamResponse:
    """What is suspended, and what was, the newest first."""
    bound = f"{call.me.school}\0containment\0{call.query.state or ''}"
    place = call.services.cursors.read(call.query.cursor, bound)
    began, _, last = (place or "").partition(" ")
    active = None if call.query.state is None else call.query.state == "active"
    found, more = await call.services.containments.list(
        call.me.school, active=active, before=(int(began), last) if place else None, limit=call.query.limit
    )
    after = call.services.cursors.make(f"{more[0]} {more[1]}", bound) if more else None
    page = ContainmentList(items=[_out(call, one) for one in found], next=after)
    return answer(page, headers=link_again(call.request, after))


async def contain(call: Call) -> web.StreamResponse:
    """Cut access off, everywhere and at once; a key within a second. It is given back by `lift`, nothing is lost.

    A whole school and a key need a sign-in of the last minutes.
    """
    target = _target(call)
    if target.kind in (Kind.SCHOOL, Kind.KEY):
        await require_fresh(call.services, call.me)
    try:
        found = await call.services.containments.begin(_word(call), target, call.body.reason, call.body.incident)
    except ContainmentError as error:
        raise _problem(error) from None
    return answer(_out(call, found), 201, {"Location": f"{PATH}/{found.id}"})


def _target(call: Call) -> Target:
    kind, wanted = Kind(call.body.kind), call.body
    fits = {
        Kind.SCHOOL: wanted.target in (None, call.me.school) and wanted.version is None,
        Kind.KEY: wanted.version is not None,
    }.get(kind, wanted.target is not None and wanted.version is None)
    if not fits:
        raise Problem(
            422, "no_such_target", "These fields do not fit together.",
            advice=sentence("A key needs a version, a school no target, and everything else the target's id."),
        )  # fmt: skip
    return Target(kind, call.me.school if kind is Kind.SCHOOL else wanted.target or "", wanted.version)


async def get_containment(call: Call) -> web.StreamResponse:
    """One suspension."""
    try:
        return answer(_out(call, await call.services.containments.get(call.me.school, _id(call))))
    except ContainmentError as error:
        raise _problem(error) from None


async def lift(call: Call) -> web.StreamResponse:
    """Give access back. Needs a sign-in of the last minutes.

    But for the school's own key: while that is suspended nobody of the school can sign in anew. An administrator who
    still is signed in lifts it, or the operator.
    """
    containments, containment = call.services.containments, _id(call)
    try:
        target = (await containments.get(call.me.school, containment)).target
        if target.kind is not Kind.KEY or target.id:
            await require_fresh(call.services, call.me)
        return answer(_out(call, await containments.lift(_word(call), containment, call.body.reason)))
    except ContainmentError as error:
        raise _problem(error) from None


def _id(call: Call) -> str:
    text = call.path("containment")
    if not is_id(text):
        raise not_found()
    return text


async def list_keys(call: Call) -> web.StreamResponse:
    """The versions of the school's key, or of a `person`'s, of which each can be suspended. No key is ever shown."""
    try:
        found = await call.services.containments.keys(call.me.school, call.query.person)
    except NoSuchTarget:
        raise not_found() from None
    return answer(
        KeyList(
            items=[
                KeyOut(version=one.version, made=moment(one.made), wrapped_by=one.parent, suspended=one.suspended)
                for one in found
            ]
        )
    )


PATH = "/v1/school/containment"
ONE = f"{PATH}/{{containment}}"
ROUTES = (
    Route(
        "GET", PATH, list_containments, "school.containment", "What is suspended", "incidents",
        query=ContainmentHow, answer=ContainmentList,
    ),
    Route(
        "POST", PATH, contain, "school.containment", "Suspend access", "incidents",
        body=ContainmentWanted, answer=ContainmentOut, status=201, problems=(409, 423), idempotent=True,
    ),
    Route("GET", ONE, get_containment, "school.containment", "A suspension", "incidents", answer=ContainmentOut),
    Route(
        "POST", f"{ONE}/lift", lift, "school.release", "Lift a suspension", "incidents",
        body=Lifting, answer=ContainmentOut, problems=(409, 423), idempotent=True,
    ),
    Route(
        "GET", "/v1/school/keys", list_keys, "school.containment", "Versions of a key", "incidents",
        query=WhoseKey, answer=KeyList,
    ),
)  # fmt: skip
