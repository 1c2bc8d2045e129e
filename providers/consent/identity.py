"""Whose Microsoft account was connected: the claims of an id_token that came straight from the token endpoint.

Its signature adds nothing there (OpenID Connect Core 3.1.3.7, 6: TLS vouches for the sender). Whom it is for, who
wrote it, until when, and of which tenant it speaks is checked here, because MSAL checks the nonce and nothing else.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from providers.errors import Untrusted

SKEW = 300
"""How far the provider's clock may be off, seconds."""

CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
"""The tenant of all personal accounts."""

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """The address that is shown to the person, and the account's stable id: tenant and object."""

    label: str
    account: str


def is_personal(account: str) -> bool:
    """Whether an account's id (`Identity.account`) is that of a person's own account, not of a school's."""
    return account.partition(".")[0] == CONSUMERS


def checked(claims: Any, client_id: str, tenant: str, issuer: str) -> Identity:
    """The account of these claims. Untrusted where they are not for us, now, by this issuer, of an allowed tenant.

    ``tenant``: what the authority is for ('organizations', 'common', 'consumers', an id or a domain). ``issuer``: as
    the authority states it, with ``{tenantid}`` where it speaks for many.
    """
    if not isinstance(claims, Mapping):
        raise Untrusted("there is no id_token", reason="id_token")
    if claims.get("aud") != client_id:
        raise Untrusted("the id_token is for another application", reason="aud")
    home = _text(claims, "tid")
    _check_tenant(home, tenant.lower())
    if claims.get("iss") != issuer.replace("{tenantid}", home):
        raise Untrusted("the id_token is of another issuer", reason="iss")
    now = time.time()
    if _number(claims, "exp") + SKEW < now or _number(claims, "iat") - SKEW > now:
        raise Untrusted("the id_token is not of this time", reason="exp")
    return Identity(_text(claims, "preferred_username", "email"), f"{home}.{_text(claims, 'oid')}")


def _check_tenant(home: str, tenant: str) -> None:
    wrong = {"organizations": home == CONSUMERS, "consumers": home != CONSUMERS}.get(tenant, False)
    pinned = _GUID.fullmatch(tenant) is not None and home != tenant
    if wrong or pinned or not _GUID.fullmatch(home):
        raise Untrusted("the account belongs to another tenant", reason="tid")


def _text(claims: Mapping[str, Any], *names: str) -> str:
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and 0 < len(value) <= 320:
            return value
    raise Untrusted("the id_token does not say whose it is", reason=names[0])


def _number(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if not isinstance(value, (int, float)):
        raise Untrusted("the id_token has no times", reason=name)
    return value
