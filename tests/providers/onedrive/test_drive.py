"""What is OneDrive's own beside uploads and reads: cursors, folders, copies, the recycle bin, quota, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from providers.drive import Kind, OnConflict, Ref
from providers.errors import Busy, Changed, NameTaken, NotFound, Offline, Reconnect, Refused, Unsupported, Untrusted
from providers.onedrive import OneDrive
from tests.conformance.base import everything, get, names, put
from tests.providers.onedrive.conftest import HOME, Open
from tests.sandboxes import Running


def fault(match: Mapping[str, Any], **do: Any) -> dict[str, Any]:
    return {"match": match, "do": do}


async def test_a_cursor_leads_only_to_children_in_graph(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    root = f"{microsoft.url}/v1.0"
    await microsoft.requests()
    for cursor in [
        "",
        "https://evil.example/v1.0/me/drive/items/1/children",
        f"{root}.evil.example/me/drive/items/1/children",
        f"{root}/me",
        f"{root}/me/drive/items/{folder.id}/permanentDelete",
        f"{root}/me/drive/items/../../me?x=/children",
        f"{root}/me/drive/items/1/content#/children",
        f"{root}/me/drive/items/1/x/children",
    ]:
        with pytest.raises(Untrusted):
            await drive.children(folder, cursor)
    assert await microsoft.requests() == []


async def test_a_cursor_that_graph_no_longer_takes(open_drive: Open, folder: Ref) -> None:
    drive = open_drive(page_size=1)
    for name in ("a", "b"):
        await drive.make_folder(folder, name)
    cursor = (await drive.children(folder)).cursor
    assert cursor is not None
    with pytest.raises(Changed):
        await drive.children(folder, cursor.replace("skiptoken=", "skiptoken=x"))


@pytest.mark.parametrize("id_", ["..", "a/b", "a:b", "x?y", "x#y", "a b", "root:", "%2e", "é"])
async def test_what_cannot_be_an_id_is_not_asked_for(drive: OneDrive, microsoft: Running, id_: str) -> None:
    await microsoft.requests()
    for ref in (Ref("", id_), Ref(id_, "1")):
        with pytest.raises(NotFound):
            await drive.stat(ref)
    assert await microsoft.requests() == []


async def test_a_drive_by_its_id(drive: OneDrive, folder: Ref, open_drive: Open) -> None:
    made = await put(drive, folder, "here.bin", b"here")
    home = open_drive(HOME)
    with pytest.raises(Refused):
        await home.stat(Ref(await drive._client.own(), made.ref.id))
    entry = await drive.stat(Ref(await drive._client.own(), made.ref.id))
    assert entry.ref.space == await drive._client.own()
    assert await get(drive, entry.ref) == b"here"


async def test_a_folder_does_not_replace_a_file(drive: OneDrive, folder: Ref) -> None:
    made = await put(drive, folder, "unit", b"a file")
    with pytest.raises(NameTaken):
        await drive.make_folder(folder, "unit", OnConflict.REPLACE)
    assert await get(drive, made.ref) == b"a file"


async def test_a_folder_whose_answer_was_lost(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    match = {"method": "POST", "path": "*/children", "times": 1}
    async with microsoft.faults(fault(match, drop="answer")):
        made = await drive.make_folder(folder, "merged", OnConflict.REPLACE)
    async with microsoft.faults(fault(match, drop="answer")):
        with pytest.raises((Offline, Untrusted)):
            await drive.make_folder(folder, "numbered", OnConflict.RENAME)
    assert made.kind is Kind.FOLDER
    assert await names(drive, folder) == ["merged", "numbered"], "a lost answer makes no twin"


async def test_a_copy_on_the_server(drive: OneDrive, folder: Ref) -> None:
    source = await put(drive, folder, "source.bin", b"source")
    target = await drive.make_folder(folder, "target")
    copied = await drive.copy(source.ref, target.ref, "copy.bin")
    assert copied.ref != source.ref
    assert (copied.name, copied.parent, copied.hashes) == ("copy.bin", target.ref, source.hashes)
    assert await get(drive, copied.ref) == b"source"
    with pytest.raises(NameTaken):
        await drive.copy(source.ref, target.ref, "COPY.bin")
    with pytest.raises(Unsupported):
        await drive.copy(target.ref, folder, "other")


async def test_a_copy_whose_time_is_refused_is_a_copy(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    source = await put(drive, folder, "source.bin", b"source")
    async with microsoft.faults(fault({"method": "PATCH"}, status=403)):
        copied = await drive.copy(source.ref, folder, "copy.bin")
    assert (copied.name, copied.hashes) == ("copy.bin", source.hashes)
    assert copied.modified > source.modified


async def test_a_monitor_that_fails(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    source = await put(drive, folder, "source.bin", b"source")
    async with microsoft.faults(fault({"path": "/monitor/*", "times": 1}, status=500)):
        assert (await drive.copy(source.ref, folder, "first.bin")).name == "first.bin"
    async with microsoft.faults(fault({"path": "/monitor/*"}, html=True)):
        with pytest.raises(Untrusted):
            await drive.copy(source.ref, folder, "second.bin")


async def test_deleting_where_nothing_is_deleted_for_good(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    for status, reason in [(400, "notSupported"), (400, "BadRequest"), (405, "methodNotAllowed")]:
        made = await put(drive, folder, "old.bin", b"old")
        async with microsoft.faults(fault({"path": "*/permanentDelete"}, status=status, reason=reason)):
            await drive.delete(made.ref, version=made.version)
        assert await names(drive, folder) == []


async def test_a_refused_deletion_is_not_a_recycled_one(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    made = await put(drive, folder, "kept.bin", b"kept")
    async with microsoft.faults(fault({"path": "*/permanentDelete"}, status=403)):
        with pytest.raises(Refused):
            await drive.delete(made.ref)
    assert await names(drive, folder) == ["kept.bin"]


async def test_a_move_stays_in_its_drive(drive: OneDrive, folder: Ref) -> None:
    made = await put(drive, folder, "here.bin", b"here")
    with pytest.raises(Unsupported):
        await drive.relocate(made.ref, Ref("b!other", "1"), None)


async def test_a_rename_in_another_case(drive: OneDrive, folder: Ref) -> None:
    made = await put(drive, folder, "case.bin", b"x")
    assert (await drive.relocate(made.ref, None, "CASE.bin")).name == "CASE.bin"


async def test_quota(drive: OneDrive, folder: Ref) -> None:
    used, limit = await drive.quota()
    await put(drive, folder, "more.bin", b"12345")
    assert await drive.quota() == (used + 5, limit)
    assert limit == 1 << 40


async def test_a_locked_file_is_busy(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    made = await put(drive, folder, "open.docx", b"x")
    async with microsoft.faults(fault({"method": "PATCH"}, status=423)):
        with pytest.raises(Busy) as raised:
            await drive.relocate(made.ref, None, "closed.docx")
    assert raised.value.reason == "resourceLocked"


async def test_a_token_that_runs_out(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    async with microsoft.faults(fault({"path": "/v1.0/*", "times": 1}, expire_token=True)):
        assert (await drive.stat(folder)).ref == folder
    async with microsoft.faults(fault({"path": "/v1.0/*"}, status=401)):
        with pytest.raises(Reconnect):
            await drive.stat(folder)


async def test_a_page_instead_of_an_answer(drive: OneDrive, folder: Ref, microsoft: Running) -> None:
    async with microsoft.faults(fault({"path": "/v1.0/*"}, html=True)):
        for call in (drive.stat(folder), drive.children(folder), drive.quota()):
            with pytest.raises(Untrusted):
                await call


async def test_a_personal_drive_has_more_hashes(open_drive: Open) -> None:
    drive = open_drive(HOME)
    [welcome] = [one for one in await everything(drive, await drive.root()) if one.name == "Welcome.txt"]
    assert set(welcome.hashes) == {"quickxor", "sha1", "sha256"}
