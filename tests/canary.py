"""Searches whole folders for what must not lie there: plaintext, names, tokens and keys, also in other clothes.

Thousands of needles cost as much as one: a file is read as words of eight and of four bytes, and only the needles of
which all words were seen are looked for in full.
"""

from __future__ import annotations

import base64
import json
import mmap
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote

WORDS: Final[Mapping[int, Literal["Q", "I"]]] = {8: "Q", 4: "I"}
"""Bytes of a word and its name in `memoryview.cast`. 2n - 1 bytes hold an aligned word of n, wherever they lie."""


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
            if path.is_file() and not path.is_symlink():
                yield path


class Search:
    """Needles, prepared once for many files."""

    def __init__(self, needles: Iterable[bytes | str]) -> None:
        self._wanted = {form: str(needle)[:40] for needle in needles for form in forms(needle)}
        self._words: dict[int, dict[int, set[bytes]]] = {size: defaultdict(set) for size in WORDS}
        self._short: set[bytes] = set()
        for form in self._wanted:
            size = _size(form)
            if size is None:
                self._short.add(form)
                continue
            for word in {word for words in _aligned(form, size) for word in words}:
                self._words[size][word].add(form)
        self._known = {size: frozenset(words) for size, words in self._words.items()}

    def content(self, content: bytes | mmap.mmap) -> set[str]:
        """The needles that occur."""
        return {self._wanted[form] for form in self._candidates(content) if content.find(form) >= 0}

    def file(self, path: Path) -> set[str]:
        """The needles that occur in a file; none in one that has just gone."""
        try:
            with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return self.content(content)
        except (FileNotFoundError, ValueError):  # ValueError: an empty file cannot be mapped
            return set()

    def _candidates(self, content: bytes | mmap.mmap) -> Iterator[bytes]:
        yield from self._short
        with memoryview(content) as view:
            for size, letter in WORDS.items():
                with view[: len(view) // size * size] as whole, whole.cast(letter) as cast:
                    seen = self._known[size].intersection(cast)
                for form in {form for word in seen for form in self._words[size][word]}:
                    if any(seen.issuperset(words) for words in _aligned(form, size)):
                        yield form


def _size(form: bytes) -> int | None:
    """Bytes of the longest word of which an aligned one is in the form wherever it lies."""
    return next((size for size in WORDS if len(form) >= 2 * size - 1), None)


def _aligned(form: bytes, size: int) -> list[list[int]]:
    """The aligned words inside the form, for each way in which it may lie."""
    return [
        [int.from_bytes(form[at : at + size], sys.byteorder) for at in range(first, len(form) - size + 1, size)]
        for first in range(size)
    ]


def hits(folders: Iterable[Path], needles: Iterable[bytes | str]) -> list[str]:
    """'file: needle' for everything that was found."""
    search = Search(needles)
    return [f"{path}: {needle}" for path in files(folders) for needle in sorted(search.file(path))]
