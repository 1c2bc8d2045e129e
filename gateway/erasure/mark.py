"""A number beside the journal that only grows, and that the database counts along with.

An older copy of the database counts less than the mark says: that is how a restore is told from a crash also where no
journal entry was written between the copy and the restore.
"""

from __future__ import annotations

import hmac
import json
import os
import secrets
from pathlib import Path

from gateway.erasure.journal import JournalRefused


class Mark:
    """The file ``mark`` in the journal's folder. Blocking."""

    def __init__(self, folder: Path, key: bytes) -> None:
        """``key``: the journal's, 32 bytes."""
        self._path = folder / "mark"
        self._key = key

    def read(self) -> int | None:
        """The number, None where there is none. JournalRefused where it was changed."""
        try:
            data = json.loads(self._path.read_bytes())
            generation, mac = int(data["generation"]), bytes.fromhex(data["mac"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise JournalRefused("The mark beside the erasure journal is damaged.") from None
        if not hmac.compare_digest(mac, self._mac(generation)):
            raise JournalRefused("The mark beside the erasure journal belongs to another deployment.")
        return generation

    def write(self, generation: int) -> None:
        """Durable on return, whole or not at all. OSError."""
        text = json.dumps({"generation": generation, "mac": self._mac(generation).hex()}) + "\n"
        draft = self._path.with_name(f"mark.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def _mac(self, generation: int) -> bytes:
        return hmac.digest(self._key, f"mark {generation}".encode(), "sha256")
