"""Nothing is written to a drive before the ledger holds who instructed it; where it cannot, nothing leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cache.vault import Vault
from gateway.db.engine import Database
from gateway.ledger import Cover, Event, Ledger, Place, recorded
from gateway.ledger.optional import OPTIONAL
from providers import verbs
from providers.drive import (
    Drive,
    Entry,
    Instruction,
    Kind,
    NewFile,
    OnConflict,
    Page,
    Progress,
    Read,
    Ref,
    Traits,
    UploadSession,
)
from providers.verbs import CanCopy, CanRestore, CanSearch, HasQuota, supports

WORD = Instruction("i" * 32, "s1-ann", "p1")
PLACE = Place("s1", "s1-ann", "account")
REF, FOLDER = Ref("", "file-1"), Ref("", "folder-1")
WHEN = datetime(2026, 1, 2, tzinfo=UTC)
ENTRY = Entry(REF, FOLDER, "essay.txt", Kind.FILE, "text/plain", 3, "v1", WHEN)
NEW = NewFile(FOLDER, "essay.txt", "text/plain", 3, WHEN)
SESSION = UploadSession("fake", b"secret", NEW)


class Plain:
    """A drive that notes what reaches it."""

    def __init__(self, noted: list[str]) -> None:
        self.noted = noted

    @property
    def traits(self) -> Traits:
        return Traits("fake", "sha256", False, True, True, 1, 1, None, 1, None)

    async def root(self) -> Ref:
        return FOLDER

    async def stat(self, ref: Ref) -> Entry:
        self.noted.append("stat")
        return ENTRY

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        self.noted.append("children")
        return Page([ENTRY], None)

    def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AbstractAsyncContextManager[Read]:
        raise LookupError(f"read {start}-{stop} {version} {export}")

    async def make_folder(self, parent: Ref, name: str, on_conflict: OnConflict = OnConflict.FAIL) -> Entry:
        self.noted.append("make_folder")
        return ENTRY

    async def begin(self, new: NewFile) -> UploadSession:
        self.noted.append("begin")
        return SESSION

    async def progress(self, session: UploadSession) -> Progress:
        self.noted.append("progress")
        return Progress(0)

    async def send(
        self, session: UploadSession, offset: int, data: AsyncIterator[bytes], length: int, *, last: bool
    ) -> Progress:
        self.noted.append("send")
        return Progress(length, ENTRY)

    async def abort(self, session: UploadSession) -> None:
        self.noted.append("abort")

    async def relocate(self, ref: Ref, parent: Ref | None, name: str | None, *, version: str | None = None) -> Entry:
        self.noted.append("relocate")
        return ENTRY

    async def trash(self, ref: Ref, *, version: str | None = None) -> None:
        self.noted.append("trash")

    async def delete(self, ref: Ref, *, version: str | None = None) -> None:
        self.noted.append("delete")


class Copying(Plain):
    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        self.noted.append("copy")
        return ENTRY


class Full(Copying):
    async def quota(self) -> tuple[int, int | None]:
        return 1, 2


class Finding(Plain):
    async def search(self, text: str, cursor: str | None = None) -> Page:
        self.noted.append(f"search {text} {cursor}")
        return Page([ENTRY], None)

    async def restore(self, ref: Ref) -> Entry:
        self.noted.append("restore")
        return ENTRY


class Noting(Ledger):
    """The real ledger; its commits are noted in the same list as the drive's calls."""

    def __init__(self, vault: Vault, database: Database, noted: list[str]) -> None:
        super().__init__(vault, database)
        self.noted = noted

    async def record(self, school: str, event: Event) -> int:
        sequence = await super().record(school, event)
        self.noted.append(f"ledger {event.action}")
        return sequence


class Broken:
    async def record(self, school: str, event: Event) -> int:
        raise OSError("the disk is full")


async def nothing() -> AsyncIterator[bytes]:
    yield b"abc"


async def write_everything(drive: Any) -> None:
    await drive.make_folder(FOLDER, "homework")
    session = await drive.begin(NEW)
    await drive.send(session, 0, nothing(), 3, last=True)
    await drive.relocate(REF, FOLDER, "new name")
    await drive.trash(REF)
    await drive.delete(REF)
    await drive.copy(REF, FOLDER, "copy")


