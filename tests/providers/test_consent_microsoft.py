"""What is Microsoft's own: tenants, the nonce, MSAL in a thread and over TLS, and a cache that keeps one account."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest
import trustme

from providers.consent import Grant, MicrosoftConsent
from providers.errors import AdminBlocked, DriveError, Offline, Reconnect, Refused, Untrusted
from providers.http import Outbound
from providers.sandbox.core import Sandbox, serve

CALLBACK = "https://gateway.example/connect/callback"
TEACHER = "amira.haddad@riverside.example"
PERSONAL = "mia.chen@hillcrest.example"
SCOPES = ("Files.ReadWrite.All", "User.Read", "offline_access")


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serve("microsoft", tmp_path / "state") as started:
        yield started


def consent(box: Sandbox, outbound: Outbound, tenant: str = "common") -> MicrosoftConsent:
    return MicrosoftConsent("gateway", "secret", f"{box.url}/{tenant}/", SCOPES, outbound)


async def approve(url: str, person: str, tls: ssl.SSLContext | bool = True) -> dict[str, str]:
    async with aiohttp.ClientSession() as browser:
        address = f"{url}&{urlencode({'sandbox_user': person})}"
        async with browser.get(address, allow_redirects=False, ssl=tls) as answer:
            return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


async def connected(client: MicrosoftConsent, person: str) -> Grant:
    url, flow = await client.authorize(CALLBACK, "s")
    return await client.exchange(flow, await approve(url, person))


async def test_school_and_personal_accounts_are_told_apart_by_tenant(box: Sandbox) -> None:
    """The account id holds the tenant, so that equal ids of two tenants stay two accounts."""
    outbound = Outbound([box.url])
    grants = [await connected(consent(box, outbound), who) for who in (TEACHER, PERSONAL)]
    assert [grant.label for grant in grants] == [TEACHER, PERSONAL]
    assert grants[0].account.partition(".")[0] != grants[1].account.partition(".")[0]
    await outbound.close()


async def test_an_authority_of_one_tenant_takes_nobody_elses_token(box: Sandbox) -> None:
    """Even where the sign-in server would give one."""
    outbound = Outbound([box.url])
    tenant = (await connected(consent(box, outbound), TEACHER)).account.partition(".")[0]
    assert (await connected(consent(box, outbound, tenant), TEACHER)).label == TEACHER
    url, flow = await consent(box, outbound).authorize(CALLBACK, "s")
    params = await approve(url, PERSONAL)
    with pytest.raises(Untrusted) as refused:
        await consent(box, outbound, "organizations").exchange(flow, params)
    assert refused.value.reason == "tid"
    await outbound.close()


@pytest.mark.parametrize("person", [TEACHER, PERSONAL])
async def test_an_account_without_sites_is_connected_all_the_same(box: Sandbox, person: str) -> None:
    """A school may not allow them, a personal account has none; what was granted is all that is asked for later."""
    outbound = Outbound([box.url])
    client = MicrosoftConsent("gateway", "secret", f"{box.url}/common/", (*SCOPES, "Sites.Read.All"), outbound)
    url, flow = await client.authorize(CALLBACK, "s")
    params = await approve(f"{url}&{urlencode({'sandbox_scope': 'openid profile ' + ' '.join(SCOPES)})}", person)
    grant = await client.exchange(flow, params)
    renewed = await client.renew(grant.data)
    assert b"Sites.Read.All" not in renewed.grant
    async with aiohttp.ClientSession() as session:
        for address, status in (("me/drive", 200), ("me/followedSites", 403)):
            headers = {"Authorization": f"Bearer {renewed.token}"}
            async with session.get(f"{box.url}/v1.0/{address}", headers=headers) as answer:
                assert answer.status == status
    await outbound.close()


POLICIES = [
    ("admin_approval", AdminBlocked, AdminBlocked, "aadsts90094", "aadsts65001"),
    ("minor", AdminBlocked, AdminBlocked, "aadsts54000", "aadsts54000"),
    ("blocked", AdminBlocked, AdminBlocked, "aadsts53003", "aadsts53003"),
    ("disabled", AdminBlocked, AdminBlocked, "aadsts50057", "aadsts50057"),
    ("multi_factor", None, Reconnect, None, "aadsts50076"),
    ("password_changed", None, Reconnect, None, "aadsts50173"),
]


@pytest.mark.parametrize(("policy", "at_sign_in", "at_refresh", "first", "later"), POLICIES)
async def test_what_a_school_decides(
    box: Sandbox,
    policy: str,
    at_sign_in: type[DriveError] | None,
    at_refresh: type[DriveError],
    first: str | None,
    later: str,
) -> None:
    """Before and after an account is connected: what an administrator can change, and what the person can."""
    outbound = Outbound([box.url])
    client = consent(box, outbound)
    grant = await connected(client, TEACHER)
    async with aiohttp.ClientSession() as control:
        told = {"policies": {TEACHER: policy}}
        async with control.post(f"{box.url}/_sandbox/microsoft", json=told) as answer:
            assert answer.status == 200
    with pytest.raises(at_refresh) as refused:
        await client.renew(grant.data)
    assert refused.value.reason == later
    assert refused.value.advice
    if at_sign_in is not None:
        with pytest.raises(at_sign_in) as blocked:
            await connected(client, TEACHER)
        assert blocked.value.reason == first
    await outbound.close()


async def test_a_token_of_another_sign_in_is_refused_and_not_shown(box: Sandbox) -> None:
    """MSAL's own error would carry the nonces along."""
    outbound = Outbound([box.url])
    client = consent(box, outbound)
    url, flow = await client.authorize(CALLBACK, "s")
    altered = json.dumps({**json.loads(flow), "nonce": "another"}).encode()
    with pytest.raises(Untrusted) as refused:
        await client.exchange(altered, await approve(url, TEACHER))
    assert "nonce" not in str(refused.value)
    assert refused.value.__suppress_context__
    await outbound.close()


