"""versions: the contents that a file had, each readable by its id, and one of them put back."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref
from providers.errors import NotFound, Unsupported
from providers.verbs import HasVersions
from tests.conformance.base import Base, content, get, gone, put, verb

CONTENTS = [b"first", content(300_007, seed=31), b"", b"the fourth"]


class Versioning(Base):
    """`HasVersions`, on a drive that keeps at least three older ones."""

    async def test_one_content_is_one_version(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "once.bin", b"once")
        [only] = await verb(drive, HasVersions).versions(made.ref)
        assert only.size == 4
        assert only.modified.tzinfo is not None
        assert await get(drive, made.ref, version=only.id) == b"once"

    async def test_all_are_listed_and_read_the_current_one_first(self, drive: Drive, folder: Ref) -> None:
        made = [await put(drive, folder, "essay.bin", CONTENTS[0])]
        for data in CONTENTS[1:]:
            made.append(await put(drive, folder, "essay.bin", data, replaces=(made[0].ref, made[-1].version)))
        kept = await verb(drive, HasVersions).versions(made[0].ref)
        assert [one.size for one in kept] == [len(data) for data in reversed(CONTENTS)]
        assert len({one.id for one in kept}) == len(CONTENTS)
        for one, data in zip(kept, reversed(CONTENTS), strict=True):
            assert await get(drive, made[0].ref, version=one.id) == data
        assert await get(drive, made[0].ref, 299_990, 300_000, version=kept[2].id) == CONTENTS[1][299_990:300_000]
        assert await get(drive, made[0].ref) == CONTENTS[-1]

    async def test_an_older_one_put_back_is_a_new_one(self, drive: Drive, folder: Ref) -> None:
        first = await put(drive, folder, "essay.bin", b"better")
        second = await put(drive, folder, "essay.bin", b"worse", replaces=(first.ref, first.version))
        older = (await verb(drive, HasVersions).versions(first.ref))[1]
        data = await get(drive, first.ref, version=older.id)
        back = await put(drive, folder, "essay.bin", data, replaces=(first.ref, second.version))
        assert back.ref == first.ref
        assert await get(drive, first.ref) == b"better"
        kept = await verb(drive, HasVersions).versions(first.ref)
        assert [await get(drive, first.ref, version=one.id) for one in kept] == [b"better", b"worse", b"better"]

    async def test_a_new_name_or_place_keeps_them(self, drive: Drive, folder: Ref) -> None:
        first = await put(drive, folder, "essay.bin", b"one")
        await put(drive, folder, "essay.bin", b"two", replaces=(first.ref, first.version))
        before = [one.id for one in await verb(drive, HasVersions).versions(first.ref)]
        inner = await drive.make_folder(folder, "inner")
        await drive.relocate(first.ref, inner.ref, "moved.bin")
        assert [one.id for one in await verb(drive, HasVersions).versions(first.ref)] == before

    async def test_what_has_none(self, drive: Drive, folder: Ref) -> None:
        with pytest.raises(Unsupported):
            await verb(drive, HasVersions).versions(folder)
        with pytest.raises(NotFound):
            await verb(drive, HasVersions).versions(await gone(drive, folder))
