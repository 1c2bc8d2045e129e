"""Sign-in against the LaunchPad stand-in: what proves a person, and every way in which it does not."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from sqlalchemy import func, select

from gateway.db.tables_people import persons, sign_in_flows
from gateway.identity import Provider, SignIn, SignInRefused
from gateway.identity.secrets import digest
from gateway.ledger import Ledger, verify
from providers.errors import Offline
from providers.http import Outbound
from tests.gateway.identity.conftest import LEO, Browser, configured


async def refused(browser: Browser, cookie: str, params: dict[str, str]) -> str:
    with pytest.raises(SignInRefused) as caught:
        await browser.sign_in.finish(cookie, params)
    return caught.value.reason


async def count(browser: Browser, table: Any) -> int:
    async with browser.database.read() as tx:
        return int((await tx.execute(select(func.count()).select_from(table))).scalar_one())


@pytest.mark.both
async def test_a_student_signs_in(browser: Browser, ledger: Ledger) -> None:
    done = await browser.sign(next_page="/drives?x=1")
    school = browser.schools.find(browser.launchpad.url, "riverside")
    assert school is not None
    assert (done.scope.tenant, done.next) == (school.id, "/drives?x=1")
    person = await browser.people.get(done.scope)
    assert (person.name, person.email, person.role, person.age_band) == (
        "Leo Park", "leo.park@riverside.example", "student", "13_15",
    )  # fmt: skip
    who = await browser.sign_in._sessions.resolve(done.session.secret)
    assert who is not None
    assert abs(who.signed_in_at - await browser.database.now()) < 30_000
    (entry,) = await ledger.read(school.id)
    assert (entry.action, entry.principal) == ("person.signed_in", done.scope.subject)
    assert (await verify(browser.database, school.id)).whole


async def test_two_schools_of_one_provider_stay_apart(browser: Browser) -> None:
    leo, mia = await browser.sign(), await browser.sign("hillcrest-mia.chen")
    assert leo.scope.tenant != mia.scope.tenant
    assert (await browser.sign()).scope == leo.scope


async def test_the_request_carries_pkce_state_and_nonce(browser: Browser) -> None:
    begun = await browser.sign_in.begin(fresh=True)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}
    assert asked["code_challenge_method"] == "S256"
    assert asked["response_type"] == "code"
    assert (asked["prompt"], asked["max_age"]) == ("login", "0")
    assert "openid" in asked["scope"].split()
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))
    again = parse_qs(urlsplit((await browser.sign_in.begin()).url).query)
    assert {again["state"][0], again["nonce"][0]}.isdisjoint({asked["state"], asked["nonce"]})
    assert "prompt" not in again


async def test_nothing_secret_of_a_sign_in_under_way_is_stored(browser: Browser) -> None:
    begun = await browser.sign_in.begin(next_page="/canary-next")
    asked = parse_qs(urlsplit(begun.url).query)
    await browser.database.checkpoint()
    assert browser.database.address.path is not None
    raw = browser.database.address.path.read_bytes()
    for secret in (begun.cookie, begun.cookie.split(".")[0], asked["state"][0], asked["nonce"][0], "canary-next"):
        assert secret.encode() not in raw
    assert digest(asked["state"][0]) in raw


@pytest.mark.both
async def test_a_state_works_once(browser: Browser) -> None:
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    await browser.sign_in.finish(begun.cookie, params)
    assert await refused(browser, begun.cookie, params) == "state"
    other = await browser.sign_in.begin()
    assert await refused(browser, other.cookie, {**params, "code": "c"}) == "state"


@pytest.mark.both
async def test_a_state_works_once_also_at_the_same_moment(browser: Browser) -> None:
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    tries = [browser.sign_in.finish(begun.cookie, params) for _ in range(5)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(one, SignInRefused) for one in found].count(False) == 1


@pytest.mark.both
async def test_another_browser_cannot_finish_and_does_not_disturb(browser: Browser) -> None:
    mine, theirs = await browser.sign_in.begin(), await browser.sign_in.begin()
    params = await browser.visit(mine.url)
    secret, page = mine.cookie.split(".")
    elsewhere = base64.urlsafe_b64encode(b"/elsewhere").decode()
    for cookie in (theirs.cookie, "", "x", secret, f"{secret}.{elsewhere}", f"{secret[:-1]}.{page}"):
        assert await refused(browser, cookie, params) == "state"
    assert (await browser.sign_in.finish(mine.cookie, params)).next == "/"


@pytest.mark.parametrize("state", ["", "unknown", "\udc80", "x" * 5000, "\0"])
async def test_unknown_states(browser: Browser, state: str) -> None:
    begun = await browser.sign_in.begin()
    assert await refused(browser, begun.cookie, {"state": state, "code": "c"}) == "state"
    assert await refused(browser, begun.cookie, {"code": "c"}) == "state"


@pytest.mark.both
async def test_a_sign_in_ends_after_ten_minutes(browser: Browser) -> None:
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    await browser.sign_in.begin()
    browser.database.ahead = 600_001
    assert await refused(browser, begun.cookie, params) == "state"
    assert await browser.sign_in.sweep(10) == 1
    assert await count(browser, sign_in_flows) == 0


async def test_declining_and_errors_of_the_provider(browser: Browser) -> None:
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url + "&sandbox_deny=access_denied")
    assert await refused(browser, begun.cookie, params) == "cancelled"
    for given in ({"error": "server_error"}, {}, {"code": ""}):
        begun = await browser.sign_in.begin()
        state = parse_qs(urlsplit(begun.url).query)["state"][0]
        assert await refused(browser, begun.cookie, {"state": state, **given}) == "provider"


async def test_a_code_that_the_provider_does_not_know(browser: Browser) -> None:
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    assert await refused(browser, begun.cookie, {**params, "code": "made-up"}) == "token"


async def test_a_code_of_another_sign_in_fails_on_pkce(browser: Browser) -> None:
    """Code injection: an attacker's code with the victim's state and cookie."""
    attacker, victim = await browser.sign_in.begin(), await browser.sign_in.begin()
    stolen = (await browser.visit(attacker.url))["code"]
    params = await browser.visit(victim.url)
    assert await refused(browser, victim.cookie, {**params, "code": stolen}) == "token"


async def test_the_answer_names_its_issuer(browser: Browser) -> None:
    """RFC 9207: mix-up between providers."""
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    assert await refused(browser, begun.cookie, {**params, "iss": "https://evil.example"}) == "issuer"


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        ({"claims": {"iss": "https://evil.example"}}, "issuer"),
        ({"claims": {"iss": None}}, "issuer"),
        ({"claims": {"aud": "another-client"}}, "audience"),
        ({"claims": {"aud": ["another-client"]}}, "audience"),
        ({"claims": {"aud": None}}, "audience"),
        ({"claims": {"aud": {"gateway": 1}}}, "audience"),
        ({"claims": {"aud": ["gateway", "another-client"]}}, "audience"),
        ({"claims": {"azp": "another-client"}}, "audience"),
        ({"claims": {"exp": "-400"}}, "expired"),
        ({"claims": {"exp": None}}, "token"),
        ({"claims": {"exp": True}}, "token"),
        ({"claims": {"exp": "tomorrow"}}, "token"),
        ({"claims": {"iat": "-700"}}, "expired"),
        ({"claims": {"iat": "+120"}}, "expired"),
        ({"claims": {"iat": None}}, "token"),
        ({"claims": {"nbf": 99999999999}}, "expired"),
        ({"claims": {"nonce": "of another sign-in"}}, "nonce"),
        ({"claims": {"nonce": None}}, "nonce"),
        ({"claims": {"sub": ""}}, "token"),
        ({"claims": {"sub": None}}, "token"),
        ({"claims": {"sub": 7}}, "token"),
        ({"claims": {"sub": "s" * 256}}, "token"),
        ({"claims": {"school": "elsewhere"}}, "school"),
        ({"claims": {"school": None}}, "school"),
        ({"claims": {"school": ["riverside"]}}, "school"),
        ({"claims": {"role": "operator"}}, "role"),
        ({"claims": {"role": None}}, "role"),
        ({"sign": "none"}, "token"),
        ({"sign": "hmac"}, "token"),
        ({"sign": "other_key"}, "token"),
    ],
)
async def test_a_token_that_does_not_hold_is_refused_and_makes_nobody(
    browser: Browser, spoil: dict[str, Any], reason: str
) -> None:
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    await browser.spoil(**spoil)
    assert await refused(browser, begun.cookie, params) == reason
    assert await count(browser, persons) == 0


@pytest.mark.parametrize(
    ("spoil", "field", "value"),
    [
        ({"aud": ["gateway", "other"], "azp": "gateway"}, "role", "student"),
        ({"age_band": "ancient"}, "age_band", "under_13"),
        ({"age_band": None}, "age_band", "under_13"),
        ({"age_band": ["adult"]}, "age_band", "under_13"),
        ({"email": None}, "email", None),
        ({"email": {"x": 1}}, "email", None),
        ({"name": 7}, "name", ""),
        ({"name": "A\u202e\0B\n" + "c" * 400}, "name", "AB" + "c" * 198),
        ({"locale": "../../etc"}, "locale", "en"),
        ({"locale": "pt-BR"}, "locale", "pt-BR"),
    ],
)
async def test_attributes_are_an_allow_list_and_made_harmless(
    browser: Browser, spoil: dict[str, Any], field: str, value: object
) -> None:
    await browser.spoil(claims={**spoil, "picture": "https://evil.example/x", "religion": "canary-claim"})
    done = await browser.sign()
    assert getattr(await browser.people.get(done.scope), field) == value


async def test_the_same_email_is_not_the_same_person(browser: Browser) -> None:
    leo = await browser.sign()
    await browser.spoil(claims={"sub": "somebody-else"})
    assert (await browser.sign()).scope != leo.scope
    await browser.spoil(claims={"email": "new@riverside.example"})
    assert (await browser.sign()).scope == leo.scope
    await browser.spoil(claims={"email": "leo.park@hillcrest.example"})
    assert (await browser.sign()).scope.tenant == leo.scope.tenant


async def test_fresh_means_that_the_person_proved_it_now(browser: Browser) -> None:
    await browser.sign()
    for spoil in ({"auth_time": "-3600"}, {"auth_time": None}, {"auth_time": True}, {"auth_time": "now"}):
        begun = await browser.sign_in.begin(fresh=True)
        params = await browser.visit(begun.url)
        await browser.spoil(claims=spoil)
        assert await refused(browser, begun.cookie, params) == "stale"
    assert (await browser.sign(fresh=True)).session.id


async def test_an_old_proof_is_told_as_old(browser: Browser) -> None:
    await browser.spoil(claims={"auth_time": "-3600"})
    done = await browser.sign()
    who = await browser.sign_in._sessions.resolve(done.session.secret)
    assert who is not None
    assert 3_590_000 < await browser.database.now() - who.signed_in_at < 3_700_000
    await browser.spoil(claims={"auth_time": None})
    who = await browser.sign_in._sessions.resolve((await browser.sign()).session.secret)
    assert who is not None
    assert who.signed_in_at == 0


@pytest.mark.parametrize(
    "page",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "/a\r\nb",
        "/" + "a" * 1501,
    ],
)
async def test_after_sign_in_nobody_is_sent_elsewhere(browser: Browser, page: str) -> None:
    assert (await browser.sign(next_page=page)).next == "/"


async def test_an_issuer_that_is_not_configured(browser: Browser) -> None:
    with pytest.raises(SignInRefused, match="issuer"):
        await browser.sign_in.begin("https://evil.example")
    assert browser.sign_in.issuers == (browser.launchpad.url,)


async def test_new_signing_keys_are_found(browser: Browser) -> None:
    first = await browser.sign()
    keys = browser.provider._keys
    assert keys is not None
    browser.provider._keys = (keys[0] - 60, keys[1])  # the pause between two looks has passed
    async with browser.http.post(f"{browser.launchpad.url}/_sandbox/keys") as response:
        assert response.status == 200
    assert (await browser.sign()).scope == first.scope


async def test_bad_tokens_do_not_make_us_ask_for_keys_each_time(browser: Browser) -> None:
    await browser.sign()
    async with browser.http.delete(f"{browser.launchpad.url}/_sandbox/requests"):
        pass
    for _ in range(3):
        begun = await browser.sign_in.begin()
        params = await browser.visit(begun.url)
        await browser.spoil(sign="other_key")
        assert await refused(browser, begun.cookie, params) == "token"
    async with browser.http.get(f"{browser.launchpad.url}/_sandbox/requests") as response:
        asked = [entry["path"] for entry in await response.json()]
    assert asked.count("/jwks") == 0
    assert asked.count("/token") == 3


def sign_in_with(browser: Browser, provider: Provider) -> SignIn:
    known = browser.sign_in
    return SignIn(
        providers=[provider],
        redirect_uri=known._redirect_uri,
        database=browser.database,
        schools=browser.schools,
        people=browser.people,
        sessions=known._sessions,
        ledger=known._ledger,
    )


async def test_a_stand_in_is_refused_where_none_was_configured(browser: Browser) -> None:
    outbound = Outbound([browser.launchpad.url])
    provider = Provider(configured(browser.launchpad.url, sandbox=False), outbound)
    with pytest.raises(SignInRefused, match="sandbox"):
        await sign_in_with(browser, provider).begin()
    await outbound.close()


async def test_a_provider_that_calls_itself_otherwise_is_refused(browser: Browser) -> None:
    other = browser.launchpad.url.replace("127.0.0.1", "localhost")
    outbound = Outbound([browser.launchpad.url, other])
    provider = Provider(configured(browser.launchpad.url + "/"), outbound)
    with pytest.raises(SignInRefused, match="issuer"):
        await sign_in_with(browser, provider).begin()
    await outbound.close()


async def test_a_provider_that_does_not_answer_is_offline(browser: Browser) -> None:
    rule = [{"match": {"path": "/token"}, "do": {"drop": True}}]
    async with browser.http.post(f"{browser.launchpad.url}/_sandbox/faults", json=rule):
        pass
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    with pytest.raises(Offline):
        await browser.sign_in.finish(begun.cookie, params)


@pytest.mark.parametrize("do", [{"status": 500}, {"html": True}])
async def test_a_provider_that_answers_nonsense(browser: Browser, do: dict[str, Any]) -> None:
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    rule = [{"match": {"path": "/token"}, "do": do}]
    async with browser.http.post(f"{browser.launchpad.url}/_sandbox/faults", json=rule):
        pass
    assert await refused(browser, begun.cookie, params) == "provider"


async def test_a_school_without_claim_is_the_providers_only_one(browser: Browser) -> None:
    outbound = Outbound([browser.launchpad.url])
    only = {"the-one": {"name": "The One", "region": "local"}}
    settings = configured(browser.launchpad.url, school_claim=None, schools=only)
    await browser.schools.start([settings])
    sign_in = sign_in_with(browser, Provider(settings, outbound))
    begun = await sign_in.begin()
    done = await sign_in.finish(begun.cookie, await browser.visit(begun.url))
    assert browser.schools.get(done.scope.tenant).name == "The One"
    await outbound.close()


async def test_the_old_session_of_the_browser_ends(browser: Browser) -> None:
    first = await browser.sign()
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url, LEO)
    await browser.sign_in.finish(begun.cookie, params, instead_of=first.session.secret)
    assert await browser.sign_in._sessions.resolve(first.session.secret) is None


async def test_a_wrong_client_secret_is_refused(browser: Browser) -> None:
    assert isinstance(browser.http, aiohttp.ClientSession)
    store = browser.launchpad.store.table("clients")
    store.put("gateway", {"secret": "another", "redirects": ["http://127.0.0.1:9/signin/callback"]})
    begun = await browser.sign_in.begin()
    params = await browser.visit(begun.url)
    assert await refused(browser, begun.cookie, params) == "token"
