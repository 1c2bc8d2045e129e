"""Names and paths: measured before anything is sent, by the rules of the drive they go to, and learned where unsure."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from providers.drive import Drive, OnConflict, Ref
from providers.errors import NameRefused, NotFound
from providers.names import to_allowed
from providers.onedrive import TRAITS, OneDrive
from tests.conformance.base import new_file, put
from tests.providers.onedrive.conftest import HOME, Open
from tests.providers.onedrive.graph import Graph, file, folder, graph, refusal, top
from tests.sandboxes import Running

LIBRARY = "b!library"
DEEP = "/drives/b!own/root:/" + "/".join(["d" * 50] * 7)


def begun(drive: Drive, parent: Ref, name: str) -> Awaitable[object]:
    return drive.begin(new_file(parent, name, 3))


def made(drive: Drive, parent: Ref, name: str) -> Awaitable[object]:
    return drive.make_folder(parent, name, OnConflict.REPLACE)


def copied(drive: OneDrive, parent: Ref, name: str) -> Awaitable[object]:
    return drive.copy(Ref("", "01A"), parent, name)


def moved(drive: Drive, parent: Ref, name: str) -> Awaitable[object]:
    return drive.relocate(Ref("", "01A"), parent, name)


WAYS: list[Callable[..., Awaitable[object]]] = [begun, made, copied, moved]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("name", "reason"), [("n" * 256, "too_long"), ("n" * 100 + ".txt", "path_too_long"), ("~$a", "reserved")]
)
async def test_what_is_too_long_or_reserved_is_not_sent(
    way: Callable[..., Awaitable[object]], name: str, reason: str
) -> None:
    async with graph() as (server, drive):
        server.answers["GET /me/drive/items/01A"] = file()
        deep = {"driveId": "b!own", "id": "01X", "driveType": "business", "path": DEEP}
        server.answers["GET /me/drive/items/01DEEP"] = folder("d" * 3, id="01DEEP", parentReference=deep)
        with pytest.raises(NameRefused) as refused:
            await way(drive, Ref("", "01DEEP"), name)
        assert refused.value.reason == reason
        assert {path.partition(" ")[0] for path in server.paths} <= {"GET"}, "nothing was changed"


async def test_the_longest_path_that_goes(open_drive: Open) -> None:
    """At the stand-in, whose limit counts the first slash."""
    drive = open_drive()
    inner = await drive.root()
    for _ in range(2):
        inner = (await drive.make_folder(inner, "d" * 150, OnConflict.REPLACE)).ref
    left = 400 - 2 * 151 - 1
    assert (await put(drive, inner, "n" * left, b"fits")).name == "n" * left
    for length in (left + 1, left + 2):
        with pytest.raises(NameRefused) as refused:
            await drive.begin(new_file(inner, "n" * length, 4))
        assert refused.value.reason == "path_too_long"
    fresh = open_drive()
    with pytest.raises(NameRefused):
        await fresh.make_folder(inner, "n" * (left + 2))


async def test_nobody_is_refused_on_memory_alone(open_drive: Open, drive: OneDrive, folder: Ref) -> None:
    """Somebody else renamed a folder above meanwhile."""
    outer = await drive.make_folder(folder, "o" * 200)
    inner = await drive.make_folder(outer.ref, "i" * 160)
    with pytest.raises(NameRefused):
        await drive.begin(new_file(inner.ref, "n" * 60, 4))
    await open_drive().relocate(outer.ref, None, "o")
    assert (await put(drive, inner.ref, "n" * 60, b"fits")).name == "n" * 60


async def test_an_own_rename_is_known_at_once(drive: OneDrive, folder: Ref) -> None:
    outer = await drive.make_folder(folder, "o")
    inner = await drive.make_folder(outer.ref, "i" * 200)
    await put(drive, inner.ref, "n" * 60, b"fits")
    await drive.relocate(outer.ref, None, "o" * 180)
    with pytest.raises(NameRefused) as refused:
        await drive.begin(new_file(inner.ref, "m" * 60, 4))
    assert refused.value.reason == "path_too_long"


async def test_many_files_of_a_folder_ask_for_it_once(open_drive: Open, folder: Ref, microsoft: Running) -> None:
    drive = open_drive()
    await microsoft.requests()
    for number in range(5):
        await put(drive, folder, f"{number}.bin", b"x")
    asked = [one["path"] for one in await microsoft.requests() if one["method"] == "GET"]
    assert asked == ["/v1.0/item"]


async def test_what_graph_calls_too_long_is_called_so_here() -> None:
    async with graph() as (server, drive):
        server.answers["GET /me/drive/items/01F"] = folder("f", id="01F")
        server.answers["POST /me/drive/items/01F:/a.txt:/createUploadSession"] = lambda _: refusal(400, "pathIsTooLong")
        with pytest.raises(NameRefused) as refused:
            await drive.begin(new_file(Ref("", "01F"), "a.txt", 3))
        assert refused.value.reason == "path_too_long"


@pytest.mark.parametrize("name", ["50%.txt", "C#.txt"])
async def test_a_character_that_only_some_schools_forbid(name: str) -> None:
    """It is tried once; from then on the drive says so, and a mapped name goes through."""
    async with graph() as (server, drive):
        server.answers["GET /me/drive/items/01F"] = folder("f", id="01F")
        refused = lambda _: refusal(400, "nameContainsInvalidCharacters")  # noqa: E731
        server.answers["POST /me/drive/items/01F/children"] = refused
        assert to_allowed(name, drive.traits) == name
        with pytest.raises(NameRefused) as first:
            await drive.make_folder(Ref("", "01F"), name)
        assert first.value.reason == "forbidden_character"
        asked = len(server.asked)
        with pytest.raises(NameRefused):
            await drive.make_folder(Ref("", "01F"), name)
        assert len(server.asked) == asked
        mapped = to_allowed(name, drive.traits)
        assert mapped != name
        server.answers["POST /me/drive/items/01F/children"] = folder(mapped, id="01G")
        assert (await drive.make_folder(Ref("", "01F"), mapped)).name == mapped
        assert drive.traits_of(LIBRARY) == TRAITS, "another drive may be of another mind"


async def test_another_refused_name_teaches_nothing() -> None:
    async with graph() as (server, drive):
        server.answers["GET /me/drive/items/01F"] = folder("f", id="01F")
        server.answers["POST /me/drive/items/01F/children"] = lambda _: refusal(400, "nameContainsInvalidCharacters")
        with pytest.raises(NameRefused):
            await drive.make_folder(Ref("", "01F"), "odd")
        assert drive.traits == TRAITS


def library(server: Graph, kind: str) -> Ref:
    """The top folder of a drive of that kind."""
    server.answers[f"GET /drives/{LIBRARY}/items/01TOP"] = top(drive=LIBRARY, kind=kind)
    server.answers[f"POST /drives/{LIBRARY}/items/01TOP/children"] = folder("Forms", id="01G")
    return Ref(LIBRARY, "01TOP")


@pytest.mark.parametrize(("kind", "taken"), [("documentLibrary", True), ("business", True), ("personal", False)])
async def test_a_library_keeps_a_name_for_itself(kind: str, taken: bool) -> None:
    async with graph() as (server, drive):
        root = library(server, kind)
        if taken:
            with pytest.raises(NameRefused) as refused:
                await drive.make_folder(root, "Forms")
            assert refused.value.reason == "reserved"
        else:
            assert (await drive.make_folder(root, "Forms")).name == "Forms"


async def test_only_sharepoint_rewrites(open_drive: Open) -> None:
    school, home = open_drive(), open_drive(HOME)
    assert school.traits.rewrites == home.traits.rewrites == TRAITS.rewrites, "before anything is known"
    await school.root()
    await home.root()
    assert {"application/pdf", "text/html", "application/msword"} <= school.traits.rewrites
    assert not home.traits.rewrites
    [space, *_] = await school.spaces()
    assert school.traits_of(space.root.space).rewrites == TRAITS.rewrites


async def test_a_folder_that_is_gone(drive: OneDrive, folder: Ref) -> None:
    await drive.delete(folder)
    with pytest.raises(NotFound):
        await drive.begin(new_file(folder, "a.bin", 3))


@pytest.mark.parametrize(
    "name",
    [
        "~a", "~$a.docx", " a", "a ", "a.", ".lock", "CON", "prn", "aux", "NUL", "com0", "COM9", "lpt0", "LPT9",
        "desktop.ini", "Desktop.INI", "a_vti_b", "_VTI_", *(f"a{char}b" for char in '"*:<>?/\\|\x00\x1f\x7f'),
    ],
)  # fmt: skip
async def test_names_that_no_drive_takes(drive: OneDrive, folder: Ref, name: str) -> None:
    with pytest.raises(NameRefused):
        await drive.begin(new_file(folder, name, 3))
    mapped = to_allowed(name, drive.traits)
    assert (await put(drive, folder, mapped, b"x")).name == mapped


@pytest.mark.parametrize("name", ["#1 100%.txt", "CONtents", "a.con", "lock", "com10", "a~", "vti", "a&b;c=+,'!@^`"])
async def test_names_that_only_look_like_it(drive: OneDrive, folder: Ref, name: str) -> None:
    assert (await put(drive, folder, name, b"x")).name == name