async def test_the_loop_goes_on_while_msal_waits(box: Sandbox) -> None:
    """A slow sign-in server delays the one who asked, and nobody else."""
    outbound = Outbound([box.url])
    client = consent(box, outbound)
    grant = await connected(client, TEACHER)
    rule = {"match": {"path": "*token", "times": 1}, "do": {"latency_ms": 400}}
    async with aiohttp.ClientSession() as control, control.post(f"{box.url}/_sandbox/faults", json=[rule]) as told:
        assert told.status < 300
    renewing = asyncio.create_task(client.renew(grant.data))
    ticks = 0
    while not renewing.done():
        await asyncio.sleep(0.01)
        ticks += 1
    assert ticks > 10
    assert (await renewing).token
    await outbound.close()


async def test_msal_waits_in_threads_of_its_own(box: Sandbox) -> None:
    """Files are read and names looked up in the loop's threads, MSAL's own request among them: they stay free."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    outbound = Outbound([box.url])
    client = consent(box, outbound)
    grant = await connected(client, TEACHER)
    rule = {"match": {"path": "*token", "times": 1}, "do": {"latency_ms": 500}}
    async with aiohttp.ClientSession() as control, control.post(f"{box.url}/_sandbox/faults", json=[rule]) as told:
        assert told.status < 300
    renewing = asyncio.create_task(client.renew(grant.data))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(bool)
    assert not renewing.done()
    assert (await renewing).token
    await outbound.close()


async def test_an_authority_that_is_away(box: Sandbox) -> None:
    outbound = Outbound(["http://127.0.0.1:9"])
    client = MicrosoftConsent("gateway", "secret", "http://127.0.0.1:9/common", SCOPES, outbound)
    _, flow = await client.authorize(CALLBACK, "s")
    with pytest.raises(Offline):
        await client.exchange(flow, {"state": "s", "code": "c"})
    await outbound.close()


async def test_an_authority_outside_the_guard_is_not_asked(box: Sandbox) -> None:
    """MSAL's requests leave by the guarded connector, or not at all."""
    outbound = Outbound([])
    client = consent(box, outbound)
    url, flow = await client.authorize(CALLBACK, "s")
    with pytest.raises(Refused):
        await client.exchange(flow, await approve(url, TEACHER))
    await outbound.close()


async def test_msal_trusts_whom_the_connector_trusts(tmp_path: Path) -> None:
    """A school's own certificate authority is configured once."""
    ca = trustme.CA()
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = ca.issue_cert("127.0.0.1")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    async with serve("microsoft", tmp_path / "state", tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as box:
        browser = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        for cafile, works in ((tmp_path / "ca.pem", True), (None, False)):
            outbound = Outbound([box.url], cafile=str(cafile) if cafile else None)
            client = consent(box, outbound)
            url, flow = await client.authorize(CALLBACK, "s")
            params = await approve(url, TEACHER, browser)
            if works:
                assert (await client.exchange(flow, params)).label == TEACHER
            else:
                with pytest.raises(Untrusted) as refused:
                    await client.exchange(flow, params)
                assert refused.value.reason == "tls"
            await outbound.close()
