"""What the school's own drive promises and allows, as data."""

from __future__ import annotations

from dataclasses import dataclass

from providers.drive import Traits
from providers.verbs import View

DAY_MS = 24 * 60 * 60 * 1000

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
    views=(View.RECENT.value,),
)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What an owner may keep: ``versions`` older contents of each file, ``bytes`` of everything (0: unlimited).

    ``school``: bytes that all owners of one school may keep together (0: unlimited). Older versions, the trash and
    uploads under way count, a copy as much as what it was made from. ``trash_days``: after so many days the trash is
    emptied by `empty`, and is not given back from then on (0: no end is stated).
    """

    versions: int = 0
    bytes: int = 0
    school: int = 0
    trash_days: int = 0

    @property
    def trash_ms(self) -> int:
        """Milliseconds in the trash, 0: no end is stated."""
        return self.trash_days * DAY_MS
