"""What the school's own drive promises and allows, as data."""

from __future__ import annotations

from dataclasses import dataclass

from providers.drive import Traits

TRAITS = Traits(
    kind="native",
    hash="sha256",
    needs_size=False,
    unique_names=True,
    case_sensitive=False,
    max_size=2**53 - 1,  # what JSON can say exactly
    alignment=1,
    max_piece=None,
    max_name=255,
    max_path=None,
    forbidden=frozenset({"/", "\x7f", *map(chr, range(32))}),
    reserved=frozenset({".", ".."}),
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an owner may keep: ``versions`` older contents of each file, ``bytes`` of everything (0: unlimited).

    Older versions, the trash and uploads under way count.
    """

    versions: int = 0
    bytes: int = 0
