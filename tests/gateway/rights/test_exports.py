"""Taking everything away: whole, hash by hash, nobody else's, by a link that works once, with everybody told."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from cache.errors import Corrupt, StorageError
from cache.model import Scope
from gateway.db.tables_rights import exports
from gateway.identity.secrets import digest
from gateway.ledger import Event
from gateway.policy import POLICY_VERSION
from gateway.rights import Acting, NoExport, Wanted
from gateway.rights.exporting import Exporter
from gateway.rights.exports import LINK_LIFE, LONGEST
from gateway.web import catalogs
from providers.drive import NewFile, OnConflict, Ref
from providers.errors import Changed
from providers.native import Allowance, NativeDrive
from providers.native.tables import parts
from tests.gateway.rights.conftest import DAY, World, oneself, principal


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


async def save(drive: NativeDrive, parent: Ref, name: str, content: bytes) -> Ref:
    """A file, or its next content."""
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    session = await drive.begin(NewFile(parent, name, "text/plain", len(content), now, OnConflict.REPLACE))
    done = await drive.send(session, 0, _whole(content), len(content), last=True)
    assert done.done is not None
    return done.done.ref


async def fill(world: World, scope: Scope) -> dict[str, bytes]:
    """A drive with folders, older contents, a trash and odd names; where each lies in an archive."""
    drive = NativeDrive(world.vault, world.database, scope, allowance=Allowance(versions=5))
    root = await drive.root()
    folder = (await drive.make_folder(root, "Essays")).ref
    deep = (await drive.make_folder(folder, 'a:b "c"')).ref
    await save(drive, root, "empty.txt", b"")
    await save(drive, folder, "essay.txt", b"first")
    await save(drive, folder, "essay.txt", b"second")
    await save(drive, deep, "Ümläut?.bin", bytes(range(256)) * 5000)
    gone = await save(drive, folder, "old.txt", b"thrown away")
    await drive.trash(gone)
    await save(drive, folder, "old.txt", b"new one of that name")
    thrown = (await drive.make_folder(root, "Thrown")).ref
    await save(drive, thrown, "inside.txt", b"in a folder that was thrown away")
    await drive.trash(thrown)
    odd = "a‛：b ‛＂c‛＂"
    return {
        "files/empty.txt": b"",
        "files/Essays/essay.txt": b"second",
        "versions/Essays/essay.txt/2026-03-01 12.00.00 (0).txt": b"first",
        f"files/Essays/{odd}/Ümläut‛？.bin": bytes(range(256)) * 5000,
        "trash/Essays/old.txt": b"thrown away",
        "files/Essays/old.txt": b"new one of that name",
        "trash/Thrown/inside.txt": b"in a folder that was thrown away",
    }


async def wanted(world: World, scope: Scope, **more: Any) -> Wanted:
    """An order for the first part, in English."""
    told = {
        "how": "self", "name": "Leo <Park>", "school": "Riverside", "part": 1, "parts": 1,
        "made": await world.database.now(), "locale": "en",
    }  # fmt: skip
    return Wanted(scope, **{**told, **more})


async def archive(exporter: Exporter, order: Wanted) -> zipfile.ZipFile:
    """The archive, read back."""
    parts = [part async for part in exporter.pieces(order)]
    return zipfile.ZipFile(io.BytesIO(b"".join(parts)))


@pytest.mark.both
async def test_every_file_with_its_older_contents_hash_by_hash(world: World, leo: Scope) -> None:
    expected = await fill(world, leo)
    with await archive(world.given.exporter, await wanted(world, leo)) as read:
        assert read.testzip() is None
        found = {name: read.read(name) for name in read.namelist() if name.startswith(("files", "trash", "versions"))}
        assert found == expected
        manifest = json.loads(read.read("manifest.json"))
        told = {one["path"]: (one["size"], one["sha256"]) for one in manifest["files"]}
        for name in set(read.namelist()) - {"manifest.json", "index.html"}:
            content = read.read(name)
            assert told[name] == (len(content), hashlib.sha256(content).hexdigest()), name
    assert (manifest["person"], manifest["part"], manifest["missing"]) == (leo.subject, 1, [])


@pytest.mark.both
async def test_every_record_of_the_review_is_in_it(world: World, leo: Scope) -> None:
    await fill(world, leo)
    async with world.database.write() as tx:
        for number in range(150):
            await world.given.notifications.tell(tx, leo, "inactive", due=number)
    with await archive(world.given.exporter, await wanted(world, leo)) as read:
        manifest = json.loads(read.read("manifest.json"))
        for counted in await world.given.review.overview(leo):
            held = json.loads(read.read(f"data/{counted.section.name}.json"))
            assert len(held["records"]) == sum(counted.records.values()), counted.section.name
            store = next(one for one in manifest["stores"] if one["store"] == counted.section.name)
            assert store["records"] == len(held["records"])
        assert json.loads(read.read("data/person.json"))["records"][0]["name"] == "Leo Park"


@pytest.mark.both
async def test_nothing_of_anybody_else_is_in_it(world: World, leo: Scope, dana: Scope) -> None:
    await fill(world, dana)
    told = {"name": "a secret of dana"}
    await world.ledger.record(leo.tenant, Event("x.y", leo.subject, dana.subject, None, POLICY_VERSION, told))
    with await archive(world.given.exporter, await wanted(world, leo)) as read:
        everything = b"".join(read.read(name) for name in read.namelist())
    assert (dana.subject or "").encode() not in everything
    assert b"a secret of dana" not in everything
    assert b"Essays" not in everything


async def test_a_large_export_comes_in_parts_that_miss_and_repeat_nothing(world: World, leo: Scope) -> None:
    expected = await fill(world, leo)
    exporter = Exporter(world.vault, world.database, world.given.review, part_files=3)
    parts = await exporter.parts(leo)
    assert parts == 3
    found: dict[str, bytes] = {}
    for part in range(1, parts + 1):
        with await archive(exporter, await wanted(world, leo, part=part, parts=parts)) as read:
            names = [name for name in read.namelist() if name.startswith(("files", "trash", "versions"))]
            assert len(names) <= 3
            assert not set(names) & set(found)
            found |= {name: read.read(name) for name in names}
            assert ("data/person.json" in read.namelist()) == (part == 1)
    assert found == expected
    with await archive(exporter, await wanted(world, leo, part=99, parts=parts)) as read:
        assert read.namelist() == ["manifest.json", "index.html"]


async def test_the_guide_speaks_the_persons_language_and_escapes(world: World, leo: Scope) -> None:
    drive = NativeDrive(world.vault, world.database, leo)
    await save(drive, (await drive.make_folder(await drive.root(), "Essays")).ref, "essay.txt", b"words")
    for locale in catalogs.LANGUAGES:
        with await archive(world.given.exporter, await wanted(world, leo, locale=locale)) as read:
            page = read.read("index.html").decode()
        assert f'<html lang="{locale}" dir="{catalogs.direction(locale)}">' in page
        assert catalogs.translate(locale, "Files in this archive") in page
        assert "Leo &lt;Park&gt;" in page
        assert "<Park>" not in page
        assert "<h1>" in page
        assert '<th scope="col">' in page
        assert "<caption>" in page
        assert '<td><a href="files/Essays/essay.txt">files/Essays/essay.txt</a></td>' in page
        assert "<script" not in page


async def test_what_is_deleted_meanwhile_is_named_and_the_rest_is_whole(
    world: World, leo: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = await fill(world, leo)
    drive = NativeDrive(world.vault, world.database, leo)
    pieces = world.given.exporter.pieces(await wanted(world, leo))
    parts = []
    async for part in pieces:
        parts.append(part)
        if len(parts) == 1:
            for name in ("Essays", "empty.txt"):
                for entry in (await drive.children(await drive.root())).entries:
                    if entry.name == name:
                        await drive.delete(entry.ref)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as read:
        assert read.testzip() is None
        left = {name for name in read.namelist() if name.startswith(("files", "trash", "versions"))}
        assert left < set(expected)


@pytest.mark.parametrize("damage", ["swapped", "lost"])
async def test_a_damaged_file_is_never_part_of_a_whole_archive(world: World, leo: Scope, damage: str) -> None:
    """Two files of one size change places, or one has lost its bytes: every key still opens, and all the same."""
    drive = NativeDrive(world.vault, world.database, leo)
    for name in ("a", "b"):
        await save(drive, await drive.root(), name, name.encode() * 1000)
    async with world.database.write() as tx:
        first, second = (await tx.execute(select(parts))).all()
        await tx.execute(update(parts).where(parts.c.version == first.version).values(object=second.object))
        if damage == "lost":
            await tx.execute(delete(parts).where(parts.c.version == first.version))
    with pytest.raises(Corrupt):
        async for _ in world.given.exporter.pieces(await wanted(world, leo)):
            pass


@pytest.mark.both
async def test_who_is_forgotten_meanwhile_gets_no_whole_archive(world: World, leo: Scope) -> None:
    await fill(world, leo)
    pieces = world.given.exporter.pieces(await wanted(world, leo))
    await anext(pieces)
    async with world.database.write() as tx:
        await world.vault.shred(tx, leo)
    with pytest.raises((StorageError, Changed)):
        async for _ in pieces:
            pass
    assert not world.given.exporter.busy


async def test_few_archives_are_made_at_once(world: World, leo: Scope) -> None:
    running = [world.given.exporter.pieces(await wanted(world, leo)) for _ in range(4)]
    for one in running:
        await anext(one)
    assert world.given.exporter.busy
    for one in running:
        await one.aclose()  # type: ignore[attr-defined]  # they are async generators
    assert not world.given.exporter.busy


@pytest.mark.both
async def test_a_link_works_once_for_whoever_asked(world: World, leo: Scope, dana: Scope) -> None:
    exports_ = world.given.exports
    asked, secret = await exports_.ask(oneself(leo))
    with pytest.raises(NoExport):
        await exports_.find(principal(dana), secret)
    with pytest.raises(NoExport):
        await exports_.begin(principal(dana), secret)
    assert await exports_.find(principal(leo), secret) == asked
    assert (await exports_.begin(principal(leo), secret)).state == "sending"
    for again in (exports_.find, exports_.begin):
        with pytest.raises(NoExport):
            await again(principal(leo), secret)
    await exports_.ended(asked, 7, whole=True)
    (done,), _ = await exports_.list(leo)
    assert (done.state, done.size, done.acting.how) == ("done", 7, "self")


@pytest.mark.both
async def test_a_new_link_takes_the_place_of_one_that_waits(world: World, leo: Scope) -> None:
    _, first = await world.given.exports.ask(oneself(leo))
    _, second = await world.given.exports.ask(oneself(leo))
    _, other = await world.given.exports.ask(oneself(leo), part=2)
    with pytest.raises(NoExport):
        await world.given.exports.begin(principal(leo), first)
    for secret in (second, other):
        await world.given.exports.begin(principal(leo), secret)


@pytest.mark.both
async def test_a_link_ends_after_its_minutes_and_its_secret_is_never_kept(world: World, leo: Scope) -> None:
    asked, secret = await world.given.exports.ask(oneself(leo))
    world.database.ahead = LINK_LIFE
    with pytest.raises(NoExport):
        await world.given.exports.find(principal(leo), secret)
    with pytest.raises(NoExport):
        await world.given.exports.begin(principal(leo), secret)
    async with world.database.read() as tx:
        assert (await tx.execute(select(exports.c.secret))).scalar_one() == digest(secret)
    assert await world.given.exports.sweep(10, 30 * DAY, {}) == 1
    async with world.database.read() as tx:
        row = (await tx.execute(select(exports))).one()
    assert (row.id, row.state, row.secret) == (asked.id, "unused", None)


@pytest.mark.both
async def test_everybody_knows_who_asked_before_a_byte_leaves(world: World, leo: Scope, dana: Scope) -> None:
    guardian = Acting(dana.subject or "", leo, "guardian", "0" * 32)
    _, secret = await world.given.exports.ask(guardian)
    await world.given.exports.begin(principal(dana), secret)
    assert await world.told(leo) == ["export_sent", "export_asked"]
    told = (await world.given.notifications.list(leo))[0][0].details
    assert (told["as"], told["by"]) == ("guardian", dana.subject)
    for action in ("export.asked", "export.sent"):
        (entry,) = await world.entries(action)
        assert (entry.principal, entry.subject, (entry.details or {})["as"]) == (dana.subject, leo.subject, "guardian")
    accesses, _ = await world.given.accesses.list(leo)
    assert [(one.action, one.by) for one in accesses] == [("export.sent", "guardian"), ("export.asked", "guardian")]


@pytest.mark.both
async def test_where_the_ledger_cannot_be_written_nothing_leaves(
    world: World, leo: Scope, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, secret = await world.given.exports.ask(oneself(leo))

    async def full(*_: object) -> int:
        raise OSError

    monkeypatch.setattr(world.ledger, "append", full)
    with pytest.raises(OSError):
        await world.given.exports.begin(principal(leo), secret)
    monkeypatch.undo()
    await world.given.exports.begin(principal(leo), secret)


@pytest.mark.both
async def test_the_history_ends_by_the_schools_retention(world: World, leo: Scope) -> None:
    asked, secret = await world.given.exports.ask(oneself(leo))
    await world.given.exports.begin(principal(leo), secret)
    world.database.ahead = LINK_LIFE + LONGEST
    assert await world.given.exports.sweep(10, 30 * DAY, {}) == 1
    assert (await world.given.exports.list(leo))[0][0].state == "broken"
    world.database.ahead = 31 * DAY
    assert await world.given.exports.sweep(10, 30 * DAY, {leo.tenant: 90 * DAY}) == 0
    assert await world.given.exports.sweep(10, 90 * DAY, {leo.tenant: 30 * DAY}) == 1
    assert (await world.given.exports.list(leo))[0] == []
    assert asked.id


async def test_lists_have_pages(world: World, leo: Scope) -> None:
    for part in range(5):
        await world.given.exports.ask(oneself(leo), part)
    async with world.database.write() as tx:
        await tx.execute(update(exports).values(made=1))
    found, more = await world.given.exports.list(leo, limit=3)
    rest, end = await world.given.exports.list(leo, more, limit=3)
    assert end is None
    assert len({one.id for one in [*found, *rest]}) == 5
