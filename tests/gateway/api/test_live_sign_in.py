"""Ways in, live: what was used once, what belongs to another browser, and what another site sends opens nothing."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qsl, urlsplit

import pytest
from yarl import URL

from gateway.api.services import Services
from gateway.identity.schools import School
from tests.gateway.api.conftest import ADMINISTRATOR, FOREIGN_TEACHER, STUDENT, TEACHER
from tests.gateway.api.live import (
    EXTENSION,
    RETURN,
    Answer,
    Live,
    Person,
    authorization,
    person,
    token_form,
    with_query,
)


async def to_the_callback(who: Person, url: str, as_whom: str) -> str:
    """Go as far as the provider's answer, which is not delivered: the gateway's callback with its parameters."""
    if url.startswith(who.live.url):
        url = (await who.ask("GET", url)).headers["Location"]
    for _ in range(5):
        answer = await who.ask("GET", with_query(url, sandbox_user=as_whom))
        url = str(URL(url, encoded=True).join(URL(answer.headers["Location"], encoded=True)))
        if url.startswith(who.live.url):
            return url
    raise AssertionError("the provider does not answer")


async def signed_in(who: Person) -> bool:
    """Whether this browser has a session."""
    return (await who.ask("GET", "/v1/me")).status == 200


def refused(answer: Answer) -> bool:
    """A page that says so, without a session and without going anywhere."""
    html = answer.headers["Content-Type"].startswith("text/html")
    no_session = not any("session=" in value for name, value in answer.headers.items() if name == "Set-Cookie")
    return answer.status == 400 and html and no_session and "Location" not in answer.headers


async def test_a_sign_in_counts_once_and_in_its_own_browser(live: Live, nobody: Person) -> None:
    """Another browser's, with and without a sign-in of its own under way; then the right one; then again."""
    back = await to_the_callback(nobody, f"{live.url}/signin", STUDENT)
    async with person(live) as other:
        assert refused(await other.ask("GET", back))
        await other.ask("GET", "/signin")
        assert refused(await other.ask("GET", back))
        assert not await signed_in(other)
    done = await nobody.ask("GET", back)
    assert (done.status, done.headers["Location"]) == (303, "/")
    assert await signed_in(nobody)
    async with person(live) as thief:
        assert refused(await thief.ask("GET", back))
    assert refused(await nobody.ask("GET", back))


@pytest.mark.parametrize(
    "change", [{"state": "x"}, {"state": ""}, {"code": "x"}, {"code": ""}, {"iss": "https://elsewhere.example"},
               {"error": "server_error"}, {"error": "<script>"}],
)  # fmt: skip
async def test_answers_that_were_changed(live: Live, nobody: Person, change: dict[str, str]) -> None:
    """Not a session, not a 500, and nothing of it is shown."""
    back = await to_the_callback(nobody, f"{live.url}/signin", STUDENT)
    answer = await nobody.ask("GET", with_query(back, **change))
    assert refused(answer)
    assert b"<script>" not in answer.body
    assert not await signed_in(nobody)


async def test_the_session_cookie(live: Live, nobody: Person) -> None:
    """HttpOnly, SameSite=Lax, of this host; the flow's is taken away; another sign-in ends the session before."""
    done = await nobody.ask("GET", await to_the_callback(nobody, f"{live.url}/signin", STUDENT))
    told = [value for name, value in done.headers.items() if name == "Set-Cookie"]
    [given] = [value for value in told if value.startswith("session=")]
    assert "httponly" in given.lower()
    assert "samesite=lax" in given.lower()
    assert "domain" not in given.lower()
    assert any(value.startswith('signin=""') for value in told)
    before = nobody.cookie
    await nobody.sign_in(STUDENT)
    old = {"Cookie": f"session={before}"}
    async with person(live) as other:
        assert (await other.ask("GET", "/v1/me", headers=old)).status == 401


