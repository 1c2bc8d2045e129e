"""What is about the person: who they are here, accounts they connected, what is cached, where they are signed in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aiohttp import web

from cache.vault import Scope
from gateway.api.problems import Problem, not_found
from gateway.api.routing import PUBLIC, Call, Route, answer, nothing
from gateway.api.schemas import (
    CachedFile,
    CachedList,
    ClientSignIn,
    ClientSignIns,
    ConnectionRequest,
    ConnectionStarted,
    Destroyed,
    Me,
    School,
    TokenOut,
    TokenRequest,
    TokenRevocation,
)
from gateway.ids import is_id
from gateway.policy import POLICY_VERSION, Principal

if TYPE_CHECKING:
    from gateway.api.services import Services


def moment(ms: int) -> datetime:
    """Epoch milliseconds as an aware time."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def _id(call: Call, name: str) -> str:
    text = call.path(name)
    if not is_id(text):
        raise not_found()
    return text


async def me_out(services: Services, me: Principal) -> Me:
    """A person on the wire. NotActive where they are being forgotten."""
    person = await services.people.get(Scope(me.school, me.person))
    school = services.schools.get(me.school)
    return Me(
        id=me.person,
        name=person.name,
        email=person.email,
        role=me.role,
        age_band=me.age_band,
        school=School(id=school.id, name=school.name, region=school.region),
        signed_in_at=moment(me.signed_in_at),
        client=me.client,
        locale=person.locale,
        policy_version=POLICY_VERSION,
        notices_waiting=await services.rights.notices.waiting(school.id) if me.role == "administrator" else None,
    )


async def get_me(call: Call) -> web.StreamResponse:
    """Who is signed in, at which school, and since when."""
    return answer(await me_out(call.services, call.me))


async def start_connection(call: Call) -> web.StreamResponse:
    """Begin to connect an account: send the person to `authorize_url`. It is used only after they confirmed it."""
    url = await call.services.accounts.begin(call.me, call.body.provider)
    return answer(ConnectionStarted(authorize_url=url), 201)


async def confirm_connection(call: Call) -> web.StreamResponse:
    """The person has seen which account it is and wants it used."""
    await call.services.accounts.confirm(call.me, _id(call, "connection"))
    return nothing()


async def pick_items(call: Call) -> web.StreamResponse:
    """Choose more items that a connection may see: send the person to `authorize_url`; they come back as if connected.

    Only for drives whose `reach` is "picked".
    """
    account = _id(call, "connection")
    drives = {one.id: one for one in await call.services.drives.list(call.me.person, call.me.school)}
    if account not in drives:
        raise not_found()
    if drives[account].reach != "picked":
        raise Problem(422, "not_offered", "This connection sees the whole drive, so there is nothing to choose.")
    return answer(ConnectionStarted(authorize_url=await call.services.accounts.pick(call.me, account)), 201)


async def end_connection(call: Call) -> web.StreamResponse:
    """Disconnect an account: its grant is revoked where the provider has a way, and forgotten here in any case."""
    account = _id(call, "connection")
    await call.services.accounts.disconnect(call.me, account)
    call.services.drives.forget(account)
    await call.services.following.left(call.scope, account)
    return nothing()


async def list_cached(call: Call) -> web.StreamResponse:
    """What is cached of the files that the person opened, and until when."""
    found = await call.services.cached.list(call.scope)
    return answer(
        CachedList(
            items=[
                CachedFile(
                    id=one.id,
                    drive=one.drive,
                    item=one.item,
                    name=one.name,
                    size=one.size,
                    stored=moment(one.stored),
                    ends=moment(one.ends),
                )
                for one in found
            ]
        )
    )


async def empty_cache(call: Call) -> web.StreamResponse:
    """Destroy everything temporary of the person now."""
    await call.services.fills.stop(call.me.person)
    async with call.services.database.write() as tx:
        count = await call.services.cached.destroy(tx, call.scope)
    return answer(Destroyed(destroyed=count))


