"""stat and root: what an entry says of itself."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Kind, Ref
from providers.errors import NotFound
from tests.conformance.base import MODIFIED, Base, digest, gone, put


class Stat(Base):
    """`Source.stat` and `Source.root`."""

    async def test_the_root_is_a_folder_without_a_parent(self, drive: Drive, folder: Ref) -> None:
        top = await drive.stat(await drive.root())
        assert top.kind is Kind.FOLDER
        assert top.parent is None
        assert top.ref == await drive.root()

    async def test_a_file(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "facts.bin", b"some facts")
        entry = await drive.stat(made.ref)
        assert entry.ref == made.ref
        assert entry.parent == folder
        assert entry.name == "facts.bin"
        assert entry.kind is Kind.FILE
        assert entry.size == 10
        assert entry.version == made.version != ""
        assert entry.hashes[drive.traits.hash] == digest(drive.traits, b"some facts")
        assert {"read", "write", "move", "trash", "delete"} <= entry.may
        assert not entry.flags

    async def test_times_are_kept_and_aware(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "old.bin", b"old")
        entry = await drive.stat(made.ref)
        assert entry.modified.tzinfo is not None
        assert abs((entry.modified - MODIFIED).total_seconds()) < 1

    async def test_a_folder(self, drive: Drive, folder: Ref) -> None:
        made = await drive.make_folder(folder, "unit")
        entry = await drive.stat(made.ref)
        assert entry.kind is Kind.FOLDER
        assert entry.parent == folder
        assert entry.name == "unit"
        assert entry.ref == made.ref

    async def test_refs_survive_as_text(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "text.bin", b"x")
        assert (await drive.stat(Ref.parse(str(made.ref)))).ref == made.ref

    async def test_what_is_not_there(self, drive: Drive, folder: Ref) -> None:
        with pytest.raises(NotFound):
            await drive.stat(await gone(drive, folder))
        with pytest.raises(NotFound):
            await drive.stat(Ref(folder.space, "0NoSuchItemHere0"))