@pytest.mark.parametrize(
    ("wanted", "to"),
    [
        ("/receipt", "/receipt"),
        ("/forget?x=1", "/forget?x=1"),
        ("//elsewhere.example", "/"),
        ("/\\elsewhere.example", "/"),
        ("https://elsewhere.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/a\r\nX-Injected: 1", "/"),
        ("/%5c%5celsewhere.example", "/%5c%5celsewhere.example"),
        ("/" + "x" * 2000, "/"),
        ("", "/"),
    ],
)
async def test_after_the_sign_in_only_our_own_pages(live: Live, nobody: Person, wanted: str, to: str) -> None:
    """An address that a link put there leads nowhere else."""
    start = str(URL(f"{live.url}/signin").with_query(next=wanted))
    done = await nobody.ask("GET", await to_the_callback(nobody, start, STUDENT))
    assert (done.status, done.headers["Location"]) == (303, to)
    assert "X-Injected" not in done.headers


async def test_unknown_schools(nobody: Person) -> None:
    """No provider is asked."""
    for school in ("nobody", "", "%00", "../riverside"):
        assert refused(await nobody.ask("GET", f"/signin?school={school}"))


async def test_signing_out(live: Live, nobody: Person) -> None:
    """From our own page only; then the session is dead on both sides."""
    await nobody.sign_in(STUDENT)
    old = {"Cookie": f"session={nobody.cookie}"}
    cross = await nobody.ask("POST", "/signout", headers={"Origin": "https://elsewhere.example"})
    assert (cross.status, cross.code) == (403, "cross_site")
    assert await signed_in(nobody)
    out = await nobody.ask("POST", "/signout")
    assert (out.status, out.headers["Location"]) == (303, "/")
    assert "cache" in out.headers["Clear-Site-Data"]
    async with person(live) as other:
        assert (await other.ask("GET", "/v1/me", headers=old)).status == 401


async def test_who_cancels_is_back_where_they_were(live: Live, nobody: Person) -> None:
    """At the sign-in and at a consent: no complaint, no session, no account, and the flow is spent."""
    back = await to_the_callback(nobody, f"{live.url}/signin", STUDENT)
    answer = await nobody.ask("GET", with_query(back, error="access_denied"))
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert not await signed_in(nobody)
    assert refused(await nobody.ask("GET", back))
    await nobody.sign_in(STUDENT)
    before = await nobody.get("/v1/drives")
    begun = await nobody.post("/v1/connections", 201, json={"provider": "google"})
    back = await to_the_callback(nobody, begun["authorize_url"], STUDENT)
    answer = await nobody.ask("GET", with_query(back, error="access_denied"))
    assert (answer.status, answer.headers["Location"]) == (303, "/")
    assert refused(await nobody.ask("GET", back))
    assert await nobody.get("/v1/drives") == before


async def test_a_consent_counts_once_and_in_its_own_session(live: Live, nobody: Person) -> None:
    """Another person's browser, another session of the same person, then the right one, then again."""
    await nobody.sign_in(TEACHER)
    begun = await nobody.post("/v1/connections", 201, json={"provider": "google"})
    before = {one["id"]: one["state"] for one in (await nobody.get("/v1/drives"))["items"]}
    back = await to_the_callback(nobody, begun["authorize_url"], TEACHER)
    for who in (STUDENT, TEACHER):
        async with person(live) as other:
            await other.sign_in(who)
            assert refused(await other.ask("GET", back))
    async with person(live) as anonymous:
        answer = await anonymous.ask("GET", back)
        assert answer.status == 200
        assert b"signin" in answer.body
    after = {one["id"]: one["state"] for one in (await nobody.get("/v1/drives"))["items"]}
    assert after == before, "nothing was connected by it"
    done = await nobody.ask("GET", back)
    assert done.status == 303
    assert refused(await nobody.ask("GET", back))


