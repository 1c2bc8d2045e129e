"""What people may demand about their data, for themselves, for a child as its guardian, or by the school for them.

The same handlers under three addresses: who acts for whom, `gateway.api.acting` reads off the address and decides.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohttp import web

from gateway.api.acting import acting, looked
from gateway.api.paging import link_next
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routing import Call, Route, answer, nothing
from gateway.api.schemas_rights import (
    CorrectionAsked,
    CorrectionOut,
    CorrectionPage,
    DeedOut,
    DeedPage,
    NotificationOut,
    NotificationPage,
    RecordOut,
    ReviewColumn,
    ReviewOut,
    ReviewPage,
    ReviewStore,
    RightsPaging,
)
from gateway.ids import is_id
from gateway.rights import BadValue, Correction, CorrectionRefused, section
from gateway.rights.notifications import WORDS
from gateway.sentences import sentence


def place(call: Call, bound: str) -> tuple[int, str] | None:
    """Where a list goes on that is ordered by a time and an id."""
    text = call.services.cursors.read(call.query.cursor, bound)
    if text is None:
        return None
    number, _, last = text.partition(" ")
    return int(number), last


def after(call: Call, bound: str, more: tuple[int, str] | None) -> str | None:
    """The cursor of the next page."""
    return None if more is None else call.services.cursors.make(f"{more[0]} {more[1]}", bound)


async def overview(call: Call) -> web.StreamResponse:
    """Every store that holds something about the person: how many records, and what each field means."""
    asks = await acting(call, "review")
    await call.services.ledger.record(asks.scope.tenant, asks.event("review.overview"))
    stores = [
        ReviewStore(
            store=one.section.name,
            what=call.say(one.section.what),
            records=dict(one.records),
            columns=[
                ReviewColumn(
                    table=column.table,
                    column=column.column,
                    what=call.say(column.what),
                    unshown=None if column.unshown is None else call.say(column.unshown),
                )
                for column in one.columns
            ],
        )
        for one in await call.services.rights.review.overview(asks.scope)
    ]
    return answer(ReviewOut(stores=stores))


async def records(call: Call) -> web.StreamResponse:
    """The records of one store, opened, a page at a time."""
    asks = await acting(call, "review")
    store = section(call.path("store"))
    if store is None:
        raise not_found()
    bound = f"{call.me.person}\0review\0{asks.person}\0{store.name}"
    text = call.services.cursors.read(call.query.cursor, bound)
    if text is None:
        await call.services.ledger.record(asks.scope.tenant, asks.event("review.records", store=store.name))
    found, more = await call.services.rights.review.page(asks.scope, store, _load(text), call.query.limit)
    items = [RecordOut(table=one.table, values=dict(one.values)) for one in found]
    following = None if more is None else call.services.cursors.make(_dump(more), bound)
    return answer(ReviewPage(items=items, next=following), headers=link_next(call.request.path, following))


def _dump(more: tuple[int, Sequence[Any]]) -> str:
    """A place in a store as text; keys may be bytes."""
    told = [{"b": base64.b64encode(one).decode()} if isinstance(one, bytes) else one for one in more[1]]
    return json.dumps([more[0], told])


def _load(text: str | None) -> tuple[int, Sequence[Any]] | None:
    if text is None:
        return None
    part, told = json.loads(text)
    return part, [base64.b64decode(one["b"]) if isinstance(one, dict) else one for one in told]


async def deeds(call: Call) -> web.StreamResponse:
    """What was done with the person's data, by whom and on whose word, the newest first."""
    asks = await acting(call, "review")
    await looked(call, asks, "review.deeds")
    bound = f"{call.me.person}\0deeds\0{asks.person}"
    text = call.services.cursors.read(call.query.cursor, bound)
    before = None if text is None else int(text)
    found, more = await call.services.rights.accesses.list(asks.scope, before, call.query.limit)
    items = [
        DeedOut(
            at=moment(one.at),
            action=one.action,
            what=call.say(one.what),
            by=one.by,
            principal=one.principal,
            policy_version=one.policy_version,
            details=None if one.details is None else dict(one.details),
        )
        for one in found
    ]
    following = None if more is None else call.services.cursors.make(str(more), bound)
    return answer(DeedPage(items=items, next=following), headers=link_next(call.request.path, following))


async def list_corrections(call: Call) -> web.StreamResponse:
    """The person's corrections and how far each is, the newest first."""
    asks = await acting(call, "correct")
    await looked(call, asks, "review.corrections")
    bound = f"{call.me.person}\0corrections\0{asks.person}"
    found, more = await call.services.rights.corrections.list(asks.scope, place(call, bound), call.query.limit)
    following = after(call, bound, more)
    page = CorrectionPage(items=[correction_out(one) for one in found], next=following)
    return answer(page, headers=link_next(call.request.path, following))


