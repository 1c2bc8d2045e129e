"""Consent to a person's drive: connect, refresh, revoke, by the vendors' real OAuth flows.

What a consent gives is one opaque `Grant`; whoever keeps it seals it. Nothing here knows who the person is.
"""

from providers.consent.flow import Authoriser, Grant, GrantKeeper, OAuthClient
from providers.consent.google import GoogleConsent
from providers.consent.identity import is_personal
from providers.consent.microsoft import MicrosoftConsent

__all__ = ["Authoriser", "GoogleConsent", "Grant", "GrantKeeper", "MicrosoftConsent", "OAuthClient", "is_personal"]
