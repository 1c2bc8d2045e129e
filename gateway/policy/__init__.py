"""Who may do what: pure data and functions, no I/O. Default deny."""

from gateway.policy.decide import Decision, decide
from gateway.policy.principal import AGE_BANDS, MEMBERS, ROLES, AgeBand, Client, Principal, Resource, Role, is_fresh
from gateway.policy.rules import POLICY_VERSION, RULES

__all__ = [
    "AGE_BANDS",
    "MEMBERS",
    "POLICY_VERSION",
    "ROLES",
    "RULES",
    "AgeBand",
    "Client",
    "Decision",
    "Principal",
    "Resource",
    "Role",
    "decide",
    "is_fresh",
]
