"""The root key: made once, kept apart from what it protects, and never mistaken for another."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

import pytest

from cache.errors import StorageError
from cache.keys import Key, Wrap, new_key, unwrap_key, wrap_key
from cache.roots import Root, RootRefused, has_root, load_root
from tests.cache.conftest import House


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def test_a_new_root_is_made_once(tmp_path: Path, data: Path) -> None:
    path = tmp_path / "secrets" / "root"
    made = load_root(path, data, make=True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_root(path, data, make=True) == made == load_root(path, data, make=False)
    assert [entry.name for entry in path.parent.iterdir()] == ["root"]


def test_no_new_root_beside_a_database(tmp_path: Path, data: Path) -> None:
    with pytest.raises(RootRefused, match="restore"):
        load_root(tmp_path / "root", data, make=False)
    assert not (tmp_path / "root").exists()


def test_not_inside_the_data_folder(tmp_path: Path, data: Path) -> None:
    (tmp_path / "link").symlink_to(data)
    for path in (
        data / "root",
        data / "deep" / "root",
        tmp_path / "link" / "root",
        tmp_path / "x" / ".." / "data" / "root",
    ):
        with pytest.raises(RootRefused):
            load_root(path, data, make=True)
    assert list(data.iterdir()) == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_not_readable_by_others(tmp_path: Path, data: Path, mode: int) -> None:
    path = tmp_path / "root"
    load_root(path, data, make=True)
    path.chmod(mode)
    with pytest.raises(RootRefused):
        load_root(path, data, make=False)


def test_not_a_link(tmp_path: Path, data: Path) -> None:
    load_root(tmp_path / "root", data, make=True)
    (tmp_path / "alias").symlink_to(tmp_path / "root")
    with pytest.raises((RootRefused, OSError)):
        load_root(tmp_path / "alias", data, make=False)


def test_from_the_environment() -> None:
    secret = secrets.token_bytes(32)
    assert Root.parse(base64.b64encode(secret).decode() + "\n") == Root(1, secret)
    assert Root.parse(Root(7, secret).dump()) == Root(7, secret)


@pytest.mark.parametrize(
    "text", ["", "short", "!" * 44, base64.b64encode(bytes(31)).decode(), "file-access-root x AA=="]
)
def test_what_is_no_root_key(text: str) -> None:
    with pytest.raises(RootRefused) as refused:
        Root.parse(text)
    assert not text or text not in str(refused.value)


@pytest.mark.both
async def test_the_database_knows_its_root(house: House) -> None:
    assert await has_root(house.database)
    same = house.twin()
    await same.start()
    await same.close()
    for wrong in (Root(1, secrets.token_bytes(32)), Root(2, house.root.secret)):
        with pytest.raises(RootRefused):
            await house.twin(wrong).start()


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
