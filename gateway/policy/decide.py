"""The one question of access, answered without I/O: may this principal do this to that resource?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.policy.principal import Principal, Resource
from gateway.policy.rules import POLICY_VERSION, RULES

_HIDDEN: Final = frozenset({"foreign_school", "foreign_person"})


@dataclass(frozen=True, slots=True)
class Decision:
    """``reason`` is a stable code, 'allowed' where it is. ``fresh``: only with a recent sign-in, see `is_fresh`."""

    allowed: bool
    reason: str
    policy_version: str = POLICY_VERSION
    fresh: bool = False

    @property
    def hidden(self) -> bool:
        """To be answered as not found: that somebody else's resource exists is nobody's business."""
        return self.reason in _HIDDEN


def decide(principal: Principal, action: str, resource: Resource) -> Decision:
    """Deny unless a rule allows. Whose the resource is comes first, so that a denial tells nothing about it."""
    rule = RULES.get(action)
    if resource.school != principal.school:
        return Decision(False, "foreign_school")
    if resource.person is not None and resource.person != principal.person and (rule is None or rule.owner == "self"):
        return Decision(False, "foreign_person")
    if rule is None:
        return Decision(False, "unknown_action")
    if rule.owner == "self" and resource.person is None:
        return Decision(False, "foreign_person")
    if rule.owner == "child" and (resource.person is None or rule.right not in resource.granted):
        return Decision(False, "foreign_person")
    if principal.contained and not rule.contained:
        return Decision(False, "contained")
    for name, value, allowed in (
        ("client", principal.client, rule.clients),
        ("role", principal.role, rule.roles),
        ("age", principal.age_band, rule.ages),
    ):
        if value not in allowed:
            return Decision(False, name)
    return Decision(True, "allowed", fresh=rule.fresh)
