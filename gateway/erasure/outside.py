"""What a person has at Google and Microsoft: grants to be given back, and what stays there for them to end."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from cache.vault import Scope
from gateway.erasure.sessions import OpenSessions
from gateway.identity.accounts import Accounts, Consent
from gateway.identity.revoking import give_back
from gateway.sentences import sentence

_NAMES: Final = {"google": "Google Drive", "microsoft": "OneDrive"}
REMAINS: Final = {
    "google": sentence(
        "Files that are in your Google Drive stay there. Delete them there if you do not want them any more."
    ),
    "microsoft": sentence(
        "Files that are in your OneDrive stay there. Delete them there if you do not want them any more."
    ),
}
_HOW_TO_END: Final = {
    "google": sentence("End the gateway's access yourself at myaccount.google.com/connections."),
    "microsoft": sentence(
        "Microsoft has no way for an app to give back one person's consent. "
        "End it yourself at myapps.microsoft.com or account.live.com/consent/Manage."
    ),
}


class AccountsOutside:
    """The connected accounts and what is open in them, as `gateway.erasure.person.Outside`."""

    def __init__(self, accounts: Accounts, consents: Mapping[str, Consent], sessions: OpenSessions) -> None:
        self._accounts = accounts
        self._consents = consents
        self._sessions = sessions

    async def plan(self, scope: Scope) -> list[dict[str, Any]]:
        """What would remain at the providers, in plain words."""
        return [
            {"provider": account.provider, "label": account.label, "what": REMAINS[account.provider]}
            for account in await self._accounts.list(scope)
        ]

    async def collect(self, scope: Scope) -> list[dict[str, Any]]:
        """The grants and the open upload sessions, while they can still be opened."""
        grants = [
            {"provider": provider, **({} if data is None else {"grant": base64.b64encode(data).decode()})}
            for provider, data in await self._accounts.grants(scope)
        ]
        return [*await self._sessions.collect(scope), *grants]

    async def give_back(self, task: dict[str, Any]) -> dict[str, Any]:
        """Cancel a session, or revoke a grant with a few tries; the receipt's entry says honestly whether it worked."""
        if "session" in task:
            return await self._sessions.give_back(task)
        provider = task["provider"]
        consent = self._consents.get(provider)
        revoked = False
        if consent is not None and "grant" in task:  # else it was lost before it could be given back
            revoked = await give_back(consent, base64.b64decode(task["grant"]))
        entry = {"provider": _NAMES[provider], "revoked": revoked, "what": REMAINS[provider]}
        return entry if revoked else {**entry, "advice": _HOW_TO_END[provider]}
