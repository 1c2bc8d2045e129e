"""What is opened where a person has a choice: an older version, a document's format."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from gateway.files.opening import Asked, Opener
from gateway.schools import MEDIA_TYPES
from providers.drive import Entry, Kind, Read, Ref
from providers.errors import NotFound
from providers.google.traits import EXPORTS
from providers.verbs import Version
from tests.gateway.files.conftest import LEO, School, Scripted, read_all
from tests.gateway.files.test_opening import stored

FILE = Ref("", "file")


@dataclass
class Keeping(Scripted):
    """A drive that keeps one older version of its file."""

    async def versions(self, ref: Ref) -> list[Version]:
        now = (await Scripted.stat(self, ref)).modified
        return [Version(self.version, len(self.body), now), Version("old", 3, now - timedelta(days=1))]

    @asynccontextmanager
    async def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AsyncIterator[Read]:
        kept = Scripted(b"was", version="old") if version == "old" else Scripted(self.body)
        async with kept.read(ref, start, stop, version=version, export=export) as opened:
            yield opened


async def test_an_older_version_is_opened_and_cached_as_itself(opener: Opener) -> None:
    source = Keeping(b"is now")
    for expected in ("stored", "hit"):
        opened = await opener.open(LEO, "drive", source, Asked(FILE, version="old"))
        assert (opened.size, opened.version, opened.name) == (3, "old", "Cells")
        how, fill = await opener.prepare(opened, 0)
        assert how == expected
        assert b"".join([piece async for piece in opener.read(opened, how, fill, 0, 3)]) == b"was"
        await stored(opener)
    assert await read_all(opener, LEO, source) == ("stored", b"is now")
    current = await opener.open(LEO, "drive", source, Asked(FILE, version="v1"))
    assert current.lookup == (await opener.open(LEO, "drive", source, Asked(FILE))).lookup
    with pytest.raises(NotFound):
        await opener.open(LEO, "drive", source, Asked(FILE, version="never"))


DOCUMENT = MEDIA_TYPES["document"]


class Documents(Scripted):
    """A drive of one document."""

    async def stat(self, ref: Ref) -> Entry:
        return replace(await super().stat(ref), media_type=DOCUMENT, exports=EXPORTS[DOCUMENT])


@pytest.mark.parametrize(
    ("told", "export", "expected"),
    [
        ({}, None, "docx"),
        ({DOCUMENT: "odt"}, None, "odt"),
        ({DOCUMENT: "odt"}, "pdf", "pdf"),
        ({DOCUMENT: "xyz"}, None, "docx"),
    ],
)
async def test_a_school_chooses_the_format_and_a_person_another(
    opener: Opener, school: School, told: dict[str, str], export: str | None, expected: str
) -> None:
    school.exports = told
    source = Documents(b"words", kind=Kind.DOCUMENT)
    assert (await opener.open(LEO, "drive", source, Asked(FILE, export))).export == expected
