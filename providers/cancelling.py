"""Gives up an upload session by its address alone: for whoever has neither the account nor a drive any more.

The address of a session is a bearer capability at Google and at Microsoft: ending it takes no token.
"""

from __future__ import annotations

import json
from typing import Final

from providers.drive import UploadSession
from providers.errors import DriveError
from providers.http import Outbound

_ENDED: Final = (200, 202, 204, 401, 404, 410, 499)
"""Gone now or before: 499 is how Google says that a session has been cancelled."""


def address_of(session: UploadSession) -> str | None:
    """Where the provider knows the session; None where there is nothing to give up there."""
    try:
        told = json.loads(session.secret)
    except ValueError:
        return None
    address = told.get("address") if isinstance(told, dict) else None
    return address if isinstance(address, str) else None


async def cancel(outbound: Outbound, address: str) -> bool:
    """Whether the session is over. False where the provider does not answer: it ends by itself in some days."""
    try:
        reply = await outbound.fetch("DELETE", address, limit=64 * 1024)
    except DriveError:
        return False
    return reply.status in _ENDED
