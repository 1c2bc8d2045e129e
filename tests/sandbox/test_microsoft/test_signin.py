"""The identity platform: discovery, codes, rotation, id_tokens, errors, and MSAL itself in front of it."""

from __future__ import annotations

import asyncio
import html
import re
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import aiohttp
import msal
import pytest
import requests
from joserfc import jwt
from joserfc.jwk import KeySet

from providers.sandbox.core import Sandbox, serve
from providers.sandbox.microsoft.accounts import CONSUMERS, Account
from tests.contract.relay import Authority
from tests.sandbox.test_microsoft.client import BACK, SCOPES, Client


def account(client: Client) -> Account:
    person = client.box.people.find(client.email)
    assert person is not None
    return Account(person)


def posted(page: str) -> dict[str, str]:
    """The fields of a form that posts itself."""
    return {name: html.unescape(value) for name, value in re.findall(r'name="(\w+)" value="([^"]*)"', page)}


async def test_discovery_on_the_requests_own_host(teacher: Client) -> None:
    for tenant, issuer in (("common", "{tenantid}"), (CONSUMERS, CONSUMERS)):
        doc = (await teacher.call("GET", f"{teacher.box.url}/{tenant}/v2.0/.well-known/openid-configuration")).json
        assert doc["issuer"] == f"{teacher.box.url}/{issuer}/v2.0"
        assert doc["token_endpoint"] == f"{teacher.box.url}/{tenant}/oauth2/v2.0/token"
        assert doc["authorization_endpoint"] == f"{teacher.box.url}/{tenant}/oauth2/v2.0/authorize"
        assert (await teacher.call("GET", doc["jwks_uri"])).json["keys"][0]["alg"] == "RS256"


@pytest.mark.parametrize("name", ["teacher", "owner"])
async def test_the_id_token(request: pytest.FixtureRequest, teacher: Client, owner: Client, name: str) -> None:
    client = {"teacher": teacher, "owner": owner}[name]
    tokens = await client.sign_in(nonce="n-1")
    keys = (await client.call("GET", f"{client.box.url}/common/discovery/v2.0/keys")).json
    claims = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=["RS256"]).claims
    who = account(client)
    assert claims["iss"] == f"{client.box.url}/{who.tid}/v2.0"
    assert (claims["aud"], claims["nonce"], claims["ver"]) == ("app", "n-1", "2.0")
    assert (claims["tid"], claims["oid"], claims["preferred_username"]) == (who.tid, who.oid, client.email)
    assert claims["exp"] > claims["iat"]
    private = {"d", "p", "q", "dp", "dq", "qi"}
    assert not private & set(keys["keys"][0])


