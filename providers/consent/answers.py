"""What the vendors' authorization servers mean by their errors. Free text of theirs is looked into, never passed on."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from typing import Any

from providers.errors import AdminBlocked, Busy, DriveError, Offline, Reconnect, Refused, Untrusted
from providers.http import Reply, decoded, retry_after

_GOOGLE_POLICY = frozenset({"access_not_configured", "admin_policy_enforced", "org_internal", "policy_enforced"})
"""Answers of Google where a Workspace administrator or the account's age stands in the way."""

_ENTRA_POLICY = re.compile(
    r"50020|50057|50105|5017[789]|54000|5300[0-4]|65001|65005|90072|9009[345]|500200|500571|530003|530034|65005[0123467]|700016"
    r"|7000112"
)
"""AADSTS codes that only an administrator of the school resolves: consent, assignment, an account's age or end,
tenants, and conditional access that blocks (a device or a place)."""

_ENTRA_AGAIN = re.compile(r"5007[24689]|50132|50133|50158|50173|50196|7004[34]|70008[24]?")
"""AADSTS codes that end when the person signs in anew: conditional access that demands a second step or a fresh
sign-in, a changed password, a token that is too old."""

_DECLINED = frozenset({"65004"})
_MISCONFIGURED = frozenset({"invalid_client", "unauthorized_client", "redirect_uri_mismatch", "deleted_client"})
_PLAIN = re.compile(r"[a-z0-9_]{1,64}")


def decline(state: str, params: Mapping[str, str]) -> None:
    """Raises where the browser brought back an error instead of a code, or the answer to another sign-in."""
    if not hmac.compare_digest(params.get("state", "").encode(), state.encode()):
        raise Untrusted("the answer belongs to another sign-in", reason="state")
    if "error" in params:
        raise meaning(params)


def meaning(doc: Mapping[str, Any]) -> DriveError:
    """The error of an OAuth answer: ``error``, and Microsoft's codes in ``error_description`` or ``error_codes``."""
    error = _word(doc.get("error"))
    codes = _entra_codes(doc)
    if error in _GOOGLE_POLICY or _word(doc.get("error_subtype")) in _GOOGLE_POLICY:
        return AdminBlocked("a policy does not allow this connection", reason=error)
    policies = sorted(code for code in codes if _ENTRA_POLICY.fullmatch(code))
    if policies:
        return AdminBlocked("a policy does not allow this connection", reason=f"aadsts{policies[0]}")
    if error == "access_denied" or codes & _DECLINED:
        return Refused("the person declined", reason="access_denied")
    if error in ("consent_required", "admin_consent_required"):
        return AdminBlocked("an administrator must consent first", reason=error)
    again = sorted(code for code in codes if _ENTRA_AGAIN.fullmatch(code))
    if again:
        return Reconnect("the person must sign in again", reason=f"aadsts{again[0]}")
    if error in _MISCONFIGURED:
        return Refused("the provider does not accept this gateway's application", reason=error)
    if error in ("temporarily_unavailable", "server_error"):
        return Offline("the sign-in server does not work", reason=error)
    if error in ("invalid_grant", "interaction_required", "login_required"):
        return Reconnect("the grant is not accepted any more", reason=_word(doc.get("suberror")) or error)
    return Untrusted("the provider refused without a known reason", reason=error)


def token_answer(reply: Reply) -> dict[str, Any]:
    """The JSON of a token endpoint. Busy, Offline, or what `meaning` says of its error."""
    unavailable(reply)
    doc = decoded(reply)
    if not isinstance(doc, dict):
        raise Untrusted("the token answer is not an object", reason="json")
    if not reply.ok or "error" in doc:
        raise meaning(doc)
    return doc


def unavailable(reply: Reply) -> None:
    """Busy or Offline where the authorization server had no time."""
    if reply.status == 429:
        raise Busy("the sign-in server is throttling", retry_after=retry_after(reply.headers))
    if reply.status >= 500:
        raise Offline("the sign-in server does not work", retry_after=retry_after(reply.headers))


def _word(value: object) -> str | None:
    """A machine's word; anything that could be free text is left out."""
    return value if isinstance(value, str) and _PLAIN.fullmatch(value) else None


def _entra_codes(doc: Mapping[str, Any]) -> set[str]:
    listed = doc.get("error_codes")
    codes = {str(code) for code in listed} if isinstance(listed, list) else set()
    text = doc.get("error_description")
    return codes | set(re.findall(r"AADSTS(\d{4,8})", text[:4096] if isinstance(text, str) else ""))
