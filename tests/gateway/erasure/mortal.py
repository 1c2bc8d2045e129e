"""A process that dies at its n-th step: before or after a commit, a blob, a line in the journal, a word to a provider.

What it did before is done; what it was doing is rolled back, and nothing of it runs any further, as after kill -9.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.engine import Database


class Killed(BaseException):
    """The process is gone."""


class Life:
    """Counts steps from when it is ``counting``; the one numbered ``last`` is not survived."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.seen = 0
        self.counting = False
        self.over = False

    def step(self) -> None:
        """One more."""
        self.check()
        self.seen += self.counting
        if self.counting and self.seen == self.last:
            self.over = True
            raise Killed

    def check(self) -> None:
        """Nothing goes on after death."""
        if self.over:
            raise Killed


class MortalDatabase:
    """A database as a mortal process sees it."""

    def __init__(self, inner: Database, life: Life) -> None:
        self._inner = inner
        self._life = life
        self.dialect = inner.dialect
        self.alone = inner.alone
        self.clock = inner.clock

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        self._life.check()
        async with self._inner.read() as tx:
            yield tx

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        self._life.step()
        async with self._inner.write() as tx:
            yield tx
            self._life.check()
        self._life.step()

    async def now(self, tx: AsyncConnection | None = None) -> int:
        self._life.check()
        return await self._inner.now(tx)

    async def checkpoint(self, patience: float = 5.0) -> bool:
        self._life.step()
        return await self._inner.checkpoint(patience)


class Mortal:
    """Whatever else a process does: each call of ``verbs`` is a step before and a step after."""

    def __init__(self, inner: Any, life: Life, verbs: Sequence[str]) -> None:
        self._inner = inner
        self._life = life
        self._verbs = verbs

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._inner, name)
        if name not in self._verbs:
            return real

        async def call(*given: Any, **known: Any) -> Any:
            self._life.step()
            done = await real(*given, **known)
            self._life.step()
            return done

        return call
