"""Values sealed into columns, and blind indexes to find them again by exact match.

    box = format[1] || key version[4] || nonce[12] || AES-256-GCM(field subkey, nonce, padded value,
                                             aad=enc(table, column, row id, tenant, subject, version))
    index = HMAC-SHA256(index subkey, enc(label, value))

Values are padded (0x80, then zeros) to 32 bytes, so that a length tells little. A `Fields` lives for one request: it
works while its keys do, and refuses once they were destroyed or nobody knows whether they were.
"""

from __future__ import annotations

import hmac
import secrets
import struct
from collections.abc import Sequence
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cache.encoding import enc
from cache.errors import Corrupt, Shredded
from cache.keys import NONCE, Key
from cache.model import Scope

FORMAT = 1
PAD = 32
_HEAD = struct.Struct(">BI")
HEAD = _HEAD.size


class Keys(Protocol):
    """Live keys of one scope: ``current`` seals, ``version`` finds the one that sealed a box, ``live`` are all."""

    @property
    def scope(self) -> Scope:
        """Whose keys they are."""
        ...

    def current(self) -> Key:
        """Shredded where it died, Unavailable where nobody knows whether it did."""
        ...

    def version(self, version: int) -> Key | None:
        """That version of the key, None where there is none. Raises as `current` does."""
        ...

    def live(self) -> Sequence[Key]:
        """Every version that something may still be sealed under. Raises as `current` does."""
        ...


class Fields:
    """Seals and opens columns of one scope. Synchronous: the key is loaded before."""

    def __init__(self, keys: Keys) -> None:
        """``keys`` are asked anew on every call, so that a destroyed key stops working at once."""
        self._keys = keys
        self._ciphers: dict[int, AESGCM] = {}

    def seal(self, table: str, column: str, row: str, value: bytes | str, *, nonce: bytes | None = None) -> bytes:
        """A box for this very place; in another row or column it does not open. ``nonce``: test vectors only."""
        key = self._keys.current()
        nonce = nonce or secrets.token_bytes(NONCE)
        raw = value.encode() if isinstance(value, str) else value
        aad = self._aad(table, column, row, key.version)
        return _HEAD.pack(FORMAT, key.version) + nonce + self._cipher(key).encrypt(nonce, _pad(raw), aad)

    def unseal(self, table: str, column: str, row: str, box: bytes) -> bytes:
        """The value. Corrupt for another place or person, Shredded where the key of its version is gone."""
        if len(box) < _HEAD.size + NONCE:
            raise Corrupt("not a sealed field")
        form, version = _HEAD.unpack_from(box)
        if form != FORMAT:
            raise Corrupt("a sealed field of an unknown format")
        key = self._keys.version(version)
        if key is None:
            raise Shredded("the key of this field is gone")
        nonce, sealed = box[_HEAD.size : _HEAD.size + NONCE], box[_HEAD.size + NONCE :]
        try:
            return _unpad(self._cipher(key).decrypt(nonce, sealed, self._aad(table, column, row, version)))
        except InvalidTag:
            raise Corrupt("a sealed field does not authenticate") from None

    def text(self, table: str, column: str, row: str, box: bytes) -> str:
        """`unseal` for text."""
        return self.unseal(table, column, row, box).decode()

    def index(self, label: str, value: bytes | str) -> bytes:
        """32 bytes that are equal for equal values of one scope and ``label``, and tell nothing else."""
        return _index(self._keys.current(), label, value)

    def indexes(self, label: str, value: bytes | str) -> dict[int, bytes]:
        """`index` under every key in use, by its version: what a row may be found by while a key is being replaced."""
        return {key.version: _index(key, label, value) for key in self._keys.live()}

    @property
    def version(self) -> int:
        """The version of the key that seals now. Shredded, Unavailable."""
        return self._keys.current().version

    def _cipher(self, key: Key) -> AESGCM:
        """Derived once for each version of the key: a list opens hundreds of names."""
        if key.version not in self._ciphers:
            self._ciphers[key.version] = AESGCM(key.subkey("field"))
        return self._ciphers[key.version]

    def _aad(self, table: str, column: str, row: str, version: int) -> bytes:
        scope = self._keys.scope
        return enc(table, column, row, scope.tenant, scope.owner, version)


def sealed_version(box: bytes) -> int:
    """The version of the key that a box says it was sealed under. Corrupt."""
    if len(box) < _HEAD.size + NONCE:
        raise Corrupt("not a sealed field")
    return int(_HEAD.unpack_from(box)[1])


def head(version: int) -> bytes:
    """What every box that is sealed under this version begins with: `HEAD` bytes."""
    return _HEAD.pack(FORMAT, version)


def _index(key: Key, label: str, value: bytes | str) -> bytes:
    return hmac.digest(key.subkey("index"), enc(label, value), "sha256")


def _pad(raw: bytes) -> bytes:
    return raw + b"\x80" + bytes(-(len(raw) + 1) % PAD)


def _unpad(padded: bytes) -> bytes:
    raw = padded.rstrip(b"\0")
    if not raw.endswith(b"\x80"):
        raise Corrupt("a sealed field has no padding")
    return raw[:-1]