def correction_out(one: Correction, name: str | None = None) -> CorrectionOut:
    """A correction on the wire; ``name`` of whom, where a school looks."""
    return CorrectionOut(
        id=one.id,
        field=one.field,
        state=one.state,
        value=one.wanted,
        why=one.why,
        answer=one.answer,
        by=one.by,
        made=moment(one.made),
        decided=None if one.decided is None else moment(one.decided),
        ended=None if one.ended is None else moment(one.ended),
        person=None if name is None else one.person,
        name=name,
    )


async def ask_correction(call: Call) -> web.StreamResponse:
    """Correct what is the person's own at once; what comes from the school's directory, the school is asked for."""
    asks = await acting(call, "correct")
    try:
        asked = call.body
        made = await call.services.rights.corrections.ask(asks, asked.field, asked.value, asked.why)
    except BadValue:
        raise Problem(422, "bad_value", "This cannot be right. Look at it again.") from None
    except CorrectionRefused as error:
        raise correction_problem(error) from None
    except OSError:
        raise journal_full() from None
    return answer(correction_out(made), 201)


def journal_full() -> Problem:
    """What must survive a restore cannot be written down, so it is not done."""
    return Problem(
        503, "storage_unavailable", "Storage does not answer at the moment. Try again shortly.",
        headers={"Retry-After": "5"},
    )  # fmt: skip


_REFUSED: Final[dict[str, Callable[[], Problem]]] = {
    "pending": lambda: Problem(
        409, "pending", "Your school has been asked for this already, and has not answered yet."
    ),
    "decided": lambda: Problem(409, "decided", "This has been decided, or taken back."),
    "oneself": lambda: Problem(
        403, "oneself", "Nobody decides about themselves.", advice=sentence("Ask another administrator of your school.")
    ),
    "nobody": not_found,
}


def correction_problem(error: CorrectionRefused) -> Problem:
    """Why a correction cannot be asked for or decided."""
    return _REFUSED[error.code]()


async def withdraw_correction(call: Call) -> web.StreamResponse:
    """Take a request back that the school has not answered."""
    asks = await acting(call, "correct")
    correction = call.path("correction")
    try:
        await call.services.rights.corrections.withdraw(asks, correction if is_id(correction) else "")
    except CorrectionRefused as error:
        raise correction_problem(error) from None
    return nothing()


async def list_notifications(call: Call) -> web.StreamResponse:
    """What the person was told of what others did about them, the newest first."""
    bound = f"{call.me.person}\0notifications"
    found, more = await call.services.rights.notifications.list(call.scope, place(call, bound), call.query.limit)
    items = [
        NotificationOut(
            id=one.id, kind=one.kind, what=call.say(WORDS[one.kind]), made=moment(one.made), details=dict(one.details)
        )
        for one in found
    ]
    following = after(call, bound, more)
    return answer(NotificationPage(items=items, next=following), headers=link_next(call.request.path, following))


async def dismiss(call: Call) -> web.StreamResponse:
    """The person has read it: it goes."""
    notification = call.path("notification")
    if not is_id(notification) or not await call.services.rights.notifications.dismiss(call.scope, notification):
        raise not_found()
    return nothing()


def _routes(base: str, tag: str, read: str, correct: str) -> tuple[Route, ...]:
    """The rights under one address; ``read`` and ``correct``: the actions that open the door, before it is decided."""
    return (
        Route("GET", f"{base}/review", overview, read, "What is held", tag, answer=ReviewOut, rate=60),
        Route(
            "GET", f"{base}/review/{{store}}", records, read, "What is held, record by record", tag,
            query=RightsPaging, answer=ReviewPage, rate=240,
        ),
        Route(
            "GET", f"{base}/deeds", deeds, read, "What was done with the data, and by whom", tag,
            query=RightsPaging, answer=DeedPage,
        ),
        Route(
            "GET", f"{base}/corrections", list_corrections, correct, "Corrections", tag,
            query=RightsPaging, answer=CorrectionPage,
        ),
        Route(
            "POST", f"{base}/corrections", ask_correction, correct, "Correct something", tag,
            body=CorrectionAsked, answer=CorrectionOut, status=201, problems=(409,), rate=60,
        ),
        Route(
            "DELETE", f"{base}/corrections/{{correction}}", withdraw_correction, correct, "Take a request back", tag,
            status=204, problems=(409,),
        ),
    )  # fmt: skip


MINE, CHILD, PERSON = "/v1/me", "/v1/children/{child}", "/v1/school/people/{person}"
ROUTES = (
    *_routes(MINE, "rights", "rights.read", "rights.correct"),
    *_routes(CHILD, "children", "child.act", "child.act"),
    *_routes(PERSON, "school", "school.rights", "school.rights"),
    Route(
        "GET", "/v1/me/notifications", list_notifications, "rights.read", "What you were told", "rights",
        query=RightsPaging, answer=NotificationPage,
    ),
    Route(
        "DELETE", "/v1/me/notifications/{notification}", dismiss, "rights.read", "Let go of something you were told",
        "rights", status=204,
    ),
)  # fmt: skip
