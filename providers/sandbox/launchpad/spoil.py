"""Wrong id_tokens on request, one after the other, so that tests see each of them refused.

POST /_sandbox/tokens takes an array; each entry spoils one token, in order:
  claims     claims to put in their place; null takes a claim away; "+60" and "-60" move a time by seconds
  sign       "other_key": by a key nobody published; "none": unsigned; "hmac": by the public key as a shared secret
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from joserfc import jwt
from joserfc.jwk import RSAKey

from providers.sandbox.launchpad.keys import Keys

SIGNS = ("other_key", "none", "hmac")


class Spoiler:
    """The waiting requests to spoil."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._waiting: list[Mapping[str, Any]] = []

    async def control(self, request: web.Request) -> web.Response:
        """Takes the requests; 400 for what is not one."""
        told = json.loads(await request.read() or b"null")
        if not isinstance(told, list) or not all(_fits(entry) for entry in told):
            return web.json_response({"error": "an array of {claims?, sign?}"}, status=400)
        self._waiting += told
        return web.json_response({"waiting": len(self._waiting)})

    def sign(self, claims: dict[str, Any]) -> str:
        """The token, spoilt where that was asked for."""
        spoil = self._waiting.pop(0) if self._waiting else {}
        for name, value in spoil.get("claims", {}).items():
            claims = _changed(claims, name, value)
        way = spoil.get("sign")
        if way is None:
            return self._keys.sign(claims)
        if way == "other_key":
            key = RSAKey.generate_key(2048, parameters={"kid": self._kid()})
            return jwt.encode({"alg": "RS256", "kid": self._kid()}, claims, key)
        return self._forged("none" if way == "none" else "HS256", claims)

    def _kid(self) -> str:
        return str(self._keys.published()["keys"][-1]["kid"])

    def _forged(self, algorithm: str, claims: dict[str, Any]) -> str:
        head = {"alg": algorithm, "kid": self._kid()}
        text = f"{_part(json.dumps(head).encode())}.{_part(json.dumps(claims).encode())}"
        public = RSAKey.import_key(self._keys.published()["keys"][-1]).as_pem(private=False)
        proof = b"" if algorithm == "none" else hmac.digest(public, text.encode(), hashlib.sha256)
        return f"{text}.{_part(proof)}"


def _fits(entry: object) -> bool:
    if not isinstance(entry, dict) or set(entry) - {"claims", "sign"}:
        return False
    return isinstance(entry.get("claims", {}), dict) and entry.get("sign") in (None, *SIGNS)


def _changed(claims: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    if value is None:
        return {key: held for key, held in claims.items() if key != name}
    if isinstance(value, str) and value[:1] in "+-" and value[1:].isdigit():
        value = claims[name] + int(value)
    return {**claims, name: value}


def _part(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
