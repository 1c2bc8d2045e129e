"""multipart/related as Drive takes it: parts streamed one after the other, lines that end in CRLF or in LF alone.

Google's own Python client ends its lines with LF, which strict readers refuse.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message

from providers.sandbox.behaviours import behaviour

LINE = 16 * 1024


class MultipartBody:
    """The parts of a body. Each part's content has to be read to its end before the next one is asked for."""

    def __init__(self, body: AsyncIterator[bytes], content_type: str) -> None:
        """ValueError where the type is no multipart with a boundary."""
        message = Message()
        message["Content-Type"] = content_type
        boundary = message.get_boundary()
        if message.get_content_maintype() != "multipart" or not boundary:
            raise ValueError("no multipart boundary")
        self._body, self._mark = body, b"--" + boundary.encode("latin-1", "replace")
        self._buffer = bytearray()
        self._newline = b"\r\n"

    @behaviour("schema", "Multipart lines may end in LF alone: the vendor's own client library writes them so.")
    async def part(self) -> dict[str, str]:
        """The next part's headers, names in lower case. ValueError where there is none."""
        line = await self._line()
        while not line.strip():
            line = await self._line()
        if line.rstrip() != self._mark:
            raise ValueError("no boundary")
        self._newline = b"\r\n" if line.endswith(b"\r\n") else b"\n"
        headers = {}
        while line := (await self._line()).strip():
            name, colon, value = line.decode("latin-1").partition(":")
            if not colon:
                raise ValueError("malformed part header")
            headers[name.strip().lower()] = value.strip()
        return headers

    async def content(self) -> AsyncIterator[bytes]:
        """The part's bytes as they come. ValueError where the body ends before its boundary."""
        end = self._newline + self._mark
        if self._buffer.startswith(self._mark):  # an empty part: its only line end belongs to the headers
            return
        while (found := self._buffer.find(end)) < 0:
            ready = len(self._buffer) - len(end) + 1
            if ready > 0:
                yield bytes(self._buffer[:ready])
                del self._buffer[:ready]
            await self._more()
        yield bytes(self._buffer[:found])
        del self._buffer[: found + len(self._newline)]

    async def close(self) -> None:
        """Demands the closing boundary. ValueError where something else follows."""
        if (await self._line(last=True)).rstrip() != self._mark + b"--":
            raise ValueError("no closing boundary")

    async def _line(self, *, last: bool = False) -> bytes:
        while (found := self._buffer.find(b"\n")) < 0 and len(self._buffer) < LINE:
            if last and self._buffer.startswith(self._mark + b"--"):
                found = len(self._buffer) - 1
                break
            await self._more()
        if found < 0:
            raise ValueError("line too long")
        line = bytes(self._buffer[: found + 1])
        del self._buffer[: found + 1]
        return line

    async def _more(self) -> None:
        chunk = await anext(self._body, None)
        if chunk is None:
            raise ValueError("the body ends too early")
        self._buffer += chunk
