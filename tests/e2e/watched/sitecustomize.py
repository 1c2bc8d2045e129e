"""Runs first in a watched process (it lies on PYTHONPATH): notes what is written, who is called, which keys are made.

Python's audit events tell every file that is opened for writing and every connection. uvloop connects without telling
Python, so it is taken away. Each note is one line of JSON in the file that FILE_ACCESS_TEST_WATCH names.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
import threading
from typing import Any

KEY = 32
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC


def _watch(path: str) -> None:
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    busy = threading.local()

    def note(kind: str, what: Any) -> None:
        os.write(log, (json.dumps([kind, what]) + "\n").encode())

    def audit(event: str, args: tuple[Any, ...]) -> None:
        if getattr(busy, "now", False):
            return
        busy.now = True
        try:
            _event(note, event, args)
        finally:
            busy.now = False

    sys.addaudithook(audit)
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # an import of it fails now
    _note_secrets(note)


def _note_secrets(note: Any) -> None:
    """Everything random that is to stay secret: keys of 32 bytes, and what travels as text. Salts are no secret."""
    real_bytes, real_text = secrets.token_bytes, secrets.token_urlsafe

    def token_bytes(nbytes: int | None = None) -> bytes:
        made = real_bytes(nbytes)
        frame = sys._getframe(1)
        where = [
            frame.f_globals.get("__name__", ""),
            frame.f_back.f_globals.get("__name__", "") if frame.f_back else "",
        ]
        if len(made) == KEY and where[0] != "cache.sealing":
            note("key", [made.hex(), " ".join(where)])
        return made

    def token_urlsafe(nbytes: int | None = None) -> str:
        made = real_text(nbytes)
        note("secret", made)
        return made

    secrets.token_bytes, secrets.token_urlsafe = token_bytes, token_urlsafe


def _event(note: Any, event: str, args: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(args[0], str | bytes) and isinstance(args[2], int) and args[2] & _WRITES:
        note("file", os.path.abspath(os.fsdecode(args[0])))
    elif event in ("os.rename", "os.link", "os.symlink"):
        note("file", os.path.abspath(os.fsdecode(args[1])))
    elif event in ("tempfile.mkstemp", "tempfile.mkdtemp"):
        note("temporary", str(args[0]))
    elif event == "sqlite3.connect":
        note("file", os.path.abspath(os.fsdecode(args[0])))
    elif event == "socket.connect":
        address = args[1]
        note("host", address if isinstance(address, str) else list(address[:2]))
    elif event == "subprocess.Popen":
        note("process", str(args[0]))


if path := os.environ.get("FILE_ACCESS_TEST_WATCH"):
    _watch(path)
