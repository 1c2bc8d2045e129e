"""The end of each school's chain: one row, locked while it is moved on, and proven by a MAC under the deployment's key.

Who can write to the database but has no key can neither cut entries off nor put another end in its place. An end that
was tampered with is moved on without a proof, so that work goes on and the verdict stays: it is broken.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import insert_if_absent
from cache.encoding import enc
from cache.keys import hkdf
from gateway.db.tables_erasure import erasures
from gateway.db.tables_ledger import ledger_heads as heads
from gateway.ledger.chain import genesis, proof


class Unproven(Exception):
    """A ledger without the deployment's key was about to break a chain: a mistake in this program."""


@dataclass(frozen=True, slots=True)
class End:
    """``sequence`` and ``hash`` of the last entry; up to ``base`` entries were pruned, up to ``checkpoint`` signed."""

    school: str
    sequence: int
    hash: bytes
    base: int = 0
    checkpoint: int = 0
    proof: bytes | None = None


class Ends:
    """The ends of all chains. ``key``: 32 bytes; without one (in tests of other rooms) nothing is proven."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key

    @classmethod
    def of(cls, journal_key: bytes) -> Ends:
        """With the key that follows from the deployment's own (`gateway.signing.SigningKeys`)."""
        return cls(hkdf(journal_key, enc("ledger ends", 1)))

    def holds(self, end: End) -> bool:
        """Whether this end was written here. A chain that has not begun needs no proof."""
        if not self._key or end == End(end.school, 0, genesis(end.school)):
            return True
        return hmac.compare_digest(end.proof or b"", self._proof(end))

    def _proof(self, end: End) -> bytes:
        return proof(self._key, end.school, end.sequence, end.hash, end.base, end.checkpoint)

    async def read(self, tx: AsyncConnection, school: str) -> End | None:
        """The end as it is; None where no chain has begun."""
        row = (await tx.execute(select(heads).where(heads.c.school == school))).one_or_none()
        return None if row is None else _end(row)

    async def lock(self, tx: AsyncConnection, school: str) -> End:
        """The end, nobody else's until ``tx`` ends; begun where there was none."""
        mine = select(heads).where(heads.c.school == school).with_for_update()
        row = (await tx.execute(mine)).one_or_none()
        if row is None:
            await insert_if_absent(tx, heads, {"school": school, "sequence": 0, "hash": genesis(school)})
            row = (await tx.execute(mine)).one()
        if row.proof is not None and not self._key:
            raise Unproven("the ends of these chains are proven: they are not moved without the key")
        return _end(row)

    async def move(self, tx: AsyncConnection, end: End, *, signed: int | None = None, **to: Any) -> End:
        """Write what `lock` gave with other values, proven only if it was proven. ``signed``: when, epoch ms."""
        moved = replace(end, **to)
        moved = replace(moved, proof=self._proof(moved) if self._key and self.holds(end) else None)
        values = {"sequence": moved.sequence, "hash": moved.hash, "base": moved.base, "checkpoint": moved.checkpoint}
        note = {} if signed is None else {"signed": signed}
        mine = heads.c.school == end.school
        await tx.execute(update(heads).where(mine).values(**values, proof=moved.proof, **note))
        return moved

    async def adopt(self, tx: AsyncConnection) -> None:
        """Prove every end as it is: once, when chains that were begun without proofs are taken over."""
        for row in (await tx.execute(select(heads).where(heads.c.proof.is_(None)).with_for_update())).all():
            mine = heads.c.school == row.school
            await tx.execute(update(heads).where(mine).values(proof=self._proof(_end(row))))


def leaving() -> Select[tuple[str]]:
    """Schools that leave and whose entries are being taken away: until that is done, their chains are nothing whole."""
    mine = (erasures.c.scope == "school") & erasures.c.step.in_(("shredded", "erased"))
    return select(erasures.c.school).where(mine)


def _end(row: Row[Any]) -> End:
    return End(row.school, row.sequence, bytes(row.hash), row.base, row.checkpoint, row.proof and bytes(row.proof))
