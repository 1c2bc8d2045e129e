"""Bytes that a drive can give only once, kept sealed until the destination has them: exports, whose size nobody knows.

A spool is wrapped under the person's key and an expiry key together. When the expiry key is lost, so is the spool: the
item then starts again with a new export and a new session, because two exports of one document are not the same bytes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Self

from sqlalchemy.ext.asyncio import AsyncConnection

from cache.model import Life, Scope
from cache.vault import Vault
from gateway.jobs.model import Hook
from gateway.jobs.turn import Turn
from gateway.transfers.access import at_source
from gateway.transfers.origin import FromVault
from providers import hashes
from providers.drive import Entry, Source

_LIFE_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class Spooled:
    """A spool as the item's row keeps it: the object, its bytes, the destination's hash of them."""

    id: str
    size: int
    algorithm: str
    digest: bytes

    def pack(self) -> list[Any]:
        return [self.id, self.size, self.algorithm, self.digest.hex()]

    @classmethod
    def unpack(cls, packed: list[Any]) -> Self:
        return cls(packed[0], packed[1], packed[2], bytes.fromhex(packed[3]))


class Spool:
    """Fills and empties spools for items; ``turn.work`` keeps one under 'spool'."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def origin(
        self, turn: Turn, source: Source, entry: Entry, lane: str, algorithm: str, export: str | None
    ) -> FromVault:
        """The entry's bytes in its chosen format, spooled now or by an earlier attempt. SourceChanged, Parked."""
        packed = turn.work.get("spool")
        spooled = Spooled.unpack(packed) if packed else await self._fill(turn, source, entry, lane, algorithm, export)
        scope = Scope(turn.item.tenant, turn.item.person)
        origin = FromVault(self._vault, scope, [(spooled.id, spooled.size)])
        origin.known = {spooled.algorithm: spooled.digest}
        return origin

    async def _fill(
        self, turn: Turn, source: Source, entry: Entry, lane: str, algorithm: str, export: str | None
    ) -> Spooled:
        scope, running = Scope(turn.item.tenant, turn.item.person), hashes.new(algorithm)
        ends = await turn.now() + _LIFE_MS
        async with self._vault.put(scope, Life.SPOOL, ends) as writer:
            with at_source(lane):
                async with source.read(entry.ref, version=entry.version, export=export) as opened:
                    async for piece in opened:
                        turn.check()
                        running.update(piece)
                        await writer.write(piece)
                        await asyncio.sleep(0)
            sealed = await writer.finish()
            spooled = Spooled(sealed.id, sealed.size, algorithm, running.digest())

            async def commit(tx: AsyncConnection) -> None:
                await writer.commit(tx)

            await turn.save({**turn.work, "spool": spooled.pack()}, commit, size=spooled.size)
        return spooled

    def dropping(self, turn: Turn) -> Hook | None:
        """Destroys the spool that the item has now, in the transaction that it is given; None without one."""
        scope, packed = Scope(turn.item.tenant, turn.item.person), turn.work.get("spool")
        if not packed:
            return None

        async def drop(tx: AsyncConnection) -> None:
            await self._vault.destroy(tx, scope, [packed[0]])

        return drop
