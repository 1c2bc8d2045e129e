"""Signatures of Standard Webhooks: HMAC-SHA256 over id, time and body, one for each secret that is valid. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from typing import Final

PREFIX: Final = "whsec_"
_BYTES: Final = 32


def new_secret() -> str:
    """A secret as a receiver's library takes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()


def headers(keys: Sequence[str], message: str, at: int, body: bytes) -> dict[str, str]:
    """The three headers of a message that leaves at ``at`` (epoch seconds), signed with every one of ``keys``."""
    signed = f"{message}.{at}.".encode() + body
    return {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(f"v1,{_signature(key, signed)}" for key in keys),
    }


def _signature(key: str, signed: bytes) -> str:
    raw = base64.b64decode(key.removeprefix(PREFIX))
    return base64.b64encode(hmac.digest(raw, signed, hashlib.sha256)).decode()
