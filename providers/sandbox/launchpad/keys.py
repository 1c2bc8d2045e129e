"""The signing keys of the stand-in, kept in its state so that tokens stay good across a restart."""

from __future__ import annotations

from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey

from providers.sandbox.store import Table

_SIZE = 2048


class Keys:
    """RSA keys: the newest signs, all are published."""

    def __init__(self, table: Table) -> None:
        """Makes the first key where there is none."""
        self._table = table
        self._loaded: dict[str, RSAKey] = {name: RSAKey.import_key(dict(doc)) for name, doc in table.items()}
        if not self._loaded:
            self.rotate()

    def rotate(self) -> None:
        """A new key signs from now on."""
        key = RSAKey.generate_key(_SIZE, private=True, auto_kid=True, parameters={"use": "sig", "alg": "RS256"})
        self._loaded[str(key.kid)] = key
        self._table.put(str(key.kid), dict(key.as_dict(private=True)))

    def published(self) -> dict[str, Any]:
        """The JWKS: public halves alone."""
        return {"keys": [key.as_dict(private=False) for key in self._loaded.values()]}

    def sign(self, claims: dict[str, Any]) -> str:
        """A compact RS256 token."""
        key = list(self._loaded.values())[-1]
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": str(key.kid)}, claims, key)
