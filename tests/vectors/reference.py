"""Writes the vectors with a second, plain implementation that shares no code with `cache`.

Run once for each new format version: ``python -m tests.vectors.reference``. HKDF and the encoding are written out here
from their definitions, AES-GCM is the only primitive borrowed.
"""

from __future__ import annotations

import base64
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
        ("record", "person", "person", "", None),
        ("record", "school", "", "", None),
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


def record_vectors() -> list[dict[str, object]]:
    """A field under a record key: as any other, its version counts from 65536."""
    key, nonce, version = plain(32), bytes(range(12)), 65536
    padded = b"done\x80" + bytes(27)
    aad = enc("ledger_entries", "details", "row1", "school", "person", version)
    sealed = AESGCM(hkdf(key, b"", enc("field", version))).encrypt(nonce, padded, aad)
    box = b"\1" + version.to_bytes(4, "big") + nonce + sealed
    return [{"key": key.hex(), "version": version, "nonce": nonce.hex(), "value": "done", "box": box.hex()}]


def index_vectors() -> list[dict[str, object]]:
    """Every blind index: what it is made of, and what a job's marks are."""
    key = plain(32)
    under = hkdf(key, b"", enc("index", 3))
    values: dict[str, tuple[str, dict[str, str], bytes]] = {
        "persons.subject_index": ("subject", {"subject": "https://id.example\0ada"}, b"https://id.example\0ada"),
        "accounts.account_index": ("account", {"provider": "google", "account": "ada@x"}, b"google\0ada@x"),
        "native_nodes.name_index": (
            "native-name",
            {"parent": "f" * 32, "name": "STRASSE A\u0308.TXT"},
            enc("f" * 32, "strasse \u00e4.txt"),
        ),
    }
    found: list[dict[str, object]] = [
        {
            "index": name, "key": key.hex(), "version": 3, "of": of,
            "value": hmac.new(under, enc(label, value), hashlib.sha256).hexdigest(),
        }
        for name, (label, of, value) in values.items()
    ]  # fmt: skip
    for kind in ("identity", "taken"):
        value = hmac.new(key, enc(kind, "name.txt"), hashlib.sha256).hexdigest()
        found.append(
            {"index": f"items.{kind}", "key": key.hex(), "version": 0, "of": {kind: "name.txt"}, "value": value}
        )
    return found


def root_vectors() -> list[dict[str, object]]:
    """The root's file with two versions, its checks, and an expiry key as it lies in Redis."""
    one, two, secret, nonce, bucket = plain(32), plain(64)[32:], plain(128)[96:], bytes(range(12)), 5_900_000
    lines = [f"file-access-root {n} {base64.b64encode(key).decode()}" for n, key in ((1, one), (2, two))]
    aad = enc("expiry", "", "", "", "root", 2, bucket)
    box = (2).to_bytes(4, "big") + nonce + AESGCM(hkdf(two, b"", enc("wrap", 2))).encrypt(nonce, secret, aad)
    checks = {"1": hkdf(one, b"", enc("check", 1)).hex(), "2": hkdf(two, b"", enc("check", 2)).hex()}
    place = hmac.new(bytes.fromhex(checks["1"]), enc("redis"), hashlib.sha256).digest()[:8].hex()
    redis = {"bucket": bucket, "name": f"file-access:{place}:expiry:{bucket}", "secret": secret.hex(), "box": box.hex()}
    return [
        {"text": "\n".join(lines) + "\n", "keys": {"1": one.hex(), "2": two.hex()}, "checks": checks, "redis": redis}
    ]


def main() -> None:
    """Write the files beside this one."""
    made = {
        "stream": stream_vectors(),
        "labels": label_vectors(),
        "wraps": wrap_vectors(),
        "fields": field_vectors(),
        "records": record_vectors(),
        "indexes": index_vectors(),
        "roots": root_vectors(),
    }
    for name, vectors in made.items():
        (HERE / f"{name}-v1.json").write_text(json.dumps(vectors, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