@pytest.mark.parametrize("provider", ["google", "microsoft"])
async def test_an_account_is_confirmed_before_its_first_use(live: Live, nobody: Person, provider: str) -> None:
    """Until then its drive is shown and does nothing."""
    await nobody.sign_in(ADMINISTRATOR)
    begun = await nobody.post("/v1/connections", 201, json={"provider": provider})
    done = await nobody.ask("GET", await to_the_callback(nobody, begun["authorize_url"], ADMINISTRATOR))
    drive = dict(parse_qsl(urlsplit(done.headers["Location"]).query))["connected"]
    [shown] = [one for one in (await nobody.get("/v1/drives"))["items"] if one["id"] == drive]
    assert (shown["state"], shown["label"]) == ("unconfirmed", ADMINISTRATOR)
    answer = await nobody.ask("GET", f"/v1/drives/{drive}/items/root")
    assert (answer.status, answer.code) == (404, "not_found")
    async with person(live, STUDENT) as other:
        stolen = await other.ask("POST", f"/v1/connections/{drive}/confirm")
        assert stolen.status == 404
    for _ in range(2):
        assert (await nobody.ask("POST", f"/v1/connections/{drive}/confirm")).status == 204
    assert (await nobody.get(f"/v1/drives/{drive}/items/root"))["kind"] == "folder"
    assert (await nobody.ask("DELETE", f"/v1/connections/{drive}")).status == 204
    assert (await nobody.ask("GET", f"/v1/drives/{drive}/items/root")).status == 404
    assert (await nobody.ask("DELETE", f"/v1/connections/{drive}")).status == 404


@pytest.mark.parametrize(
    "query", ["", "state=x&code=y", "state=&code=", "error=access_denied&state=x", "state=%00", "state=" + "x" * 8000]
)
async def test_consents_that_nobody_began(student: Person, query: str) -> None:
    """A page that says so."""
    assert refused(await student.ask("GET", f"/connect/callback?{query}"))


@pytest.mark.parametrize(
    "other",
    [
        {"client_id": "other"},
        {"redirect_uri": "https://elsewhere.example/"},
        {"redirect_uri": f"https://{'a' * 32}.chromiumapp.org/signed-in"},
        {"redirect_uri": f"https://{EXTENSION}.chromiumapp.org.elsewhere.example/"},
        {"redirect_uri": f"https://{EXTENSION}.chromiumapp.org@elsewhere.example/"},
        {"redirect_uri": f"http://{EXTENSION}.chromiumapp.org/signed-in"},
        {"redirect_uri": RETURN + "?x=1"},
        {"redirect_uri": RETURN + "\r\nX-Injected: 1"},
        {"code_challenge_method": "plain"},
        {"code_challenge": ""},
        {"code_challenge": "short"},
        {"response_type": "token"},
        {"state": "x" * 501},
    ],
    ids=lambda other: "-".join(other),
)
async def test_extensions_that_nobody_knows(student: Person, other: dict[str, str]) -> None:
    """Neither asked nor allowed; nothing is ever sent to such an address."""
    asked = authorization("v" * 43, **other)
    assert refused(await student.ask("GET", str(URL("/extension/authorize").with_query(asked))))
    assert refused(await student.ask("POST", "/extension/authorize", data={**asked, "decision": "allow"}))


async def test_consent_to_the_extension_comes_from_our_own_page(
    student: Person, nobody: Person, extension: Person
) -> None:
    """Cross-site, anonymous, and by the extension's own token: no code. Denied: said so."""
    form = {**authorization("v" * 43), "decision": "allow"}
    cross = await student.ask(
        "POST", "/extension/authorize", data=form, headers={"Origin": "https://elsewhere.example"}
    )
    assert (cross.status, cross.code) == (403, "cross_site")
    anonymous = await nobody.ask("POST", "/extension/authorize", data=form)
    assert (anonymous.status, anonymous.code) == (401, "sign_in_required")
    own = await extension.ask("POST", "/extension/authorize", data=form, headers={"Origin": student.live.url})
    assert own.status == 401
    for decision in ("deny", "", "Allow"):
        denied = await student.ask("POST", "/extension/authorize", data={**form, "decision": decision})
        back = dict(parse_qsl(urlsplit(denied.headers["Location"]).query))
        assert back == {"state": form["state"], "error": "access_denied"}


async def test_a_code_counts_once(live: Live, student: Person, nobody: Person) -> None:
    """Shown twice it was stolen once: the tokens of the first exchange die."""
    code, verifier = await student.extension_code()
    first = await nobody.post("/v1/token", 200, data=token_form(code, verifier))
    async with person(live, token=first["access_token"]) as plugin:
        assert await signed_in(plugin)
        again = await nobody.ask("POST", "/v1/token", data=token_form(code, verifier))
        assert (again.status, again.code, again.json["error"]) == (400, "token_refused", "invalid_grant")
        assert not await signed_in(plugin)


