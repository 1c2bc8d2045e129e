"""The formats at rest are the committed ones, bit for bit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cache.fields import Fields
from cache.keyrows import FIRST_RECORD
from cache.keys import Key, Wrap, unwrap_key, wrap_key
from cache.loading import record_id
from cache.model import Scope
from cache.redis_expiry import RedisExpiry
from cache.root_places import parse
from cache.roots import Roots
from cache.sealed import blind_of, index_of
from cache.sealing import Sealer, open_whole, stream_aad
from gateway.db.schema import SEALED
from gateway.jobs.marks import Marks
from tests.vectors import reference

VECTORS = Path(reference.__file__).parent


def load(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((VECTORS / f"{name}-v1.json").read_text())
    assert found
    return found


class OneKey:
    """`fields.Keys` with a single key."""

    def __init__(self, key: Key, scope: Scope) -> None:
        self.scope = scope
        self._key = key

    def current(self) -> Key:
        return self._key

    def version(self, version: int) -> Key | None:
        return self._key if version == self._key.version else None

    def live(self) -> list[Key]:
        return [self._key]


@pytest.mark.parametrize("vector", load("stream"), ids=lambda v: f"{v['segment']}-{v['size']}")
def test_stream(vector: dict[str, Any]) -> None:
    key, segment = bytes.fromhex(vector["key"]), vector["segment"]
    aad = stream_aad(vector["tenant"], vector["object"], segment)
    data = reference.plain(vector["size"])
    sealer = Sealer(key, aad, segment=segment, header=bytes.fromhex(vector["header"]))
    sealed = b"".join(sealer.update(data)) + sealer.finish()
    assert len(sealed) == vector["length"]
    assert hashlib.sha256(sealed).hexdigest() == vector["sha256"]
    assert vector["sealed"] in (None, sealed.hex())
    assert open_whole(key, aad, sealed, segment=segment) == data


@pytest.mark.parametrize("vector", load("labels"), ids=lambda v: f"{v['label']}-{v['version']}")
def test_labels(vector: dict[str, Any]) -> None:
    key = Key("any", vector["version"], bytes.fromhex(vector["key"]))
    assert key.subkey(vector["label"]).hex() == vector["subkey"]


@pytest.mark.parametrize("vector", load("wraps"), ids=lambda v: v["purpose"])
def test_wraps(vector: dict[str, Any]) -> None:
    parent = Key(vector["parent"]["id"], vector["parent"]["version"], bytes.fromhex(vector["parent"]["key"]))
    wrap = Wrap(vector["purpose"], vector["tenant"], vector["subject"], vector["object"], vector["bucket"])
    expiry = bytes.fromhex(vector["expiry"]) if vector["expiry"] else None
    secret, box = bytes.fromhex(vector["secret"]), bytes.fromhex(vector["box"])
    assert wrap_key(secret, parent, wrap, expiry=expiry, nonce=bytes.fromhex(vector["nonce"])) == box
    assert unwrap_key(box, parent, wrap, expiry=expiry) == secret


@pytest.mark.parametrize("vector", load("fields"), ids=lambda v: f"{len(v['value'])}")
def test_fields(vector: dict[str, Any]) -> None:
    key = Key("person", vector["version"], bytes.fromhex(vector["key"]))
    fields = Fields(OneKey(key, Scope(vector["tenant"], vector["subject"])))
    place = (vector["table"], vector["column"], vector["row"])
    box = bytes.fromhex(vector["box"])
    assert fields.seal(*place, vector["value"], nonce=bytes.fromhex(vector["nonce"])) == box
    assert fields.text(*place, box) == vector["value"]
    assert fields.index(vector["index_label"], vector["value"]).hex() == vector["index"]


@pytest.mark.parametrize("vector", load("records"), ids=lambda v: v["value"])
def test_records(vector: dict[str, Any]) -> None:
    scope = Scope("school", "person")
    assert vector["version"] == FIRST_RECORD
    fields = Fields(OneKey(Key(record_id(scope), vector["version"], bytes.fromhex(vector["key"])), scope))
    place, box = ("ledger_entries", "details", "row1"), bytes.fromhex(vector["box"])
    assert fields.seal(*place, vector["value"], nonce=bytes.fromhex(vector["nonce"])) == box
    assert fields.text(*place, box) == vector["value"]


@pytest.mark.parametrize("vector", load("indexes"), ids=lambda v: v["index"])
def test_indexes(vector: dict[str, Any]) -> None:
    key, (table, name) = bytes.fromhex(vector["key"]), vector["index"].split(".")
    if table == "items":
        marks = Marks(key)
        made = marks.identity if name == "identity" else marks.taken
        assert made(vector["of"][name]).hex() == vector["value"]
        return
    [column] = [c for one in SEALED for c in (*one.indexes, *one.foreign) if str(c) == vector["index"]]
    fields = Fields(OneKey(Key("any", vector["version"], key), Scope("school", "person")))
    sealed = {c.name for one in SEALED for c in one.columns if c.table.name == table}
    opened = {of: value.encode() if of in sealed else value for of, value in vector["of"].items()}
    index = index_of(column, fields, opened)
    assert index is not None
    assert index.hex() == vector["value"]


@pytest.mark.parametrize("vector", load("roots"), ids=lambda v: f"{len(v['keys'])}")
async def test_roots(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    held = parse(vector["text"])
    assert {str(version): root.secret.hex() for version, root in held.items()} == vector["keys"]
    assert "".join(f"{root.dump()}\n" for root in held.values()) == vector["text"]
    assert {str(version): root.key.subkey("check").hex() for version, root in held.items()} == vector["checks"]
    redis, roots, kept = vector["redis"], Roots.of(held[1]), dict[str, bytes]()
    roots._hold(held[2], "current")
    roots._states[1] = "old"
    expiry = RedisExpiry(OneValue(kept), roots)  # type: ignore[arg-type]
    assert expiry._name(redis["bucket"]) == redis["name"]
    kept[redis["name"]] = bytes.fromhex(redis["box"])
    found = await expiry.find(redis["bucket"])
    assert found is not None
    assert found.hex() == redis["secret"]


class OneValue:
    """As much of a `RedisClient` as reading takes."""

    def __init__(self, kept: dict[str, bytes]) -> None:
        self._kept = kept

    async def ask(self, verb: str, name: str) -> bytes | None:
        assert verb == "GET"
        return self._kept.get(name)


def test_every_index_has_a_vector() -> None:
    made = {
        str(c) for one in SEALED for c in (*one.indexes, *one.foreign) if (b := blind_of(c)) is not None and b.value
    }
    assert made == {one["index"] for one in load("indexes")} - {"items.identity", "items.taken"}


def test_the_reference_still_gives_the_committed_vectors() -> None:
    assert reference.stream_vectors() == load("stream")
    assert reference.wrap_vectors() == load("wraps")
    assert reference.field_vectors() == load("fields")
    assert reference.label_vectors() == load("labels")
    assert reference.record_vectors() == load("records")
    assert reference.index_vectors() == load("indexes")
    assert reference.root_vectors() == load("roots")
