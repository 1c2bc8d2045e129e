"""thumbnail: a real picture of bounded size, or an honest None."""

from __future__ import annotations

import pytest

from providers.drive import Drive, Ref
from providers.errors import NotFound
from providers.verbs import PICTURE_LIMIT, HasThumbnails
from tests.conformance.base import Base, gone, put, verb

MAGIC = {
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/gif": (b"GIF87a", b"GIF89a"),
    "image/webp": (b"RIFF",),
}


class Picturing(Base):
    """`HasThumbnails`. ``pictured``, a fixture that must be given: an item that has a picture."""

    @pytest.mark.parametrize("edge", [32, 256, 1024])
    async def test_it_is_a_picture(self, drive: Drive, pictured: Ref, edge: int) -> None:
        picture = await verb(drive, HasThumbnails).thumbnail(pictured, edge)
        assert picture is not None
        assert 0 < len(picture.data) <= PICTURE_LIMIT
        assert picture.data.startswith(MAGIC[picture.media_type])

    async def test_there_is_none_of_what_cannot_be_drawn(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "bytes.bin", b"\0\1\2")
        assert await verb(drive, HasThumbnails).thumbnail(made.ref) is None
        assert await verb(drive, HasThumbnails).thumbnail(folder) is None

    async def test_no_picture_of_what_is_not_there(self, drive: Drive, folder: Ref) -> None:
        with pytest.raises(NotFound):
            await verb(drive, HasThumbnails).thumbnail(await gone(drive, folder))
