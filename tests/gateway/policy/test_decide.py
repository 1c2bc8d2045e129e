"""Every action for every role and client, and every way to be refused."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import gateway.policy
from gateway.policy import AGE_BANDS, MEMBERS, POLICY_VERSION, ROLES, RULES, Principal, Resource, decide, is_fresh
from gateway.policy.principal import CLIENTS
from gateway.policy.rules import Rule, version_of

ME = Principal("me", "mine", "student", "13_15", "page", "s", 1_000_000)
OWN = Resource("mine", "me")

EVERYONE = {
    "me.read", "drive.list", "drive.read", "drive.search", "drive.write", "upload.create", "transfer.create",
    "job.read", "job.cancel", "cache.read",
}  # fmt: skip
PAGE_ONLY = {
    "cache.manage", "connection.read", "connection.manage", "token.read", "token.manage", "extension.authorize",
    "session.end", "receipt.read", "erasure.plan", "erasure.self", "notice.read", "rights.read", "rights.correct",
    "rights.export", "child.act", "access.read", "erasure.item", "erasure.read",
}  # fmt: skip
GUARDIANS = {
    "me.read", "session.end", "receipt.read", "erasure.plan", "erasure.self", "erasure.read", "notice.read",
    "rights.read", "rights.correct", "rights.export", "child.act", "access.read",
}  # fmt: skip
"""What somebody may do who only looks after a child."""
OF_A_CHILD = {
    "child.review": "review", "child.correct": "correct", "child.export": "export", "child.erase": "erase",
    "child.erasure_plan": "erase",
}  # fmt: skip
ADMINISTRATORS = {
    "school.people", "school.ledger", "school.settings", "school.guardians", "school.corrections", "school.notices",
    "school.notice_accept", "school.guardian_make", "school.rights", "school.records", "school.lawful",
    "school.incidents", "school.correct",
    "school.containment", "school.release", "school.erase", "school.erasures", "school.approvals", "school.approve",
    "school.holds", "school.hold",
    "school.cancel",
}  # fmt: skip
GOES_ON = {
    "me.read", "session.end", "receipt.read", "erasure.plan", "erasure.self", "erasure.item", "erasure.read",
    "notice.read", "rights.read", "rights.correct", "rights.export", "child.act", "school.people", "school.ledger",
    "school.records", "school.guardians", "school.guardian_make", "school.corrections", "school.rights",
    "school.incidents",
    "school.containment", "school.release", "school.lawful", "access.read", "school.erase", "school.erasures",
    "school.approvals", "school.approve", "school.cancel",
    "school.holds", "school.hold", "school.correct",
}  # fmt: skip
"""What works while the school's access is suspended."""


def expected(action: str, role: str, client: str) -> bool:
    if role == "guardian" and action not in GUARDIANS:
        return False
    if action in EVERYONE:
        return True
    if action in PAGE_ONLY:
        return client == "page"
    return role == "administrator" and client == "page"


def test_the_whole_table() -> None:
    assert set(RULES) == EVERYONE | PAGE_ONLY | ADMINISTRATORS | set(OF_A_CHILD)
    assert set(MEMBERS) == set(ROLES) - {"guardian"}
    for action in set(RULES) - set(OF_A_CHILD):
        resource = Resource("mine", None if action in ADMINISTRATORS else "me")
        for role in ROLES:
            for client in CLIENTS:
                for age in AGE_BANDS:
                    me = replace(ME, role=role, client=client, age_band=age)
                    assert decide(me, action, resource).allowed is expected(action, role, client), (action, me)


@pytest.mark.parametrize("action", sorted(OF_A_CHILD))
def test_a_childs_right_is_used_by_a_guardian_who_was_given_it(action: str) -> None:
    """Whatever their role; nobody else learns that there is such a child."""
    for role in ROLES:
        for given in ("review", "correct", "export", "erase"):
            child = Resource("mine", "child", frozenset({given}))
            decision = decide(replace(ME, role=role), action, child)
            assert decision.allowed is (given == OF_A_CHILD[action])
            assert decision.allowed or decision.hidden
            assert not decide(replace(ME, role=role, client="extension"), action, child).allowed
        for nothing in (Resource("mine", "child"), Resource("mine"), Resource("mine", "me")):
            assert decide(replace(ME, role=role), action, nothing).hidden
    assert decide(ME, action, Resource("mine", "child", frozenset({OF_A_CHILD[action]}))).fresh == (
        action in ("child.export", "child.erase")
    )


def test_while_the_school_is_suspended() -> None:
    assert set(RULES) >= GOES_ON
    for action in RULES.keys() - OF_A_CHILD:
        resource = Resource("mine", None if action in ADMINISTRATORS else "me")
        decision = decide(replace(ME, role="administrator", contained=True), action, resource)
        assert decision.allowed is (action in GOES_ON), action
        assert decision.reason == ("allowed" if action in GOES_ON else "contained")
        student = decide(replace(ME, contained=True), action, resource)
        assert student.allowed is (action in GOES_ON - ADMINISTRATORS)


@pytest.mark.parametrize("action", ["", "drive", "drive.read ", "DRIVE.READ", "erasure.school", "public"])
def test_unknown_actions_are_denied(action: str) -> None:
    for role in ROLES:
        decision = decide(replace(ME, role=role), action, OWN)
        assert (decision.allowed, decision.reason) == (False, "unknown_action")


@pytest.mark.parametrize("action", sorted(RULES))
@pytest.mark.parametrize("role", ROLES)
def test_another_school_is_not_there_for_anybody(action: str, role: Any) -> None:
    for person in ("me", "other", None):
        decision = decide(replace(ME, role=role), action, Resource("theirs", person))
        assert not decision.allowed
        assert decision.hidden


@pytest.mark.parametrize("action", sorted(EVERYONE | PAGE_ONLY))
def test_another_person_is_not_there_not_even_for_administrators(action: str) -> None:
    for person in ("other", None):
        decision = decide(replace(ME, role="administrator"), action, Resource("mine", person))
        assert not decision.allowed
        assert decision.hidden


def test_a_foreign_resource_tells_nothing_even_by_an_unknown_action() -> None:
    assert decide(ME, "nonsense", Resource("mine", "other")).hidden
    assert decide(replace(ME, client="extension"), "erasure.self", Resource("mine", "other")).hidden


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"role": "operator"}, "role"), ({"age_band": "adult?"}, "age"), ({"client": "curl"}, "client")],
)
def test_what_is_not_known_is_denied(change: dict[str, Any], reason: str) -> None:
    decision = decide(replace(ME, **change), "drive.read", OWN)
    assert (decision.allowed, decision.reason, decision.hidden) == (False, reason, False)


def test_what_cannot_be_undone_needs_a_fresh_sign_in() -> None:
    assert decide(ME, "erasure.self", OWN).fresh
    assert not decide(ME, "drive.read", OWN).fresh
    assert is_fresh(ME, 1_300_000, 300)
    assert not is_fresh(ME, 1_300_001, 300)
    assert not is_fresh(ME, 999_999, 300)


def test_every_decision_names_the_policy_and_a_changed_rule_changes_its_version() -> None:
    assert decide(ME, "drive.read", OWN).policy_version == POLICY_VERSION == version_of(RULES)
    changed = {**RULES, "drive.read": Rule(roles=("teacher",))}
    assert version_of(changed) != POLICY_VERSION


def test_policy_does_no_input_or_output() -> None:
    allowed = {"__future__", "collections.abc", "dataclasses", "hashlib", "types", "typing"}
    for path in Path(gateway.policy.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert name in allowed or name.startswith("gateway.policy"), (path.name, name)
