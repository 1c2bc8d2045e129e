"""The journal: one chain for all processes, whole lines or none, each entry once, and what half a disk does to it."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gateway.erasure.journal import Journal, JournalRefused, Line

KEY = b"k" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal" / "erasures"


async def opened(path: Path) -> Journal:
    journal = Journal(path, KEY)
    await journal.open(None)
    return journal


async def test_an_entry_is_written_once_for_each_scope(path: Path) -> None:
    """A repeated step finds its line, whatever it says of the time."""
    journal = await opened(path)
    first = await journal.append("e1", "s", "p", "person", 1)
    assert await journal.append("e1", "s", "p", "person", 2) == first
    assert (await journal.append("e1", "s", "p", "suspended", 3)).sequence == 2
    assert (await journal.append("e2", "s", "q", "person", 3)).sequence == 3
    assert len(path.read_text().splitlines()) == 3
    assert path.stat().st_mode & 0o777 == 0o600
    assert await (await opened(path)).append("e1", "s", "p", "person", 9) == first


async def test_many_entries_are_one_write(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are there already are found, and nothing is written twice."""
    journal, synced = await opened(path), list[int]()
    real = os.fsync

    def sync(handle: int) -> None:
        synced.append(handle)
        real(handle)

    monkeypatch.setattr(os, "fsync", sync)
    await journal.append("e2", "s", "p2", "person", 1)
    synced.clear()
    lines = await journal.append_all([Line(0, f"e{n}", "s", f"p{n}", "person", n) for n in (1, 2, 3, 1)])
    assert [line.sequence for line in lines] == [2, 1, 3, 2]
    assert len(synced) == 1
    assert [line.erasure for line in await Journal(path, KEY).open(1)] == ["e1", "e3"]


async def test_a_note_is_part_of_the_chain(path: Path) -> None:
    """And what the first version wrote, without one, still holds."""
    journal = await opened(path)
    await journal.append("e1", "s", "p", "person", 1)
    assert "note" not in json.loads(path.read_text())
    noted = await journal.append("e2", "s", "p", "corrected", 1, note="c2VhbGVk")
    assert (await Journal(path, KEY).open(None))[1] == noted
    path.write_text(path.read_text().replace("c2VhbGVk", "b3BlbmVk"))
    with pytest.raises(JournalRefused, match="changed"):
        await opened(path)


async def test_two_processes_write_one_journal(path: Path) -> None:
    """Each finds the other's lines before it adds its own; the chain holds."""
    first, second = await opened(path), await opened(path)
    written = [await journal.append(f"e{n}", "s", "p", "person", n) for n, journal in enumerate((first, second) * 2)]
    assert [line.sequence for line in written] == [1, 2, 3, 4]
    assert (await first.append("e3", "s", "p", "person", 9)).sequence == 4
    assert list(await Journal(path, KEY).open(None)) == written


@pytest.mark.parametrize("broken", ["write", "sync"])
async def test_a_full_disk_leaves_whole_lines_only(path: Path, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """Some bytes were taken, or none is durable: they are taken back, and the next line stands where it should."""
    journal, write, sync = await opened(path), os.pwrite, os.fsync
    await journal.append("e0", "s", "p", "person", 1)
    whole = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(errno.EIO, "broken")

    if broken == "write":
        monkeypatch.setattr(os, "pwrite", lambda handle, text, at: write(handle, text[:7], at))
    else:
        monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"full|broken"):
        await journal.append("e1", "s", "p", "person", 1)
    assert path.read_bytes() == whole
    monkeypatch.setattr(os, "pwrite", write)
    monkeypatch.setattr(os, "fsync", sync)
    assert (await journal.append("e2", "s", "p", "person", 1)).sequence == 2
    assert len(await Journal(path, KEY).open(None)) == 2


@pytest.mark.parametrize("change", ["drop", "swap", "flip", "twice", "foreign", "key"])
async def test_a_changed_journal_is_refused(path: Path, change: str) -> None:
    journal = await opened(path)
    for n in range(3):
        await journal.append(f"e{n}", "s", "p", "person", n)
    lines = path.read_bytes().splitlines(keepends=True)
    wrong: dict[str, list[bytes]] = {
        "drop": [lines[0], lines[2]],
        "swap": [lines[1], lines[0], lines[2]],
        "flip": [lines[0], lines[1].replace(b"person", b"school"), lines[2]],
        "twice": [*lines, lines[2]],
        "foreign": [*lines, b"[1]\n"],
        "key": lines,
    }
    path.write_bytes(b"".join(wrong[change]))
    with pytest.raises(JournalRefused):
        await Journal(path, b"x" * 32 if change == "key" else KEY).open(None)


async def test_a_line_that_was_not_finished_never_was(path: Path) -> None:
    journal = await opened(path)
    await journal.append("e0", "s", "p", "person", 1)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"half": ')
    again: Any = await opened(path)
    assert path.read_bytes() == whole
    assert (await again.append("e1", "s", "p", "person", 1)).sequence == 2