@pytest.mark.both
async def test_an_entry_is_committed_before_each_write(vault: Vault, database: Database) -> None:
    noted: list[str] = []
    ledger = Noting(vault, database, noted)
    await write_everything(recorded(Full(noted), WORD, ledger, PLACE))
    assert noted == [
        "ledger drive.make_folder", "make_folder", "ledger drive.upload", "begin", "send", "ledger drive.relocate",
        "relocate", "ledger drive.trash", "trash", "ledger drive.delete", "delete", "ledger drive.copy", "copy",
    ]  # fmt: skip
    found = await ledger.read("s1")
    assert {entry.instruction for entry in found} == {WORD.id}
    assert {entry.policy_version for entry in found} == {"p1"}
    assert found[1].details == {"account": "account", "parent": str(FOLDER), "name": "essay.txt", "size": 3}


async def test_where_the_ledger_cannot_be_written_nothing_leaves() -> None:
    noted: list[str] = []
    drive = recorded(Full(noted), WORD, Broken(), PLACE)
    calls: list[Any] = [
        lambda: drive.make_folder(FOLDER, "x"),
        lambda: drive.begin(NEW),
        lambda: drive.send(SESSION, 0, nothing(), 3, last=True),
        lambda: drive.relocate(REF, None, "x"),
        lambda: drive.trash(REF),
        lambda: drive.delete(REF),
        lambda: drive.copy(REF, FOLDER, "x"),  # type: ignore[attr-defined]  # the wrapped drive copies
    ]
    for call in calls:
        with pytest.raises(OSError, match="full"):
            await call()
    assert noted == []


async def test_a_session_of_another_process_is_recorded_once(vault: Vault, database: Database) -> None:
    noted: list[str] = []
    drive = recorded(Plain(noted), WORD, Noting(vault, database, noted), PLACE)
    await drive.progress(SESSION)
    await drive.send(SESSION, 0, nothing(), 3, last=False)
    await drive.send(SESSION, 3, nothing(), 3, last=True)
    await drive.abort(SESSION)
    assert noted == ["progress", "ledger drive.upload_resumed", "send", "send", "abort"]


async def test_reading_is_not_written_down_here(vault: Vault, database: Database) -> None:
    noted: list[str] = []
    drive = recorded(Plain(noted), WORD, Noting(vault, database, noted), PLACE)
    assert (await drive.root(), await drive.stat(REF), (await drive.children(FOLDER)).cursor) == (FOLDER, ENTRY, None)
    with pytest.raises(LookupError, match="read 1-2 v pdf"):
        drive.read(REF, 1, 2, version="v", export="pdf")
    assert noted == ["stat", "children"]


async def test_a_cover_stands_for_the_entries_of_a_bulk_job(vault: Vault, database: Database) -> None:
    noted: list[str] = []
    ledger = Noting(vault, database, noted)
    async with database.write() as tx:
        cover = await ledger.cover(tx, "s1", WORD, [b"item"])
    drive = recorded(Full(noted), WORD, ledger, PLACE, cover)
    await drive.send(await drive.begin(NEW), 0, nothing(), 3, last=True)
    await drive.send(replace(SESSION, secret=b"another's"), 0, nothing(), 3, last=True)
    await drive.copy(REF, FOLDER, "copy")  # type: ignore[attr-defined]  # the wrapped drive copies
    assert noted == ["begin", "send", "send", "copy"]
    assert len(await ledger.read("s1")) == 1


async def test_a_cover_never_stands_for_what_changes_or_removes_something(vault: Vault, database: Database) -> None:
    noted: list[str] = []
    ledger = Noting(vault, database, noted)
    async with database.write() as tx:
        cover = await ledger.cover(tx, "s1", WORD, [b"item"])
    drive = recorded(Full(noted), WORD, ledger, PLACE, cover)
    await write_everything(drive)
    other = replace(NEW, replaces=(REF, "v1"))
    await drive.begin(other)
    await drive.send(replace(SESSION, secret=b"another's", spec=other), 0, nothing(), 3, last=True)
    assert [line.removeprefix("ledger drive.") for line in noted if line.startswith("ledger")] == [
        "make_folder", "relocate", "trash", "delete", "upload", "upload_resumed",
    ]  # fmt: skip


async def test_a_cover_of_another_instruction_is_refused() -> None:
    for other in (replace(WORD, id="j" * 32), replace(WORD, principal="s1-bob"), replace(WORD, policy_version="p0")):
        with pytest.raises(ValueError, match="another instruction"):
            recorded(Plain([]), WORD, Broken(), PLACE, Cover("s1", 1, other))


