"""The sealed stream: bytes that arrive piece by piece become ciphertext, and any range of it can be opened again.

The format is Tink's AES256-GCM-HKDF streaming with 256 KiB segments, so that independent software can read it:

    header (40 B) = 0x28 || salt[32] || nonce_prefix[7]
    DK            = HKDF-SHA256(ikm=object key, salt=salt, info=AAD, L=32)
    nonce_i       = nonce_prefix || BE32(i) || (0x01 if last else 0x00)
    block i       = bytes i*S .. (i+1)*S of the file; block 0 begins with the header

Pure: no file, no network, no clock. One stream has one writer and is never reopened for writing, because a second
writer would reuse nonces; hence a `Sealer` cannot be saved.
"""

from __future__ import annotations

import secrets
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from cache.encoding import enc
from cache.errors import Corrupt

FORMAT = 1
"""The version of this layout, part of every stream's associated data."""

SEGMENT = 256 * 1024
HEADER = 40
TAG = 16
KEY = 32
_SALT = 32
_PREFIX = 7
_MAX_SEGMENTS = 2**32


def stream_aad(tenant: str, object_id: str, segment: int = SEGMENT) -> bytes:
    """What a stream is bound to: it opens under no other tenant, id or segment size."""
    return enc(FORMAT, tenant, object_id, segment)


class Layout:
    """Where the plaintext bytes of a stream of ``size`` bytes lie in its file."""

    def __init__(self, size: int, segment: int = SEGMENT) -> None:
        """``size`` in plaintext bytes, ``segment`` in bytes of the file."""
        self.size = size
        self.segment = segment
        self.first = segment - HEADER - TAG
        self.rest = segment - TAG
        over = max(0, size - self.first)
        self.segments = 1 + -(-over // self.rest)
        self.sealed = HEADER + size + TAG * self.segments

    def index(self, position: int) -> int:
        """The segment that holds plaintext byte ``position``."""
        return 0 if position < self.first else 1 + (position - self.first) // self.rest

    def plain_start(self, index: int) -> int:
        """The plaintext position of the first byte of segment ``index``."""
        return 0 if index == 0 else self.first + (index - 1) * self.rest

    def block(self, index: int) -> tuple[int, int]:
        """Where block ``index`` starts and stops in the file."""
        return index * self.segment, min((index + 1) * self.segment, self.sealed)


class _Cipher:
    """One stream's derived key and nonces."""

    def __init__(self, key: bytes, aad: bytes, header: bytes) -> None:
        if len(header) != HEADER or header[0] != HEADER:
            raise Corrupt("not the header of a sealed stream")
        salt, self._prefix = header[1 : 1 + _SALT], header[1 + _SALT :]
        self._aead = AESGCM(HKDF(SHA256(), KEY, salt, aad).derive(key))

    def nonce(self, index: int, last: bool) -> bytes:
        return self._prefix + struct.pack(">I", index) + (b"\1" if last else b"\0")

    def seal(self, index: int, last: bool, plain: bytes | memoryview) -> bytes:
        return self._aead.encrypt(self.nonce(index, last), plain, None)

    def open(self, index: int, last: bool, sealed: bytes | memoryview) -> bytes:
        try:
            return self._aead.decrypt(self.nonce(index, last), sealed, None)
        except InvalidTag:
            raise Corrupt("a segment does not authenticate") from None


class Sealer:
    """Seals one stream as its bytes arrive. Blocks come out whole, in order, each a fresh ``bytes``."""

    def __init__(self, key: bytes, aad: bytes, *, segment: int = SEGMENT, header: bytes | None = None) -> None:
        """``header`` is given by test vectors only; otherwise salt and nonce prefix are random."""
        self.header = header or bytes([HEADER]) + secrets.token_bytes(_SALT + _PREFIX)
        self.written = 0
        self.blocks = 0
        self._cipher = _Cipher(key, aad, self.header)
        self._layout = Layout(0, segment)
        self._held = bytearray()
        self.finished = False

    def update(self, chunk: bytes | memoryview) -> list[bytes]:
        """The blocks that ``chunk`` finishes. One full segment is held back: only the end tells which is the last."""
        if self.finished:
            raise ValueError("the stream is finished")
        self._held += chunk
        self.written += len(chunk)
        blocks = []
        while len(self._held) > self._room():
            blocks.append(self._seal(self._room(), last=False))
        return blocks

    def finish(self) -> bytes:
        """The last block. The stream takes nothing more."""
        if self.finished:
            raise ValueError("the stream is finished")
        self.finished = True
        return self._seal(len(self._held), last=True)

    def opener(self) -> Opener:
        """Opens what this sealer has written, also before it is finished."""
        return Opener(self._cipher, self.header, self._layout.segment)

    def _room(self) -> int:
        return self._layout.first if self.blocks == 0 else self._layout.rest

    def _seal(self, length: int, *, last: bool) -> bytes:
        if self.blocks >= _MAX_SEGMENTS:
            raise ValueError("the stream is too long for its format")
        with memoryview(self._held) as held, held[:length] as plain:
            block = self._cipher.seal(self.blocks, last, plain)
        del self._held[:length]
        block = self.header + block if self.blocks == 0 else block
        self.blocks += 1
        return block


class Opener:
    """Opens blocks of one stream, in any order. Nothing comes out that was not authenticated."""

    def __init__(self, cipher: _Cipher, header: bytes, segment: int = SEGMENT) -> None:
        """Use `of` or `Sealer.opener`."""
        self._cipher = cipher
        self._header = header
        self._segment = segment

    @classmethod
    def of(cls, key: bytes, aad: bytes, header: bytes, segment: int = SEGMENT) -> Opener:
        """For a stream whose first 40 bytes are ``header``. Corrupt where they are no header."""
        return cls(_Cipher(key, aad, header), header, segment)

    def open(self, index: int, block: bytes | memoryview, *, last: bool) -> bytes:
        """The plaintext of block ``index``. Corrupt where it is not that block of this stream."""
        if len(block) > self._segment or (not last and len(block) != self._segment):
            raise Corrupt("a segment has the wrong length")
        with memoryview(block) as view:
            if index == 0 and view[:HEADER] != self._header:
                raise Corrupt("the header changed while it was read")
            return self._cipher.open(index, last, view[HEADER:] if index == 0 else view)


def open_whole(key: bytes, aad: bytes, sealed: bytes, *, segment: int = SEGMENT) -> bytes:
    """All of a stream that is in memory, its last segment first. For small values and tests. Corrupt."""
    blocks = [sealed[at : at + segment] for at in range(0, len(sealed), segment)] or [b""]
    if len(blocks) > 1 and len(blocks[-1]) <= TAG:
        raise Corrupt("the last segment is empty")
    opener = Opener.of(key, aad, sealed[:HEADER], segment)
    end = len(blocks) - 1
    last = opener.open(end, blocks[end], last=True)
    return b"".join(opener.open(i, b, last=False) for i, b in enumerate(blocks[:-1])) + last
