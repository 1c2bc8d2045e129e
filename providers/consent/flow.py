"""What every vendor's consent has in common: the grant, its keeper, and access tokens that are refreshed only once.

A refresh runs once at a time for an account, whatever asks for it; a rotated token is saved before it is used; and a
refused one is compared with what is kept now before the connection is called dead, since another process may have
been quicker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from providers.errors import AdminBlocked, DriveError, Reconnect, Refused
from providers.http import Tokens

EARLY = 300.0
"""Seconds before its end at which an access token is renewed, so that no long request meets the end."""


@dataclass(frozen=True, slots=True, repr=False)
class Grant:
    """What a consent gave: ``data`` to be sealed, the ``label`` to be shown, the provider's ``account`` id."""

    data: bytes
    label: str
    account: str


class GrantKeeper(Protocol):
    """Where one account's grant lies, sealed."""

    async def load(self) -> bytes:
        """The grant as it is now."""
        ...

    async def save(self, data: bytes) -> None:
        """Keep a renewed grant; durable when this returns."""
        ...

    async def dead(self, data: bytes) -> bool:
        """The provider refused ``data``. False where a newer grant is kept."""
        ...


class OAuthClient(Protocol):
    """One provider's consent."""

    async def authorize(self, redirect_uri: str, state: str) -> tuple[str, bytes]:
        """The consent page's address, and what `exchange` will need: a secret."""
        ...

    async def exchange(self, flow: bytes, params: Mapping[str, str]) -> Grant:
        """The grant for what the provider sent the browser back with. Refused, AdminBlocked, Offline."""
        ...

    def authoriser(self, keeper: GrantKeeper) -> Tokens:
        """The tokens of one account."""
        ...

    async def revoke(self, data: bytes) -> bool:
        """Give a grant back. False where the provider has no way."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Access:
    """An access token, until when it is good (epoch seconds), and the grant as it is after it was obtained."""

    token: str
    expires: float
    grant: bytes


class GrantRefused(Exception):
    """The provider no longer accepts this grant."""


class Renewer(Protocol):
    """The vendor's part: a new access token for a grant."""

    async def renew(self, grant: bytes) -> Access:
        """GrantRefused, or a DriveError that may pass."""
        ...


class Authoriser:
    """Access tokens of one account. Satisfies `providers.http.Tokens`."""

    def __init__(self, renewer: Renewer, keeper: GrantKeeper) -> None:
        self._renewer = renewer
        self._keeper = keeper
        self._one_at_a_time = asyncio.Lock()
        self._access: Access | None = None

    async def token(self, *, fresh: bool = False) -> str:
        """A token that is good now; ``fresh``: the last one was refused. Reconnect where the grant is dead."""
        seen = self._access
        if not fresh and seen is not None and time.time() < seen.expires - EARLY:
            return seen.token
        async with self._one_at_a_time:
            now = self._access
            if now is not None and now is not seen and time.time() < now.expires - EARLY:
                return now.token  # somebody else has just renewed it
            self._access = await self._renew()
            return self._access.token

    async def _renew(self) -> Access:
        for _ in range(2):
            grant = await self._keeper.load()
            try:
                access = await self._renewer.renew(grant)
            except GrantRefused:
                if await self._keeper.dead(grant):
                    break
                continue
            if access.grant != grant:
                await self._keeper.save(access.grant)
            return access
        raise Reconnect("the provider no longer accepts the grant")


_BLOCKED = ("access_not_configured", "admin_policy_enforced", "org_internal", "disallowed_useragent")
_ADMIN_CODES = ("AADSTS65001", "AADSTS90094", "AADSTS90093", "AADSTS50105", "AADSTS65005", "AADSTS53003")


def blocked(error: str, description: str = "") -> DriveError:
    """A consent that was refused, as a fact: by the school or an age rule, or by the person or for another reason."""
    code = next((code for code in _ADMIN_CODES if code in description), None)
    if error in _BLOCKED or code is not None:
        return AdminBlocked("consent blocked", reason=code or error)
    return Refused("consent refused", reason=error if error.isidentifier() else None)
