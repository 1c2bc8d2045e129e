"""One signed POST to a school's address, and what came of it: a code, never the answer's text.

The address is the only one that this connector reaches. No redirect is followed, the answer's body is not read, and
nothing of the address or its secrets reaches an error or a log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from aiohttp.abc import AbstractResolver

from gateway.sentences import sentence
from gateway.webhooks import signing
from gateway.webhooks.addresses import AddressRefused, Outside, check
from providers.errors import DriveError, Refused, Untrusted
from providers.http import Outbound, Word, on_word

PATIENCE: Final = 15.0
"""Seconds that an attempt may take; shorter than the first pause between two."""
_GONE: Final = 410

FAILURES: Final = {
    "address": sentence("The address leads into a private network, so nothing was sent there. Set another one."),
    "unreachable": sentence("The address did not answer."),
    "certificate": sentence("The address could not prove who it is. Look at its certificate."),
    "answer": sentence("The address did not take the message. Look at what its status means."),
    "gone": sentence("The address said that it is no longer used, so nothing is sent there. Set it again."),
    "restored": sentence(
        "The gateway was put back to an older copy. This address may have been changed or taken away since, so nothing "
        "is sent there until you set it again."
    ),
}
"""What an administrator is told, by code."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where, signed with what, on whose word. Its text shows nothing."""

    url: str = field(repr=False)
    secrets: Sequence[str] = field(repr=False)
    instruction: str


@dataclass(frozen=True, slots=True)
class Sent:
    """``code`` None where it was taken, else one of `FAILURES`; ``status``: what the address answered, HTTP."""

    code: str | None
    status: int | None = None

    @property
    def gone(self) -> bool:
        """Nothing is to be sent there again."""
        return self.code == "gone"


class Sender:
    """Sends. ``here``: the gateway is on this machine only, so a receiver may be, too. ``cafile`` as `Outbound`."""

    def __init__(
        self,
        *,
        here: bool = False,
        cafile: str | None = None,
        resolver: AbstractResolver | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self.here = here
        self._cafile = cafile
        self._resolver = resolver
        self._patience = patience

    async def send(self, target: Target, message: str, at: int, body: str) -> Sent:
        """One attempt, ``at`` epoch seconds."""
        raw = body.encode()
        headers = {"Content-Type": "application/json", **signing.headers(target.secrets, message, at, raw)}
        try:
            check(target.url, here=self.here)
            async with asyncio.timeout(self._patience):
                with on_word(Word(target.instruction)):
                    return told(await self._status(target.url, headers, raw))
        except (AddressRefused, Refused):
            return Sent("address")
        except Untrusted as error:
            return Sent("certificate" if error.reason == "tls" else "answer")
        except (DriveError, TimeoutError):
            return Sent("unreachable")

    async def _status(self, url: str, headers: dict[str, str], raw: bytes) -> int:
        resolver = Outside(self._resolver, here=self.here)
        outbound = await asyncio.to_thread(self._connector, url, resolver)  # reading trust anchors takes a while
        try:
            async with outbound.request("POST", url, headers=headers, data=raw, total=self._patience) as response:
                return response.status
        finally:
            await outbound.close()

    def _connector(self, url: str, resolver: AbstractResolver) -> Outbound:
        return Outbound(
            [url], suffixes=(), cafile=self._cafile, resolver=resolver, streams=1, recorded=True
        )  # fmt: skip


def told(status: int) -> Sent:
    """What a status means."""
    if 200 <= status < 300:
        return Sent(None, status)
    return Sent("gone" if status == _GONE else "answer", status)
