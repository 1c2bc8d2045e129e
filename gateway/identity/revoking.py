"""Giving a grant back to its provider, with a few tries: the one rule for disconnecting, sweeping and forgetting.

It knows neither whose the grant is nor where it was kept.
"""

from __future__ import annotations

from typing import Protocol

import stamina

from providers.errors import DriveError


class Revoker(Protocol):
    """The part of a consent that is needed here."""

    async def revoke(self, data: bytes) -> bool: ...


async def give_back(consent: Revoker, data: bytes) -> bool:
    """Revoke a grant. False where the provider has no way, refuses, or does not answer after a few tries."""
    try:
        async for attempt in stamina.retry_context(on=_passing, attempts=4, timeout=20, wait_initial=0.3):
            with attempt:
                return await consent.revoke(data)
    except DriveError:
        return False
    return False


def _passing(error: Exception) -> bool:
    return isinstance(error, DriveError) and error.retryable
