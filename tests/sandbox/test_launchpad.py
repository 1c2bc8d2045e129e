"""The LaunchPad stand-in as an OpenID client sees it, over HTTP."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from providers.sandbox.core import Sandbox, serve

BACK = "http://127.0.0.1:9/back"
VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASK = {
    "response_type": "code",
    "client_id": "gateway",
    "redirect_uri": BACK,
    "scope": "openid profile email",
    "state": "s",
    "nonce": "n",
    "code_challenge": CHALLENGE,
    "code_challenge_method": "S256",
}
LEO = "riverside-leo.park"


@pytest.fixture
async def box(tmp_path: Path) -> AsyncIterator[Sandbox]:
    async with serve("launchpad", tmp_path / "state") as running:
        yield running


@pytest.fixture
async def http(box: Sandbox) -> AsyncIterator[aiohttp.ClientSession]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(box.url, cookie_jar=jar) as session:
        yield session


async def authorize(http: aiohttp.ClientSession, **more: str) -> dict[str, str]:
    async with http.get("/authorize?" + urlencode({**ASK, **more}), allow_redirects=False) as response:
        assert response.status == 302, await response.text()
        return {name: values[0] for name, values in parse_qs(urlsplit(response.headers["Location"]).query).items()}


async def token(http: aiohttp.ClientSession, code: str, verifier: str = VERIFIER) -> tuple[int, dict[str, Any]]:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": "gateway"}
    async with http.post("/token", data={**form, "code_verifier": verifier}) as response:
        return response.status, await response.json()


async def claims(http: aiohttp.ClientSession, **more: str) -> dict[str, Any]:
    _, answer = await token(http, (await authorize(http, **{"sandbox_user": LEO, **more}))["code"])
    async with http.get("/jwks") as response:
        keys = KeySet.import_key_set(await response.json())
    return dict(jwt.decode(answer["id_token"], keys, algorithms=["RS256"]).claims)


async def test_discovery_names_addresses_that_answer(http: aiohttp.ClientSession, box: Sandbox) -> None:
    async with http.get("/.well-known/openid-configuration") as response:
        told = await response.json()
    assert told["issuer"] == box.url
    assert told["file_access_sandbox"] is True
    for name, place in told.items():
        if name.endswith(("_endpoint", "jwks_uri")):
            assert place.startswith(box.url)
            async with http.get(urlsplit(place).path, allow_redirects=False) as response:
                assert response.status != 404, name


async def test_a_person_signs_in_with_the_promised_claims(http: aiohttp.ClientSession, box: Sandbox) -> None:
    found = await claims(http)
    now = box.now()
    assert abs(found.pop("iat") - now) < 60
    assert 0 < found.pop("exp") - now <= 300
    assert abs(found.pop("auth_time") - now) < 60
    assert found == {
        "iss": box.url, "aud": "gateway", "nonce": "n", "sub": LEO, "name": "Leo Park", "locale": "en",
        "role": "student",
        "age_band": "13_15", "school": "riverside", "email": "leo.park@riverside.example", "email_verified": True,
    }  # fmt: skip
    assert "email" not in await claims(http, scope="openid")


async def test_the_page_is_a_form_with_everybody_as_a_button(http: aiohttp.ClientSession) -> None:
    async with http.get("/authorize?" + urlencode(ASK)) as response:
        page = await response.text()
    for name in ("Amira Haddad", "Leo Park", "Sofia Rossi", "Jonas Weber", "Mia Chen", "Noor Khan"):
        assert name in page
    assert '<html lang="en"' in page
    form = {**ASK, "sandbox_user": "leo.park@riverside.example"}
    async with http.post("/authorize", data=form, allow_redirects=False) as response:
        assert response.headers["Location"].startswith(BACK)


async def test_a_code_works_once_and_only_with_its_verifier(http: aiohttp.ClientSession) -> None:
    code = (await authorize(http, sandbox_user=LEO))["code"]
    assert (await token(http, code, "w" * 43))[1]["error"] == "invalid_grant"
    assert (await token(http, code))[0] == 200
    assert (await token(http, code))[1]["error"] == "invalid_grant"


async def test_pkce_and_openid_are_demanded(http: aiohttp.ClientSession) -> None:
    assert (await authorize(http, sandbox_user=LEO, code_challenge=""))["error"] == "invalid_request"
    async with http.get("/authorize?" + urlencode({**ASK, "scope": "profile"})) as response:
        assert response.status == 400
    assert (await authorize(http, sandbox_deny="access_denied"))["error"] == "access_denied"


async def test_auth_time_is_of_the_first_sign_in_until_a_new_one_is_demanded(
    http: aiohttp.ClientSession, box: Sandbox
) -> None:
    first = (await claims(http))["auth_time"]
    box.ahead = 1000
    assert (await claims(http))["auth_time"] == first
    assert (await claims(http, max_age="2000"))["auth_time"] == first
    assert (await claims(http, max_age="900"))["auth_time"] >= first + 1000
    box.ahead = 2000
    assert (await claims(http, prompt="login"))["auth_time"] >= first + 2000
    box.ahead = 3000
    assert (await claims(http, max_age="0"))["auth_time"] >= first + 3000
    box.ahead = 4000
    assert (await claims(http, sandbox_user="riverside-amira.haddad"))["auth_time"] >= first + 4000


async def test_userinfo_and_the_end_of_the_session(http: aiohttp.ClientSession, box: Sandbox) -> None:
    _, answer = await token(http, (await authorize(http, sandbox_user=LEO))["code"])
    async with http.get("/userinfo", headers={"Authorization": f"Bearer {answer['access_token']}"}) as response:
        assert (await response.json())["sub"] == LEO
    async with http.get("/userinfo") as response:
        assert response.status == 401
    first = (await claims(http))["auth_time"]
    box.ahead = 500
    where = {"post_logout_redirect_uri": BACK, "state": "bye"}
    async with http.get("/end_session?" + urlencode(where), allow_redirects=False) as response:
        assert response.headers["Location"] == f"{BACK}?state=bye"
    assert (await claims(http))["auth_time"] >= first + 500


async def test_tokens_are_spoilt_on_request_one_by_one(http: aiohttp.ClientSession) -> None:
    wishes = [{"claims": {"aud": "other", "exp": "-900", "nonce": None}}, {"sign": "none"}]
    async with http.post("/_sandbox/tokens", data=json.dumps(wishes)) as response:
        assert await response.json() == {"waiting": 2}
    found = await claims(http)
    assert found["aud"] == "other"
    assert found["exp"] < found["iat"]
    assert "nonce" not in found
    _, answer = await token(http, (await authorize(http, sandbox_user=LEO))["code"])
    assert answer["id_token"].endswith(".")
    assert (await claims(http))["aud"] == "gateway"
    async with http.post("/_sandbox/tokens", data='[{"clams": {}}]') as response:
        assert response.status == 400


async def test_keys_outlive_a_restart_and_rotate(tmp_path: Path) -> None:
    published = []
    for _ in range(2):
        async with serve("launchpad", tmp_path / "kept") as box, aiohttp.ClientSession(box.url) as http:
            async with http.get("/jwks") as response:
                published.append(await response.json())
            assert "d" not in published[-1]["keys"][0]
    assert published[0] == published[1]
    async with serve("launchpad", tmp_path / "kept") as box, aiohttp.ClientSession(box.url) as http:
        async with http.post("/_sandbox/keys") as response:
            assert await response.json() == {"keys": 2}
        async with http.get("/jwks") as response:
            assert (await response.json())["keys"][0] == published[0]["keys"][0]
