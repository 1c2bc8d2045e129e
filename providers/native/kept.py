"""What is kept beyond its file, read back under the key of what keeps it alone: counted, listed, and its bytes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from cache.database import Transactions
from cache.vault import Fields, Scope, Vault
from providers.native.content import read_parts
from providers.native.keeping import TABLE
from providers.native.paths import below
from providers.native.tables import kept, kept_parts

PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class Kept:
    """One content, as its file stood when it was taken: see `providers.native.Content`; ``owner``: whose it was.

    ``damaged``: it could not be opened even then; names and hash may be missing too.
    """

    content: str
    owner: str
    node: str
    number: int
    size: int
    modified: int
    path: tuple[str, ...]
    name: str
    sha256: str
    current: bool
    trashed: bool
    damaged: bool


async def sums(
    tx: AsyncConnection, scope: Scope, owners: Sequence[str] | None = None, *, item: str = "", content: str = ""
) -> Mapping[str, tuple[int, int]]:
    """How many contents, and their bytes, each keeper of the scope's tenant keeps, by the keeper's id.

    Of the scope's subject, or some hundred ``owners``, or with neither of everybody; of one ``item`` with all below it,
    or one ``content``.
    """
    which: list[ColumnElement[bool]] = [kept.c.tenant == scope.tenant]
    if scope.subject is not None or owners is not None:
        which.append(kept.c.owner.in_([scope.owner] if owners is None else owners))
    if content:
        which.append(kept.c.content == content)
    elif item:
        which.append(kept.c.node.in_(select(below(scope, [item]).c.id)))
    columns = (kept.c.subject, func.count(), func.coalesce(func.sum(kept.c.size), 0))
    rows = await tx.execute(select(*columns).where(*which).group_by(kept.c.subject))
    return {row[0]: (int(row[1]), int(row[2])) for row in rows}


async def total(tx: AsyncConnection, keeper: Scope) -> tuple[int, int]:
    """How many contents a keeper keeps, and their bytes."""
    columns = (func.count(), func.coalesce(func.sum(kept.c.size), 0))
    row = (await tx.execute(select(*columns).where(_of(keeper)))).one()
    return int(row[0]), int(row[1])


async def page(vault: Vault, database: Transactions, keeper: Scope, after: str = "", limit: int = PAGE) -> list[Kept]:
    """The next contents that were taken, by their ids; none at the end. Shredded, Missing, Corrupt."""
    fields = await vault.fields(keeper)
    query = select(kept).where(_of(keeper), kept.c.told.is_not(None), kept.c.content > after)
    async with database.read() as tx:
        rows = (await tx.execute(query.order_by(kept.c.content).limit(limit))).all()
    return [_opened(fields, row) for row in rows]


async def before(tx: AsyncConnection, keeper: Scope, number: int) -> str | None:
    """What `page` begins after to skip so many; None where there are no more than these."""
    if number == 0:
        return ""
    query = select(kept.c.content).where(_of(keeper), kept.c.told.is_not(None)).order_by(kept.c.content)
    found: str | None = (await tx.execute(query.offset(number - 1).limit(1))).scalar_one_or_none()
    return found


async def read(vault: Vault, database: Transactions, keeper: Scope, content: str, size: int) -> AsyncIterator[bytes]:
    """The bytes of one, in pieces of at most 256 KiB. Raises as `Vault.open` does, in the middle too."""
    mine = and_(kept_parts.c.tenant == keeper.tenant, kept_parts.c.subject == keeper.owner)
    query = select(kept_parts).where(mine, kept_parts.c.content == content).order_by(kept_parts.c.start)
    async with database.read() as tx:
        found = (await tx.execute(query)).all()
    async with aclosing(read_parts(vault, keeper, found, 0, size)) as pieces:
        async for piece in pieces:
            yield piece


def _of(keeper: Scope) -> ColumnElement[bool]:
    return and_(kept.c.tenant == keeper.tenant, kept.c.subject == keeper.owner)


def _opened(fields: Fields, row: Row[Any]) -> Kept:
    told = json.loads(fields.text(TABLE, "told", row.content, row.told))
    return Kept(
        content=row.content, owner=row.owner, node=row.node, number=row.number, size=row.size, modified=row.modified,
        path=tuple(told.get("path", ())), name=told.get("name", ""), sha256=told.get("sha256", ""),
        current=told.get("current", False), trashed=told.get("trashed", False), damaged=told["damaged"],
    )  # fmt: skip
