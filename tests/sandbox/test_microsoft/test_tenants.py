"""What holds for a tenant as a whole: throttling, policies at sign-in, issuers."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from providers.sandbox.core import Sandbox
from providers.sandbox.microsoft.accounts import tenant
from tests.sandbox.test_microsoft.client import Client


async def configured(client: Client, **settings: Any) -> None:
    reply = await client.call("POST", f"{client.box.url}/_sandbox/microsoft", json=settings)
    assert reply.status == 200, reply.body


@pytest.fixture
async def other(box: Sandbox, http: aiohttp.ClientSession) -> Client:
    """A teacher of another school."""
    client = Client(http, box, "elif.kaya@lakeside.example")
    await client.sign_in()
    return client


@pytest.mark.parametrize(
    ("rule", "status", "wait"),
    [({"retry_after": 41}, 429, "41"), ({}, 429, None), ({"status": 503}, 503, None), ({"status": 509}, 509, None)],
)
async def test_a_whole_tenant_is_held(
    teacher: Client, other: Client, rule: dict[str, Any], status: int, wait: str | None
) -> None:
    url, download = await teacher.session("a.bin"), (await teacher.item("Welcome.txt"))["@microsoft.graph.downloadUrl"]
    await configured(teacher, hold={"riverside": rule})
    for reply in (
        await teacher.call("GET", "/me/drive"),
        await teacher.call("GET", url),
        await teacher.call("GET", download),
    ):
        assert (reply.status, reply.headers.get("Retry-After")) == (status, wait)
    assert (await other.call("GET", "/me/drive")).status == 200
    await configured(teacher, hold={})
    assert (await teacher.call("GET", "/me/drive")).status == 200


async def test_a_hold_ends_after_so_many_requests(teacher: Client) -> None:
    await configured(teacher, hold={"riverside": {"requests": 2}})
    assert [(await teacher.call("GET", "/me")).status for _ in range(3)] == [429, 429, 200]


async def test_limits_are_told_before_they_are_reached(box: Sandbox, teacher: Client, other: Client) -> None:
    await configured(teacher, limits={"riverside": {"requests": 5, "window": 60}})
    replies = [await teacher.call("GET", "/me") for _ in range(6)]
    assert [reply.status for reply in replies] == [200] * 5 + [429]
    assert ["RateLimit-Limit" in reply.headers for reply in replies] == [False] * 3 + [True] * 3
    assert (replies[4].headers["RateLimit-Remaining"], replies[5].headers["Retry-After"]) == ("0", "60")
    assert (await other.call("GET", "/me")).status == 200
    box.ahead = 61
    assert (await teacher.call("GET", "/me")).status == 200


@pytest.mark.parametrize(
    ("policy", "number"), [("admin_approval", 90094), ("minor", 54000), ("blocked", 53003), ("disabled", 50057)]
)
@pytest.mark.parametrize("who", ["riverside", "amira.haddad@riverside.example"])
async def test_policies_refuse_at_sign_in_and_at_refresh(
    teacher: Client, other: Client, policy: str, number: int, who: str
) -> None:
    tokens = await teacher.sign_in()
    await configured(teacher, policies={who: policy})
    answer = parse_qs(urlsplit((await teacher.code()).headers["Location"]).query)
    assert (answer["error"], answer["state"], "code" in answer) == (["access_denied"], ["st"], False)
    assert answer["error_description"][0].startswith(f"AADSTS{number}")
    refreshed = await teacher.tokens(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert (refreshed.status, refreshed.json["error"]) == (400, "invalid_grant")
    assert "access_token" in await other.sign_in()
    await configured(teacher, policies={})
    again = await teacher.tokens(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert again.status == 200, "a refusal by policy uses nothing up"


async def test_conditional_access_asks_for_the_person_with_claims(teacher: Client) -> None:
    tokens = await teacher.sign_in()
    await configured(teacher, policies={"riverside": "multi_factor"})
    refused = (await teacher.tokens(grant_type="refresh_token", refresh_token=tokens["refresh_token"])).json
    assert (refused["error"], refused["error_codes"], refused["suberror"]) == (
        "interaction_required",
        [50076],
        "basic_action",
    )
    fresh = await teacher.sign_in(claims=refused["claims"])
    again = await teacher.tokens(grant_type="refresh_token", refresh_token=fresh["refresh_token"])
    assert again.status == 200


async def test_graph_asks_for_other_claims(teacher: Client) -> None:
    await configured(teacher, policies={"riverside": "claims_challenge"})
    refused = await teacher.call("GET", "/me/drive")
    assert refused.error == (401, "InvalidAuthenticationToken")
    challenge = refused.headers["WWW-Authenticate"]
    assert 'error="insufficient_claims"' in challenge
    claims = json.loads(base64.b64decode(challenge.partition('claims="')[2].partition('"')[0]))
    await teacher.sign_in(claims=json.dumps(claims))
    assert (await teacher.call("GET", "/me/drive")).status == 200


async def test_a_changed_password_needs_a_new_sign_in(teacher: Client) -> None:
    tokens = await teacher.sign_in()
    await configured(teacher, policies={teacher.email: "password_changed"})
    refused = (await teacher.tokens(grant_type="refresh_token", refresh_token=tokens["refresh_token"])).json
    assert (refused["error"], refused["error_codes"]) == ("invalid_grant", [50173])
    fresh = await teacher.sign_in()
    assert (await teacher.tokens(grant_type="refresh_token", refresh_token=fresh["refresh_token"])).status == 200


async def test_organizations_gives_each_school_its_own_issuer(teacher: Client, other: Client) -> None:
    keys = KeySet.import_key_set((await teacher.call("GET", f"{teacher.box.url}/common/discovery/v2.0/keys")).json)
    for client, school in ((teacher, "riverside"), (other, "lakeside")):
        token = (await client.sign_in(tenant="organizations"))["id_token"]
        claims = jwt.decode(token, keys, algorithms=["RS256"]).claims
        place = f"{client.box.url}/{school}.example/v2.0/.well-known/openid-configuration"
        assert claims["iss"] == (await client.call("GET", place)).json["issuer"]
        assert claims["tid"] == tenant(school)
