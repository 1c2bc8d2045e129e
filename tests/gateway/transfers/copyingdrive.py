"""A drive on disk that copies inside itself, and refuses to move what its other half owns."""

from __future__ import annotations

from pathlib import Path

from gateway.ids import new_id
from providers.drive import Entry, Kind, Ref, Traits
from providers.errors import Refused
from tests.gateway.transfers.filedrive import FileDrive
from tests.gateway.transfers.trip import Trip


class CopyingDrive(FileDrive):
    """A drive that copies inside itself, and refuses to move what its other half owns."""

    def __init__(self, folder: Path, traits: Traits, trip: Trip | None = None, *, page: int = 3) -> None:
        super().__init__(folder, traits, trip, page=page)
        self.foreign: set[str] = set()
        """Folders of another drive or owner: nothing is moved into them."""

    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        """See `providers.verbs.CanCopy`. Like a real one it has its own time."""
        self.trip.call("copy")
        row = self._row(ref)
        self._row(parent)
        if self.traits.unique_names:
            self._see_free(parent.id, name)
        made = id or new_id()
        self._insert(made, parent.id, name, Kind(row["kind"]), row["media_type"], row["blob"], row["size"])
        self.trip.answer("copy")
        return self._entry(self._by_id(made))

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        if parent is not None and parent.id in self.foreign:
            raise Refused(reason="across_drives")
        return await super().relocate(ref, parent, name, version=version)
