"""What a tenant or a family may decide about an app: approval by an administrator, age, conditional access.

The setting ``policies`` gives a school or a person one of POLICIES. Each says what sign-in answers, what a refresh
answers, and whether Graph asks for more proof. A sign-in with the ``claims`` that were asked for satisfies it.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass

from providers.sandbox.behaviours import behaviour
from providers.sandbox.core import Refused, Sandbox
from providers.sandbox.microsoft.settings import Kept
from providers.sandbox.people import Person

CLAIMS = json.dumps({"access_token": {"capolids": {"essential": True, "values": ["c1"]}}})


@dataclass(frozen=True, slots=True)
class Trouble:
    """An OAuth error with Microsoft's number. ``suberror`` and ``claims`` go into a token endpoint's answer."""

    error: str
    number: int
    text: str
    suberror: str = ""
    claims: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What happens at sign-in, at a refresh, and at Graph (a claims challenge)."""

    at_sign_in: Trouble | None = None
    at_refresh: Trouble | None = None
    at_graph: bool = False


_CONSENT = "The user or administrator has not consented to use the application."
POLICIES = {
    "admin_approval": Policy(
        Trouble("access_denied", 90094, "The app needs permissions that only an administrator can grant."),
        Trouble("invalid_grant", 65001, _CONSENT, "consent_required"),
    ),
    "minor": Policy(
        Trouble("access_denied", 54000, "The app is blocked for the person's age group."),
        Trouble("invalid_grant", 54000, "The app is blocked for the person's age group."),
    ),
    "blocked": Policy(
        Trouble("access_denied", 53003, "Access has been blocked by Conditional Access policies."),
        Trouble("invalid_grant", 53003, "Access has been blocked by Conditional Access policies.", "message_only"),
    ),
    "multi_factor": Policy(
        None,
        Trouble("interaction_required", 50076, "Multi-factor authentication is required.", "basic_action", CLAIMS),
    ),
    "claims_challenge": Policy(at_graph=True),
    "password_changed": Policy(
        None, Trouble("invalid_grant", 50173, "The grant has expired: the password was changed.", "bad_token")
    ),
    "disabled": Policy(
        Trouble("access_denied", 50057, "The user account is disabled."),
        Trouble("invalid_grant", 50057, "The user account is disabled."),
    ),
}


class Policies:
    """The policies of one stand-in."""

    def __init__(self, box: Sandbox, kept: Kept) -> None:
        self._kept, self._satisfied = kept, box.store.table("satisfied")

    def of(self, person: Person) -> str:
        """The name of what holds for a person now, their own before their school's; '' where nothing does."""
        named = self._kept.now.policies
        wanted = str(named.get(person.email) or named.get(person.school) or "")
        return "" if self._satisfied.get(person.email) == {"policy": wanted} else wanted

    @behaviour("documented", "AADSTS90094, 54000, 53003 and 50057 come back to the app as error_description.")
    def at_sign_in(self, person: Person, claims: str) -> Trouble | None:
        """What the authorization endpoint answers instead of a code."""
        name = self.of(person)
        policy = POLICIES.get(name, Policy())
        if policy.at_sign_in is None and (claims or name == "password_changed"):
            self._satisfied.put(person.email, {"policy": name})
        return policy.at_sign_in

    @behaviour("documented", "A refresh that needs the person is interaction_required with claims, or invalid_grant.")
    def at_refresh(self, person: Person) -> Trouble | None:
        """What the token endpoint answers to a refresh token."""
        return POLICIES.get(self.of(person), Policy()).at_refresh

    @behaviour(
        "documented", "Graph may ask for more proof: 401 with error=insufficient_claims and the claims in base64."
    )
    def at_graph(self, person: Person) -> None:
        """Refused 401 where Graph wants other claims first."""
        if not self._kept.now.policies or not POLICIES.get(self.of(person), Policy()).at_graph:
            return
        claims = base64.b64encode(CLAIMS.encode()).decode()
        place = 'Bearer realm="", authorization_uri="/common/oauth2/v2.0/authorize"'
        headers = {"WWW-Authenticate": f'{place}, error="insufficient_claims", claims="{claims}"'}
        raise Refused(401, "InvalidAuthenticationToken", "Continuous access evaluation needs other claims.", headers)
