"""What a person has at Google and Microsoft: grants to be given back, and what stays there for them to end."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from cache.errors import Suspended
from cache.vault import Scope
from gateway.erasure.sessions import OpenSessions
from gateway.identity.accounts import Accounts, Consent
from gateway.identity.revoking import give_back
from gateway.ledger import Event, on_record
from gateway.ledger.recorded import Recorder
from gateway.policy import POLICY_VERSION
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

    def __init__(
        self, accounts: Accounts, consents: Mapping[str, Consent], ledger: Recorder, sessions: OpenSessions
    ) -> None:
        self._accounts = accounts
        self._consents = consents
        self._ledger = ledger
        self._sessions = sessions

    async def plan(self, scope: Scope) -> list[dict[str, Any]]:
        """What would remain at the providers, in plain words."""
        return [
            {"provider": account.provider, "label": account.label, "what": REMAINS[account.provider]}
            for account in await self._accounts.list(scope)
        ]

    async def collect(self, scope: Scope) -> list[dict[str, Any]]:
        """The open upload sessions and the grants, while they can still be opened.

        Without what is sealed where the person's key is suspended: it dies now.
        """
        who = {"school": scope.tenant, "person": scope.subject}
        try:
            found, open_ = await self._accounts.grants(scope), await self._sessions.collect(scope)
        except Suspended:
            return [{"provider": provider, **who} for provider in await self._accounts.providers(scope)]
        grants = [
            {"provider": provider, **who, **({} if data is None else {"grant": base64.b64encode(data).decode()})}
            for provider, data in found
        ]
        sessions = [{"sessions": list(open_), **who}] if open_ else []
        return [*sessions, *grants]

    async def give_back(self, task: dict[str, Any]) -> dict[str, Any]:
        """Cancel sessions, or revoke a grant with a few tries; the receipt's entry says honestly whether it worked.

        The ledger knows of it before; where it cannot, this raises and is tried again.
        """
        if "sessions" in task:
            given_up = Event("uploads.given_up", None, task["person"], None, POLICY_VERSION)
            async with on_record(self._ledger, task["school"], given_up):
                return {"cancelled": await self._sessions.give_back(task["sessions"])}
        provider = task["provider"]
        consent = self._consents.get(provider)
        revoked = False
        if consent is not None and "grant" in task:  # else it was lost before it could be given back
            event = Event("grant.revoked", None, task["person"], None, POLICY_VERSION)
            async with on_record(self._ledger, task["school"], event):
                revoked = await give_back(consent, base64.b64decode(task["grant"]))
        entry = {"provider": _NAMES[provider], "revoked": revoked, "what": REMAINS[provider]}
        return entry if revoked else {**entry, "advice": _HOW_TO_END[provider]}
