"""Goes along one chain and says where it breaks. No I/O: entries and checkpoints are given as they come, in order.

What breaks a chain, as a code: 'missing', 'altered', 'replaced' (it is not what a checkpoint says of this place),
'checkpoint' (one that nobody here signed, or one is missing), 'end' (the end is not the one that was written).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.ledger.chain import genesis, link


class Broken(Exception):
    """``sequence``: the first place that does not fit; ``why``: a code of this module."""

    def __init__(self, sequence: int, why: str) -> None:
        super().__init__(f"broken at {sequence}: {why}")
        self.sequence = sequence
        self.why = why


class Walk:
    """``base``: place and hash from which it goes; without one, the chain's beginning."""

    def __init__(self, school: str, base: tuple[int, bytes] | None = None) -> None:
        self.school = school
        self.sequence, self.end = base or (0, genesis(school))

    def entry(self, row: Mapping[str, Any]) -> None:
        """The next entry, with its 'hash'. Broken."""
        expected = self.sequence + 1
        if row["sequence"] != expected:
            raise Broken(expected, "missing")
        if row["school"] != self.school or link(self.end, row) != row["hash"]:
            raise Broken(expected, "altered")
        self.sequence, self.end = expected, bytes(row["hash"])

    def meets(self, sequence: int, end: bytes) -> None:
        """What is said elsewhere of a place, if it is this one. Broken."""
        if sequence == self.sequence and end != self.end:
            raise Broken(sequence, "replaced")
