"""The real OAuth flows against the stand-ins: connect, refresh once for many, rotation, dead grants, revocation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest

from providers.consent import GoogleConsent, GrantKeeper, MicrosoftConsent, OAuthClient
from providers.errors import AdminBlocked, Busy, DriveError, Offline, Reconnect, Refused, Untrusted
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
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(f"{url}&{urlencode({'sandbox_user': TEACHER, **more})}", allow_redirects=False) as answer,
    ):
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
    """The person's no, a code shown twice, an answer to another sign-in: nothing of them is repeated in the error."""
    url, flow = await client.authorize(CALLBACK, "s")
    with pytest.raises(Refused) as declined:
        await client.exchange(flow, await approve(url, sandbox_deny="access_denied"))
    assert declined.value.reason == "access_denied"
    params = await approve(url)
    _, other = await client.authorize(CALLBACK, "other")
    with pytest.raises(Untrusted) as foreign:
        await client.exchange(other, params)
    assert foreign.value.reason == "state"
    await client.exchange(flow, params)
    with pytest.raises(Reconnect) as replayed:
        await client.exchange(flow, params)
    for error in (foreign.value, replayed.value):
        assert params["code"] not in f"{error}{error.reason}{error.__cause__}"


async def test_a_code_of_another_verifier_is_refused(client: OAuthClient) -> None:
    """PKCE: whoever caught the code alone gets nothing."""
    url, _ = await client.authorize(CALLBACK, "s")
    _, another = await client.authorize(CALLBACK, "s")
    with pytest.raises(Reconnect):
        await client.exchange(another, await approve(url))


async def test_making_an_address_asks_nobody(client: OAuthClient, box: Sandbox) -> None:
    """A consent page can be offered while the provider is down; PKCE is S256 and the answer comes by GET."""
    box.recent.clear()
    url, _ = await client.authorize(CALLBACK, "s")
    asked = dict(parse_qsl(urlsplit(url).query))
    assert url.startswith(box.url)
    assert not box.recent
    assert asked["code_challenge_method"] == "S256"
    assert asked.get("response_mode", "query") == "query"


async def test_a_school_that_forbids_it_is_told_apart(client: OAuthClient) -> None:
    """Under-18 and administrators' rules: another advice than the person's own no."""
    _, flow = await client.authorize(CALLBACK, "s")
    error = {
        "state": "s", "error": "admin_policy_enforced", "error_description": "AADSTS65001: consent is needed",
    }  # fmt: skip
    with pytest.raises(AdminBlocked):
        await client.exchange(flow, error)


@pytest.mark.parametrize("box", ["google"], indirect=True)
@pytest.mark.parametrize("why", ["admin_policy_enforced", "access_not_configured"])
async def test_a_block_by_age_or_policy_comes_back_from_the_consent_page(client: OAuthClient, why: str) -> None:
    """Google's own words for it; Microsoft has others (`test_what_a_school_decides`)."""
    url, flow = await client.authorize(CALLBACK, "s")
    with pytest.raises(AdminBlocked) as blocked:
        await client.exchange(flow, await approve(url, sandbox_deny=why))
    assert blocked.value.reason == why
    assert "administrator" in blocked.value.advice


async def test_revocation_is_honest(client: OAuthClient, box: Sandbox) -> None:
    """Google ends the grant; Microsoft has no way, and says so. Twice is no error."""
    url, flow = await client.authorize(CALLBACK, "s")
    grant = await client.exchange(flow, await approve(url))
    revocable = box.kind == "google"
    assert await client.revoke(grant.data) is revocable
    assert await client.revoke(grant.data) is revocable
    tokens = client.authoriser(Keeper(grant.data))
    if revocable:
        with pytest.raises(Reconnect):
            await tokens.token()
    else:
        assert await tokens.token()


async def test_a_missing_scope_is_refused(client: OAuthClient) -> None:
    """A person can untick the drive on the consent page."""
    url, flow = await client.authorize(CALLBACK, "s")
    with pytest.raises(Refused) as refused:
        await client.exchange(flow, await approve(url, sandbox_scope="openid profile offline_access User.Read"))
    assert refused.value.reason == "scopes"


async def test_no_refresh_token_no_connection(client: OAuthClient, box: Sandbox) -> None:
    """A grant that would end within the hour is not taken for a connection."""
    url, flow = await client.authorize(CALLBACK, "s")
    offline = {"google": ("access_type=offline", "access_type=online"), "microsoft": ("offline_access", "")}[box.kind]
    with pytest.raises(Reconnect) as refused:
        await client.exchange(flow, await approve(url.replace(*offline)))
    assert refused.value.reason == "no_refresh_token"


@pytest.mark.parametrize(("fault", "error"), [({"status": 429, "retry_after": 7}, Busy), ({"status": 503}, Offline)])
async def test_a_sign_in_server_without_time(
    client: OAuthClient, box: Sandbox, fault: dict[str, int], error: type[DriveError]
) -> None:
    """The grant stays alive, whatever it says meanwhile."""
    url, flow = await client.authorize(CALLBACK, "s")
    keeper = Keeper((await client.exchange(flow, await approve(url))).data)
    tokens = client.authoriser(keeper)
    async with aiohttp.ClientSession() as control:
        rule = {"match": {"method": "POST", "path": "*token", "times": 1}, "do": fault}
        async with control.post(f"{box.url}/_sandbox/faults", json=[rule]) as answer:
            assert answer.status < 300, await answer.text()
    with pytest.raises(error) as failed:
        await tokens.token()
    assert failed.value.retryable
    assert failed.value.retry_after == fault.get("retry_after")
    assert not keeper.died
    assert await tokens.token()
