"""Secrets that travel outside (cookies, states, codes, tokens): 256 random bits each, kept here only as a hash.

A fast hash is right for them: nobody guesses 256 bits, and a copy of the database gives nobody a session.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from typing import Final

_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def new_secret() -> str:
    """43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> bytes:
    """What is kept of a secret: 32 bytes."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def derive(secret: str, label: str, value: str) -> str:
    """A secret that follows from another one, 43 URL-safe characters: what can be derived need not be kept."""
    return _text(hmac.digest(secret.encode(), f"{label}\0{value}".encode("utf-8", "surrogatepass"), "sha256"))


def is_challenge(text: str) -> bool:
    """Whether this can be a PKCE challenge of method S256."""
    return _CHALLENGE.fullmatch(text) is not None


def challenge_of(verifier: str) -> str:
    """PKCE S256 (RFC 7636)."""
    return _text(hashlib.sha256(verifier.encode()).digest())


def proves(verifier: str, challenge: str) -> bool:
    """Whether the verifier belongs to the challenge."""
    return _VERIFIER.fullmatch(verifier) is not None and hmac.compare_digest(challenge_of(verifier), challenge)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
