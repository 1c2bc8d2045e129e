"""Tink, an independent implementation, opens what we seal and we open what it seals."""

from __future__ import annotations

import io
import secrets

import pytest
import tink
from hypothesis import given, settings
from hypothesis import strategies as st
from tink import proto_keyset_format, secret_key_access, streaming_aead
from tink.proto import aes_gcm_hkdf_streaming_pb2, common_pb2, tink_pb2

from cache.errors import Corrupt
from cache.sealing import SEGMENT, Sealer, open_whole, stream_aad

AAD = stream_aad("school", "f" * 32)
FIRST, REST = SEGMENT - 56, SEGMENT - 16
SIZES = [0, 1, FIRST - 1, FIRST, FIRST + 1, FIRST + REST, FIRST + REST + 1, 3 * SEGMENT + 77]


def oracle(key: bytes) -> streaming_aead.StreamingAead:
    """Tink's primitive for exactly this key."""
    streaming_aead.register()
    inner = aes_gcm_hkdf_streaming_pb2.AesGcmHkdfStreamingKey(version=0, key_value=key)
    inner.params.ciphertext_segment_size = SEGMENT
    inner.params.derived_key_size = 32
    inner.params.hkdf_hash_type = common_pb2.SHA256
    keyset = tink_pb2.Keyset(primary_key_id=1)
    entry = keyset.key.add(key_id=1, status=tink_pb2.ENABLED, output_prefix_type=tink_pb2.RAW)
    entry.key_data.type_url = "type.googleapis.com/google.crypto.tink.AesGcmHkdfStreamingKey"
    entry.key_data.value = inner.SerializeToString()
    entry.key_data.key_material_type = tink_pb2.KeyData.SYMMETRIC
    handle: tink.KeysetHandle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    return handle.primitive(streaming_aead.StreamingAead)


class Kept(io.BytesIO):
    """A buffer that Tink's stream cannot close."""

    def close(self) -> None:
        return None


@pytest.mark.parametrize("size", SIZES)
def test_tink_opens_ours(size: int) -> None:
    key, data = secrets.token_bytes(32), secrets.token_bytes(size)
    sealer = Sealer(key, AAD)
    sealed = b"".join(sealer.update(data)) + sealer.finish()
    with oracle(key).new_decrypting_stream(io.BytesIO(sealed), AAD) as stream:
        assert stream.read() == data


@pytest.mark.parametrize("size", SIZES)
def test_we_open_tinks(size: int) -> None:
    key, data, target = secrets.token_bytes(32), secrets.token_bytes(size), Kept()
    with oracle(key).new_encrypting_stream(target, AAD) as stream:
        stream.write(data)
    assert open_whole(key, AAD, target.getvalue()) == data


def opened_by_tink(key: bytes, sealed: bytes) -> bytes | None:
    """What Tink reads, None where it refuses."""
    try:
        with oracle(key).new_decrypting_stream(io.BytesIO(sealed), AAD) as stream:
            read: bytes = stream.read()
            return read
    except (tink.TinkError, OSError, ValueError):
        return None


@settings(max_examples=40, deadline=None)
@given(
    size=st.integers(0, 3 * SEGMENT),
    place=st.floats(0, 1, exclude_max=True),
    how=st.sampled_from(["flip", "cut", "swap"]),
)
def test_what_we_refuse_tink_refuses_too(size: int, place: float, how: str) -> None:
    """Both read what is whole, and neither what is broken in the same place."""
    key, data = bytes(range(32)), bytes(size)
    sealer = Sealer(key, AAD)
    sealed = b"".join(sealer.update(data)) + sealer.finish()
    assert opened_by_tink(key, sealed) == data
    at = int(place * len(sealed))
    if how == "flip":
        broken = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
    elif how == "cut":
        broken = sealed[:at]
    else:
        broken = sealed[SEGMENT:] + sealed[:SEGMENT]
    if broken != sealed:
        assert opened_by_tink(key, broken) is None
        with pytest.raises(Corrupt):
            open_whole(key, AAD, broken)


def test_both_refuse_another_binding() -> None:
    key = secrets.token_bytes(32)
    sealer = Sealer(key, AAD)
    sealed = b"".join(sealer.update(b"homework")) + sealer.finish()
    other = stream_aad("school", "e" * 32)
    with pytest.raises(Corrupt):
        open_whole(key, other, sealed)
    with pytest.raises(tink.TinkError), oracle(key).new_decrypting_stream(io.BytesIO(sealed), other) as stream:
        stream.read()