async def test_refresh_tokens_rotate(teacher: Client) -> None:
    """And the old one is not revoked by that: whoever never got the answer asks again."""
    first = await teacher.sign_in()
    second = await teacher.tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert second.json["refresh_token"] != first["refresh_token"]
    assert second.json["access_token"] != first["access_token"]
    assert second.json["scope"] == "Files.ReadWrite.All User.Read openid profile"
    again = await teacher.tokens(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert again.json["refresh_token"] not in (first["refresh_token"], second.json["refresh_token"])


async def test_a_refresh_token_that_is_not_accepted(teacher: Client) -> None:
    await teacher.sign_in()
    refused = await teacher.tokens(grant_type="refresh_token", refresh_token="M.C5another")
    assert (refused.status, refused.json["error"]) == (400, "invalid_grant")
    assert refused.json["error_description"].startswith("AADSTS70000")
    assert refused.json["error_codes"] == [70000]


async def test_no_refresh_token_without_offline_access(teacher: Client) -> None:
    tokens = await teacher.sign_in(scope="Files.Read")
    assert "refresh_token" not in tokens
    assert "id_token" not in tokens


async def test_a_code_serves_once(teacher: Client) -> None:
    back = await teacher.code()
    answer = parse_qs(urlsplit(back.headers["Location"]).query)
    assert answer["state"] == ["st"]
    form = {"grant_type": "authorization_code", "code": answer["code"][0]}
    assert (await teacher.tokens(**form)).status == 200
    assert (await teacher.tokens(**form)).json["error"] == "invalid_grant"


async def test_form_post(teacher: Client) -> None:
    page = await teacher.code(response_mode="form_post")
    assert page.status == 200
    fields = posted(page.body.decode())
    assert html.unescape(re.search(r'action="([^"]*)"', page.body.decode())[1]) == BACK  # type: ignore[index]  # it is there or the test fails
    assert fields["state"] == "st"
    form = {"grant_type": "authorization_code", "code": fields["code"]}
    assert (await teacher.tokens(**form)).status == 200


async def test_a_tenant_takes_its_own_people_only(teacher: Client, owner: Client) -> None:
    school, family = account(teacher), account(owner)
    assert (await teacher.code(tenant=school.tid)).status == 302
    assert (await teacher.code(tenant="organizations")).status == 302
    assert (await owner.code(tenant="consumers")).status == 302
    for client, tenant in (
        (teacher, "consumers"),
        (teacher, family.tid),
        (owner, school.tid),
        (owner, "organizations"),
    ):
        refused = await client.code(tenant=tenant)
        assert refused.status == 400
        assert "AADSTS50020" in refused.json["error_description"]


async def test_the_consent_page_lists_everyone(teacher: Client) -> None:
    page = (await teacher.code(sandbox_user="")).body.decode()
    assert page.count("@riverside.example") >= 3
    assert "Amira Haddad" in page


@pytest.mark.parametrize(
    ("scope", "reading", "writing"),
    [("User.Read", 403, 403), ("Files.Read", 200, 403), ("https://graph.microsoft.com/Files.ReadWrite", 200, 201)],
)
async def test_scopes_decide(teacher: Client, scope: str, reading: int, writing: int) -> None:
    await teacher.sign_in(scope=scope)
    assert (await teacher.call("GET", "/me/drive/root")).status == reading
    assert (await teacher.folder("New")).status == writing


async def test_without_a_live_token(teacher: Client) -> None:
    good = teacher.token
    for token in ("", "EwB4nonsense"):
        teacher.token = token
        reply = await teacher.call("GET", "/me/drive/root", headers={"X-Test": "1"})
        assert reply.error == (401, "InvalidAuthenticationToken")
        assert "Bearer" in reply.headers["WWW-Authenticate"]
    teacher.token, teacher.box.ahead = good, 3601
    assert (await teacher.call("GET", "/me/drive/root")).error == (401, "InvalidAuthenticationToken")


async def test_a_grant_can_be_taken_away(teacher: Client) -> None:
    tokens = await teacher.sign_in()
    await teacher.fault({"path": "/v1.0/*", "times": 1}, expire_grant=True)
    assert (await teacher.call("GET", "/me")).status == 401
    refreshed = await teacher.tokens(grant_type="refresh_token", refresh_token=tokens["refresh_token"])
    assert refreshed.json["error"] == "invalid_grant"


async def test_a_fault_at_the_token_endpoint_speaks_oauth(teacher: Client) -> None:
    await teacher.fault({"path": "*/token"}, status=503, retry_after=7)
    reply = await teacher.tokens(grant_type="refresh_token", refresh_token="x")
    assert (reply.status, reply.headers["Retry-After"]) == (503, "7")
    assert reply.json["error"] == "temporarily_unavailable"


async def test_msal_signs_in_and_refreshes(
    tmp_path_factory: pytest.TempPathFactory, http: aiohttp.ClientSession
) -> None:
    authority = Authority(tmp_path_factory.mktemp("ca"))
    async with serve("microsoft", tmp_path_factory.mktemp("msal"), tls=authority.tls) as box:
        client = requests.Session()
        client.trust_env = False  # else REQUESTS_CA_BUNDLE would win over what is said here
        client.verify = str(authority.ca_file)
        result, again = await asyncio.to_thread(_with_msal, box, client)
    assert result["id_token_claims"]["preferred_username"] == "amira.haddad@riverside.example"
    assert result["token_source"] == "identity_provider"
    assert again["access_token"] != result["access_token"]


def _with_msal(box: Sandbox, client: requests.Session) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a confidential client does with MSAL: code flow, then a refresh."""
    app = msal.ConfidentialClientApplication(
        "app", "secret", authority=f"{box.url}/common", instance_discovery=False, http_client=client, http_cache={}
    )
    flow = app.initiate_auth_code_flow(["Files.ReadWrite.All"], redirect_uri=BACK, response_mode="form_post")
    asked = {**dict(parse_qsl(urlsplit(flow["auth_uri"]).query)), "sandbox_user": "amira.haddad@riverside.example"}
    assert set(asked["scope"].split()) == set(SCOPES.split()) - {"User.Read"}
    back = client.get(flow["auth_uri"].partition("?")[0], params=asked, allow_redirects=False)
    answer = posted(back.text)
    result = app.acquire_token_by_auth_code_flow(flow, answer)
    account = app.get_accounts()[0]
    again = app.acquire_token_silent_with_error(["Files.ReadWrite.All"], account, force_refresh=True)
    assert "access_token" in result, result
    assert again, "MSAL found no refresh token"
    assert "access_token" in again, again
    return result, again
