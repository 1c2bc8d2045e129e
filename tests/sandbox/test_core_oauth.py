"""Codes, PKCE, refresh tokens, rotation, expiry, revocation and the consent page, as every stand-in has them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest

from providers.sandbox.core import Sandbox, serve
from providers.sandbox.oauth import OAuth

BACK = "http://127.0.0.1:1/back?x=1"
TEACHER = "amira.haddad@riverside.example"
QUERY = {"client_id": "app", "redirect_uri": BACK, "response_type": "code", "scope": "a b", "state": "s&1"}
QUERY |= {"access_type": "offline"}
Form = dict[str, str]


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serve("google", tmp_path, seed=False) as box:
        yield box


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _authorize(http: aiohttp.ClientSession, box: Sandbox, **more: str) -> Form:
    url = f"{box.url}/o/oauth2/v2/auth"
    async with http.get(url, params={**QUERY, **more}, allow_redirects=False) as reply:
        assert reply.status == 302, await reply.text()
        assert reply.headers["Location"].startswith(BACK + "&")
        return {name: values[0] for name, values in parse_qs(urlsplit(reply.headers["Location"]).query).items()}


async def _token(http: aiohttp.ClientSession, box: Sandbox, status: int = 200, **form: str) -> Any:
    async with http.post(f"{box.url}/token", data={"client_id": "app", **form}) as reply:
        assert reply.status == status, await reply.text()
        assert status != 200 or reply.headers["Cache-Control"] == "no-store"
        return await reply.json()


async def _code(http: aiohttp.ClientSession, box: Sandbox, **more: str) -> dict[str, Any]:
    answer = await _authorize(http, box, sandbox_user=TEACHER, **more)
    return {"grant_type": "authorization_code", "code": answer["code"], "redirect_uri": BACK}


async def _alive(http: aiohttp.ClientSession, box: Sandbox, access: str) -> bool:
    async with http.get(f"{box.url}/oauth2/v3/userinfo", headers={"Authorization": f"Bearer {access}"}) as reply:
        return reply.status == 200


def _refresh(token: str, **more: str) -> dict[str, Any]:
    return {"grant_type": "refresh_token", "refresh_token": token, **more}


async def test_code_gives_tokens_and_state_comes_back(box: Sandbox, http: aiohttp.ClientSession) -> None:
    answer = await _authorize(http, box, sandbox_user=TEACHER)
    assert answer["state"] == "s&1"
    tokens = await _token(http, box, grant_type="authorization_code", code=answer["code"], redirect_uri=BACK)
    assert tokens["token_type"] == "Bearer"
    assert (tokens["expires_in"], tokens["scope"]) == (3600, "a b")
    assert await _alive(http, box, tokens["access_token"])


async def test_a_code_works_once_and_showing_it_again_ends_the_grant(box: Sandbox, http: aiohttp.ClientSession) -> None:
    form = await _code(http, box)
    tokens = await _token(http, box, **form)
    assert (await _token(http, box, 400, **form))["error"] == "invalid_grant"
    assert not await _alive(http, box, tokens["access_token"])


@pytest.mark.parametrize(
    "change", [{"redirect_uri": "http://127.0.0.1:1/other"}, {"client_id": "other"}, {"code": "4/made-up"}]
)
async def test_a_code_is_bound(box: Sandbox, http: aiohttp.ClientSession, change: Form) -> None:
    form = await _code(http, box)
    assert (await _token(http, box, 400, **{**form, **change}))["error"] == "invalid_grant"


async def test_a_code_runs_out(box: Sandbox, http: aiohttp.ClientSession) -> None:
    form = await _code(http, box)
    box.ahead = 601
    assert (await _token(http, box, 400, **form))["error"] == "invalid_grant"


@pytest.mark.parametrize("way", ["S256", "plain", ""])
async def test_pkce(box: Sandbox, http: aiohttp.ClientSession, way: str) -> None:
    verifier = "v" * 50
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    params = {"code_challenge": digest if way == "S256" else verifier, "code_challenge_method": way}
    for wrong in ("", "w" * 50):
        form = await _code(http, box, **params)
        assert (await _token(http, box, 400, **form, code_verifier=wrong))["error"] == "invalid_grant"
    await _token(http, box, **(await _code(http, box, **params)), code_verifier=verifier)


async def test_pkce_may_be_demanded(box: Sandbox, http: aiohttp.ClientSession) -> None:
    assert box.oauth is not None
    box.oauth.configure({"needs_pkce": True})
    assert (await _authorize(http, box, sandbox_user=TEACHER))["error"] == "invalid_request"


async def test_without_offline_there_is_no_refresh_token(box: Sandbox, http: aiohttp.ClientSession) -> None:
    tokens = await _token(http, box, **(await _code(http, box, access_type="online")))
    assert "refresh_token" not in tokens


async def test_refresh_keeps_the_token_unless_it_rotates(box: Sandbox, http: aiohttp.ClientSession) -> None:
    first = await _token(http, box, **(await _code(http, box)))
    second = await _token(http, box, **_refresh(first["refresh_token"]))
    assert "refresh_token" not in second
    assert box.oauth is not None
    box.oauth.configure({"rotates": True, "once": False})
    replaced = await _token(http, box, **_refresh(first["refresh_token"]))
    assert replaced["refresh_token"] != first["refresh_token"]
    box.oauth.configure({"once": True, "reuse_ends_grant": True})
    third = await _token(http, box, **_refresh(first["refresh_token"]))
    assert third["refresh_token"] != first["refresh_token"]
    assert await _alive(http, box, third["access_token"])
    assert (await _token(http, box, 400, **_refresh(first["refresh_token"])))["error"] == "invalid_grant"
    assert not await _alive(http, box, third["access_token"])


async def test_refresh_is_bound_to_client_and_scope(box: Sandbox, http: aiohttp.ClientSession) -> None:
    tokens = await _token(http, box, **(await _code(http, box)))
    form = _refresh(tokens["refresh_token"])
    assert (await _token(http, box, 400, **{**form, "client_id": "other"}))["error"] == "invalid_grant"
    assert (await _token(http, box, 400, **form, scope="a c"))["error"] == "invalid_scope"
    assert (await _token(http, box, **form, scope="a"))["scope"] == "a"


async def test_tokens_run_out(box: Sandbox, http: aiohttp.ClientSession) -> None:
    assert box.oauth is not None
    box.oauth.configure({"access_ttl": 5, "refresh_ttl": 60})
    tokens = await _token(http, box, **(await _code(http, box)))
    box.ahead = 6
    assert not await _alive(http, box, tokens["access_token"])
    fresh = await _token(http, box, **_refresh(tokens["refresh_token"]))
    assert await _alive(http, box, fresh["access_token"])
    box.ahead = 61
    assert (await _token(http, box, 400, **_refresh(tokens["refresh_token"])))["error"] == "invalid_grant"


@pytest.mark.parametrize("shown", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_both(box: Sandbox, http: aiohttp.ClientSession, shown: str) -> None:
    tokens = await _token(http, box, **(await _code(http, box)))
    for status in (200, 400):
        async with http.post(f"{box.url}/revoke", data={"token": tokens[shown]}) as reply:
            assert reply.status == status
    assert not await _alive(http, box, tokens["access_token"])
    assert (await _token(http, box, 400, **_refresh(tokens["refresh_token"])))["error"] == "invalid_grant"


async def test_a_registered_client_must_show_its_secret(box: Sandbox, http: aiohttp.ClientSession) -> None:
    assert isinstance(box.oauth, OAuth)
    box.oauth.register("app", "right", [BACK])
    form = await _code(http, box)
    assert (await _token(http, box, 401, **form, client_secret="wrong"))["error"] == "invalid_client"
    tokens = await _token(http, box, **form, client_secret="right")
    basic = {"Authorization": "Basic " + base64.b64encode(b"app:right").decode()}
    async with http.post(f"{box.url}/token", data=_refresh(tokens["refresh_token"]), headers=basic) as reply:
        assert reply.status == 200
    other = {**QUERY, "redirect_uri": "http://127.0.0.1:1/elsewhere", "sandbox_user": TEACHER}
    async with http.get(f"{box.url}/o/oauth2/v2/auth", params=other, allow_redirects=False) as reply:
        assert reply.status == 400


@pytest.mark.parametrize("change", [{"redirect_uri": "javascript:alert(1)"}, {"redirect_uri": ""}, {"client_id": ""}])
async def test_an_untrustworthy_request_is_never_redirected(
    box: Sandbox, http: aiohttp.ClientSession, change: Form
) -> None:
    params = {**QUERY, **change, "sandbox_user": TEACHER}
    async with http.get(f"{box.url}/o/oauth2/v2/auth", params=params, allow_redirects=False) as reply:
        assert reply.status == 400


async def test_other_errors_go_back_to_the_app(box: Sandbox, http: aiohttp.ClientSession) -> None:
    assert (await _authorize(http, box, response_type="token"))["error"] == "unsupported_response_type"
    assert (await _authorize(http, box, sandbox_deny="admin_policy_enforced"))["error"] == "admin_policy_enforced"
    assert (await _authorize(http, box, prompt="none"))["error"] == "login_required"
    assert "code" in await _authorize(http, box, prompt="none", login_hint=TEACHER)


async def test_fewer_scopes_may_be_granted(box: Sandbox, http: aiohttp.ClientSession) -> None:
    assert (await _token(http, box, **(await _code(http, box, sandbox_scope="a"))))["scope"] == "a"


@pytest.mark.parametrize("form", [{}, {"grant_type": "password"}, {"grant_type": "refresh_token"}])
async def test_bad_token_requests(box: Sandbox, http: aiohttp.ClientSession, form: Form) -> None:
    assert (await _token(http, box, 400, **form))["error"] in ("unsupported_grant_type", "invalid_grant")


async def test_the_page_lists_everyone_and_its_button_works(box: Sandbox, http: aiohttp.ClientSession) -> None:
    params = {**QUERY, "login_hint": "mia.chen@hillcrest.example", "scope": "<script>"}
    async with http.get(f"{box.url}/o/oauth2/v2/auth", params=params) as reply:
        page = await reply.text()
    assert "<script>" not in page
    offered = re.findall(r'name="sandbox_user" value="([^"]+)"', page)
    assert len(offered) == 6
    assert offered[0] == "mia.chen@hillcrest.example"
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    hidden = {
        name: value.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">") for name, value in hidden.items()
    }
    assert hidden == {**params, "sandbox_granular": "1"}
    form = {**hidden, "sandbox_user": offered[1]}
    async with http.post(f"{box.url}/o/oauth2/v2/auth", data=form, allow_redirects=False) as reply:
        assert reply.status == 302
        assert "code=" in reply.headers["Location"]
