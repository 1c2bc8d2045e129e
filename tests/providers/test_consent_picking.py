"""Consent under drive.file: a box may be left unticked, and Google's picker widens what a connection sees."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import aiohttp
import pytest

from providers.consent import GoogleConsent
from providers.errors import DriveError, Reconnect, Refused, Untrusted
from providers.http import Outbound
from providers.sandbox.core import Sandbox, serve

CALLBACK = "https://gateway.example/connect/callback"
TEACHER, STUDENT = "amira.haddad@riverside.example", "leo.park@riverside.example"
NARROW = "https://www.googleapis.com/auth/drive.file"
WIDE = "https://www.googleapis.com/auth/drive"
WHO = "openid https://www.googleapis.com/auth/userinfo.email"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serve("google", tmp_path / "state") as started:
        yield started


@pytest.fixture
async def client(box: Sandbox) -> AsyncIterator[GoogleConsent]:
    """An application that asks for no more than drive.file."""
    outbound = Outbound([box.url])
    yield GoogleConsent(
        client_id="gateway",
        client_secret="secret",
        auth_url=f"{box.url}/o/oauth2/v2/auth",
        token_url=f"{box.url}/token",
        revoke_url=f"{box.url}/revoke",
        userinfo_url=f"{box.url}/oauth2/v3/userinfo",
        scopes=(NARROW, *WHO.split()),
        outbound=outbound,
    )
    await outbound.close()


async def approve(url: str, who: str = TEACHER, **more: str) -> dict[str, str]:
    """What Google sends the browser back with; the picker is closed without a choice."""
    answers = {"sandbox_user": who, "sandbox_picked": "1", **more}
    async with (
        aiohttp.ClientSession() as browser,
        browser.get(f"{url}&{urlencode(answers)}", allow_redirects=False) as answer,
    ):
        assert answer.status in (302, 303)
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


async def test_a_box_that_was_left_unticked(client: GoogleConsent) -> None:
    url, flow = await client.authorize(CALLBACK, "s")
    with pytest.raises(Refused) as refused:
        await client.exchange(flow, await approve(url, sandbox_scope=WHO))
    assert refused.value.reason == "scopes"


@pytest.mark.parametrize("scope", [NARROW, WIDE])
async def test_a_narrow_grant_is_enough_and_a_wider_one_too(client: GoogleConsent, scope: str) -> None:
    url, flow = await client.authorize(CALLBACK, "s")
    assert set(dict(parse_qsl(urlsplit(url).query))["scope"].split()) == {NARROW, *WHO.split()}
    grant = await client.exchange(flow, await approve(url, sandbox_scope=f"{scope} {WHO}"))
    assert grant.label == TEACHER


async def test_a_wide_scope_that_is_needed_is_not_a_narrow_one(client: GoogleConsent, box: Sandbox) -> None:
    wide = GoogleConsent(
        **{name: getattr(client, name) for name in GoogleConsent.__slots__ if name != "scopes"}, scopes=(WIDE,)
    )
    url, flow = await wide.authorize(CALLBACK, "s")
    with pytest.raises(Refused):
        await wide.exchange(flow, await approve(url, sandbox_scope=f"{NARROW} {WHO}"))


async def test_the_picker_is_asked_for_with_its_own_parameters(client: GoogleConsent) -> None:
    url, _ = await client.pick(CALLBACK, "the-state", TEACHER)
    asked = dict(parse_qsl(urlsplit(url).query))
    assert (asked["trigger_onepick"], asked["prompt"], asked["scope"]) == ("true", "consent", NARROW)
    assert (asked["login_hint"], asked["client_id"], asked["state"]) == (TEACHER, "gateway", "the-state")
    assert asked["access_type"] == "online", "no refresh token that would push out the connection's own"
    assert asked["code_challenge_method"] == "S256"


@pytest.mark.parametrize(
    ("told", "ids"),
    [
        ({"picked_file_ids": "1abc_D-e,2xyz"}, ["1abc_D-e", "2xyz"]),
        ({"picked_file_ids": "1abc,1abc"}, ["1abc"]),
        ({"picked_file_ids": ""}, []),
        ({}, []),
    ],
)
async def test_what_was_picked(client: GoogleConsent, told: dict[str, str], ids: list[str]) -> None:
    url, flow = await client.pick(CALLBACK, "s", TEACHER.upper())
    params = {name: value for name, value in (await approve(url)).items() if name != "picked_file_ids"}
    assert await client.picked(flow, {**params, **told}) == ids


@pytest.mark.parametrize("ids", ["1abc,../x", "a b", "x" * 201, "ü", ",".join(f"1{n}" for n in range(1001))])
async def test_ids_that_are_none(client: GoogleConsent, ids: str) -> None:
    url, flow = await client.pick(CALLBACK, "s", TEACHER)
    with pytest.raises(Untrusted) as untrusted:
        await client.picked(flow, {**await approve(url), "picked_file_ids": ids})
    assert untrusted.value.reason == "picked"


async def test_another_account_that_picks_changes_nothing_here(client: GoogleConsent) -> None:
    url, flow = await client.pick(CALLBACK, "s", TEACHER)
    with pytest.raises(Refused) as refused:
        await client.picked(flow, {**await approve(url, STUDENT), "picked_file_ids": "1abc"})
    assert refused.value.reason == "account"
    assert STUDENT not in f"{refused.value!r}"


async def test_a_pick_that_was_declined_unticked_foreign_or_shown_twice(client: GoogleConsent) -> None:
    url, flow = await client.pick(CALLBACK, "s", TEACHER)
    _, other = await client.pick(CALLBACK, "other", TEACHER)
    good = await approve(url)
    trials: list[tuple[bytes, dict[str, str], type[DriveError], str | None]] = [
        (flow, await approve(url, sandbox_deny="access_denied"), Refused, "access_denied"),
        (flow, await approve(url, sandbox_scope="openid"), Refused, "scopes"),
        (other, good, Untrusted, "state"),
    ]
    for secret, params, kind, reason in trials:
        with pytest.raises(kind) as told:
            await client.picked(secret, {**params, "picked_file_ids": "1abc"})
        assert told.value.reason == reason
    assert await client.picked(flow, {**good, "picked_file_ids": "1abc"}) == ["1abc"]
    with pytest.raises(Reconnect):
        await client.picked(flow, {**good, "picked_file_ids": "1abc"})


async def test_the_connection_lives_on_beside_its_picks(client: GoogleConsent, box: Sandbox) -> None:
    url, flow = await client.authorize(CALLBACK, "s")
    grant = await client.exchange(flow, await approve(url))
    url, flow = await client.pick(CALLBACK, "s", grant.label)
    await client.picked(flow, await approve(url))
    assert len(list(box.store.table("refresh"))) == 1
    assert (await client.renew(grant.data)).token
