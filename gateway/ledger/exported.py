"""Verifies an exported ledger with pinned keys alone, line by line: no database, no gateway, no person's key.

Whatever was changed is found: in an entry by the chain, in what was opened by the signed page, a cut by the checkpoint
at a chain's end and by the seal at the file's. Held in memory is one page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.ledger import lines
from gateway.ledger.merkle import included
from gateway.ledger.stated import BASE, END, Stated, read
from gateway.ledger.walk import Broken, Walk
from gateway.signing import EXPORT, verify


@dataclass(frozen=True, slots=True)
class Chain:
    """One chain of the file: ``entries`` of it fit, after ``base``."""

    school: str
    base: int
    entries: int


@dataclass(slots=True)
class Report:
    """``broken`` names the first place that does not fit, in the chain of ``school``; None where the file holds."""

    chains: list[Chain] = field(default_factory=list)
    school: str = ""
    broken: int | None = None
    why: str = ""

    @property
    def whole(self) -> bool:
        """Whether nothing was altered, dropped, added, reordered or cut off."""
        return self.broken is None


Look = Callable[[Mapping[str, Any]], None]
"""Is shown each entry that fits, as a row."""


def check(raw_lines: Iterable[bytes], keys: Mapping[str, Any], look: Look | None = None) -> Report:
    """Go through the file. ``keys``: the pinned JWKS."""
    reader = _Reader(keys, look)
    try:
        for raw in raw_lines:
            reader.line(raw)
        reader.finish()
    except _Found as found:
        return Report(reader.chains, found.line.school, found.broken.sequence, found.broken.why)
    return Report(reader.chains)


def proves(row: Mapping[str, Any], proof: Mapping[str, Any]) -> bool:
    """Whether a proof (`/v1/jobs/…/proof`) shows its leaf to be under the root of this entry."""
    try:
        path = [bytes.fromhex(one) for one in proof["path"]]
        leaf, index, count = proof["leaf"].encode(), proof["index"], proof["items"]
        if (row["id"], row["items"]) != (proof["entry"], count) or row["root"] is None or type(index) is not int:
            return False
        return included(leaf, index, count, path, row["root"])
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


@dataclass(frozen=True, slots=True)
class _Line:
    """A line since the last page: its digest, and the place it has or stands before."""

    digest: str
    place: int
    school: str


class _Found(Exception):
    """The first line that does not fit, and in which way."""

    def __init__(self, line: _Line, broken: Broken) -> None:
        super().__init__(broken.why)
        self.line = line
        self.broken = broken


class _Reader:
    """The state between two lines. After a break only digests are compared, up to the page that tells which is first"""

    def __init__(self, keys: Mapping[str, Any], look: Look | None) -> None:
        self._keys = keys
        self._look = look
        self._lines: list[_Line] = []
        self._number = 0
        self._before = ""
        self._walk: Walk | None = None
        self._chain: Mapping[str, Any] = {}
        self._stated = 0
        self._place = 0
        self._sealed = False
        self._named: list[dict[str, Any]] = []
        self._failed: tuple[int, Broken] | None = None
        self.chains: list[Chain] = []

    def line(self, raw: bytes) -> None:
        """The next one. _Found, at the page that tells what was first, or at once where there is none."""
        if self._sealed or len(raw) > lines.LONGEST:
            raise self._found(len(self._lines), "added")
        try:
            line = lines.loads(raw)
        except ValueError:
            line = {"kind": ""}
        if line["kind"] in ("page", "seal"):
            self._signed(line, raw)
            return
        if len(self._lines) > 2 * lines.PAGE:
            raise self._found(0, "page")
        self._place += line["kind"] == "entry"
        if self._failed is None:
            try:
                self._read(line)
            except Broken as broken:
                self._failed = (len(self._lines), broken)
        place = self._place if line["kind"] == "entry" else self._place + 1
        self._lines.append(_Line(lines.digest(raw), place, self._school))

    def finish(self) -> None:
        """The end of the file. _Found where there is no seal."""
        if not self._sealed:
            raise self._found(len(self._lines), "end")

    @property
    def _school(self) -> str:
        return self._walk.school if self._walk is not None else ""

    def _found(self, index: int, why: str) -> _Found:
        """What is wrong with a line since the last page, unless one before it was."""
        if self._failed is not None and self._failed[0] <= index:
            index, broken = self._failed
        else:
            after = _Line("", self._place + 1, self._school)
            broken = Broken((self._lines[index] if index < len(self._lines) else after).place, why)
        line = self._lines[index] if index < len(self._lines) else _Line("", broken.sequence, self._school)
        return _Found(line, broken)

    def _read(self, line: Mapping[str, Any]) -> None:
        match line["kind"]:
            case "ledger" if self._number == 0 and not self._lines:
                if line.get("version") != lines.VERSION:
                    raise Broken(0, "version")
            case "chain":
                self._close()
                self._open(line)
            case "entry" if self._walk is not None:
                self._entry(self._walk, line)
            case "checkpoint" if self._walk is not None:
                self._checkpoint(self._walk, line)
            case _:
                raise Broken(self._place + 1, "altered")

    def _open(self, line: Mapping[str, Any]) -> None:
        school, base, to = line.get("school"), line.get("base"), line.get("to")
        if type(school) is not str or type(base) is not int or type(to) is not int:
            raise Broken(1, "altered")
        found = None
        if base:
            stated = self._stated_in(line, base)
            if (stated.school, stated.sequence, stated.kind) != (school, base, BASE):
                raise Broken(base, "checkpoint")
            found = (base, stated.hash)
        self._walk, self._chain, self._stated, self._place = Walk(school, found), line, base, base

    def _entry(self, walk: Walk, line: Mapping[str, Any]) -> None:
        try:
            row = lines.entry_row(line)
        except ValueError:
            raise Broken(walk.sequence + 1, "altered") from None
        if walk.sequence >= self._chain["to"]:
            raise Broken(walk.sequence + 1, "added")
        walk.entry(row)
        if self._look is not None:
            self._look(row)

    def _checkpoint(self, walk: Walk, line: Mapping[str, Any]) -> None:
        stated = self._stated_in(line, walk.sequence)
        if stated.school == walk.school and stated.sequence > walk.sequence:
            raise Broken(walk.sequence + 1, "missing")
        if (stated.school, stated.kind, stated.sequence) != (walk.school, END, walk.sequence):
            raise Broken(walk.sequence, "checkpoint")
        walk.meets(stated.sequence, stated.hash)
        if stated.previous > max(self._stated, self._chain["base"]):
            raise Broken(stated.previous, "checkpoint")
        self._stated = stated.sequence

    def _stated_in(self, line: Mapping[str, Any], place: int) -> Stated:
        try:
            return read(line["signed"], self._keys)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Broken(place, "checkpoint") from None

    def _close(self) -> None:
        """The end of a chain: where it says, at a checkpoint. Broken."""
        if self._walk is None:
            return
        if self._walk.sequence != self._chain["to"]:
            raise Broken(self._walk.sequence + 1, "missing")
        if self._walk.sequence and self._stated != self._walk.sequence:
            raise Broken(self._walk.sequence + 1, "end")
        base = self._chain["base"]
        self.chains.append(Chain(self._walk.school, base, self._walk.sequence - base))
        self._named.append({"school": self._walk.school, "base": base, "to": self._walk.sequence})

    def _signed(self, line: Mapping[str, Any], raw: bytes) -> None:
        """A page or the seal. _Found."""
        try:
            told = verify(line["signed"], self._keys, EXPORT)
            fits = (told["part"], told["number"], told["before"]) == (line["kind"], self._number, self._before)
        except (ValueError, KeyError, TypeError):
            fits, told = False, {}
        if not fits:
            raise self._found(0, "page") if line["kind"] == "page" else self._found(len(self._lines), "end")
        if line["kind"] == "page":
            self._page(str(told.get("lines")))
            self._number, self._before, self._lines = self._number + 1, lines.digest(raw), []
            return
        try:
            self._close()
        except Broken as broken:
            self._failed = (0, broken)
        if self._lines or self._failed or told.get("chains") != self._named:
            raise self._found(0, "end")
        self._sealed = True

    def _page(self, told: str) -> None:
        """Each line is the one that was signed. _Found at the first that is not."""
        signed = [told[at : at + 32] for at in range(0, len(told), 32)]
        for number, found in enumerate(self._lines):
            if number >= len(signed) or signed[number] != found.digest:
                raise self._found(number, "altered")
        if len(signed) > len(self._lines) or self._failed is not None:
            raise self._found(len(self._lines), "missing")
