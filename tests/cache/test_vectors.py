"""The formats at rest are the committed ones, bit for bit."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cache.fields import Fields
from cache.keys import Key, Wrap, unwrap_key, wrap_key
from cache.model import Scope
from cache.sealing import Sealer, open_whole, stream_aad
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


def test_the_reference_still_gives_the_committed_vectors() -> None:
    assert reference.stream_vectors() == load("stream")
    assert reference.wrap_vectors() == load("wraps")
    assert reference.field_vectors() == load("fields")
    assert reference.label_vectors() == load("labels")
