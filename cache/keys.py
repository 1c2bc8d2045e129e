"""The keys and what may be done with them: derive, wrap, unwrap. Pure: which keys exist is `keyring`'s knowledge.

    root key
      └ tenant key
          └ subject key (a person or a shared space)
              ├ record key, under its subject's or its tenant's key: seals what is never sealed anew
              └ object key, wrapped under its subject's key, or under that and an expiry key together

Every key has a version, which is part of all that is wrapped or sealed under it. Tenant keys are replaced with their
root, a subject's when something of theirs was deleted; a record key lasts as long as its subject.

All keys are 32 random bytes. HKDF-SHA256 gives one subkey per use, so that no key serves two purposes:

    subkey        = HKDF(ikm=key, salt='', info=enc(label, version))              labels: wrap, field, index, check
    temporary KEK = HKDF(ikm=subject key || expiry key, salt='',
                         info=enc('temp-kek', tenant, subject, bucket, key version, expiry version))
    wrap          = nonce[12] || AES-256-GCM(KEK, nonce, key,
                         aad=enc(purpose, tenant, subject, object id, parent id, parent version, bucket))

Key bytes never appear in a repr or an exception.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cache.encoding import enc
from cache.errors import Corrupt

KEY = 32
NONCE = 12
BUCKET_MS = 5 * 60 * 1000
EXPIRY_VERSION = 1


def new_key() -> bytes:
    """32 random bytes."""
    return secrets.token_bytes(KEY)


def hkdf(ikm: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 without a salt, 32 bytes."""
    return HKDF(SHA256(), KEY, None, info).derive(ikm)


def bucket_of(ends: int) -> int:
    """The five-minute bucket in which an object with this end (epoch ms) ends."""
    return ends // BUCKET_MS


def bucket_passed(bucket: int, now: int) -> bool:
    """Whether every object of the bucket has ended, so that its key may die."""
    return now >= (bucket + 1) * BUCKET_MS


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A key of the hierarchy above the objects: ``id`` names it among its siblings, ``version`` counts rotations."""

    id: str
    version: int
    secret: bytes

    def subkey(self, label: str) -> bytes:
        """32 bytes for one use: 'wrap', 'field', 'index' or 'check'."""
        return hkdf(self.secret, enc(label, self.version))

    def __repr__(self) -> str:
        """Without the secret."""
        return f"Key(version={self.version})"


@dataclass(frozen=True, slots=True)
class Wrap:
    """What a wrapped key is bound to. ``bucket`` only where the object has an end."""

    purpose: str
    tenant: str
    subject: str
    object: str
    bucket: int | None = None

    def aad(self, parent: Key) -> bytes:
        """The associated data under ``parent``."""
        return enc(self.purpose, self.tenant, self.subject, self.object, parent.id, parent.version, self.bucket)


def temp_kek(parent: Key, expiry: bytes, wrap: Wrap) -> bytes:
    """The key for a temporary object: without the subject's key or without the expiry key it cannot be made."""
    info = enc("temp-kek", wrap.tenant, wrap.subject, wrap.bucket, parent.version, EXPIRY_VERSION)
    return hkdf(parent.secret + expiry, info)


class Wrapper:
    """Wraps and opens many keys under one parent: its subkey is derived once."""

    def __init__(self, parent: Key) -> None:
        """``parent`` without an expiry key."""
        self.parent = parent
        self._cipher = AESGCM(parent.subkey("wrap"))

    def wrap(self, secret: bytes, wrap: Wrap) -> bytes:
        """See `wrap_key`."""
        return _sealed(self._cipher, secret, self.parent, wrap, secrets.token_bytes(NONCE))

    def unwrap(self, box: bytes, wrap: Wrap) -> bytes:
        """See `unwrap_key`."""
        return _opened(self._cipher, box, self.parent, wrap)


def wrap_key(
    secret: bytes, parent: Key, wrap: Wrap, *, expiry: bytes | None = None, nonce: bytes | None = None
) -> bytes:
    """60 bytes: ``secret`` under ``parent``, with ``expiry`` under both. ``nonce`` is given by test vectors only."""
    return _sealed(_cipher(parent, wrap, expiry), secret, parent, wrap, nonce or secrets.token_bytes(NONCE))


def unwrap_key(box: bytes, parent: Key, wrap: Wrap, *, expiry: bytes | None = None) -> bytes:
    """The key in ``box``. Corrupt under another parent, version, purpose, owner, object or bucket."""
    return _opened(_cipher(parent, wrap, expiry), box, parent, wrap)


def _sealed(cipher: AESGCM, secret: bytes, parent: Key, wrap: Wrap, nonce: bytes) -> bytes:
    return nonce + cipher.encrypt(nonce, secret, wrap.aad(parent))


def _opened(cipher: AESGCM, box: bytes, parent: Key, wrap: Wrap) -> bytes:
    try:
        return cipher.decrypt(box[:NONCE], box[NONCE:], wrap.aad(parent))
    except (InvalidTag, ValueError):
        raise Corrupt("a wrapped key does not authenticate") from None


def _cipher(parent: Key, wrap: Wrap, expiry: bytes | None) -> AESGCM:
    return AESGCM(parent.subkey("wrap") if expiry is None else temp_kek(parent, expiry, wrap))
