"""Acts that need a recent sign-in, so that nobody does them at a page that somebody else left open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from gateway.api.problems import Problem
from gateway.policy import Principal, is_fresh

if TYPE_CHECKING:
    from gateway.api.services import Services

FRESH: Final = 300
"""Seconds that a sign-in may be old at most, whatever the deployment allows, for what cannot be undone."""


async def require_fresh(services: Services, me: Principal, page: str = "/") -> None:
    """403 with the way to sign in again where the sign-in is too old; ``page``: where they come back to."""
    now, limit = await services.database.now(), services.settings.session.fresh_seconds
    if not is_fresh(me, now, min(limit, FRESH)):
        raise Problem(
            403,
            "fresh_sign_in_required",
            "Sign in again first, so that nobody else can do this in your name.",
            sign_in="/signin?" + urlencode({"fresh": 1, "next": page}, safe="/"),
        )
