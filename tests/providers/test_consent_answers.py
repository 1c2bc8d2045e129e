"""What the vendors say no with, and whose account a Microsoft id_token is for."""

from __future__ import annotations

import time
from typing import Any

import pytest

from providers.consent.answers import decline, meaning, token_answer
from providers.consent.bridge import Authority, Bridge
from providers.consent.identity import CONSUMERS, SKEW, checked
from providers.errors import AdminBlocked, Busy, DriveError, Offline, Reconnect, Refused, Untrusted
from providers.http import Outbound, Reply

TENANT = "5d3c7e5c-9a0b-4a6e-8a55-0c6f0c1f7b11"
OTHER = "11111111-2222-3333-4444-555555555555"
ISSUER = "https://login.example/{tenantid}/v2.0"
SECRET = "amira.haddad@riverside.example"


@pytest.mark.parametrize(
    ("doc", "kind", "reason"),
    [
        ({"error": "access_not_configured"}, AdminBlocked, "access_not_configured"),
        ({"error": "admin_policy_enforced"}, AdminBlocked, "admin_policy_enforced"),
        ({"error": "invalid_grant", "error_subtype": "access_not_configured"}, AdminBlocked, "invalid_grant"),
        ({"error": "invalid_grant", "error_codes": [65001]}, AdminBlocked, "aadsts65001"),
        ({"error": "access_denied", "error_description": "AADSTS90094: admin"}, AdminBlocked, "aadsts90094"),
        ({"error": "invalid_grant", "error_description": "AADSTS53003: blocked"}, AdminBlocked, "aadsts53003"),
        ({"error": "access_denied", "error_description": "AADSTS90095: asked"}, AdminBlocked, "aadsts90095"),
        ({"error": "invalid_grant", "error_codes": [50105]}, AdminBlocked, "aadsts50105"),
        ({"error": "invalid_grant", "error_codes": [53000]}, AdminBlocked, "aadsts53000"),
        ({"error": "invalid_grant", "error_codes": [54000]}, AdminBlocked, "aadsts54000"),
        ({"error": "invalid_grant", "error_codes": [50057]}, AdminBlocked, "aadsts50057"),
        ({"error": "interaction_required", "error_codes": [50076]}, Reconnect, "aadsts50076"),
        ({"error": "invalid_grant", "error_codes": [50079], "suberror": "basic_action"}, Reconnect, "aadsts50079"),
        ({"error": "invalid_grant", "error_codes": [50173]}, Reconnect, "aadsts50173"),
        ({"error": "invalid_grant", "error_codes": [70043]}, Reconnect, "aadsts70043"),
        ({"error": "invalid_grant", "error_codes": [700082]}, Reconnect, "aadsts700082"),
        ({"error": "invalid_grant", "error_codes": [50076, 53003]}, AdminBlocked, "aadsts53003"),
        ({"error": "consent_required"}, AdminBlocked, "consent_required"),
        ({"error": "access_denied"}, Refused, "access_denied"),
        ({"error": "consent_required", "error_codes": [65004]}, Refused, "access_denied"),
        ({"error": "invalid_client"}, Refused, "invalid_client"),
        ({"error": "invalid_grant", "suberror": "bad_token"}, Reconnect, "bad_token"),
        ({"error": "invalid_grant"}, Reconnect, "invalid_grant"),
        ({"error": "interaction_required"}, Reconnect, "interaction_required"),
        ({"error": "temporarily_unavailable"}, Offline, "temporarily_unavailable"),
        ({"error": f"free text about {SECRET}"}, Untrusted, None),
        ({"error": ["x"], "error_codes": "x", "error_description": 7}, Untrusted, None),
        ({}, Untrusted, None),
    ],
)
def test_what_a_no_means(doc: dict[str, Any], kind: type[DriveError], reason: str | None) -> None:
    told = meaning({"error_description": SECRET, **doc})
    assert type(told) is kind
    assert told.reason == reason
    assert SECRET not in f"{told} {told.reason}"


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Reply(429, {"Retry-After": "9"}, b""), Busy),
        (Reply(500, {}, b"<html>"), Offline),
        (Reply(200, {}, b"<html>"), Untrusted),
        (Reply(200, {}, b"[]"), Untrusted),
        (Reply(200, {}, b""), Untrusted),
        (Reply(400, {}, b'{"error":"invalid_grant"}'), Reconnect),
        (Reply(200, {}, b'{"error":"invalid_grant"}'), Reconnect),
    ],
)
def test_token_answers_that_hold_no_token(reply: Reply, kind: type[DriveError]) -> None:
    with pytest.raises(kind) as told:
        token_answer(reply)
    assert told.value.retry_after == (9 if kind is Busy else None)