@pytest.mark.parametrize(
    ("kind", "copies", "fills"), [(Plain, False, False), (Copying, True, False), (Full, True, True)]
)
async def test_optional_verbs_are_those_of_the_drive(kind: type[Plain], copies: bool, fills: bool) -> None:
    drive: Drive = recorded(kind([]), WORD, Broken(), PLACE)
    assert (isinstance(drive, CanCopy), isinstance(drive, HasQuota)) == (copies, fills)
    if isinstance(drive, HasQuota):
        assert await drive.quota() == (1, 2)


async def test_a_search_passes_and_a_restore_is_recorded_first(vault: Vault, database: Database) -> None:
    noted: list[str] = []
    drive = recorded(Finding(noted), WORD, Noting(vault, database, noted), PLACE)
    searching, restoring = supports(drive, CanSearch), supports(drive, CanRestore)
    assert searching is not None
    assert restoring is not None
    assert supports(drive, CanCopy) is None
    assert (await searching.search("leaf", "next")).entries == [ENTRY]
    assert await restoring.restore(REF) == ENTRY
    assert noted == ["search leaf next", "ledger drive.restore", "restore"]
    with pytest.raises(OSError):
        await recorded_restore(noted)
    assert noted.count("restore") == 1


async def recorded_restore(noted: list[str]) -> None:
    """A restore where nothing can be recorded."""
    restoring = supports(recorded(Finding(noted), WORD, Broken(), PLACE), CanRestore)
    assert restoring is not None
    await restoring.restore(REF)


class Everything(Full, Finding):
    """A drive with every optional verb there is."""

    async def versions(self, ref: Ref) -> list[verbs.Version]:
        self.noted.append(f"versions {ref.id}")
        return [verbs.Version("v1", 3, WHEN)]

    async def trashed(self, cursor: str | None = None) -> Page:
        self.noted.append(f"trashed {cursor}")
        return Page([ENTRY], "more")

    async def spaces(self) -> list[verbs.Space]:
        return [verbs.Space(FOLDER, "Staff")]

    async def view(self, view: verbs.View, cursor: str | None = None) -> Page:
        self.noted.append(f"view {view} {cursor}")
        return Page([], None)

    async def changes(self, cursor: str | None = None, space: str = "") -> verbs.Changes:
        self.noted.append(f"changes {cursor} {space}")
        return verbs.Changes([], "now")

    async def thumbnail(self, ref: Ref, edge: int = 256) -> verbs.Picture | None:
        self.noted.append(f"thumbnail {edge}")
        return verbs.Picture("image/png", b"png")

    def read_listed(self, entry: Entry) -> AbstractAsyncContextManager[Read]:
        raise LookupError(f"read {entry.name} as listed")


def protocols() -> list[type]:
    """Every optional verb that there is."""
    return [one for one in vars(verbs).values() if getattr(one, "_is_runtime_protocol", False)]


async def test_no_optional_verb_is_forgotten_and_none_is_invented() -> None:
    assert {verb for verb, _ in OPTIONAL} == set(protocols())
    full = recorded(Everything([]), WORD, Broken(), PLACE)
    bare = recorded(Plain([]), WORD, Broken(), PLACE)
    for verb in protocols():
        assert supports(full, verb) is full, verb
        assert supports(bare, verb) is None, verb
        single = type("Single", (Plain,), {verb_method(verb): getattr(Everything, verb_method(verb))})
        kept = recorded(single([]), WORD, Broken(), PLACE)
        assert [one for one in protocols() if supports(kept, one)] == [verb]


def verb_method(verb: type) -> str:
    (name,) = (name for name in vars(verb) if not name.startswith("_"))
    return name


async def test_what_only_reads_passes_through_unrecorded() -> None:
    noted: list[str] = []
    drive = Everything(noted)
    full: Any = recorded(drive, WORD, Broken(), PLACE)
    assert await full.quota() == (1, 2)
    with pytest.raises(LookupError, match="as listed"):
        full.read_listed(ENTRY)
    assert await full.spaces() == await drive.spaces()
    assert (await full.versions(REF))[0].id == "v1"
    assert (await full.trashed("c")).cursor == "more"
    assert (await full.view(verbs.View.RECENT, "d")).entries == []
    assert (await full.changes("e", "f")).cursor == "now"
    picture = await full.thumbnail(REF, 64)
    assert (picture.media_type, picture.data) == ("image/png", b"png")
    assert noted == ["versions file-1", "trashed c", "view recent d", "changes e f", "thumbnail 64"]