async def drop_cached(call: Call) -> web.StreamResponse:
    """Destroy one cached copy now."""
    async with call.services.database.write() as tx:
        if not await call.services.cached.destroy(tx, call.scope, [_id(call, "cached")]):
            raise not_found()
    return nothing()


async def list_tokens(call: Call) -> web.StreamResponse:
    """Where the browser extension is signed in as this person."""
    found = await call.services.client_tokens.list(call.me)
    return answer(
        ClientSignIns(
            items=[
                ClientSignIn(
                    id=one.id,
                    client=one.client,
                    created=moment(one.created),
                    last_used=moment(one.last_used) if one.last_used else None,
                    ends=moment(one.ends),
                )
                for one in found
            ]
        )
    )


async def revoke_token(call: Call) -> web.StreamResponse:
    """Sign one extension out."""
    if not await call.services.client_tokens.revoke_family(call.me, _id(call, "token")):
        raise not_found()
    return nothing()


async def issue_token(call: Call) -> web.StreamResponse:
    """The extension's code, or its refresh token, for an access token (RFC 6749, with PKCE S256)."""
    asked, tokens = call.body, call.services.client_tokens
    if asked.grant_type == "refresh_token":
        pair = await tokens.refresh(asked.client_id, asked.refresh_token or "")
    else:
        pair = await tokens.exchange(
            asked.client_id, asked.code or "", asked.code_verifier or "", asked.redirect_uri or ""
        )
    given = TokenOut(
        access_token=pair.access_token,
        token_type="Bearer",  # noqa: S106  # the scheme's name
        expires_in=pair.expires_in,
        refresh_token=pair.refresh_token,
    )
    return answer(given, headers={"Pragma": "no-cache"})


async def end_token(call: Call) -> web.StreamResponse:
    """Revoke a token (RFC 7009). Unknown tokens are fine."""
    await call.services.client_tokens.revoke(call.body.token)
    return web.Response(status=200, headers={"Cache-Control": "no-store"})


ROUTES = (
    Route("GET", "/v1/me", get_me, "me.read", "Who you are here", "me", answer=Me),
    Route(
        "POST", "/v1/connections", start_connection, "connection.manage", "Begin to connect an account", "connections",
        body=ConnectionRequest, answer=ConnectionStarted, status=201, problems=(409, 422, 429, 502, 504),
        counted=True,
    ),
    Route(
        "POST", "/v1/connections/{connection}/confirm", confirm_connection, "connection.manage",
        "Confirm a connected account", "connections", status=204, problems=(409,),
    ),
    Route(
        "POST", "/v1/connections/{connection}/pick", pick_items, "connection.manage",
        "Choose more items for a connection", "connections",
        answer=ConnectionStarted, status=201, problems=(409, 422, 429, 502, 504), counted=True,
    ),
    Route(
        "DELETE", "/v1/connections/{connection}", end_connection, "connection.manage", "Disconnect an account",
        "connections", status=204, problems=(502, 504),
    ),
    Route("GET", "/v1/cache", list_cached, "cache.read", "What is cached for you", "cache", answer=CachedList),
    Route("DELETE", "/v1/cache", empty_cache, "cache.manage", "Destroy what is cached", "cache", answer=Destroyed),
    Route("DELETE", "/v1/cache/{cached}", drop_cached, "cache.manage", "Destroy one cached copy", "cache", status=204),
    Route("GET", "/v1/tokens", list_tokens, "token.read", "Extension sign-ins", "tokens", answer=ClientSignIns),
    Route("DELETE", "/v1/tokens/{token}", revoke_token, "token.manage", "Sign an extension out", "tokens", status=204),
    Route(
        "POST", "/v1/token", issue_token, PUBLIC, "Exchange a code or refresh token", "tokens",
        body=TokenRequest, answer=TokenOut, form=True, counted=True, problems=(429,),
    ),
    Route(
        "POST", "/v1/token/revoke", end_token, PUBLIC, "Revoke a token", "tokens", body=TokenRevocation, form=True,
        media="none",
    ),
)  # fmt: skip
