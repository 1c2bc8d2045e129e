"""view: lists that lie across folders, each only where the traits name it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from providers.drive import Drive, Entry, Ref
from providers.errors import Unsupported
from providers.verbs import HasViews, View
from tests.conformance.base import Base, collected, put, verb


async def seen(drive: Drive, view: View) -> list[Entry]:
    """All of a view."""
    showing = verb(drive, HasViews)
    return await collected(lambda cursor: showing.view(view, cursor))


class Views(Base):
    """`HasViews`. ``shown``, a fixture to override: an item per view that must be in it; for RECENT one is made."""

    @pytest.fixture
    def shown(self) -> Mapping[View, Ref]:
        """What somebody else shared, what was starred."""
        return {}

    async def test_each_view_of_the_traits_is_listed(self, drive: Drive, shown: Mapping[View, Ref]) -> None:
        offered = {View(name) for name in drive.traits.views}
        assert offered
        assert offered - {View.RECENT} <= set(shown), "an item of each view must be named"
        for view in offered:
            entries = await seen(drive, view)
            assert len({entry.ref for entry in entries}) == len(entries)
            assert not [entry for entry in entries if "trashed" in entry.flags]
            if view in shown:
                assert shown[view].id in [entry.ref.id for entry in entries]

    async def test_others_are_refused(self, drive: Drive) -> None:
        for view in set(View) - {View(name) for name in drive.traits.views}:
            with pytest.raises(Unsupported):
                await verb(drive, HasViews).view(view)

    async def test_what_was_used_last_comes_first(self, drive: Drive, folder: Ref, page_size: int | None) -> None:
        if View.RECENT not in drive.traits.views:
            return
        inner = await drive.make_folder(folder, "inner")
        made = [await put(drive, inner.ref, f"{n}.bin", b"x") for n in range((page_size or 3) + 2)]
        refs = [entry.ref for entry in await seen(drive, View.RECENT)]
        assert set(refs[: len(made)]) == {entry.ref for entry in made}
        await drive.trash(made[-1].ref)
        refs = [entry.ref for entry in await seen(drive, View.RECENT)]
        assert made[-1].ref not in refs
        assert set(refs[: len(made) - 1]) == {entry.ref for entry in made[:-1]}
        await drive.trash(inner.ref)
        assert not {entry.ref for entry in made} & {entry.ref for entry in await seen(drive, View.RECENT)}
