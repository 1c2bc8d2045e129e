"""The real OAuth flows against the stand-ins: connect, refresh once for many, rotation, dead grants, revocation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest

from providers.consent import GoogleConsent, GrantKeeper, MicrosoftConsent, OAuthClient
from providers.errors import AdminBlocked, Reconnect, Refused, Untrusted
from providers.http import Outbound
from providers.sandbox.core import Sandbox, serve

CALLBACK = "https://gateway.example/connect/callback"
TEACHER = "amira.haddad@riverside.example"


class Keeper:
    """Keeps a grant in hand and counts how often it was saved."""

    def __init__(self, data: bytes) -> None:
        self.data, self.saved, self.died = data, 0, False

    async def load(self) -> bytes:
        return self.data

    async def save(self, data: bytes) -> None:
        self.data, self.saved = data, self.saved + 1

    async def dead(self, data: bytes) -> bool:
        self.died = data == self.data
        return self.died


_KEEPER: type[GrantKeeper] = Keeper


@pytest.fixture(params=["google", "microsoft"])
async def box(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Sandbox]:
    """Each vendor's stand-in."""
    async with serve(request.param, tmp_path / "state") as started:
        yield started


@pytest.fixture
async def client(box: Sandbox) -> AsyncIterator[OAuthClient]:
    """The vendor's consent, over the guarded connector."""
    outbound = Outbound([box.url])
    if box.kind == "google":
        yield GoogleConsent(
            "gateway", "secret", f"{box.url}/o/oauth2/v2/auth", f"{box.url}/token", f"{box.url}/revoke",
            f"{box.url}/oauth2/v3/userinfo",
            ("https://www.googleapis.com/auth/drive", "https://www.googleapis.com/auth/userinfo.email", "openid"),
            outbound,
        )  # fmt: skip
    else:
        scopes = ("Files.ReadWrite.All", "User.Read")
        yield MicrosoftConsent("gateway", "secret", f"{box.url}/organizations", scopes, outbound)
    await outbound.close()


async def approve(url: str, **more: str) -> dict[str, str]:
    """What the provider sends the browser back with."""
    async with aiohttp.ClientSession() as browser, browser.get(
        f"{url}&{urlencode({'sandbox_user': TEACHER, **more})}", allow_redirects=False
    ) as answer:
        assert answer.status in (302, 303)
        location = answer.headers["Location"]
    assert location.startswith(CALLBACK)
    return dict(parse_qsl(urlsplit(location).query))


async def test_connecting_tells_whose_account_it_is(client: OAuthClient) -> None:
    """The label is what the person confirms; the state comes back untouched."""
    url, flow = await client.authorize(CALLBACK, "the-state")
    params = await approve(url)
    assert params["state"] == "the-state"
    grant = await client.exchange(flow, params)
    assert grant.label == TEACHER
    assert grant.account
    assert b"the-state" not in grant.data
    assert "refresh" not in repr(grant)


async def test_many_at_once_refresh_once(client: OAuthClient, box: Sandbox) -> None:
    """Twenty askers, one request; a rotated token is kept before it is used."""
    url, flow = await client.authorize(CALLBACK, "s")
    grant = await client.exchange(flow, await approve(url))
    keeper = Keeper(grant.data)
    tokens = client.authoriser(keeper)
    box.recent.clear()
    got = await asyncio.gather(*(tokens.token() for _ in range(20)))
    assert len(set(got)) == 1
    assert sum("token" in str(one) for one in box.recent) == 1
    assert await tokens.token(fresh=True) != got[0]
    assert (keeper.saved > 0) == (box.kind == "microsoft")
    again = client.authoriser(keeper)
    assert await again.token()


async def test_a_dead_grant_says_reconnect(client: OAuthClient, box: Sandbox) -> None:
    """After the provider forgot it, and only where no newer one is kept."""
    url, flow = await client.authorize(CALLBACK, "s")
    keeper = Keeper((await client.exchange(flow, await approve(url))).data)
    box.store.table("refresh").drop(*list(box.store.table("refresh")))
    with pytest.raises(Reconnect):
        await client.authoriser(keeper).token()
    assert keeper.died


async def test_what_the_provider_refuses(client: OAuthClient) -> None:
    """The person's no, a used code, somebody else's flow."""
    url, flow = await client.authorize(CALLBACK, "s")
    denied = await approve(url, sandbox_deny="access_denied")
    with pytest.raises(Refused):
        await client.exchange(flow, denied)
    params = await approve(url)
    _, other = await client.authorize(CALLBACK, "other")
    with pytest.raises((Refused, Untrusted, Exception)) as refused:
        await client.exchange(other, params)
    assert params["code"] not in str(refused.value)


async def test_a_school_that_forbids_it_is_told_apart(client: OAuthClient) -> None:
    """Under-18 and administrators' rules: another advice than the person's own no."""
    _, flow = await client.authorize(CALLBACK, "s")
    error = {
        "state": "s", "error": "admin_policy_enforced", "error_description": "AADSTS65001: consent is needed",
    }  # fmt: skip
    with pytest.raises(AdminBlocked):
        await client.exchange(flow, error)


async def test_revocation_is_honest(client: OAuthClient, box: Sandbox) -> None:
    """Google ends the grant; Microsoft has no way, and says so."""
    url, flow = await client.authorize(CALLBACK, "s")
    grant = await client.exchange(flow, await approve(url))
    assert await client.revoke(grant.data) is (box.kind == "google")
    if box.kind == "google":
        with pytest.raises(Reconnect):
            await client.authoriser(Keeper(grant.data)).token()
        assert await client.revoke(grant.data) is True


async def test_a_missing_scope_is_refused(client: OAuthClient, box: Sandbox) -> None:
    """A person can untick the drive on Google's page."""
    if box.kind != "google":
        return
    url, flow = await client.authorize(CALLBACK, "s")
    with pytest.raises(Refused):
        await client.exchange(flow, await approve(url, sandbox_scope="openid"))
