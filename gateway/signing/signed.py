"""Signed statements: flattened JWS with Ed25519, checked with pinned keys alone. No I/O, no secret is kept here.

Each kind of statement belongs to keys of one purpose, so that no receipt passes for a checkpoint. Keys are replaced
from year to year; the old and the new one sign each other, and who pinned one of them can follow to the others.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, KeySetSerialization, OKPKey

PREFIXES: Final[Mapping[str, str]] = {"receipts": "receipt-", "checkpoints": "checkpoint-"}
"""What the ids of a purpose's keys begin with."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is stated: the JWS header's ``typ``, and the purpose of the keys that may state it."""

    typ: str
    purpose: str


RECEIPT: Final = Kind("file-access-receipt", "receipts")
CHECKPOINT: Final = Kind("file-access-ledger-checkpoint", "checkpoints")
EXPORT: Final = Kind("file-access-ledger-export", "checkpoints")
_SUCCESSION: Final = "file-access-signing-key"
_PARTS: Final = ("protected", "payload", "signature")
"""Of a flattened JWS. What stands beside them is not signed, and not looked at."""


def key_id(purpose: str, public: bytes) -> str:
    """The id that follows from a public key (32 bytes): another key under the same id is found out."""
    return PREFIXES[purpose] + hashlib.sha256(public).hexdigest()[:16]


def jwk(purpose: str, public: bytes, secret: bytes | None = None) -> dict[str, Any]:
    """A key as JWK; with ``secret`` (32 bytes) one that signs."""
    shown = {"kty": "OKP", "crv": "Ed25519", "x": _b64(public), "kid": key_id(purpose, public)}
    return {**shown, "use": "sig", "alg": "Ed25519", **({} if secret is None else {"d": _b64(secret)})}


def without_secret(key: Mapping[str, Any]) -> dict[str, Any]:
    """The half that is published."""
    return {name: value for name, value in key.items() if name != "d"}


def sign(statement: Mapping[str, Any], key: Mapping[str, Any], typ: str) -> dict[str, Any]:
    """The statement as a flattened JWS by a key as `jwk` makes it."""
    header = {"alg": "Ed25519", "kid": key["kid"], "typ": typ}
    payload = json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    signer = OKPKey.import_key(dict(key))
    return dict(jws.serialize_json({"protected": header}, payload, signer, algorithms=["Ed25519"]))


def verify(signed: Mapping[str, Any], pinned: Mapping[str, Any], kind: Kind = RECEIPT) -> dict[str, Any]:
    """The statement, where one of the ``pinned`` JWKS keys signed it as this kind. ValueError otherwise."""
    what = kind.typ.removeprefix("file-access-").replace("-", " ")
    try:
        header, statement = _checked(signed, pinned)
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"the {what} was not signed by a pinned key, or was changed") from error
    if header.get("typ") != kind.typ or not str(header.get("kid")).startswith(PREFIXES[kind.purpose]):
        raise ValueError(f"the {what} was signed as something else")
    return statement


def _checked(signed: Mapping[str, Any], pinned: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """Header and statement of what one of the keys signed. JoseError, ValueError, KeyError, TypeError."""
    given = cast("jws.FlattenedJSONSerialization", {name: signed[name] for name in _PARTS})
    keys = KeySet.import_key_set(cast("KeySetSerialization", {"keys": list(pinned["keys"])}))
    checked = jws.deserialize_json(given, keys, algorithms=["Ed25519"])
    header, statement = dict(checked.member.protected or {}), json.loads(checked.payload)
    if not isinstance(statement, dict):
        raise TypeError("not a statement")
    return header, statement


def succession(purpose: str, old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> list[dict[str, Any]]:
    """What two keys (with their secrets) state of each other when the new one takes over."""
    return [_names(purpose, old, new, at), _names(purpose, new, old, at)]


def _names(purpose: str, signer: Mapping[str, Any], other: Mapping[str, Any], at: str) -> dict[str, Any]:
    told = {"type": _SUCCESSION, "version": 1, "purpose": purpose, "key": without_secret(other), "at": at}
    return sign(told, signer, _SUCCESSION)


def trusted(pinned: Mapping[str, Any], published: Mapping[str, Any]) -> dict[str, Any]:
    """The ``pinned`` JWKS, with the keys of a ``published`` one that pinned keys vouch for, directly or in a row."""
    keys = {str(key["kid"]): dict(key) for key in pinned["keys"]}
    left, before = list(published.get("succession", ())), -1
    while len(keys) != before:
        before = len(keys)
        for signed in left:
            named = _named(signed, keys)
            if named is not None:
                keys.setdefault(str(named["kid"]), named)
    return {"keys": list(keys.values())}


def _named(signed: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any] | None:
    """The key that a trusted one of the same purpose names; None where nobody here vouches for it."""
    try:
        header, statement = _checked(signed, {"keys": list(keys.values())})
        purpose, key = str(statement["purpose"]), dict(statement["key"])
        public = _raw(key["x"])
        same = header["typ"] == _SUCCESSION and header["kid"].startswith(PREFIXES[purpose])
        return jwk(purpose, public) if same and key["kid"] == key_id(purpose, public) else None
    except (JoseError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
