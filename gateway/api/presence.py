"""Whether somebody is still signed in while a long answer leaves: a stream ends soon after its sign-in does.

Asked by the sign-in's id, never by its secret, and at most every few seconds, whatever passes through the stream.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from gateway.policy import Principal

if TYPE_CHECKING:
    from gateway.api.services import Services

EVERY = 3.0
"""Seconds between two looks."""


class Presence:
    """One stream's view of the sign-in that it was asked for with.

    ``using``: taking the stream is use of the session, as bytes that somebody reads are. Events are not: a page that
    was left open would keep a shared computer signed in. ``also``: what else must hold.
    """

    def __init__(
        self,
        services: Services,
        principal: Principal,
        *,
        using: bool,
        also: Callable[[], Awaitable[bool]] | None = None,
    ) -> None:
        self._also = also
        self._services = services
        self._principal = principal
        self._using = using
        self._looked = time.monotonic()
        self._there = True

    async def still(self) -> bool:
        """Whether the sign-in lives, as of at most `EVERY` seconds ago. Once False, always False."""
        if self._there and time.monotonic() - self._looked >= EVERY:
            self._there = await self._look()
            self._looked = time.monotonic()
        return self._there

    async def _look(self) -> bool:
        return await self._lives() and (self._also is None or await self._also())

    async def _lives(self) -> bool:
        if self._principal.client == "extension":
            return await self._services.client_tokens.lives(self._principal)
        return await self._services.sessions.lives(self._principal, using=self._using)
