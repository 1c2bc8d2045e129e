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
_PARTS: Final = {"payload", "protected", "signature"}


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

    Ends with 0 where a pinned key signed exactly this, with 1 where it was changed or signed by another key, and with 2
    where a file cannot be read.
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
    click.echo(json.dumps(statement, indent=2, ensure_ascii=False))
    for line in words(statement):
        click.echo(line, err=True)


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


def words(statement: dict[str, Any]) -> list[str]:
    """What it comes to, for whoever does not read JSON."""
    dead_by = statement.get("backups_dead_by")
    told = [
        "VERIFIED: a key that you pinned signed exactly this.",
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
