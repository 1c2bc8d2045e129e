"""The zip that leaves as it is written: read back by an independent reader, bounded, Zip64 where it must be."""

from __future__ import annotations

import hashlib
import io
import shutil
import subprocess
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.rights.archive import AS_IT_IS, Archive, gathered

PIECE = 256 * 1024


async def pieces(content: bytes, size: int = PIECE) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def zeros(count: int) -> AsyncIterator[bytes]:
    """``count`` pieces that exist once."""
    piece = bytes(PIECE)
    for _ in range(count):
        yield piece


async def written(archive: Archive, files: dict[str, bytes], **how: int) -> bytes:
    """A whole archive."""
    parts = []
    for name, content in files.items():
        sizes = {"size": len(content)} if how.get("known") else {}
        parts += [part async for part in archive.add(name, pieces(content), 1_700_000_000_000, **sizes)]
    return b"".join([*parts, archive.end()])


FILES = {
    "data/person.json": b'{"a": 1}\n' * 1000,
    "files/Ümläut 中文/a b.txt": b"hello",
    "files/empty": b"",
    "files/large": bytes(range(256)) * 4096,
}


@pytest.mark.parametrize("known", [0, 1])
async def test_what_went_in_comes_out(known: int, tmp_path: Path) -> None:
    whole = await written(Archive(), FILES, known=known)
    with zipfile.ZipFile(io.BytesIO(whole)) as read:
        assert read.testzip() is None
        assert {name: read.read(name) for name in read.namelist()} == FILES
        for info in read.infolist():
            digest = hashlib.sha256(FILES[info.filename]).hexdigest()
            assert info.comment.decode() == f"sha256 {digest}"
            assert info.date_time == (2023, 11, 14, 22, 13, 20)
    if shutil.which("unzip"):  # another program reads it as well
        (tmp_path / "x.zip").write_bytes(whole)
        assert subprocess.run(["unzip", "-tqq", tmp_path / "x.zip"], check=False).returncode == 0


async def test_files_are_framed_and_lists_are_compressed() -> None:
    archive, content = Archive(), b"again and again " * 65_536
    lists = [part async for part in archive.add("list", pieces(content), 0)]
    files = [part async for part in archive.add("file", pieces(content), 0, size=len(content), level=AS_IT_IS)]
    assert sum(map(len, lists)) < len(content) / 10
    assert len(content) < sum(map(len, files)) < len(content) * 1.01


async def test_nothing_is_held_but_pieces() -> None:
    """What comes out at once is never more than what went in at once, however long the file is."""
    archive, largest, total = Archive(), 0, 0
    async for part in archive.add("zeros", zeros(400), 0, size=400 * PIECE, level=AS_IT_IS):
        largest, total = max(largest, len(part)), total + len(part)
        assert not archive._sink._parts
    assert total > 400 * PIECE
    assert largest < 2 * PIECE


@pytest.mark.parametrize("known", [0, 1])
async def test_large_files_and_places_are_written_as_zip64(known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if 4 GiB were 1,000 bytes: each size and each place beyond that needs the longer form, and has it."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    whole = await written(Archive(), FILES, known=known)
    monkeypatch.undo()
    assert b"PK\x06\x06" in whole
    assert b"PK\x06\x07" in whole
    with zipfile.ZipFile(io.BytesIO(whole)) as read:
        assert {name: read.read(name) for name in read.namelist()} == FILES
        assert read.getinfo("files/large").extract_version >= zipfile.ZIP64_VERSION


async def test_a_file_that_is_announced_as_huge_has_the_longer_form_from_its_first_byte() -> None:
    archive = Archive()
    added = archive.add("huge", pieces(b"x"), 0, size=5 << 30)
    with pytest.raises(ValueError, match="another size"):
        _ = [part async for part in added]
    head = archive._zip.infolist()[0]
    assert head.extract_version >= zipfile.ZIP64_VERSION


async def test_the_same_name_twice_and_a_name_that_is_too_long() -> None:
    archive = Archive()
    names = ["files/a.txt", "files/a.txt", "files/a.txt", "files/" + "ü" * 2000]
    out = b""
    for name in names:
        out += b"".join([part async for part in archive.add(name, pieces(b"1"), 0)])
    out += archive.end()
    with zipfile.ZipFile(io.BytesIO(out)) as read:
        assert read.namelist()[:3] == ["files/a.txt", "files/a (2).txt", "files/a (3).txt"]
        assert len(read.namelist()[3]) < 100


@pytest.mark.parametrize("moment", [-1, 0, 10**15, 1_700_000_000_000])
async def test_any_time_fits(moment: int) -> None:
    archive = Archive()
    out = b"".join([part async for part in archive.add("x", pieces(b"1"), moment)]) + archive.end()
    with zipfile.ZipFile(io.BytesIO(out)) as read:
        assert 1980 <= read.infolist()[0].date_time[0] <= 2107


async def test_small_pieces_are_gathered() -> None:
    found = [one async for one in gathered(pieces(b"x" * 1000, 7), 100)]
    assert b"".join(found) == b"x" * 1000
    assert all(len(one) >= 100 for one in found[:-1])
