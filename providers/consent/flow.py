"""What every vendor's consent has in common: the grant, its keeper, and access tokens that are refreshed only once.

A refresh runs once at a time for an account, whatever asks for it; a rotated token is saved before it is used; and a
refused one is compared with what is kept now before the connection is called dead, since another process may have
been quicker.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from providers.errors import Reconnect
from providers.http import Tokens

EARLY = 300.0
"""Seconds before its end at which an access token is renewed, so that no long request meets the end."""


LOOKS = (0.1, 0.4)
"""Seconds after which it is looked again whether another process kept a newer grant than the refused one."""


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
        """The grant for what the provider sent the browser back with.

        Refused where the person declined or left out what is needed (reason 'access_denied', 'scopes'), AdminBlocked
        where a policy of the school or an age rule forbids it, Untrusted where the answer is not for this flow,
        Reconnect where the code is no longer valid; Busy, Offline.
        """
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


class Renewer(Protocol):
    """The vendor's part: a new access token for a grant."""

    async def renew(self, grant: bytes) -> Access:
        """Reconnect where the provider no longer accepts this grant, or a DriveError that may pass."""
        ...


class Authoriser:
    """Access tokens of one account. Satisfies `providers.http.Tokens`."""

    def __init__(
        self, renewer: Renewer, keeper: GrantKeeper, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._renewer = renewer
        self._keeper = keeper
        self._sleep = sleep
        self._access: Access | None = None
        self._flight: asyncio.Task[Access] | None = None
        self._unsaved: tuple[bytes, Access] | None = None

    async def token(self, *, fresh: bool = False) -> str:
        """A token that is good now; ``fresh``: the last one was refused. Reconnect where the grant is dead.

        All who ask at the same time share one refresh. It goes on when they are cancelled: its request may have ended
        the old refresh token, and the new one must be kept.
        """
        if self._flight is None:
            seen = self._access
            if not fresh and seen is not None and time.time() < seen.expires - EARLY:
                return seen.token
            self._flight = asyncio.create_task(self._renew())
            self._flight.add_done_callback(self._landed)
        return (await asyncio.shield(self._flight)).token

    def _landed(self, flight: asyncio.Task[Access]) -> None:
        self._flight = None
        if not flight.cancelled() and flight.exception() is None:
            self._access = flight.result()

    async def _renew(self) -> Access:
        refused = Reconnect("the provider no longer accepts the grant")
        for _ in range(3):
            grant = await self._keeper.load()
            if self._unsaved is not None and self._unsaved[0] == grant:
                return await self._saved(*self._unsaved)
            try:
                return await self._saved(grant, await self._renewer.renew(grant))
            except Reconnect as refusal:
                refused = refusal
                if await self._is_the_last(grant) and await self._keeper.dead(grant):
                    break
        raise refused

    async def _is_the_last(self, grant: bytes) -> bool:
        """Whether no newer grant is kept, also a moment later: who was quicker may be about to keep theirs."""
        for pause in LOOKS:
            if await self._keeper.load() != grant:
                return False
            await self._sleep(pause)
        return await self._keeper.load() == grant

    async def _saved(self, old: bytes, access: Access) -> Access:
        """Kept before anyone uses it. Where that fails it is held for the next try: the old grant may be worthless."""
        if access.grant != old:
            self._unsaved = (old, access)
            await self._keeper.save(access.grant)
            self._unsaved = None
        return access
