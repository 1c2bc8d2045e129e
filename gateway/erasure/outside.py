"""What a person has at Google and Microsoft: grants to be given back, and what stays there for them to end."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from cache.errors import Suspended
from cache.vault import Scope
from gateway.identity.accounts import Accounts, Consent
from gateway.identity.revoking import give_back
from gateway.ledger import Event, on_record
from gateway.ledger.recorded import Recorder
from gateway.policy import POLICY_VERSION
from gateway.sentences import sentence

_NAMES: Final = {"google": "Google Drive", "microsoft": "OneDrive"}
_REMAINS: Final = {
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
    """The connected accounts, as `gateway.erasure.eraser.Outside`."""

    def __init__(self, accounts: Accounts, consents: Mapping[str, Consent], ledger: Recorder) -> None:
        self._accounts = accounts
        self._consents = consents
        self._ledger = ledger

    async def plan(self, scope: Scope) -> list[dict[str, Any]]:
        """What would remain at the providers, in plain words."""
        return [
            {"provider": account.provider, "label": account.label, "what": _REMAINS[account.provider]}
            for account in await self._accounts.list(scope)
        ]

    async def collect(self, scope: Scope) -> list[dict[str, Any]]:
        """The grants, while they can still be opened. Without them where the person's key is suspended: it dies now."""
        try:
            found = await self._accounts.grants(scope)
        except Suspended:
            return [{"provider": provider} for provider in await self._accounts.providers(scope)]
        return [
            {
                "provider": account.provider, "grant": base64.b64encode(data).decode(),
                "school": scope.tenant, "person": scope.subject,
            }
            for account, data in found
        ]  # fmt: skip

    async def give_back(self, task: dict[str, Any]) -> dict[str, Any]:
        """Revoke one grant, with a few tries; the receipt's entry says honestly whether that worked.

        The ledger knows of it before; where it cannot, this raises and is tried again.
        """
        provider = task["provider"]
        consent = self._consents.get(provider)
        revoked = False
        if consent is not None and "grant" in task:  # else it was lost before it could be given back
            event = Event("grant.revoked", None, task["person"], None, POLICY_VERSION)
            async with on_record(self._ledger, task["school"], event):
                revoked = await give_back(consent, base64.b64decode(task["grant"]))
        entry = {"provider": _NAMES[provider], "revoked": revoked, "what": _REMAINS[provider]}
        return entry if revoked else {**entry, "advice": _HOW_TO_END[provider]}
