"""`file-access receipts`: whether a receipt of being forgotten is genuine, offline and with a pinned key alone.

A receipt is taken exactly as it was given out. Every other text is refused, also one that a JSON reader would take for
the same: then a single changed byte, wherever it is, can never pass.
"""

from __future__ import annotations

import base64
import binascii
import json
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click

CHANGED: Final = 1
"""Exit code: it can be read, and is not what this gateway signed."""
UNREADABLE: Final = 2
"""Exit code: the receipt or the keys cannot be read."""
SUSPENDED: Final = 3
"""Exit code: it is signed, by a key that the pinned JWKS names as suspended: it may be stolen."""
_PARTS: Final = {"payload", "protected", "signature"}


_DOUBTED: Final = (
    "SIGNED BY A SUSPENDED KEY: it fits, but somebody else may have this key and could sign the same. Trust it only if "
    "you had it before the key was suspended; else ask the school, or whoever runs the gateway."
)


@click.group()
def receipts() -> None:
    """Receipts of being forgotten."""


@receipts.command("verify")
@click.argument("receipt", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--keys",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The JWKS that you pinned earlier from /v1/receipt-keys, never one that came with the receipt.",
)
def verify_receipt(receipt: Path, keys: Path) -> None:
    """Check a receipt's signature offline and print what it states.

    Ends with 0 where a pinned key signed exactly this, with 1 where it was changed or signed by another key, with 2
    where a file cannot be read, and with 3 where the key that signed it is suspended in the JWKS.
    """
    from gateway.signing import verify

    text = _read(receipt, "the receipt")
    try:
        pinned = json.loads(_read(keys, "the keys"))
    except ValueError:
        _end(UNREADABLE, "the keys cannot be read: expected the JWKS of /v1/receipt-keys")
    signed = as_given_out(text)
    if signed is None:
        _end(
            CHANGED,
            "NOT VERIFIED: this is not a receipt as the gateway gave it out; it was changed, or is another file",
        )
    try:
        statement = verify(signed, pinned)
    except ValueError:
        _end(CHANGED, "NOT VERIFIED: it was changed, or none of these keys signed it")
    held = _is_suspended(signed, pinned)
    click.echo(json.dumps(statement, indent=2, ensure_ascii=False))
    for line in words(statement, suspended=held):
        click.echo(line, err=True)
    if held:
        sys.exit(SUSPENDED)


def _is_suspended(signed: dict[str, str], pinned: dict[str, Any]) -> bool:
    """Whether the gateway had suspended the key that signed this when its JWKS was pinned. After it was verified."""
    header = json.loads(base64.urlsafe_b64decode(signed["protected"] + "=="))
    suspended = pinned.get("suspended")
    return isinstance(suspended, list) and header["kid"] in suspended


def as_given_out(text: bytes) -> dict[str, str] | None:
    """The signed receipt in ``text``, None where that is not byte for byte what the gateway gives out."""
    try:
        signed = json.loads(text)
    except ValueError:
        return None
    if not isinstance(signed, dict) or set(signed) != _PARTS:
        return None
    whole = json.dumps(signed).encode()
    if text not in (whole, whole + b"\n") or not all(_is_canonical(part) for part in signed.values()):
        return None
    return signed


def _is_canonical(part: Any) -> bool:
    """Whether it is base64url in the one form that its bytes have: other last letters would decode to the same."""
    if not isinstance(part, str):
        return False
    try:
        raw = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == part


def words(statement: dict[str, Any], *, suspended: bool = False) -> list[str]:
    """What it comes to, for whoever does not read JSON."""
    dead_by = statement.get("backups_dead_by")
    told = [
        _DOUBTED if suspended else "VERIFIED: a key that you pinned signed exactly this.",
        f"Scope {statement.get('scope')}, finished {statement.get('finished')}.",
        f"Backups are dead by {dead_by}." if dead_by else "When backups are dead is not stated.",
    ]
    outside = statement.get("outside") or []
    left = sum(1 for one in outside if not one.get("revoked"))
    return [*told, f'Access that could not be given back: {left}; see "outside".'] if left else told


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        _end(UNREADABLE, f"{what} cannot be read: {error.strerror}")


def _end(code: int, message: str) -> NoReturn:
    click.echo(f"file-access: {message}", err=True)
    sys.exit(code)