@pytest.mark.parametrize(
    "wrong",
    [
        {"code_verifier": "x" * 43},
        {"client_id": "other"},
        {"redirect_uri": f"https://{EXTENSION}.chromiumapp.org/other"},
        {"redirect_uri": ""},
    ],
    ids=lambda wrong: "-".join(wrong),
)
async def test_a_code_is_spent_by_a_wrong_try(student: Person, nobody: Person, wrong: dict[str, str]) -> None:
    """Whoever has the code but not the verifier learns nothing, and the code is gone."""
    code, verifier = await student.extension_code()
    for form in (token_form(code, verifier, **wrong), token_form(code, verifier)):
        answer = await nobody.ask("POST", "/v1/token", data=form)
        assert (answer.status, answer.code, answer.json["error"]) == (400, "token_refused", "invalid_grant")


async def test_a_refresh_token_counts_once(live: Live, student: Person, nobody: Person) -> None:
    """It rotates; the old one shown again ends the whole sign-in."""
    first = await student.extension()
    form = {"grant_type": "refresh_token", "client_id": "file-access-extension"}
    second = await nobody.post("/v1/token", 200, data={**form, "refresh_token": first["refresh_token"]})
    assert second["refresh_token"] != first["refresh_token"]
    async with person(live, token=second["access_token"]) as plugin:
        assert await signed_in(plugin)
        replayed = await nobody.ask("POST", "/v1/token", data={**form, "refresh_token": first["refresh_token"]})
        assert (replayed.status, replayed.json["error"]) == (400, "invalid_grant")
        assert not await signed_in(plugin)
    stolen = await nobody.ask("POST", "/v1/token", data={**form, "refresh_token": second["refresh_token"]})
    assert stolen.status == 400


async def test_each_secret_is_for_one_thing(live: Live, student: Person) -> None:
    """A refresh token opens nothing, a cookie is no bearer token, a token is no cookie; revoked is revoked."""
    tokens = await student.extension()
    for secret in (tokens["refresh_token"], student.cookie, ""):
        async with person(live, token=secret) as client:
            assert not await signed_in(client)
    async with person(live) as client:
        for secret in (tokens["access_token"], tokens["refresh_token"]):
            assert (await client.ask("GET", "/v1/me", headers={"Cookie": f"session={secret}"})).status == 401
    async with person(live, token=tokens["access_token"]) as client:
        assert await signed_in(client)
        for secret in (tokens["refresh_token"], "unknown"):
            done = await client.ask("POST", "/v1/token/revoke", data={"token": secret})
            assert done.status == 200
        assert not await signed_in(client)


async def test_a_bearer_token_needs_no_origin_and_no_cookie_counts_beside_it(live: Live, student: Person) -> None:
    """Whoever sends Authorization is judged by it alone."""
    tokens = await student.extension()
    path, folder = "/v1/drives/native/items/root/children", {"name": secrets.token_hex(6)}
    foreign = {"Authorization": f"Bearer {tokens['access_token']}", "Origin": f"chrome-extension://{EXTENSION}"}
    async with person(live, headers=foreign) as plugin:
        assert (await plugin.ask("POST", path, json=folder)).status == 201
    dead = await student.ask("GET", "/v1/me", headers={"Authorization": "Bearer nobody"})
    assert (dead.status, dead.code) == (401, "sign_in_required")


async def test_people_of_a_school_that_left_the_settings(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are nobody: the API says so, the page shows the way in, and others notice nothing."""
    async with person(live, STUDENT) as client, person(live, token=(await client.extension())["access_token"]) as app:
        me = await client.get("/v1/me")

        async def schools(services: Services) -> dict[str, School]:
            return services.schools._by_id  # what another start would have left out

        monkeypatch.delitem(live.run(schools), me["school"]["id"])
        for one in (client, app):
            assert (await one.ask("GET", "/v1/me")).code == "sign_in_required"
        assert (await client.ask("GET", "/")).status == 200
        assert (await client.ask("GET", "/extension/authorize")).status == 303
        async with person(live, FOREIGN_TEACHER) as other:
            await other.get("/v1/me")
        monkeypatch.undo()
        assert await client.get("/v1/me") == me
