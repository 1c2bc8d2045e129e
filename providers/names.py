"""Names that one drive allows and another does not: a reversible mapping, so that a round trip gives the name back.

A character that the destination forbids becomes an escape (‛, U+201B) and its full-width twin: ``a:b`` is ``a‛：b``.
Only escaped characters are ever mapped back, so a name that was written in full-width letters stays what it is. What
a drive forbids is data in its `Traits`; this module knows no drive. An entry of ``Traits.reserved`` is a whole name,
or ends (``~*``, a beginning), begins (``*.``, an end) or both (``*_vti_*``, anywhere) with a star.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from providers.drive import Traits
from providers.errors import NameRefused

ESCAPE = "\u201b"

_TWINS = {chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)}
_TWINS |= {chr(code): chr(0x2400 + code) for code in range(0x21)}
_TWINS |= {"\x7f": "\u2421", ESCAPE: ESCAPE, "": "\u2422"}
_ORIGINALS = {twin: original for original, twin in _TWINS.items()}
_ESCAPED = re.compile(f"{ESCAPE}([{''.join(map(re.escape, _ORIGINALS))}])")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SUFFIX = re.compile(r"(?:\.tar)?\.[^. ]{1,12}$")


def to_allowed(name: str, traits: Traits) -> str:
    """The name as the drive takes it; the name itself wherever that is possible.

    `from_allowed` gives the original back. NameRefused where the mapped name would be too long, or is not text.
    """
    if _refusal(name, traits) is None and from_allowed(name) == name:
        return name
    mapped = _escape(name, traits)
    check(mapped, traits)
    return mapped


def from_allowed(name: str) -> str:
    """The original of a mapped name; any other name is given back as it is."""
    return _ESCAPED.sub(lambda match: _ORIGINALS[match[1]], name)


def readable(name: str) -> str:
    """The name as a provider tells it, halves of characters replaced: nothing could keep or show them."""
    return _SURROGATE.sub("\ufffd", name)


def check(name: str, traits: Traits) -> None:
    """NameRefused where the drive does not take the name; ``reason`` says which rule."""
    reason = _refusal(name, traits)
    if reason is not None:
        raise NameRefused(reason=reason)


def check_path(names: Sequence[str], traits: Traits) -> None:
    """NameRefused where the names, joined by '/', are longer than the drive's limit for a decoded path."""
    if traits.max_path is not None and sum(map(_length, names)) + len(names) - 1 > traits.max_path:
        raise NameRefused(reason="path_too_long")


def collision_key(name: str) -> str:
    """Equal for two names that a drive ignoring case holds to be one: Unicode's canonical caseless match, in NFC."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def free_name(name: str, n: int, longest: int | None = None) -> str:
    """The n-th name beside a taken one, ``report (2).pdf``, its stem cut so that ``longest`` characters suffice."""
    suffix = _suffix(name)
    mark = f" ({n})"
    stem = name[: len(name) - len(suffix)]
    while longest is not None and stem and _length(stem) + len(mark) + _length(suffix) > longest:
        stem = stem[:-1]
    return stem + mark + suffix


def shorten(name: str, longest: int) -> str:
    """The name cut to ``longest`` characters, its suffix kept. This loses characters: say so to the person."""
    suffix = _suffix(name)
    stem = name[: len(name) - len(suffix)]
    while stem and _length(stem) + _length(suffix) > longest:
        stem = stem[:-1]
    return (stem.rstrip(f" .{ESCAPE}") or stem) + suffix


def _suffix(name: str) -> str:
    match = _SUFFIX.search(name, 1)
    return match[0] if match else ""


def _length(name: str) -> int:
    """Characters as providers count them: UTF-16 units."""
    return len(name.encode("utf-16-le", "surrogatepass")) // 2


def _refusal(name: str, traits: Traits) -> str | None:
    if not name:
        return "empty"
    if _SURROGATE.search(name):
        return "not_text"
    if _length(name) > traits.max_name:
        return "too_long"
    if not traits.forbidden.isdisjoint(name):
        return "forbidden_character"
    return "reserved" if _reserved(traits.reserved).search(name) else None


def _escape(name: str, traits: Traits) -> str:
    hit = {match.start() for match in _reserved(traits.reserved).finditer(name)}
    return "".join(
        ESCAPE + _TWINS[char] if char in _TWINS and (i in hit or char == ESCAPE or char in traits.forbidden) else char
        for i, char in enumerate(name)
    ) or (ESCAPE + _TWINS[""])


@lru_cache(maxsize=64)
def _reserved(rules: frozenset[str]) -> re.Pattern[str]:
    """Matches, without consuming, at every character whose escape breaks a rule's hold on the name."""
    parts = [_rule(rule) for rule in sorted(rules)]
    return re.compile("|".join(parts) or r"(?!)", re.ASCII | re.IGNORECASE | re.DOTALL)


def _rule(rule: str) -> str:
    begins, ends, literal = rule.startswith("*"), rule.endswith("*"), re.escape(rule.strip("*"))
    return f"{'' if begins else chr(92) + 'A'}(?={literal}{'' if ends else chr(92) + 'Z'})"
