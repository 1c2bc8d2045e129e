"""The extension's sign-in: PKCE, codes and refresh tokens that work once, and theft that ends the sign-in."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from cache.model import Scope
from cache.vault import Vault
from gateway.db.tables_people import client_codes, client_grants, client_tokens
from gateway.identity import CLIENT_ID, ClientTokens, NotActive, People, Schools, TokenPair, TokenRefused
from gateway.identity.secrets import challenge_of, is_challenge, proves
from gateway.ledger import Ledger
from gateway.policy import Principal
from tests.gateway.identity.conftest import EXTENSION, Clock

BACK = f"https://{EXTENSION}.chromiumapp.org/cb"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def at_page(scope: Scope) -> Principal:
    return Principal(str(scope.subject), scope.tenant, "student", "13_15", "page", "session", 5)


async def code_for(tokens: ClientTokens, scope: Scope) -> str:
    return await tokens.authorize(at_page(scope), CLIENT_ID, BACK, CHALLENGE)


async def signed_in(tokens: ClientTokens, scope: Scope) -> TokenPair:
    return await tokens.exchange(CLIENT_ID, await code_for(tokens, scope), VERIFIER, BACK)


async def refused_code(
    tokens: ClientTokens, code: str, client: str = CLIENT_ID, verifier: str = VERIFIER, back: str = BACK
) -> None:
    with pytest.raises(TokenRefused) as caught:
        await tokens.exchange(client, code, verifier, back)
    assert caught.value.error == "invalid_grant"


async def refused_refresh(tokens: ClientTokens, token: str, client: str = CLIENT_ID) -> None:
    with pytest.raises(TokenRefused) as caught:
        await tokens.refresh(client, token)
    assert caught.value.error == "invalid_grant"


def test_pkce_is_that_of_rfc_7636() -> None:
    assert challenge_of(VERIFIER) == CHALLENGE
    assert proves(VERIFIER, CHALLENGE)
    for verifier in (VERIFIER[:-1], VERIFIER + "A", "", VERIFIER[:-1] + "l", "é" * 43, VERIFIER + "\n"):
        assert not proves(verifier, CHALLENGE)
    short = "a" * 42
    assert not proves(short, challenge_of(short))
    assert is_challenge(CHALLENGE)
    assert not is_challenge(CHALLENGE + "=")
    assert not is_challenge(CHALLENGE + "\n")


@pytest.mark.both
async def test_a_code_becomes_tokens_that_speak_for_the_person(
    tokens: ClientTokens, leo: Scope, ledger: Ledger
) -> None:
    pair = await signed_in(tokens, leo)
    (grant,) = await tokens.list(at_page(leo))
    assert await tokens.resolve(pair.access_token) == Principal(
        str(leo.subject), leo.tenant, "student", "13_15", "extension", grant.id, 5
    )
    assert (grant.client, pair.expires_in) == (CLIENT_ID, 3600)
    assert grant.last_used is not None
    entry, given = await ledger.read(leo.tenant)
    assert (entry.action, entry.details) == ("extension.authorized", {"grant": grant.id})
    assert (given.action, given.subject, given.instruction) == ("extension.tokens", leo.subject, grant.id)


@pytest.mark.both
async def test_signing_an_extension_out_is_told_once(tokens: ClientTokens, leo: Scope, ledger: Ledger) -> None:
    pair = await signed_in(tokens, leo)
    (grant,) = await tokens.list(at_page(leo))
    await tokens.revoke("nothing of ours")
    await tokens.revoke(pair.refresh_token)
    await tokens.revoke(pair.refresh_token)
    assert not await tokens.revoke_family(at_page(leo), grant.id)
    told = [entry for entry in await ledger.read(leo.tenant) if entry.action == "extension.revoked"]
    assert [(entry.subject, entry.instruction) for entry in told] == [(leo.subject, grant.id)]


async def test_only_access_tokens_open(tokens: ClientTokens, leo: Scope) -> None:
    code = await code_for(tokens, leo)
    assert await tokens.resolve(code) is None
    pair = await tokens.exchange(CLIENT_ID, code, VERIFIER, BACK)
    for token in ("", pair.refresh_token, pair.access_token + "A", pair.access_token[:-1], "\udc80", "\0"):
        assert await tokens.resolve(token) is None


async def test_only_hashes_are_kept(tokens: ClientTokens, database: Clock, leo: Scope) -> None:
    code = await code_for(tokens, leo)
    pair = await tokens.exchange(CLIENT_ID, code, VERIFIER, BACK)
    await database.checkpoint()
    assert database.address.path is not None
    raw = database.address.path.read_bytes()
    for secret in (code, pair.access_token, pair.refresh_token, VERIFIER):
        assert secret.encode() not in raw


@pytest.mark.parametrize(
    ("client", "back", "challenge", "method", "error"),
    [
        ("another", BACK, CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, "https://evil.example/cb", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, f"https://{EXTENSION}.chromiumapp.org.evil.example/", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, f"https://{'p' * 32}.chromiumapp.org/cb", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, f"http://{EXTENSION}.chromiumapp.org/cb", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, f"https://{EXTENSION}.chromiumapp.org/cb?x=1", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, f"https://{EXTENSION}.chromiumapp.org/cb#x", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, f"https://{EXTENSION}.chromiumapp.org/cb\n", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, f"https://user@{EXTENSION}.chromiumapp.org/cb", CHALLENGE, "S256", "invalid_client"),
        (CLIENT_ID, BACK, CHALLENGE, "plain", "invalid_request"),
        (CLIENT_ID, BACK, CHALLENGE, "", "invalid_request"),
        (CLIENT_ID, BACK, "", "S256", "invalid_request"),
        (CLIENT_ID, BACK, VERIFIER + "==", "S256", "invalid_request"),
    ],
)
async def test_whom_consent_is_asked_for(
    tokens: ClientTokens, leo: Scope, client: str, back: str, challenge: str, method: str, error: str
) -> None:
    with pytest.raises(TokenRefused) as caught:
        tokens.check(client, back, challenge, method)
    assert caught.value.error == error
    with pytest.raises(TokenRefused):
        await tokens.authorize(at_page(leo), client, back, challenge, method)


async def test_without_configured_extensions_nobody_may_sign_in(tokens: ClientTokens, database: Clock) -> None:
    none = ClientTokens(database, tokens._people, tokens._schools, tokens._ledger, extensions=[])
    with pytest.raises(TokenRefused):
        none.check(CLIENT_ID, BACK, CHALLENGE, "S256")


@pytest.mark.both
async def test_a_wrong_verifier_spends_the_code(tokens: ClientTokens, leo: Scope) -> None:
    code = await code_for(tokens, leo)
    await refused_code(tokens, code, verifier="w" * 43)
    await refused_code(tokens, code)
    assert await tokens.list(at_page(leo)) == []


@pytest.mark.both
@pytest.mark.parametrize(("client", "back"), [("another", BACK), (CLIENT_ID, BACK + "2")])
async def test_a_code_belongs_to_its_client_and_address(
    tokens: ClientTokens, leo: Scope, client: str, back: str
) -> None:
    await refused_code(tokens, await code_for(tokens, leo), client, back=back)


async def test_codes_nobody_made(tokens: ClientTokens) -> None:
    for code in ("", "x", "\0", "\udc80", "a" * 5000):
        await refused_code(tokens, code)


@pytest.mark.both
async def test_a_code_ends_after_a_minute(tokens: ClientTokens, database: Clock, leo: Scope) -> None:
    code = await code_for(tokens, leo)
    database.ahead = 60_001
    await refused_code(tokens, code)


@pytest.mark.both
async def test_a_code_shown_twice_ends_the_sign_in(tokens: ClientTokens, leo: Scope) -> None:
    code = await code_for(tokens, leo)
    pair = await tokens.exchange(CLIENT_ID, code, VERIFIER, BACK)
    await refused_code(tokens, code)
    assert await tokens.resolve(pair.access_token) is None
    await refused_refresh(tokens, pair.refresh_token)


@pytest.mark.both
async def test_a_code_shown_many_times_at_once_gives_nobody_a_lasting_token(tokens: ClientTokens, leo: Scope) -> None:
    code = await code_for(tokens, leo)
    tries = [tokens.exchange(CLIENT_ID, code, VERIFIER, BACK) for _ in range(5)]
    found = await asyncio.gather(*tries, return_exceptions=True)
    pairs = [one for one in found if isinstance(one, TokenPair)]
    assert len(pairs) == 1
    assert await tokens.resolve(pairs[0].access_token) is None


@pytest.mark.both
async def test_refreshing_rotates(tokens: ClientTokens, leo: Scope) -> None:
    first = await signed_in(tokens, leo)
    second = await tokens.refresh(CLIENT_ID, first.refresh_token)
    third = await tokens.refresh(CLIENT_ID, second.refresh_token)
    assert len({first.refresh_token, second.refresh_token, third.refresh_token}) == 3
    assert await tokens.resolve(third.access_token) is not None
    assert len(await tokens.list(at_page(leo))) == 1


@pytest.mark.both
async def test_a_refresh_token_shown_twice_ends_the_whole_sign_in(
    tokens: ClientTokens, leo: Scope, ledger: Ledger
) -> None:
    other = await signed_in(tokens, leo)
    first = await signed_in(tokens, leo)
    second = await tokens.refresh(CLIENT_ID, first.refresh_token)
    await refused_refresh(tokens, first.refresh_token)
    for pair in (first, second):
        assert await tokens.resolve(pair.access_token) is None
    await refused_refresh(tokens, second.refresh_token)
    assert await tokens.resolve(other.access_token) is not None
    suspected = [entry for entry in await ledger.read(leo.tenant) if entry.action == "extension.theft_suspected"]
    assert [entry.subject for entry in suspected] == [leo.subject]


@pytest.mark.both
async def test_a_refresh_token_of_another_client(tokens: ClientTokens, leo: Scope) -> None:
    pair = await signed_in(tokens, leo)
    await refused_refresh(tokens, pair.refresh_token, "another")
    await refused_refresh(tokens, pair.access_token)
    await refused_refresh(tokens, "")


@pytest.mark.both
async def test_tokens_end(tokens: ClientTokens, database: Clock, leo: Scope) -> None:
    pair = await signed_in(tokens, leo)
    database.ahead = 3_600_001
    assert await tokens.resolve(pair.access_token) is None
    later = await tokens.refresh(CLIENT_ID, pair.refresh_token)
    assert await tokens.resolve(later.access_token) is not None
    database.ahead = 86_400_001
    assert await tokens.resolve(later.access_token) is None
    await refused_refresh(tokens, later.refresh_token)
    assert await tokens.list(at_page(leo)) == []


@pytest.mark.both
async def test_nobody_ends_the_sign_in_of_another_person(tokens: ClientTokens, leo: Scope, mia: Scope) -> None:
    pair = await signed_in(tokens, leo)
    (grant,) = await tokens.list(at_page(leo))
    assert await tokens.list(at_page(mia)) == []
    assert await tokens.revoke_family(at_page(mia), grant.id) is False
    assert await tokens.resolve(pair.access_token) is not None
    assert await tokens.revoke_family(at_page(leo), grant.id) is True
    assert await tokens.revoke_family(at_page(leo), grant.id) is False
    assert await tokens.resolve(pair.access_token) is None
    await refused_refresh(tokens, pair.refresh_token)


@pytest.mark.both
@pytest.mark.parametrize("which", ["access_token", "refresh_token"])
async def test_revoking_either_token_ends_the_sign_in(tokens: ClientTokens, leo: Scope, which: str) -> None:
    pair, other = await signed_in(tokens, leo), await signed_in(tokens, leo)
    await tokens.revoke("unknown")
    await tokens.revoke(getattr(pair, which))
    assert await tokens.resolve(pair.access_token) is None
    await refused_refresh(tokens, pair.refresh_token)
    assert await tokens.resolve(other.access_token) is not None


@pytest.mark.both
async def test_nothing_works_for_a_person_who_is_being_forgotten(
    tokens: ClientTokens, people: People, database: Clock, leo: Scope
) -> None:
    pair, code = await signed_in(tokens, leo), await code_for(tokens, leo)
    async with database.write() as tx:
        await people.begin_erasure(tx, leo)
    assert await tokens.resolve(pair.access_token) is None
    await refused_refresh(tokens, pair.refresh_token)
    await refused_code(tokens, code)
    with pytest.raises(NotActive):
        await code_for(tokens, leo)


@pytest.mark.both
async def test_sweeping_leaves_nothing_but_the_living(tokens: ClientTokens, database: Clock, leo: Scope) -> None:
    async def rows() -> list[int]:
        async with database.read() as tx:
            counted = [
                select(func.count()).select_from(table) for table in (client_grants, client_codes, client_tokens)
            ]
            return [int((await tx.execute(one)).scalar_one()) for one in counted]

    await code_for(tokens, leo)
    pair = await signed_in(tokens, leo)
    assert await tokens.sweep(10) == 0
    assert await rows() == [2, 2, 2]
    database.ahead = 60_001
    assert await tokens.sweep(10) == 3, "two codes, and the sign-in of which nothing came"
    assert await rows() == [1, 0, 2]
    database.ahead = 3_600_001
    await tokens.sweep(10)
    assert await rows() == [1, 0, 1]
    await tokens.refresh(CLIENT_ID, pair.refresh_token)
    database.ahead = 86_400_001
    while await tokens.sweep(1):
        pass
    assert await rows() == [0, 0, 0]


async def test_tokens_are_nobodys_while_their_school_is_not_configured(
    tokens: ClientTokens, database: Clock, vault: Vault, people: People, ledger: Ledger, leo: Scope
) -> None:
    """Nothing is spent meanwhile: when the school comes back, the extension is still signed in."""
    pair = await signed_in(tokens, leo)
    code = await code_for(tokens, leo)
    without = ClientTokens(database, people, Schools(vault, database), ledger, extensions=[EXTENSION])
    assert await without.resolve(pair.access_token) is None
    for _ in range(2):
        await refused_refresh(without, pair.refresh_token)
        await refused_code(without, code)
    assert await tokens.resolve(pair.access_token) is not None
    assert await tokens.refresh(CLIENT_ID, pair.refresh_token)
    assert await tokens.exchange(CLIENT_ID, code, VERIFIER, BACK)


@pytest.mark.both
async def test_a_sign_in_lives_longer_than_its_token_and_ends_when_revoked(
    tokens: ClientTokens, database: Clock, leo: Scope
) -> None:
    pair = await signed_in(tokens, leo)
    me = await tokens.resolve(pair.access_token)
    assert me is not None
    database.ahead = 3_700_000
    assert await tokens.resolve(pair.access_token) is None
    assert await tokens.lives(me)
    await tokens.revoke(pair.refresh_token)
    assert not await tokens.lives(me)
