"""Searches whole folders for what must not lie there: plaintext, names, tokens and keys, also in other clothes."""

from __future__ import annotations

import base64
import json
import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote


def forms(needle: bytes | str) -> set[bytes]:
    """The needle as UTF-8, UTF-16 both ways, JSON, URL, hexadecimal, and inside base64 at each of three alignments."""
    raw = needle.encode() if isinstance(needle, str) else needle
    found = {raw, raw.hex().encode(), raw.hex().upper().encode()}
    for pad in range(3):
        encoded = base64.b64encode(b"\0" * pad + raw)
        inner = encoded[(0, 2, 3)[pad] : len(encoded) - 4]  # without the characters that the neighbours decide
        if len(inner) >= 12:
            found |= {inner, inner.replace(b"+", b"-").replace(b"/", b"_")}
    if isinstance(needle, str):
        found |= {needle.encode("utf-16-le"), needle.encode("utf-16-be"), json.dumps(needle)[1:-1].encode()}
        found.add(quote(needle, safe="").encode())
    return found


def files(folders: Iterable[Path]) -> Iterator[Path]:
    """Every regular file below the folders."""
    for folder in folders:
        for path in folder.rglob("*") if folder.is_dir() else [folder]:
            if path.is_file() and not path.is_symlink() and path.stat().st_size:
                yield path


def hits(folders: Iterable[Path], needles: Iterable[bytes | str]) -> list[str]:
    """'file: needle' for everything that was found."""
    wanted = {form: str(needle)[:40] for needle in needles for form in forms(needle)}
    found = []
    for path in files(folders):
        with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found += [f"{path}: {needle}" for form, needle in wanted.items() if content.find(form) >= 0]
    return found
