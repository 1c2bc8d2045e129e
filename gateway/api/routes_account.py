"""What is about the person: who they are here, which accounts they connected, what is cached, and being forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

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
    ErasurePlan,
    ErasureRequest,
    ErasureStarted,
    Me,
    OutsidePlan,
    School,
    StorePlan,
    TokenOut,
    TokenRequest,
    TokenRevocation,
)
from gateway.ids import is_id
from gateway.policy import POLICY_VERSION, Principal, is_fresh

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


async def erasure_plan(call: Call) -> web.StreamResponse:
    """What would go and what would remain outside, if the person were forgotten now."""
    scope = call.scope

    def told(one: dict[str, Any]) -> dict[str, Any]:
        return {**one, "what": call.say(one["what"])}

    outside: list[dict[str, Any]] = await call.services.outside.plan(scope)
    return answer(
        ErasurePlan(
            stores=[StorePlan(**told(one)) for one in await call.services.eraser.plan(scope)],
            outside=[OutsidePlan(**told(one)) for one in outside],
        )
    )


async def begin_erasure(call: Call) -> web.StreamResponse:
    """Forget the person: needs a sign-in of the last minutes. Answers with the one-time address of the receipt."""
    now = await call.services.database.now()
    if not is_fresh(call.me, now, call.services.settings.session.fresh_seconds):
        raise Problem(
            403,
            "fresh_sign_in_required",
            "Sign in again first, so that nobody else can do this in your name.",
            sign_in="/signin?fresh=1&next=/forget",
        )
    begun = await call.services.eraser.begin(call.scope)
    if begun is None:
        raise Problem(409, "erasing", "This is being done already.")
    response = answer(ErasureStarted(receipt=f"/v1/receipts/{begun.secret}"), 202)
    response.del_cookie(call.services.cookie_name, path="/", secure=call.services.secure, httponly=True)
    return response


async def get_receipt(call: Call) -> web.StreamResponse:
    """The signed receipt, once. 425 while the erasure still runs: ask again."""
    try:
        receipt = await call.services.eraser.receipt(call.path("secret"))
    except KeyError:
        raise not_found() from None
    if receipt is None:
        raise Problem(425, "not_ready", "It is still being done. Ask again shortly.", headers={"Retry-After": "1"})
    return web.json_response(receipt, content_type="application/jose+json", headers={"Cache-Control": "no-store"})


async def receipt_keys(call: Call) -> web.StreamResponse:
    """The public keys that receipts are signed with, as a JWKS."""
    return web.json_response(await call.services.signing.public(), content_type="application/jwk-set+json")


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
    Route("GET", "/v1/erasure/plan", erasure_plan, "erasure.plan", "What would go", "erasure", answer=ErasurePlan),
    Route(
        "POST", "/v1/erasures", begin_erasure, "erasure.self", "Forget me", "erasure",
        body=ErasureRequest, answer=ErasureStarted, status=202, problems=(409,),
    ),
    Route(
        "GET", "/v1/receipts/{secret}", get_receipt, PUBLIC, "Fetch a receipt, once", "erasure",
        media="application/jose+json", problems=(425,),
    ),
    Route(
        "GET", "/v1/receipt-keys", receipt_keys, PUBLIC, "Keys that sign receipts", "erasure",
        media="application/jwk-set+json",
    ),
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
