"""Acts that need a recent sign-in, so that nobody does them at a page that somebody else left open."""

from __future__ import annotations

from urllib.parse import urlencode

from gateway.api.problems import Problem
from gateway.api.routing import Call
from gateway.policy import is_fresh


async def require_fresh(call: Call, back: str) -> None:
    """403 with the address of a new sign-in where the last one is too old; ``back``: our page to come back to."""
    now = await call.services.database.now()
    if not is_fresh(call.me, now, call.services.settings.session.fresh_seconds):
        raise Problem(
            403,
            "fresh_sign_in_required",
            "Sign in again first, so that nobody else can do this in your name.",
            sign_in="/signin?" + urlencode({"fresh": 1, "next": back}),
        )
