"""Shared drives: who is a member of which, in which role, and how much fits in. No HTTP, no wire form."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from providers.sandbox.behaviours import behaviour
from providers.sandbox.people import Person
from providers.sandbox.store import Doc, Store

RANKS = ("reader", "commenter", "writer", "fileOrganizer", "organizer", "owner")
ITEMS = 500_000


def strongest(roles: Iterable[str | None]) -> str | None:
    """The role that allows most."""
    return max((role for role in roles if role), key=RANKS.index, default=None)


class SharedDrives:
    """The shared drives by id. A row is ``id name school created seq changed members? limit?``."""

    def __init__(self, store: Store, tick: Callable[[], dict[str, int]]) -> None:
        self._rows, self._tick = store.table("drives"), tick

    def rows(self) -> list[Doc]:
        """All of them."""
        return list(self._rows.values())

    def get(self, drive: str) -> Doc | None:
        """One of them, whoever may see it."""
        return self._rows.get(drive)

    def put(self, row: Doc) -> None:
        """Keeps a drive, new or changed; the feed of changes tells it."""
        self._rows.put(row["id"], {**row, **self._tick()})

    def of(self, person: Person) -> list[Doc]:
        """Those that a person is a member of."""
        return [row for row in self._rows.values() if self.role(person, row["id"])]

    @behaviour("assumed", "The staff of a school are organizers of its shared drives, unless members say otherwise.")
    def role(self, person: Person, drive: str) -> str | None:
        """A member's role, or None."""
        row = self._rows.get(drive)
        if row is None:
            return None
        if person.email in row.get("members", {}):
            given: str | None = row["members"][person.email]
            return given
        return "organizer" if person.role != "student" and person.school == row["school"] else None

    def members(self, drive: str, people: Iterable[Person]) -> dict[str, str]:
        """Address -> role of everyone who is in it."""
        found = {person.email: self.role(person, drive) for person in people}
        return {email: role for email, role in found.items() if role}

    def admit(self, drive: str, email: str, role: str | None) -> None:
        """Makes someone a member in that role; None: no member any more."""
        row = self._rows[drive]
        self.put({**row, "members": {**row.get("members", {}), email: role}})

    def limit(self, drive: str) -> int:
        """How many items it can hold, its root included."""
        return int(self._rows[drive].get("limit", ITEMS))
