"""For whom a request asks: the caller, a child of whom they are the guardian, or a person of their school.

The address says which: `/v1/me/…`, `/v1/children/{child}/…`, `/v1/school/people/{person}/…`. Whether they may, the
policy decides; that somebody exists whom they may not ask about is nobody's business.
"""

from __future__ import annotations

from typing import Final, Literal

from cache.vault import Scope
from gateway.api.endpoint import permit
from gateway.api.fresh import require_fresh
from gateway.api.problems import not_found
from gateway.api.routing import Call
from gateway.ids import is_id
from gateway.policy import RULES, Principal, Resource
from gateway.rights import Acting

Asked = Literal["review", "correct", "export", "erasure_plan", "erase"]
_OWN: Final = {"review": "rights.read", "correct": "rights.correct", "export": "rights.export"}


async def acting(call: Call, asked: Asked) -> Acting:
    """Who asks for whose right, decided. 404 for people who are not the caller's to ask about, 403."""
    if "child" in call.request.match_info:
        return await _of_child(call, _id(call, "child"), asked)
    if "person" in call.request.match_info:
        return await _of_school(call, _id(call, "person"))
    await _decided(call, _OWN[asked], Resource(call.me.school, call.me.person))
    return Acting(call.me.person, call.scope)


async def _of_child(call: Call, child: str, asked: Asked) -> Acting:
    link = await call.services.rights.guardians.over(call.me, child)
    granted = frozenset(link.rights if link is not None else ())
    await _decided(call, f"child.{asked}", Resource(call.me.school, child, granted))
    assert link is not None
    return Acting(call.me.person, Scope(call.me.school, child), "guardian", link.id)


async def _of_school(call: Call, person: str) -> Acting:
    scope = Scope(call.me.school, person)
    await _decided(call, "school.rights", Resource(call.me.school, person))
    if not await call.services.people.is_here(scope):
        raise not_found()
    return Acting(call.me.person, scope, "school")


async def _decided(call: Call, action: str, resource: Resource) -> None:
    permit(call.me, action, resource)
    if RULES[action].fresh:
        await require_fresh(call.services, call.me)


async def still(call: Call, me: Principal, as_before: Acting) -> None:
    """That whoever asked may ask still, when their answer is fetched later: a link may have ended. 404."""
    if not await lasts(call, me, as_before):
        raise not_found()
    if as_before.how == "school":
        permit(me, "school.rights", Resource(me.school, as_before.person))


async def lasts(call: Call, me: Principal, as_before: Acting) -> bool:
    """Whether what they asked as, a guardian's link, gives them the person's copy still."""
    if as_before.how != "guardian":
        return True
    link = await call.services.rights.guardians.over(me, as_before.person)
    return link is not None and link.id == as_before.link and "export" in link.rights


async def looked(call: Call, asks: Acting, action: str) -> None:
    """Before the first page of what is another's: an entry about the person, which they see. One's own is no news."""
    if asks.how != "self" and not getattr(call.query, "cursor", None):
        await call.services.ledger.record(asks.scope.tenant, asks.event(action))


def _id(call: Call, name: str) -> str:
    text = call.path(name)
    if not is_id(text):
        raise not_found()
    return text
