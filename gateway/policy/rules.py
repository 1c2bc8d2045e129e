"""Who may do what, as one table. What is not in it is denied.

The policy's version follows from the table itself, so a changed rule can never carry an old version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from types import MappingProxyType
from typing import Final, Literal

from gateway.policy.principal import AGE_BANDS, MEMBERS, ROLES, AgeBand, Client, Role


@dataclass(frozen=True, slots=True)
class Rule:
    """``owner``: the resource must be the caller's own, belong to the caller's school, or to a child of whom the caller
    is the guardian with the right ``right``.

    ``fresh``: allowed only with a recent sign-in; the caller of `decide` checks its age. ``contained``: goes on while
    the school's access is suspended: looking into it, lifting it, being forgotten, taking what is one's own away.
    """

    clients: tuple[Client, ...] = ("page", "extension")
    roles: tuple[Role, ...] = MEMBERS
    ages: tuple[AgeBand, ...] = AGE_BANDS
    owner: Literal["self", "school", "child"] = "self"
    fresh: bool = False
    right: str = ""
    contained: bool = False


_PAGE: Final[tuple[Client, ...]] = ("page",)
_ADMINISTRATORS: Final[tuple[Role, ...]] = ("administrator",)

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "me.read": Rule(roles=ROLES, contained=True),
        "drive.list": Rule(),
        "drive.read": Rule(),
        "drive.search": Rule(),
        "drive.write": Rule(),
        "upload.create": Rule(),
        "transfer.create": Rule(),
        "job.read": Rule(),
        "job.cancel": Rule(),
        "access.read": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "cache.read": Rule(),
        "cache.manage": Rule(clients=_PAGE),
        "connection.read": Rule(clients=_PAGE),
        "connection.manage": Rule(clients=_PAGE),
        "token.read": Rule(clients=_PAGE),
        "token.manage": Rule(clients=_PAGE),
        "extension.authorize": Rule(clients=_PAGE),
        "session.end": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "receipt.read": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "erasure.plan": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "erasure.self": Rule(clients=_PAGE, roles=ROLES, fresh=True, contained=True),
        "erasure.item": Rule(clients=_PAGE, contained=True),
        "erasure.read": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "notice.read": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "rights.read": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "rights.correct": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "rights.export": Rule(clients=_PAGE, roles=ROLES, fresh=True, contained=True),
        "child.act": Rule(clients=_PAGE, roles=ROLES, contained=True),
        "child.review": Rule(clients=_PAGE, roles=ROLES, owner="child", right="review", contained=True),
        "child.correct": Rule(clients=_PAGE, roles=ROLES, owner="child", right="correct", contained=True),
        "child.export": Rule(clients=_PAGE, roles=ROLES, owner="child", right="export", fresh=True, contained=True),
        "child.erasure_plan": Rule(clients=_PAGE, roles=ROLES, owner="child", right="erase", contained=True),
        "child.erase": Rule(clients=_PAGE, roles=ROLES, owner="child", right="erase", fresh=True, contained=True),
        "school.people": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.settings": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
        "school.erasures": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.erase": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True, contained=True),
        "school.approvals": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.approve": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True, contained=True),
        "school.cancel": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.records": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.guardians": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.guardian_make": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True, contained=True),
        "school.corrections": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.correct": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True, contained=True),
        "school.notices": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
        "school.notice_accept": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True),
        "school.rights": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True, contained=True),
        "school.ledger": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.incidents": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.containment": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        # its handler asks for a fresh sign-in, but where nobody of the school can sign in before it is lifted
        "school.release": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.holds": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
        "school.hold": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True, contained=True),
        "school.lawful": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", contained=True),
    }
)


def version_of(rules: Mapping[str, Rule]) -> str:
    """A short name of exactly these rules."""
    told = repr(sorted((action, astuple(rule)) for action, rule in rules.items()))
    return "p1-" + hashlib.sha256(told.encode()).hexdigest()[:12]


POLICY_VERSION: Final = version_of(RULES)
