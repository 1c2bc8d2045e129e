"""Whom something touched, for a school's administrators: by an object, an item, a key or a time span. Always a page."""

from __future__ import annotations

from aiohttp import web

from gateway.api.paging import link_again
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routes_ledger import tell_reading
from gateway.api.routing import Call, Route, answer
from gateway.api.schemas_incidents import (
    AccessList,
    AccessOut,
    ObjectList,
    ObjectOut,
    OfKey,
    OfObject,
    OfTime,
    SpanList,
    SpanOut,
)
from gateway.incidents.affected import Accesses, Unknown
from gateway.sentences import sentence


def _unfit() -> Problem:
    return Problem(
        422, "invalid_query", "These parameters do not fit together.",
        advice=sentence("Look at the documentation for what this question takes."),
    )  # fmt: skip


async def list_accesses(call: Call) -> web.StreamResponse:
    """Every access to a stored `object`, or to an `item` of a `drive`, as the ledger has them, the oldest first.

    A page may be empty and still have a next one. What one entry tells of many items, or of all that is held about the
    person, is counted as `unclear`. Whose it is sees that this was read.
    """
    asked = call.query
    bound = "\0".join([call.me.school, "accesses", asked.object or "", asked.drive or "", asked.item or ""])
    place = int(call.services.cursors.read(asked.cursor, bound) or 0)
    try:
        found = await _accesses(call, place)
    except Unknown:
        raise not_found() from None
    if asked.cursor is None and found.of is not None:
        await tell_reading(call, found.of)
    after = None if found.next is None else call.services.cursors.make(str(found.next), bound)
    items = [
        AccessOut(
            sequence=one.sequence, at=moment(one.at), action=one.action, principal=one.principal, person=one.person,
            client=one.client,
        )
        for one in found.found
    ]  # fmt: skip
    return answer(AccessList(items=items, unclear=found.unclear, next=after), headers=link_again(call.request, after))


async def _accesses(call: Call, place: int) -> Accesses:
    asked, affected = call.query, call.services.affected
    if asked.object is not None and asked.item is None and asked.drive is None:
        return await affected.of_object(call.me.school, asked.object, place)
    if asked.object is None and asked.item is not None and asked.drive is not None:
        return await affected.of_item(call.me.school, asked.drive, asked.item, asked.person, place)
    raise _unfit()


async def list_objects(call: Call) -> web.StreamResponse:
    """Stored objects that a `version` of the school's key, or of a `person`'s, wraps, or wrapped before a rotation."""
    asked = call.query
    bound = f"{call.me.school}\0objects\0{asked.person or ''}\0{asked.version}"
    place = call.services.cursors.read(asked.cursor, bound) or ""
    try:
        found, more = await call.services.affected.objects(
            call.me.school, asked.person, asked.version, place, asked.limit
        )  # fmt: skip
    except Unknown:
        raise not_found() from None
    after = None if more is None else call.services.cursors.make(more, bound)
    items = [
        ObjectOut(
            id=one.id, person=one.subject or None, life=one.life.value, size=one.size, stored=moment(one.stored),
            key_version=one.key_version,
        )
        for one in found
    ]  # fmt: skip
    return answer(ObjectList(items=items, next=after), headers=link_again(call.request, after))


async def list_people(call: Call) -> web.StreamResponse:
    """People whose files or data were accessed from `since` until before `until`, or whose keys a version of the
    school's key, `key_version`, wraps. Forgotten ones stand here by an id that is never used again.
    """
    asked = call.query
    given = (asked.since is not None, asked.until is not None, asked.key_version is not None)
    if given == (False, False, True):
        return await _people_under(call)
    if given != (True, True, False):
        raise _unfit()
    since, until = (int(time.timestamp() * 1000) for time in (asked.since, asked.until))
    bound = f"{call.me.school}\0people\0{since}\0{until}"
    place = call.services.cursors.read(asked.cursor, bound) or ""
    found, more = await call.services.affected.between(call.me.school, since, until, place)
    after = None if more is None else call.services.cursors.make(more, bound)
    items = [
        SpanOut(person=one.person, accesses=one.accesses, first=moment(one.first), last=moment(one.last))
        for one in found
    ]
    return answer(SpanList(items=items, next=after), headers=link_again(call.request, after))


async def _people_under(call: Call) -> web.StreamResponse:
    version = call.query.key_version
    bound = f"{call.me.school}\0under\0{version}"
    place = call.services.cursors.read(call.query.cursor, bound) or ""
    try:
        found, more = await call.services.affected.under_key(call.me.school, version, place, call.query.limit)
    except Unknown:
        raise not_found() from None
    after = None if more is None else call.services.cursors.make(more, bound)
    page = SpanList(items=[SpanOut(person=one) for one in found], next=after)
    return answer(page, headers=link_again(call.request, after))


PATH = "/v1/school/affected"
ACTION = "school.incidents"
ROUTES = (
    Route(
        "GET", f"{PATH}/accesses", list_accesses, ACTION, "Who accessed something", "incidents",
        query=OfObject, answer=AccessList, rate=120,
    ),
    Route(
        "GET", f"{PATH}/objects", list_objects, ACTION, "What a key wraps", "incidents",
        query=OfKey, answer=ObjectList, rate=120,
    ),
    Route(
        "GET", f"{PATH}/people", list_people, ACTION, "Whom something touched", "incidents",
        query=OfTime, answer=SpanList, rate=120,
    ),
)  # fmt: skip
