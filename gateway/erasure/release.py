"""What a legal hold kept back, once two administrators let go of it: the last step of an erasure, or of a deletion.

begun     it keeps nothing more for anybody to read
shredded  its journal line is on disk, its key is dead
erased    blobs and rows are gone
done      no stream anywhere still reads it, the second receipt is signed
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cache.vault import Vault
from gateway.db.engine import Database
from gateway.erasure.held import Holds
from gateway.erasure.model import Erasure, Target
from gateway.erasure.receipt import of_release
from gateway.erasure.steps import BATCH, Conclusion, Flow, Journalled, Next


class ForgetHeld:
    """The steps of a release."""

    def __init__(
        self, vault: Vault, database: Database, journalled: Journalled, conclusion: Conclusion, holds: Holds
    ) -> None:  # fmt: skip
        self._vault = vault
        self._database = database
        self._journalled = journalled
        self._conclusion = conclusion
        self._holds = holds

    @property
    def flow(self) -> Flow:
        """By the last finished step."""
        return {"begun": self._shred, "shredded": self._erase, "erased": self._conclude}

    async def _shred(self, erasure: Erasure) -> Next:
        await self._journalled.write([erasure])
        hold = _hold(erasure)
        number, size = await self._holds.total(erasure.school, hold)
        finishes = list(await self._holds.finishes(erasure.school, erasure.person))
        async with self._database.write() as tx:
            await self._holds.let_go(tx, erasure.school, hold)
            now = await self._database.now(tx)
        self._conclusion.destroyed(erasure)
        await self._vault.hasten()
        counts = {"hold": hold, "legal_holds": {"erased": number, "bytes": size}, "finishes": finishes}
        return Next("shredded", {"destroyed": now, "counts": json.dumps(counts)})

    async def _erase(self, erasure: Erasure) -> Next:
        while await self._holds.clear(erasure.school, _hold(erasure), BATCH):
            pass
        await self._conclusion.flushed()
        return Next("erased")

    async def _conclude(self, erasure: Erasure) -> Next:
        async def says(erasure: Erasure, now: int, dead_by: int | None) -> Mapping[str, Any]:
            return of_release(erasure, now, dead_by)

        return await self._conclusion.end(erasure, says)


def _hold(erasure: Erasure) -> str:
    return (erasure.target or Target("hold")).id
