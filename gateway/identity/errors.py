"""What can go wrong with who somebody is, as facts the API maps to answers.

    IdentityError
    ├── SignInRefused    the provider's answer does not prove who this is; ``reason`` is a stable code
    ├── NotActive        the person is being forgotten, or is forgotten
    │   └── Suspended    the person's or their school's access is cut off for a while
    ├── NoSuchAccount    the person has no such connected account
    ├── WrongState       the account cannot do this now (not confirmed yet, too many, already confirmed)
    ├── ConnectRefused   the answer to a consent does not belong to this session, or the person declined
    └── TokenRefused     a code or token of the extension is not good; ``error`` is RFC 6749's code

Messages hold no name, token, address or claim.
"""

from __future__ import annotations

from typing import ClassVar


class IdentityError(Exception):
    """The root. ``advice`` is what a person can do, in plain English."""

    code: ClassVar[str] = "identity"
    advice: ClassVar[str] = "Sign in again."


class SignInRefused(IdentityError):
    """Reasons: cancelled, state, token, issuer, audience, expired, nonce, school, role, stale, sandbox, provider."""

    code = "sign_in_refused"
    advice = "Start the sign-in again. If it fails again, tell your school's administrator."

    def __init__(self, reason: str) -> None:
        super().__init__(f"sign-in refused: {reason}")
        self.reason = reason


class NotActive(IdentityError):
    code = "not_active"
    advice = "This person is being forgotten here. Sign in again to begin anew."


class Suspended(NotActive):
    code = "suspended"
    advice = "Your access is suspended while something is looked into. Ask your school's administrator."


class NoSuchAccount(IdentityError):
    code = "no_such_account"
    advice = "This account is not connected. Connect it again."


class WrongState(IdentityError):
    code = "wrong_state"
    advice = "Refresh the page and look at the account's state."


class ConnectRefused(IdentityError):
    """Reasons: cancelled, state, provider, pick."""

    code = "connect_refused"
    advice = "Start connecting the account again."

    def __init__(self, reason: str) -> None:
        super().__init__(f"connecting refused: {reason}")
        self.reason = reason


class TokenRefused(IdentityError):
    """``error``: invalid_request, invalid_client, invalid_grant or unsupported_grant_type."""

    code = "token_refused"

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error
