"""A promised number of bytes from a source that may break its promise."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator

from providers.errors import Untrusted


class Feed:
    """Cuts a source into parts and holds it to its length."""

    def __init__(self, data: AsyncIterator[bytes], length: int) -> None:
        """``length``: how many bytes the source promised."""
        self.left = length
        self._data = data
        self._held = b""

    async def take(self, size: int) -> AsyncGenerator[bytes, None]:
        """The next ``size`` bytes. Untrusted where there are fewer, or more than promised behind the last of them."""
        while size:
            piece = self._held or await self._next()
            if piece is None:
                raise Untrusted("the source sent fewer bytes than it promised")
            now, self._held = piece[:size], piece[size:]
            size -= len(now)
            self.left -= len(now)
            if now:
                yield now
        if self.left == 0:
            await self.end()

    async def end(self) -> None:
        """Nothing may come any more. Untrusted."""
        while not self._held:
            piece = await self._next()
            if piece is None:
                return
            self._held = piece
        raise Untrusted("the source sent more bytes than it promised")

    async def _next(self) -> bytes | None:
        try:
            return await anext(self._data)
        except StopAsyncIteration:
            return None
