"""The name an item takes at its destination: mapped where the drive forbids it, numbered where another has it.

Pure: which names are taken is asked by whoever plans or makes. The original name is kept in the report.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

from providers import names
from providers.drive import Entry, ExportChoice, Traits
from providers.errors import NameRefused, NameTaken

MOST_NUMBERS: Final = 1_000


def key(name: str, traits: Traits) -> str:
    """Equal for names that the drive holds to be one."""
    return name if traits.case_sensitive else names.collision_key(name)


def mapped(name: str, traits: Traits) -> str:
    """The nearest name that the drive takes; mapping it again changes nothing. NameRefused where there is none.

    What another drive's rules did to it is undone first, so that a name is never escaped twice on its way.
    """
    original = names.from_allowed(name)
    try:
        return names.to_allowed(original, traits)
    except NameRefused as refused:
        if refused.reason != "too_long":
            raise
        return names.to_allowed(names.shorten(original, traits.max_name), traits)


def numbered(name: str, number: int, traits: Traits) -> str:
    """The name itself for 1, else ``name (number)``, within the drive's limit."""
    return name if number == 1 else mapped(names.free_name(name, number, traits.max_name), traits)


def free(name: str, traits: Traits, taken: Container[str], *, rename: bool, since: int = 1) -> str:
    """The first free name beside the taken keys. NameTaken where renaming is not wanted or no number is free."""
    for number in range(since, MOST_NUMBERS):
        candidate = numbered(name, number, traits)
        if key(candidate, traits) not in taken:
            return candidate
        if not rename:
            break
    raise NameTaken(reason="taken")


def exported(entry: Entry, choice: ExportChoice | None) -> str:
    """The name of a document's export: its own with the format's suffix; of anything else its own."""
    if choice is None or entry.name.casefold().endswith(choice.suffix.casefold()):
        return entry.name
    return entry.name + choice.suffix


def unsuffixed(name: str) -> str:
    """The name without its file suffix: what becomes a drive's own document has none."""
    stem, dot, suffix = name.rpartition(".")
    return stem if dot and stem.strip() and 1 <= len(suffix) <= 5 and suffix.isalnum() else name
