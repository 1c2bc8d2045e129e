"""How a job finds its items again: by source item, and by the name taken in a folder, as keyed hashes.

The key is the job's own and lies sealed in its row. So nothing of this is made anew when the person's key is replaced,
and an item that was met before is met again whatever happened meanwhile.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.encoding import enc
from gateway.db.tables_work import jobs
from gateway.jobs.sealing import Sealer

SECRET = 32


class Marks:
    """The hashes of one job."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def identity(self, identity: str) -> bytes:
        """Of a source item."""
        return hmac.digest(self._secret, enc("identity", identity), "sha256")

    def taken(self, name: str) -> bytes:
        """Of a name's collision key."""
        return hmac.digest(self._secret, enc("taken", name), "sha256")


def new_marks(sealer: Sealer, job: str) -> bytes:
    """The sealed secret of a new job."""
    return sealer.seal("jobs", "marks", job, secrets.token_bytes(SECRET))


def marks(sealer: Sealer, job: str, box: bytes | None) -> Marks:
    """The marks of a job from its row. One ordered before there were such secrets has one that follows from its id."""
    return Marks(sealer.index("marks", job) if box is None else sealer.unseal("jobs", "marks", job, bytes(box)))


async def marks_of(tx: AsyncConnection, sealer: Sealer, ids: Sequence[str]) -> dict[str, Marks]:
    """Those of some jobs of one person, by job."""
    rows = await tx.execute(select(jobs.c.id, jobs.c.marks).where(jobs.c.id.in_(ids)))
    return {row.id: marks(sealer, row.id, row.marks) for row in rows}
