"""Sign-in with the school's own provider: OpenID Connect, code flow with PKCE, bound to the browser that began it.

Nothing secret of a sign-in under way is stored: nonce and verifier follow from the browser's cookie, of which only the
hash is here. The school comes from the configured issuer and its claim, the person from issuer and subject; an e-mail
address or a parameter decides nothing.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import delete, insert

from cache.model import Scope
from gateway.db.engine import Database
from gateway.db.some import delete_some
from gateway.db.tables_people import sign_in_flows
from gateway.identity.errors import SignInRefused
from gateway.identity.oidc import Provider
from gateway.identity.people import Claims, People
from gateway.identity.schools import School, Schools
from gateway.identity.secrets import challenge_of, derive, digest, new_secret
from gateway.identity.sessions import NewSession, Sessions
from gateway.ledger import Event, Recorder
from gateway.policy import AGE_BANDS, POLICY_VERSION, AgeBand, Role

_LIFE: Final = 600_000
_LEEWAY: Final = 30_000
_NEXT: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]{0,1500}")
_LOCALE: Final = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Begun:
    """Send the browser to ``url`` and give it ``cookie`` for ten minutes (HttpOnly, SameSite=Lax)."""

    url: str
    cookie: str


@dataclass(frozen=True, slots=True)
class Finished:
    """Somebody is signed in: their new ``session``, who they are, and the page they wanted (a path of our own)."""

    session: NewSession
    scope: Scope
    next: str


class SignIn:
    """Begins and finishes sign-ins. ``redirect_uri`` is the gateway's own /signin/callback."""

    def __init__(
        self,
        *,
        providers: Sequence[Provider],
        redirect_uri: str,
        database: Database,
        schools: Schools,
        people: People,
        sessions: Sessions,
        ledger: Recorder,
        arrived: Callable[[Scope], Awaitable[None]] | None = None,
    ) -> None:
        """``arrived``: told of everybody who signed in, once the directory's word of them is kept. Never raises."""
        self._arrived = arrived
        self._providers = {provider.settings.issuer: provider for provider in providers}
        self._redirect_uri = redirect_uri
        self._database = database
        self._schools = schools
        self._people = people
        self._sessions = sessions
        self._ledger = ledger

    @property
    def issuers(self) -> Sequence[str]:
        """All configured issuers, for a page on which to choose."""
        return tuple(self._providers)

    async def begin(self, issuer: str | None = None, *, fresh: bool = False, next_page: str = "/") -> Begun:
        """Start a sign-in. ``issuer`` may be left out where there is only one; ``fresh``: prove who you are anew."""
        provider = self._provider(issuer)
        state, secret = new_secret(), new_secret()
        page = next_page if _NEXT.fullmatch(next_page) else "/"
        cookie = f"{secret}.{base64.urlsafe_b64encode(page.encode()).rstrip(b'=').decode()}"
        verifier = derive(secret, "verifier", state)
        params = {
            "redirect_uri": self._redirect_uri,
            "state": state,
            "nonce": derive(secret, "nonce", state),
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        url = await provider.authorization_url({**params, **({"prompt": "login", "max_age": "0"} if fresh else {})})
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            values = {"state": digest(state), "cookie": digest(cookie), "issuer": provider.settings.issuer}
            await tx.execute(insert(sign_in_flows).values(**values, fresh=fresh, made=now, ends=now + _LIFE))
        return Begun(url, cookie)

    async def finish(self, cookie: str, params: Mapping[str, str], *, instead_of: str | None = None) -> Finished:
        """The provider sent the browser back. Works once, in the same browser. SignInRefused, NotActive, Offline.

        ``instead_of``: the session cookie the browser had until now; that session ends.
        """
        state = params.get("state", "")
        flow = await self._take(state, cookie)
        provider = self._provider(flow["issuer"])
        if params.get("iss", provider.settings.issuer) != provider.settings.issuer:
            raise SignInRefused("issuer")
        if "error" in params or not params.get("code"):
            raise SignInRefused("cancelled" if params.get("error") == "access_denied" else "provider")
        secret, page = _cookie(cookie)
        token = await provider.exchange(params["code"], derive(secret, "verifier", state), self._redirect_uri)
        now = await self._database.now()
        told = await provider.prove(token, nonce=derive(secret, "nonce", state), now=now)
        proven = _proven_at(told, flow, now)
        school = self._school(provider, told)
        person = await self._people.arrive(school, _claims(provider, told, proven))
        event = Event("person.signed_in", person, person, None, POLICY_VERSION)
        await self._ledger.record(school.id, event)
        scope = Scope(school.id, person)
        if self._arrived is not None:
            await self._arrived(scope)
        return Finished(await self._sessions.begin(scope, proven, instead_of=instead_of), scope, page)

    async def sweep(self, limit: int) -> int:
        """Delete flows that nobody finished, at most ``limit``; how many."""
        now = await self._database.now()
        async with self._database.write() as tx:
            return await delete_some(tx, sign_in_flows, sign_in_flows.c.ends <= now, limit)

    def _provider(self, issuer: str | None) -> Provider:
        if issuer is None and len(self._providers) == 1:
            return next(iter(self._providers.values()))
        if issuer not in self._providers:
            raise SignInRefused("issuer")
        return self._providers[issuer]

    async def _take(self, state: str, cookie: str) -> dict[str, Any]:
        """The flow of this state in this browser, which ends with this."""
        mine = (sign_in_flows.c.state == digest(state)) & (sign_in_flows.c.cookie == digest(cookie))
        async with self._database.write() as tx:
            now = await self._database.now(tx)
            gone = await tx.execute(delete(sign_in_flows).where(mine).returning(sign_in_flows))
            row = gone.mappings().one_or_none()
        if row is None or row["ends"] <= now:
            raise SignInRefused("state")
        return dict(row)

    def _school(self, provider: Provider, told: Mapping[str, Any]) -> School:
        """The tenant: from the provider's claim, or its only school."""
        settings = provider.settings
        claim = next(iter(settings.schools)) if settings.school_claim is None else told.get(settings.school_claim)
        school = self._schools.find(settings.issuer, claim) if isinstance(claim, str) else None
        if school is None:
            raise SignInRefused("school")
        return school


def _cookie(cookie: str) -> tuple[str, str]:
    secret, _, page = cookie.partition(".")
    try:
        return secret, base64.urlsafe_b64decode(page + "=" * (-len(page) % 4)).decode()
    except (binascii.Error, ValueError):
        raise SignInRefused("state") from None


def _proven_at(told: Mapping[str, Any], flow: Mapping[str, Any], now: int) -> int:
    """When the person proved who they are, epoch ms: an older sign-in at the provider does not count as a fresh one."""
    at = told.get("auth_time")
    known = isinstance(at, int | float) and not isinstance(at, bool)
    if flow["fresh"] and (not known or cast("float", at) * 1000 < flow["made"] - _LEEWAY):
        raise SignInRefused("stale")
    return min(int(cast("float", at) * 1000), now) if known else 0


def _claims(provider: Provider, told: Mapping[str, Any], proven_at: int) -> Claims:
    """The allow-list: what is not named here is not kept."""
    settings = provider.settings
    role = settings.roles.get(str(told.get(settings.role_claim)))
    if role is None:
        raise SignInRefused("role")
    age, email, locale = told.get(settings.age_claim), told.get("email"), str(told.get("locale", ""))
    return Claims(
        issuer=settings.issuer,
        subject=told["sub"],
        role=cast("Role", role),
        age_band=cast("AgeBand", age if age in AGE_BANDS else AGE_BANDS[0]),
        name=_line(told.get("name")),
        email=_line(email) or None,
        locale=locale if _LOCALE.fullmatch(locale) else "en",
        proven_at=proven_at,
    )


def _line(value: object) -> str:
    """One line of text a person can read, at most 200 characters; anything else is nothing."""
    if not isinstance(value, str):
        return ""
    return "".join(sign for sign in value if sign.isprintable()).strip()[:200]
