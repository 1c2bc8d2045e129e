"""What a story must not leave anywhere, and where to look for it.

What is searched for is taken from the stand-ins' own disks: every name, address, id, token, hash and byte that they
ever knew. What is searched is all that the gateway and its database wrote.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from cache.root_places import parse
from tests.canary import Search, files
from tests.e2e.processes import Browser, Kept, blob, now, rows
from tests.e2e.watching import Watch

RUN = 24
"""Bytes of a run that occurs in one file only."""
SHORTEST = 7
"""Letters of the shortest name that is searched for: shorter ones are words of our own, too."""


class Played(Protocol):
    """Where a story was played: the stand-ins' states, and all that the gateway wrote. `processes.House` is one."""

    @property
    def google(self) -> Kept: ...
    @property
    def microsoft(self) -> Kept: ...
    @property
    def vendors(self) -> Sequence[Kept]: ...
    @property
    def ours(self) -> Path: ...
    @property
    def written(self) -> list[Path]: ...
    @property
    def expiry(self) -> Path: ...


def names(house: Played) -> Iterator[str]:
    """Of people, files and folders, as the stand-ins ever knew them."""
    for vendor in house.vendors:
        for _, row in rows(vendor, "people"):
            if row:
                email = f"{row['key']}@{row['school']}.example"
                yield from (email, row["key"], row["name"], row["name"].split()[-1], f"{row['school']}-{row['key']}")
        for _, row in rows(vendor, "files", "items"):
            if row:
                yield row["name"]


def ids_and_tokens(house: Played) -> Iterator[str]:
    """Keys of what the stand-ins kept: file and drive ids, tokens, codes, upload sessions; nonces and challenges."""
    for vendor in house.vendors:
        tables = ("files", "items", "drives", "access", "refresh", "codes", "uploads", "sessions", "browsers")
        for key, row in rows(vendor, *tables):
            yield key
            yield from (row[name] for name in ("nonce", "code_challenge") if row and row.get(name))


def hashes(house: Played) -> Iterator[bytes]:
    """Of the contents of files: they tell a known file."""
    for row in (row for vendor in house.vendors for _, row in rows(vendor, "files", "items") if row):
        known = {**row, **row.get("hashes", {})}
        if not row.get("size"):
            continue
        for name, value in known.items():
            if name in {"md5", "sha1", "sha256", "sha1Hash", "sha256Hash"}:
                yield bytes.fromhex(value)
            elif name == "quickXorHash":
                yield base64.b64decode(value)


def runs(content: bytes) -> Iterator[bytes]:
    """Some runs of a content: its beginning, its middle, its end."""
    for at in (0, len(content) // 2, len(content) - RUN):
        yield content[max(at, 0) : max(at, 0) + RUN]


def contents(house: Played) -> Iterator[bytes]:
    """Runs of the bytes of every file that Google or OneDrive has."""
    for vendor, table in ((house.google, "files"), (house.microsoft, "items")):
        for row in now(vendor, table).values():
            if row.get("blob") and row.get("size"):
                yield from runs(blob(vendor, row).read_bytes())


def is_distinct(needle: str | bytes) -> bool:
    """Whether finding it would prove anything."""
    return len(needle) >= SHORTEST and len(set(needle)) > 5


@dataclass
class Traces:
    """What the people of the story had beside what the stand-ins know: tokens and bytes; and where to look."""

    house: Played
    database: Path | None
    secrets: set[str | bytes] = field(default_factory=set)
    elsewhere: list[Path] = field(default_factory=list)
    """Folders of further stores: a bucket, a copy of what a Redis holds."""
    expiry_keys: set[bytes] = field(default_factory=set)
    """Those that do not lie in the folder for them."""
    watch: Watch | None = None
    """Knows every key that the gateway made."""

    def cookies(self, who: Browser) -> None:
        """The session cookies a browser has now."""
        self.secrets |= {cookie.value for cookie in who.http.cookie_jar}

    @staticmethod
    def of(content: bytes) -> set[bytes]:
        """What to search for of a content that no stand-in ever has."""
        return set(runs(content))

    def needles(self) -> set[str | bytes]:
        """Everything to be searched for."""
        roots = parse((self.house.ours / "gateway-root.key").read_text())
        found: set[str | bytes] = {*(root.secret for root in roots.values()), *self.secrets, *self._made(expiry=False)}
        found |= self.watch.secrets if self.watch is not None else set()
        for part in (names, ids_and_tokens, hashes, contents):
            found |= set(part(self.house))
        return {needle for needle in found if is_distinct(needle)}

    def _made(self, *, expiry: bool) -> set[bytes]:
        """The keys that the gateway made, alive or dead: those of an end, or all others."""
        made: Mapping[bytes, str] = self.watch.keys if self.watch is not None else {}
        return {key for key, where in made.items() if ("expiry" in where) is expiry}

    def places(self) -> list[Path]:
        """Everything that the gateway wrote, but for the root key's own file."""
        ours = self.house.ours
        places = [ours / "gateway", ours / "gateway-journal", *self.house.written]
        return [*places, *self.elsewhere, self.house.expiry, *([self.database] if self.database else [])]

    def found(self) -> list[str]:
        """'place: needle' for every leak. Expiry keys are searched for everywhere but at home."""
        search = Search(self.needles())
        home = [path.read_bytes() for path in self.house.expiry.glob("*.key")]
        keys = Search({*self.expiry_keys, *home, *self._made(expiry=True)})
        leaks = [f"{path}: {needle}" for path in files(self.places()) for needle in search.file(path)]
        away = [place for place in self.places() if place != self.house.expiry]
        return sorted(leaks + [f"{path}: expiry key" for path in files(away) if keys.file(path)])
