"""`file-access receipts verify`: exit codes, clear words, and every single changed byte refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.cli import main
from gateway.commands.receipts import as_given_out
from gateway.signing import CHECKPOINT, RECEIPT, verify
from gateway.signing.signed import jwk, sign, without_secret

STATEMENT = {
    "scope": "person", "finished": "2030-01-01T00:00:00.000+00:00",
    "backups_dead_by": "2030-02-01T00:00:00.000+00:00", "outside": [{"provider": "OneDrive", "revoked": False}],
}  # fmt: skip


def key(purpose: str = "receipts") -> dict[str, Any]:
    private = Ed25519PrivateKey.generate()
    return jwk(purpose, private.public_key().public_bytes_raw(), private.private_bytes_raw())


@pytest.fixture
def secret() -> dict[str, Any]:
    return key()


@pytest.fixture
def receipt(secret: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "receipt.json"
    path.write_text(json.dumps(sign(STATEMENT, secret, RECEIPT.typ)))
    return path


@pytest.fixture
def keys(secret: dict[str, Any], tmp_path: Path) -> Path:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps({"keys": [without_secret(secret)]}))
    return path


def run(receipt: Path, keys: Path) -> Result:
    return CliRunner().invoke(main, ["receipts", "verify", str(receipt), "--keys", str(keys)])


def test_a_genuine_receipt(receipt: Path, keys: Path) -> None:
    """The statement on one side, what it comes to on the other."""
    told = run(receipt, keys)
    assert told.exit_code == 0
    assert json.loads(told.stdout) == STATEMENT
    assert "VERIFIED" in told.stderr
    assert "Backups are dead by 2030-02-01" in told.stderr
    assert "could not be given back: 1" in told.stderr
    receipt.write_text(receipt.read_text() + "\n")
    assert run(receipt, keys).exit_code == 0, "as an editor saves it"


def test_every_single_changed_byte_is_refused(receipt: Path, secret: dict[str, Any]) -> None:
    """Each bit of each byte, wherever it stands: in spaces, in names, in the last letter of a part."""
    whole, pinned = receipt.read_bytes(), {"keys": [without_secret(secret)]}
    for at in range(len(whole)):
        for bit in range(8):
            changed = bytearray(whole)
            changed[at] ^= 1 << bit
            signed = as_given_out(bytes(changed))
            if signed is not None:
                with pytest.raises(ValueError, match="signed"):
                    verify(signed, pinned)


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + b" ", lambda t: b" " + t, lambda t: t * 2])
def test_one_byte_more_or_less_is_refused(receipt: Path, keys: Path, change: Any) -> None:
    receipt.write_bytes(change(receipt.read_bytes()))
    told = run(receipt, keys)
    assert told.exit_code == 1
    assert "NOT VERIFIED" in told.stderr
    assert told.stdout == ""


def test_a_key_that_was_not_pinned(receipt: Path, keys: Path) -> None:
    """Also where the receipt brings its own."""
    keys.write_text(json.dumps({"keys": [without_secret(key())]}))
    assert run(receipt, keys).exit_code == 1
    signed = json.loads(receipt.read_text())
    receipt.write_text(json.dumps({**signed, "header": {"jwk": {}}}))
    assert run(receipt, keys).exit_code == 1


def test_a_key_that_is_suspended_is_told(receipt: Path, keys: Path, secret: dict[str, Any]) -> None:
    """It may be stolen: the signature fits, and that is not the same as verified."""
    pinned = {"keys": [without_secret(secret)], "suspended": [secret["kid"]]}
    keys.write_text(json.dumps(pinned))
    told = run(receipt, keys)
    assert told.exit_code == 3
    assert json.loads(told.stdout) == STATEMENT
    assert "SIGNED BY A SUSPENDED KEY" in told.stderr
    assert "VERIFIED" not in told.stderr
    for other in ([key()["kid"]], [], "all"):
        keys.write_text(json.dumps({**pinned, "suspended": other}))
        assert run(receipt, keys).exit_code == 0
    receipt.write_text(receipt.read_text().replace("payload", "pay1oad"))
    keys.write_text(json.dumps(pinned))
    assert run(receipt, keys).exit_code == 1, "what was changed is changed"


def test_a_checkpoint_is_no_receipt(receipt: Path, keys: Path) -> None:
    other = key("checkpoints")
    keys.write_text(json.dumps({"keys": [without_secret(other)]}))
    receipt.write_text(json.dumps(sign(STATEMENT, other, CHECKPOINT.typ)))
    assert run(receipt, keys).exit_code == 1


def test_files_that_cannot_be_read(receipt: Path, keys: Path, tmp_path: Path) -> None:
    told = run(tmp_path / "nothing", keys)
    assert (told.exit_code, "cannot be read" in told.stderr) == (2, True)
    assert run(receipt, tmp_path / "nothing").exit_code == 2
    keys.write_text("not JSON")
    assert run(receipt, keys).exit_code == 2
    keys.write_text("[]")
    assert run(receipt, keys).exit_code == 1
