"""Forgetting one thing of a person, who stays. Their key lives on, so in a backup it is dead only with that key's next
change: the receipt says by when.

    begun   it is asked for, and counted
    kept    its journal line is on disk; what a legal hold keeps of it is counted
    erased  its keys, rows and blobs are gone
    done    no stream anywhere still reads it, the receipt is signed
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cache.errors import Missing, Shredded
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.erasure.held import COUNTS, Holds, dumped
from gateway.erasure.model import Erasure, Target
from gateway.erasure.receipt import of_item
from gateway.erasure.steps import Conclusion, Flow, Journalled, Next
from gateway.erasure.things import Things
from providers.errors import NotFound


class ForgetItem:
    """The steps of one thing's erasure."""

    def __init__(
        self,
        vault: Vault,
        things: Things,
        database: Database,
        journalled: Journalled,
        conclusion: Conclusion,
        holds: Holds,
    ) -> None:
        self._vault = vault
        self._things = things
        self._database = database
        self._journalled = journalled
        self._conclusion = conclusion
        self._holds = holds

    @property
    def flow(self) -> Flow:
        """By the last finished step."""
        return {"begun": self._keep, "kept": self._erase, "erased": self._conclude}

    async def _keep(self, erasure: Erasure) -> Next:
        """Count what a legal hold keeps of it, while it is all there."""
        await self._journalled.write([erasure])
        async with self._database.read() as tx:
            held = await self._holds.held(tx, erasure.whose, target=erasure.target)
        counts = {**erasure.counts, **({COUNTS: dumped(held)} if held else {})}
        return Next("kept", {"counts": json.dumps(counts)})

    async def _erase(self, erasure: Erasure) -> Next | None:
        scope, target = erasure.whose, erasure.target or Target("temporary")
        ends = await self._things.ends_by_itself(scope, target)
        try:
            if not await self._things.end(scope, target):
                return None
            async with self._database.write() as tx:  # names too are dead in backups with the next cycle
                await self._vault.renew(tx, scope)
        except (Missing, Shredded, NotFound):
            pass  # the person is being forgotten meanwhile, and this with them
        self._conclusion.destroyed(erasure)
        counts = {**erasure.counts, **({} if ends is None else {"ends": ends})}
        return Next("erased", {"destroyed": await self._database.now(), "counts": json.dumps(counts)})

    async def _conclude(self, erasure: Erasure) -> Next:
        async def says(erasure: Erasure, now: int, dead_by: int | None) -> Mapping[str, Any]:
            return of_item(erasure, now, dead_by)

        await self._conclusion.flushed()
        return await self._conclusion.end(erasure, says)
