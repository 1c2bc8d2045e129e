"""Guardians: made and ended by the school, seen by child, guardian and school; and what only a guardian asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from aiohttp import web

from cache.errors import Suspended
from cache.vault import Scope
from gateway.api.acting import acting, looked
from gateway.api.paging import link_next
from gateway.api.problems import Problem, not_found
from gateway.api.routes_account import moment
from gateway.api.routes_erasures import held_plan, store_plan
from gateway.api.routes_rights import CHILD, journal_full
from gateway.api.routing import Call, Route, answer, nothing
from gateway.api.schemas import ErasurePlan, ErasureStarted, OutsidePlan
from gateway.api.schemas_rights import ChildErasure, LinkAsked, LinkList, LinkOut, NamedPerson, RightsPaging
from gateway.erasure.model import Asked
from gateway.identity.errors import NotActive
from gateway.ids import is_id
from gateway.rights import Link, LinkRefused, NoLink
from gateway.sentences import sentence


async def _named(call: Call, person: str) -> NamedPerson:
    """A person of the school by name; without one where they are on their way out, or their key is suspended."""
    try:
        name = (await call.services.people.get(Scope(call.me.school, person))).name
    except (NotActive, Suspended):
        name = ""
    return NamedPerson(id=person, name=name)


async def _out(call: Call, link: Link) -> LinkOut:
    return LinkOut(
        id=link.id,
        child=await _named(call, link.child),
        guardian=await _named(call, link.guardian),
        rights=list(link.rights),
        made=moment(link.made),
        ends=moment(link.ends),
    )


async def _list(call: Call, links: Sequence[Link], following: str | None = None) -> web.Response:
    page = LinkList(items=[await _out(call, link) for link in links], next=following)
    return answer(page, headers=link_next(call.request.path, following))


async def my_guardians(call: Call) -> web.StreamResponse:
    """Who may use the caller's rights, for what, and until when."""
    return await _list(call, await call.services.rights.guardians.of(call.scope))


async def my_children(call: Call) -> web.StreamResponse:
    """Whose rights the caller may use as a guardian, which, and until when."""
    return await _list(call, await call.services.rights.guardians.children(call.scope))


async def school_links(call: Call) -> web.StreamResponse:
    """All links of the school."""
    bound = f"{call.me.person}\0guardians"
    after = call.services.cursors.read(call.query.cursor, bound) or ""
    limit = call.query.limit
    links = await call.services.rights.guardians.of_school(call.me.school, after, limit)
    following = call.services.cursors.make(links[-1].id, bound) if len(links) == limit else None
    return await _list(call, links, following)


_REFUSED: Final[dict[str, Callable[[], Problem]]] = {
    "nobody": lambda: Problem(422, "nobody", "One of the two is not a person of your school who has signed in here."),
    "oneself": lambda: Problem(422, "oneself", "Nobody is their own guardian."),
    "child_adult": lambda: Problem(422, "child_adult", "This person is of age and needs no guardian."),
    "guardian_minor": lambda: Problem(422, "guardian_minor", "A guardian must be of age."),
    "too_late": lambda: Problem(
        422, "too_late", "The link must end in the future, and before the child comes of age.",
        advice=sentence("Choose an earlier day."),
    ),
    "linked": lambda: Problem(
        409, "linked", "These two are linked already.", advice=sentence("End the link first, then make a new one.")
    ),
}  # fmt: skip


async def make_link(call: Call) -> web.StreamResponse:
    """Make somebody a child's guardian. Both are told, and it stands in the ledger."""
    asked = call.body
    until = int(asked.until.timestamp() * 1000)
    try:
        link = await call.services.rights.guardians.make(call.me, asked.child, asked.guardian, asked.rights, until)
    except LinkRefused as error:
        raise _REFUSED[error.code]() from None
    return answer(await _out(call, link), 201)


async def end_link(call: Call) -> web.StreamResponse:
    """End a link at once and for good: an older copy of the database does not bring it back."""
    link = call.path("link")
    try:
        await call.services.rights.guardians.end(call.me, link if is_id(link) else "")
    except NoLink:
        raise not_found() from None
    except OSError:
        raise journal_full() from None
    return nothing()


async def child_plan(call: Call) -> web.StreamResponse:
    """What would go and what would remain outside, if the child were forgotten now."""
    asks = await acting(call, "erasure_plan")
    await looked(call, asks, "review.plan")

    def told(one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "what": call.say(one["what"])}

    stores = [store_plan(call, one) for one in await call.services.plans.person(asks.scope)]
    outside = [OutsidePlan(**told(one)) for one in await call.services.outside.plan(asks.scope)]
    held = held_plan(call, await call.services.plans.held(asks.scope))
    return answer(ErasurePlan(stores=stores, outside=outside, held=held))


async def forget_child(call: Call) -> web.StreamResponse:
    """Forget the child. Answers with the one-time address of the receipt."""
    asks = await acting(call, "erase")
    await call.services.ledger.record(asks.scope.tenant, asks.event("erasure.asked"))
    begun = await call.services.eraser.begin(asks.scope, Asked(asks.by, asks.link))
    if begun is None:
        raise Problem(409, "erasing", "This is being done already.")
    return answer(ErasureStarted(receipt=f"/v1/receipts/{begun.secret}"), 202)


LINKS = "/v1/school/guardians"
ROUTES = (
    Route(
        "GET", "/v1/me/guardians", my_guardians, "rights.read", "Your guardians", "rights", answer=LinkList
    ),
    Route("GET", "/v1/children", my_children, "child.act", "Your children here", "children", answer=LinkList),
    Route(
        "GET", f"{CHILD}/erasure/plan", child_plan, "child.act", "What would go", "children", answer=ErasurePlan,
    ),
    Route(
        "POST", f"{CHILD}/erasures", forget_child, "child.act", "Forget a child", "children",
        body=ChildErasure, answer=ErasureStarted, status=202, problems=(409,),
    ),
    Route(
        "GET", LINKS, school_links, "school.guardians", "All guardians' links", "school",
        query=RightsPaging, answer=LinkList,
    ),
    Route(
        "POST", LINKS, make_link, "school.guardian_make", "Make a guardian", "school",
        body=LinkAsked, answer=LinkOut, status=201, problems=(409,),
    ),
    Route(
        "DELETE", f"{LINKS}/{{link}}", end_link, "school.guardians", "End a guardian's link", "school", status=204,
    ),
)  # fmt: skip
