"""Writes the vectors with a second, plain implementation that shares no code with `cache`.

Run once for each new format version: ``python -m tests.vectors.reference``. HKDF and the encoding are written out here
from their definitions, AES-GCM is the only primitive borrowed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

HERE = Path(__file__).parent
Field = bytes | str | int | None


def enc(*fields: Field) -> bytes:
    """Length-prefixed fields."""
    out = b""
    for field in fields:
        if field is None:
            raw = b""
        elif isinstance(field, int):
            raw = field.to_bytes(8, "big")
        else:
            raw = field.encode() if isinstance(field, str) else field
        out += len(raw).to_bytes(4, "big") + raw
    return out


def hkdf(ikm: bytes, salt: bytes, info: bytes) -> bytes:
    """RFC 5869 with SHA-256, one block of output."""
    prk = hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()
    return hmac.new(prk, info + b"\1", hashlib.sha256).digest()


def plain(size: int) -> bytes:
    """Test plaintext: no two segments are alike."""
    return b"".join(hashlib.sha256(n.to_bytes(8, "big")).digest() for n in range(-(-size // 32)))[:size]


def stream(key: bytes, aad: bytes, salt: bytes, prefix: bytes, data: bytes, segment: int) -> bytes:
    """The sealed stream of ``data``."""
    cipher = AESGCM(hkdf(key, salt, aad))
    parts = [data[: segment - 56]] + [
        data[at : at + segment - 16] for at in range(segment - 56, len(data), segment - 16)
    ]
    out = bytes([40]) + salt + prefix
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        out += cipher.encrypt(prefix + index.to_bytes(4, "big") + (b"\1" if last else b"\0"), part, b"")
    return out


def stream_vectors() -> list[dict[str, object]]:
    """Streams: small segments in full, real ones by digest."""
    key, salt, prefix = plain(32), plain(64)[32:], bytes(range(7))
    found: list[dict[str, object]] = []
    real = 262144
    for segment, sizes in ((128, (0, 1, 72, 73, 184, 185, 300)), (real, (0, real - 56, real - 55, 3 * real + 5))):
        for size in sizes:
            aad = enc(1, "school", "0" * 32, segment)
            sealed = stream(key, aad, salt, prefix, plain(size), segment)
            found.append(
                {
                    "key": key.hex(),
                    "tenant": "school",
                    "object": "0" * 32,
                    "segment": segment,
                    "header": sealed[:40].hex(),
                    "size": size,
                    "sealed": sealed.hex() if segment == 128 else None,
                    "length": len(sealed),
                    "sha256": hashlib.sha256(sealed).hexdigest(),
                }
            )
    return found


def label_vectors() -> list[dict[str, object]]:
    """One subkey per label and version."""
    key = plain(32)
    return [
        {"key": key.hex(), "label": label, "version": version, "subkey": hkdf(key, b"", enc(label, version)).hex()}
        for label in ("wrap", "field", "index", "check")
        for version in (1, 2)
    ]


def wrap_vectors() -> list[dict[str, object]]:
    """Every purpose, with an expiry key where it has one."""
    parent, expiry, secret, nonce = plain(32), plain(96)[64:], plain(128)[96:], bytes(range(12))
    found: list[dict[str, object]] = []
    for purpose, parent_id, subject, item, bucket in (
        ("expiry", "root", "", "", 5_900_000),  # as it lies in Redis: of no school
        ("tenant", "root", "", "", None),
        ("subject", "school", "person", "", None),
        ("kept", "person", "person", "0" * 32, None),
        ("part", "person", "person", "0" * 32, 5_900_000),
        ("cache", "person", "person", "0" * 32, 5_900_000),
        ("spool", "school", "", "0" * 32, 5_900_001),
    ):
        temporary = purpose in ("cache", "spool")
        tenant = "" if purpose == "expiry" else "school"
        if temporary:
            kek = hkdf(parent + expiry, b"", enc("temp-kek", "school", subject, bucket, 3, 1))
        else:
            kek = hkdf(parent, b"", enc("wrap", 3))
        aad = enc(purpose, tenant, subject, item, parent_id, 3, bucket)
        found.append(
            {
                "purpose": purpose,
                "tenant": tenant,
                "subject": subject,
                "object": item,
                "bucket": bucket,
                "parent": {"id": parent_id, "version": 3, "key": parent.hex()},
                "expiry": expiry.hex() if temporary else None,
                "secret": secret.hex(),
                "nonce": nonce.hex(),
                "box": (nonce + AESGCM(kek).encrypt(nonce, secret, aad)).hex(),
            }
        )
    return found


def field_vectors() -> list[dict[str, object]]:
    """Field seals around the padding's steps, and blind indexes."""
    key, nonce = plain(32), bytes(range(12))
    found: list[dict[str, object]] = []
    for value in ("", "a", "x" * 31, "x" * 32, "Ünïcode ✓", "ends in zeros\0\0"):
        raw = value.encode()
        padded = raw + b"\x80"
        padded += bytes((32 - len(padded) % 32) % 32)
        aad = enc("people", "name", "row1", "school", "person", 3)
        sealed = AESGCM(hkdf(key, b"", enc("field", 3))).encrypt(nonce, padded, aad)
        index = hmac.new(hkdf(key, b"", enc("index", 3)), enc("email", raw), hashlib.sha256).hexdigest()
        found.append(
            {
                "key": key.hex(),
                "version": 3,
                "tenant": "school",
                "subject": "person",
                "table": "people",
                "column": "name",
                "row": "row1",
                "value": value,
                "nonce": nonce.hex(),
                "box": (b"\1" + (3).to_bytes(4, "big") + nonce + sealed).hex(),
                "index_label": "email",
                "index": index,
            }
        )
    return found


def main() -> None:
    """Write the files beside this one."""
    made = {"stream": stream_vectors(), "labels": label_vectors(), "wraps": wrap_vectors(), "fields": field_vectors()}
    for name, vectors in made.items():
        (HERE / f"{name}-v1.json").write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
