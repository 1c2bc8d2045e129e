"""Who may do what, as one table. What is not in it is denied.

The policy's version follows from the table itself, so a changed rule can never carry an old version.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from types import MappingProxyType
from typing import Final, Literal

from gateway.policy.principal import AGE_BANDS, ROLES, AgeBand, Client, Role


@dataclass(frozen=True, slots=True)
class Rule:
    """``owner``: the resource must be the caller's own, or belong to the caller's school.

    ``fresh``: allowed only with a recent sign-in; the caller of `decide` checks its age.
    """

    clients: tuple[Client, ...] = ("page", "extension")
    roles: tuple[Role, ...] = ROLES
    ages: tuple[AgeBand, ...] = AGE_BANDS
    owner: Literal["self", "school"] = "self"
    fresh: bool = False


_PAGE: Final[tuple[Client, ...]] = ("page",)
_ADMINISTRATORS: Final[tuple[Role, ...]] = ("administrator",)

RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "me.read": Rule(),
        "drive.list": Rule(),
        "drive.read": Rule(),
        "drive.search": Rule(),
        "drive.write": Rule(),
        "upload.create": Rule(),
        "transfer.create": Rule(),
        "job.read": Rule(),
        "job.cancel": Rule(),
        "cache.read": Rule(),
        "cache.manage": Rule(clients=_PAGE),
        "connection.read": Rule(clients=_PAGE),
        "connection.manage": Rule(clients=_PAGE),
        "token.read": Rule(clients=_PAGE),
        "token.manage": Rule(clients=_PAGE),
        "extension.authorize": Rule(clients=_PAGE),
        "session.end": Rule(clients=_PAGE),
        "receipt.read": Rule(clients=_PAGE),
        "erasure.plan": Rule(clients=_PAGE),
        "erasure.self": Rule(clients=_PAGE, fresh=True),
        "erasure.item": Rule(clients=_PAGE),
        "erasure.read": Rule(clients=_PAGE),
        "school.people": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
        "school.settings": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
        "school.erasures": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
        "school.erase": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True),
        "school.approvals": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
        "school.approve": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school", fresh=True),
        "school.cancel": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
        "school.ledger": Rule(clients=_PAGE, roles=_ADMINISTRATORS, owner="school"),
    }
)


def version_of(rules: Mapping[str, Rule]) -> str:
    """A short name of exactly these rules."""
    told = repr(sorted((action, astuple(rule)) for action, rule in rules.items()))
    return "p1-" + hashlib.sha256(told.encode()).hexdigest()[:12]


POLICY_VERSION: Final = version_of(RULES)
