"""spaces: other trees that the account reaches, each a tree like its own."""

from __future__ import annotations

from providers.drive import Drive, Kind
from providers.verbs import HasSpaces
from tests.conformance.base import Base, everything, verb


class Spanning(Base):
    """`HasSpaces`, of an account that reaches at least one."""

    async def test_each_has_a_name_and_a_top_folder(self, drive: Drive) -> None:
        spaces = await verb(drive, HasSpaces).spaces()
        own = await drive.root()
        assert spaces
        assert all(space.name for space in spaces)
        assert [space.name for space in spaces] == sorted((space.name for space in spaces), key=str.casefold)
        assert len({space.root.space for space in spaces} | {own.space}) == len(spaces) + 1
        for space in spaces:
            top = await drive.stat(space.root)
            assert (top.ref, top.kind, top.parent) == (space.root, Kind.FOLDER, None)

    async def test_what_lies_in_one_knows_where(self, drive: Drive) -> None:
        found = 0
        for space in await verb(drive, HasSpaces).spaces():
            for entry in await everything(drive, space.root):
                assert entry.ref.space == space.root.space
                assert entry.parent == space.root
                found += 1
        assert found, "one of them must hold something"
