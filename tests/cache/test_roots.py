"""The root key: made once, kept apart from what it protects, and never mistaken for another."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cache.errors import StorageError
from cache.keys import Key, Wrap, new_key, unwrap_key, wrap_key
from cache.root_places import RootFile, RootText, parse
from cache.roots import Root, RootRefused, Roots
from tests.cache.conftest import House


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


async def test_a_new_root_is_made_once(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "secrets" / "root"
    made, columns = await RootFile(path, data).make(1, first=True)
    assert columns == {}
    assert path.stat().st_mode & 0o777 == 0o600
    again, _ = await RootFile(path, data).make(1, first=True)
    assert made == again == RootFile(path, data).read()[1]
    assert [entry.name for entry in path.parent.iterdir()] == ["root"]


async def test_versions_are_added_and_taken_away(tmp_path: Path, data: Path) -> None:
    place = RootFile(tmp_path / "root", data)
    first, _ = await place.make(1, first=True)
    second, _ = await place.make(2, first=False)
    assert place.read() == {1: first, 2: second}
    assert (await place.make(2, first=False))[0] == second, "one that a broken-off cycle left is used"
    with (tmp_path / "root").open() as before:
        await place.destroy(_row(1), 5)
        assert set(before.read()) == {"\0"}, "the bytes of the replaced file are overwritten"
    assert place.read() == {2: second}
    assert (tmp_path / "root").stat().st_mode & 0o777 == 0o600
    await place.destroy(_row(1), 5)
    with pytest.raises(RootRefused, match="empty"):
        await place.destroy(_row(2), 5)
    assert place.read() == {2: second}
    assert [entry.name for entry in tmp_path.iterdir() if entry.is_file()] == ["root"]


async def test_a_file_that_cannot_be_replaced_says_so(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = RootFile(tmp_path / "root", data)
    first, _ = await place.make(1, first=True)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(RootRefused, match="cannot be written"):
        await place.make(2, first=False)
    assert place.read() == {1: first}


def test_not_inside_the_data_folder(tmp_path: Path, data: Path) -> None:
    (tmp_path / "link").symlink_to(data)
    for path in (
        data / "root",
        data / "deep" / "root",
        tmp_path / "link" / "root",
        tmp_path / "x" / ".." / "data" / "root",
    ):
        with pytest.raises(RootRefused):
            RootFile(path, data)
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
async def test_not_readable_by_others(tmp_path: Path, data: Path, mode: int) -> None:
    path = tmp_path / "root"
    await RootFile(path, data).make(1, first=True)
    path.chmod(mode)
    with pytest.raises(RootRefused):
        RootFile(path, data).read()


async def test_not_a_link(tmp_path: Path, data: Path) -> None:
    await RootFile(tmp_path / "root", data).make(1, first=True)
    (tmp_path / "alias").symlink_to(tmp_path / "root")
    with pytest.raises(RootRefused, match="cannot be read"):
        RootFile(tmp_path / "alias", data).read()


def test_from_the_environment() -> None:
    secret = secrets.token_bytes(32)
    assert parse(base64.b64encode(secret).decode() + "\n") == {1: Root(1, secret)}
    one, two = Root(7, secret), Root(8, secrets.token_bytes(32))
    for between in (" ", "\n", ", ", ";"):
        assert parse(between.join([two.dump(), one.dump()])) == {7: one, 8: two}


async def test_the_operator_adds_versions_to_the_environment() -> None:
    one, two = Root(1, secrets.token_bytes(32)), Root(2, secrets.token_bytes(32))
    place = RootText(one.dump())
    with pytest.raises(RootRefused, match="add version 2"):
        await place.make(2, first=False)
    assert (await RootText(f"{one.dump()} {two.dump()}").make(2, first=False))[0] == two
    with pytest.raises(RootRefused, match="take version 1 out"):
        await place.destroy(_row(1), 5)
    assert await RootText(two.dump()).destroy(_row(1), 5) == 5


WHOLE = Root(1, b"k" * 32).dump()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "short",
        "!" * 44,
        base64.b64encode(bytes(31)).decode(),
        "file-access-root x AA==",
        WHOLE[:-1],
        f"{WHOLE}\n{WHOLE[:30]}",
        f"{WHOLE}\nfile-access-root 2",
        f"{WHOLE}\n{Root(1, b'x' * 32).dump()}",
        f"{WHOLE} more",
    ],
)
def test_what_is_no_root_key(text: str) -> None:
    with pytest.raises(RootRefused) as refused:
        parse(text)
    assert not text or text not in str(refused.value)
    assert "a2tra" not in str(refused.value)


@pytest.mark.both
async def test_the_database_knows_its_root(house: House) -> None:
    same = house.twin()
    await same.start()
    await same.close()
    with pytest.raises(RootRefused, match="not the one"):
        await house.twin(Root(1, secrets.token_bytes(32))).start()
    with pytest.raises(RootRefused, match="version 1 of its root key is missing"):
        await house.twin(Root(2, house.root.secret)).start()


@pytest.mark.both
async def test_a_new_root_is_never_made_beside_a_database(house: House, tmp_path: Path) -> None:
    path = tmp_path / "elsewhere" / "root"
    roots = Roots(RootFile(path, tmp_path / "data"))
    with pytest.raises(RootRefused, match="restore"):
        await roots.start(house.database)
    assert not path.exists()


def _row(version: int) -> Any:
    return SimpleNamespace(version=version, kms=None)


def test_a_wrap_opens_only_in_its_place() -> None:
    parent, secret, expiry = Key("p", 1, new_key()), new_key(), new_key()
    wrap = Wrap("cache", "t", "s", "o", 5)
    box = wrap_key(secret, parent, wrap, expiry=expiry)
    assert unwrap_key(box, parent, wrap, expiry=expiry) == secret
    others = [
        (parent, Wrap("spool", "t", "s", "o", 5), expiry),
        (parent, Wrap("cache", "u", "s", "o", 5), expiry),
        (parent, Wrap("cache", "t", "x", "o", 5), expiry),
        (parent, Wrap("cache", "t", "s", "x", 5), expiry),
        (parent, Wrap("cache", "t", "s", "o", 6), expiry),
        (Key("q", 1, parent.secret), wrap, expiry),
        (Key("p", 2, parent.secret), wrap, expiry),
        (Key("p", 1, new_key()), wrap, expiry),
        (parent, wrap, new_key()),
        (parent, wrap, None),
    ]
    for key, place, clock in others:
        with pytest.raises(StorageError):
            unwrap_key(box, key, place, expiry=clock)
    for bit in range(len(box) * 8):
        broken = bytearray(box)
        broken[bit // 8] ^= 1 << bit % 8
        with pytest.raises(StorageError):
            unwrap_key(bytes(broken), parent, wrap, expiry=expiry)
    with pytest.raises(StorageError):
        unwrap_key(b"", parent, wrap, expiry=expiry)


def test_no_key_in_a_repr() -> None:
    secret = os.urandom(32)
    for value in (Root(1, secret), Key("id", 1, secret)):
        assert repr(secret) not in repr(value)
        assert "secret" not in repr(value)
