"""Commits many small writes together: SQLite pays once per commit, not once per row.

A write is a coroutine function that is given the transaction. It runs in a savepoint, so that one that fails harms no
other, and to its end even where its caller was cancelled meanwhile: the fence, not luck, decides what it may change.
One of many rows has a commit of its own: SQLite keeps in memory what was changed since a savepoint.
Changes of items that are alike are written by one statement; where one of them is fenced, each is tried by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Final, Protocol, TypeVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from gateway.jobs.fence import Change, write_all
from gateway.jobs.model import Fenced

T = TypeVar("T")
Write = Callable[[AsyncConnection], Awaitable[Any]]
_MOST: Final = 200
# A process that is stopped inside a transaction would keep its row locks for as long as it stands still.
_NOT_IDLE: Final = text("SET LOCAL idle_in_transaction_session_timeout = '4s'")


class Store(Transactions, Protocol):
    """`gateway.db.engine.Database`, as far as work needs it."""

    @property
    def dialect(self) -> str: ...

    async def now(self, tx: AsyncConnection | None = None) -> int:
        """The database's clock, epoch ms, asked inside ``tx`` where there is one."""
        ...


@dataclass(frozen=True, slots=True)
class _Given:
    """A write that waits for its commit; ``alone``: without any other in it."""

    write: Write | Change
    future: asyncio.Future[Any]
    alone: bool = False


class Commits:
    """Give it writes with `run`; `close` finishes those already given."""

    def __init__(self, database: Store) -> None:
        self._database = database
        self._together = database.dialect == "sqlite"
        self._queue: list[_Given] = []
        self._flusher: asyncio.Task[None] | None = None
        self._single: set[asyncio.Task[Any]] = set()

    @property
    def together(self) -> bool:
        """Whether many writes share one commit, as on SQLite."""
        return self._together

    async def run(self, write: Callable[[AsyncConnection], Awaitable[T]], *, alone: bool = False) -> T:
        """What ``write`` returned, after the commit that made it durable. ``alone``: it may change many rows."""
        if not self._together:
            task = asyncio.create_task(self._alone(write))
            self._single.add(task)
            task.add_done_callback(self._single.discard)
            return await asyncio.shield(task)
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        given: T = await self._given(_Given(write, future, alone))
        return given

    async def change(self, change: Change) -> None:
        """Return after the commit that made it durable. Fenced."""
        if not self._together:
            await self.run(change.write)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        await self._given(_Given(change, future))

    async def _given(self, given: _Given) -> Any:
        self._queue.append(given)
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())
        return await asyncio.shield(given.future)

    async def close(self) -> None:
        """Wait until everything given is durable or refused."""
        waiting = [*self._single, *([self._flusher] if self._flusher else [])]
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _alone(self, write: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        async with self._database.write() as tx:
            await tx.execute(_NOT_IDLE)
            return await write(tx)

    async def _flush(self) -> None:
        await asyncio.sleep(0)  # whatever is ready in this turn of the loop joins the first commit
        while self._queue:
            small = [*takewhile(lambda given: not given.alone, self._queue[:_MOST])]
            batch = small or self._queue[:1]
            del self._queue[: len(batch)]
            results: list[_Result] = []
            try:
                async with self._database.write() as tx:
                    if len(batch) == 1:
                        results = [(batch[0].future, await _call(batch[0].write)(tx), None)]
                    else:
                        results = await _all(tx, batch)
            except BaseException as error:
                for given in batch:
                    _settle(given.future, None, error)
                if not isinstance(error, Exception):
                    raise
                continue
            for future, value, refused in results:
                _settle(future, value, refused)


class Clocked:
    """Writes that are also told the database's time, epoch ms."""

    def __init__(self, database: Store, commits: Commits) -> None:
        self._database = database
        self._commits = commits

    async def now(self) -> int:
        """The database's clock, epoch ms, outside any write."""
        return await self._database.now()

    async def put(self, change: Change) -> None:
        """Write an item's columns. Fenced."""
        await self._commits.change(change)

    async def change(self, change: Callable[[int], Change]) -> None:
        """Write an item's columns, made with the time. Fenced."""
        if self._commits.together:
            await self._commits.change(change(await self._database.now()))
            return

        async def clocked(tx: AsyncConnection, now: int) -> None:
            await change(now).write(tx)

        await self(clocked)

    async def __call__(self, write: Callable[[AsyncConnection, int], Awaitable[T]], *, alone: bool = False) -> T:
        """What ``write`` returned, after its commit. ``alone``: it may change many rows."""

        async def clocked(tx: AsyncConnection) -> T:
            return await write(tx, await self._database.now(tx))

        return await self._commits.run(clocked, alone=alone)


_Result = tuple[asyncio.Future[Any], Any, BaseException | None]


def _call(write: Write | Change) -> Write:
    return write.write if isinstance(write, Change) else write


async def _all(tx: AsyncConnection, batch: Sequence[_Given]) -> list[_Result]:
    """Every write of a batch: what is alike at once, the rest one by one."""
    alike: dict[object, list[tuple[Change, asyncio.Future[Any]]]] = {}
    single: list[tuple[Write | Change, asyncio.Future[Any]]] = []
    for given in batch:
        if isinstance(given.write, Change):
            alike.setdefault(given.write.statement, []).append((given.write, given.future))
        else:
            single.append((given.write, given.future))
    results: list[_Result] = []
    for group in alike.values():
        if len(group) > 1 and await _at_once(tx, [change for change, _ in group]):
            results += [(future, None, None) for _, future in group]
        else:
            single += group
    return results + [(future, *await _guarded(tx, _call(write))) for write, future in single]


async def _at_once(tx: AsyncConnection, changes: Sequence[Change]) -> bool:
    """False where nothing of it is left, because not every one could be made."""
    with suppress(Fenced):
        async with tx.begin_nested():
            if await write_all(tx, changes):
                return True
            raise Fenced
    return False


async def _guarded(tx: AsyncConnection, write: Write) -> tuple[Any, BaseException | None]:
    """The write in its own savepoint: its value, or the error after which nothing of it is left."""
    try:
        async with tx.begin_nested():
            return await write(tx), None
    except Exception as error:  # noqa: BLE001 - handed to the one who waits for this write
        return None, error


def _settle(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(value)
    else:
        future.set_exception(error)
        future.exception()  # its caller may have been cancelled: then nobody else would fetch it
