"""Throttling as Microsoft does it: per app and tenant, with a hold over a whole tenant, and RateLimit headers."""

from __future__ import annotations

from collections import Counter
from typing import Any

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox
from providers.sandbox.microsoft.accounts import tenant
from providers.sandbox.microsoft.settings import Kept

NEAR = 0.8


class Throttle:
    """Counts requests and refuses some, as the settings ``hold`` and ``limits`` say."""

    def __init__(self, box: Sandbox, kept: Kept) -> None:
        self._box, self._kept = box, kept
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}
        self._held: Counter[str] = Counter()
        self._seen: object = None

    @behaviour("documented", "A tenant may be held as a whole: every app and person of it, upload addresses too.")
    @behaviour("documented", "Throttled answers are 429, 503 or 509, mostly with Retry-After in seconds.")
    def hold(self, tid: str) -> None:
        """Refused as the setting says where this tenant is held."""
        rules = self._kept.now.hold
        if rules is not self._seen:
            self._seen, self._held = rules, Counter()
        for school, rule in rules.items():
            if tenant(school) != tid or self._held[school] >= rule.get("requests", 1 << 62):
                continue
            self._held[school] += 1
            headers = {"Retry-After": str(rule["retry_after"])} if "retry_after" in rule else {}
            raise Refused(rule.get("status", 429), "", "The request has been throttled.", headers)

    @behaviour("documented", "Limits are per app per tenant; past one it is 429 until the window ends.")
    @behaviour("documented", "From four fifths of a limit on, RateLimit-Limit, -Remaining and -Reset tell of it.")
    @behaviour("assumed", "These headers come with delegated permissions too.")
    def count(self, tid: str, app: str) -> dict[str, str]:
        """Counts one request; the headers that its answer gets. Refused 429 past the limit."""
        rule: dict[str, Any] | None = next(
            (one for school, one in self._kept.now.limits.items() if tenant(school) == tid), None
        )
        if rule is None:
            return {}
        now, (began, used) = self._box.now(), self._windows.get((tid, app), (0.0, 0))
        if now - began >= rule["window"]:
            began, used = now, 0
        used = min(used + 1, rule["requests"] + 1)
        self._windows[tid, app] = began, used
        reset = str(max(1, round(began + rule["window"] - now)))
        left = max(0, rule["requests"] - used)
        headers = {"RateLimit-Limit": str(rule["requests"]), "RateLimit-Remaining": str(left), "RateLimit-Reset": reset}
        if used > rule["requests"]:
            raise Refused(429, "", "The request has been throttled.", headers | {"Retry-After": reset})
        return headers if used >= NEAR * rule["requests"] else {}