def test_an_answer_of_another_sign_in_is_not_looked_at() -> None:
    for params in ({"error": "access_denied"}, {"state": "thine", "code": "c"}, {"state": "ü"}):
        with pytest.raises(Untrusted) as told:
            decline("mine", params)
        assert told.value.reason == "state"
    decline("mine", {"state": "mine", "code": "c"})


def claims(**changes: object) -> dict[str, object]:
    now = time.time()
    return {
        "aud": "client",
        "iss": ISSUER.replace("{tenantid}", TENANT),
        "tid": TENANT,
        "oid": "object",
        "exp": now + 60,
        "iat": now,
        "preferred_username": SECRET,
        **changes,
    }


@pytest.mark.parametrize(
    ("tenant", "issuer"),
    [("common", ISSUER), ("organizations", ISSUER), (TENANT, ISSUER.replace("{tenantid}", TENANT))],
)
def test_a_good_id_token_names_the_account(tenant: str, issuer: str) -> None:
    who = checked(claims(), "client", tenant, issuer)
    assert (who.label, who.account) == (SECRET, f"{TENANT}.object")
    assert SECRET not in repr(who)


@pytest.mark.parametrize(
    ("changes", "tenant", "reason"),
    [
        ({"aud": "another"}, "common", "aud"),
        ({"aud": ["client", "another"]}, "common", "aud"),
        ({"iss": "https://evil.example/v2.0"}, "common", "iss"),
        ({"tid": OTHER}, "common", "iss"),
        ({"tid": "x/../y"}, "common", "tid"),
        ({}, OTHER, "tid"),
        ({}, "consumers", "tid"),
        ({"tid": CONSUMERS, "iss": ISSUER.replace("{tenantid}", CONSUMERS)}, "organizations", "tid"),
        ({"exp": time.time() - SKEW - 86_400}, "common", "exp"),
        ({"iat": time.time() + SKEW + 86_400}, "common", "exp"),
        ({"exp": "soon"}, "common", "exp"),
        ({"oid": None}, "common", "oid"),
        ({"preferred_username": None}, "common", "preferred_username"),
    ],
)
def test_an_id_token_that_is_not_for_us(changes: dict[str, object], tenant: str, reason: str) -> None:
    with pytest.raises(Untrusted) as told:
        checked(claims(**changes), "client", tenant, ISSUER)
    assert told.value.reason == reason


def test_a_token_of_another_domain_tenant_fails_by_its_issuer() -> None:
    """A domain says nothing about the id; the issuer that its authority states does."""
    with pytest.raises(Untrusted) as told:
        checked(claims(), "client", "hillcrest.example", ISSUER.replace("{tenantid}", OTHER))
    assert told.value.reason == "iss"


def test_no_claims_no_account() -> None:
    with pytest.raises(Untrusted):
        checked(None, "client", "common", ISSUER)


def test_msals_addresses_stay_inside_the_authority() -> None:
    authority = Authority.of("http://127.0.0.1:8/organizations/")
    assert authority.secure == "https://127.0.0.1:8/organizations"
    assert authority.tenant == "organizations"
    assert authority.actual(authority.layout()["token_endpoint"]) == (
        "http://127.0.0.1:8/organizations/oauth2/v2.0/token"
    )
    bridge = Bridge(authority, Outbound([]))
    assert bridge.get("https://127.0.0.1:8/organizations/v2.0/.well-known/openid-configuration").status_code == 200
    for elsewhere in ("https://127.0.0.1:8/common/discovery/instance", "https://evil.example/organizations/x"):
        with pytest.raises(Refused):
            bridge.get(elsewhere)
        with pytest.raises(Refused):
            bridge.post(elsewhere)
