"""The lease on items in SQL: claim fairly, fence every later write by owner and attempt, give back, park, end.

Functions take the transaction and never commit. They know states and lanes, no drive and no sealing; what depends on
an ended item is settled here too, so that no item waits for something that will never come.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, RowMapping, and_, case, delete, exists, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgres_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.ext.asyncio import AsyncConnection

from gateway.db.some import update_all
from gateway.db.tables_work import items, jobs, lanes
from gateway.jobs.fence import Change
from gateway.jobs.halting import halted
from gateway.jobs.lanes import Lane, rest, turns
from gateway.jobs.load import Load
from gateway.jobs.model import HALTED, LEADING, OPEN, PLACE, STEPS, Item, ItemState, parts
from gateway.jobs.reviving import not_paused

_IDLE_LANE_MS: Final = 600_000
_MOST_LANES: Final = 500
_STRAY_MS: Final = 1_000
_second = lanes.alias("second")

JOINED: Final = (
    *(column for column in items.c if column.name not in {"seq", "result", "taken", "identity"}),
    jobs.c.spec,
    jobs.c.instruction,
    jobs.c.policy_version,
    jobs.c.mode,
    jobs.c.cancelled,
    jobs.c.pauses,
    select(func.coalesce(func.sum(lanes.c.strikes), 0))
    .where(lanes.c.id.in_([items.c.lane, items.c.other]))
    .scalar_subquery()
    .label("strikes"),
)


async def claim(
    tx: AsyncConnection, owner: str, now: int, slots: int, *, cancelled: bool = True
) -> Sequence[RowMapping]:
    """Items for ``slots`` places, now running under ``owner``, their attempt counted up, with their job's columns.

    Cancelled jobs' items (looked for with ``cancelled``) come first and wait for no lane: all that is left for them is
    to free what they hold.
    """
    load = Load()
    taken = await _take(tx, owner, now, slots, _of_cancelled(), None, load) if cancelled else []
    if len(taken) < slots:
        load = await Load.read(tx)
        for lane, count in (await _order(tx, now, slots - len(taken), load)).items():
            taken += await _take(tx, owner, now, count, _waiting(lane, now, load), lane, load)
    if not taken:
        return []
    found = await tx.execute(select(*JOINED).join(jobs, jobs.c.id == items.c.job).where(items.c.seq.in_(taken)))
    return found.mappings().all()


async def _order(tx: AsyncConnection, now: int, slots: int, load: Load) -> dict[str, int]:
    """Lanes that may be served, in fair order, locked for this transaction where the database can."""
    waiting = exists().where(_ready(now, load), items.c.lane == lanes.c.id)
    query = select(lanes).where(lanes.c.not_before <= now, waiting).order_by(lanes.c.served).limit(_MOST_LANES)
    rows = (await tx.execute(query)).mappings().all()
    if not rows:
        return {}
    order = turns(_free(rows, load), slots)
    if tx.dialect.name == "sqlite":  # its writers come one after the other: nobody can have taken a turn meanwhile
        return order
    held = await tx.execute(select(lanes).where(lanes.c.id.in_(order)).with_for_update(skip_locked=True))
    load.again(await Load.read(tx))
    free = {lane.id: lane.free for lane in _free(held.mappings().all(), load)}
    return {lane: min(count, free[lane]) for lane, count in order.items() if free.get(lane, 0) > 0}


def _free(rows: Sequence[RowMapping], load: Load) -> list[Lane]:
    """Lanes with the places that are wholly free."""
    return [
        Lane(
            row["id"], row["tenant"], row["person"], row["served"],
            max(load.room(row["id"], row["concurrency"]), 0) // PLACE,
        )
        for row in rows
    ]  # fmt: skip


def _of_cancelled() -> ColumnElement[bool]:
    cancelled = select(jobs.c.id).where(jobs.c.cancelled.is_not(None), jobs.c.ended.is_(None))
    return and_(items.c.state == ItemState.READY, items.c.job.in_(cancelled))


def _ready(now: int, load: Load) -> ColumnElement[bool]:
    """Items that could begin: their time has come, their second account is neither resting nor full, nothing halts."""
    parked = select(_second.c.id).where(_second.c.not_before > now)
    return and_(
        items.c.state == ItemState.READY,
        items.c.not_before <= now,
        not_paused(),
        ~halted(),
        or_(items.c.other.is_(None), items.c.other.not_in(parked)),
        load.passable(),
    )


def _waiting(lane: str, now: int, load: Load) -> ColumnElement[bool]:
    return and_(_ready(now, load), items.c.lane == lane)


async def _take(
    tx: AsyncConnection, owner: str, now: int, count: int, which: ColumnElement[bool], lane: str | None, load: Load
) -> list[int]:
    """The ``seq`` of items that are now ours, within the room of both their accounts; without ``lane`` any."""
    query = (
        select(items.c.seq, items.c.kind, items.c.size, items.c.lane, items.c.other, _second.c.concurrency)
        .outerjoin(_second, _second.c.id == items.c.other)
        .where(which)
        .order_by(items.c.priority, items.c.seq)
    )
    rows = await tx.execute(query.limit(count * PLACE).with_for_update(of=items, skip_locked=True))
    room, found = load.left(lane, count * PLACE), []
    for row in rows:
        size = parts(row.kind, row.size)
        if size > room:
            break
        if lane is not None and row.concurrency is not None and size > load.room(row.other, row.concurrency):
            continue
        room -= size
        load.add(row.lane, size, None)
        if row.other is not None:
            load.add(row.other, size, row.concurrency)
        found.append(row.seq)
    if not found:
        return []
    await tx.execute(
        update(items)
        .where(items.c.seq.in_(found))
        .values(state=ItemState.RUNNING, owner=owner, attempt=items.c.attempt + 1)
    )
    if lane is not None:
        await tx.execute(update(lanes).where(lanes.c.id == lane).values(served=now))
    return found


async def change(tx: AsyncConnection, item: Item, owner: str, values: Mapping[str, Any]) -> None:
    """Write columns of a claimed item. Fenced."""
    await Change(item, owner, values).write(tx)


async def again(
    tx: AsyncConnection,
    item: Item,
    owner: str,
    not_before: int,
    *,
    done: int,
    failed: bool,
    reason: str | None = None,
) -> None:
    """Give the item back, for a later attempt or as it was. Progress forgives earlier failures. Fenced.

    ``reason``: why it waits, to be shown until then.
    """
    failures = (1 if done > item.done else item.failures + 1) if failed else item.failures
    free = {"state": ItemState.READY, "owner": None, "not_before": not_before, "failures": failures, "done": done}
    await change(tx, item, owner, free | {"reason": reason})


async def held(tx: AsyncConnection, owner: str) -> dict[str, Row[str, int, int | None, bool, int]]:
    """What this process holds: by item its attempt, whether its job was cancelled or is paused or must halt, and how
    often it was paused.
    """
    paused = or_(jobs.c.state.in_(HALTED), halted()).label("paused")
    query = (
        select(items.c.id, items.c.attempt, jobs.c.cancelled, paused, jobs.c.pauses)
        .join(jobs, jobs.c.id == items.c.job)
        .where(items.c.owner == owner, items.c.state == ItemState.RUNNING)
    )
    return {row.id: row for row in await tx.execute(query)}


async def give_back(tx: AsyncConnection, now: int, stray: tuple[str, int], owner: str) -> None:
    """Free an item whose turn ended without its last write. Counts as lost."""
    name, attempt = stray
    mine = and_(items.c.id == name, items.c.owner == owner, items.c.attempt == attempt)
    await tx.execute(
        update(items)
        .where(mine, items.c.state == ItemState.RUNNING)
        .values(state=ItemState.READY, owner=None, not_before=now + _STRAY_MS, losses=items.c.losses + 1)
    )


async def bar(tx: AsyncConnection, name: str, owner: str, now: int) -> None:
    """End a claimed item that nobody can read any more."""
    mine = and_(items.c.id == name, items.c.owner == owner, items.c.state == ItemState.RUNNING)
    ended = {"state": ItemState.FAILED, "reason": "internal", "owner": None, "ended": now, "work": None}
    await tx.execute(update(items).where(mine).values(**ended))


async def park(tx: AsyncConnection, lane: str, now: int, seconds: float | None, *, progressed: bool = False) -> int:
    """Let an account rest. Returns until when, ms. ``progressed``: something went through since its last rest.

    Of many that were under way together only the first one counts: the others were sent before the rest began. Rests
    are a little longer than asked, each by another part, so that not all accounts come back in the same moment.
    """
    found = await tx.execute(select(lanes.c.not_before, lanes.c.strikes).where(lanes.c.id == lane).with_for_update())
    row = found.one_or_none()
    if row is None:
        return now
    resting = row.not_before > now
    strikes = 0 if progressed else row.strikes
    pause = rest(0.0 if seconds is None and resting else seconds, 0 if resting else strikes)
    spread = random.uniform(1.0, 1.05)  # noqa: S311 - spreads retries, keeps no secret
    until: int = max(row.not_before, now + round(pause * spread * 1000))
    counted = row.strikes if resting else strikes + 1
    await tx.execute(update(lanes).where(lanes.c.id == lane).values(not_before=until, strikes=counted))
    return until


async def end(
    tx: AsyncConnection, item: Item, owner: str, state: ItemState, now: int, values: Mapping[str, Any]
) -> None:
    """The item's last write, and what follows from it for those that wait for it. Fenced."""
    await change(tx, item, owner, last(state, now, values))
    await follow(tx, item, state, now)


def last(state: ItemState, now: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of an item's last write."""
    return {**values, "state": state, "owner": None, "ended": now, "work": None}


def ends_alone(item: Item) -> bool:
    """Whether nothing follows from the item's end, so that it can be written with many others."""
    return item.kind not in LEADING and not item.strikes


async def follow(tx: AsyncConnection, item: Item, state: ItemState, now: int) -> None:
    """What follows from an item's end for its account and for those that wait for it."""
    if state is ItemState.COPIED and item.strikes:
        used = [lane for lane in (item.lane, item.other) if lane is not None]
        await tx.execute(update(lanes).where(lanes.c.id.in_(used), lanes.c.strikes > 0).values(strikes=0))
    if item.kind == "folder":
        await _release(tx, item.id, item.mode) if state is ItemState.COPIED else await _fail_below(tx, item.id, now)
    elif item.kind == "scan" and item.folder is not None:
        folder = (await folder_states(tx, {item.folder}, update=True)).get(item.folder)
        if folder is ItemState.COPIED:
            await _release(tx, item.folder, item.mode)


async def _release(tx: AsyncConnection, folder: str, mode: str) -> None:
    """Let begin what waited for a folder. In a move also its listing must have ended: pages shift where items leave."""
    if mode == "move":
        listing = and_(items.c.folder == folder, items.c.kind == "scan", items.c.state.in_(OPEN))
        if (await tx.execute(select(exists().where(listing)))).scalar_one():
            return
    below = and_(items.c.folder == folder, items.c.state == ItemState.BLOCKED, items.c.kind.not_in(STEPS))
    await update_all(tx, items, below, {"state": ItemState.READY})


async def _fail_below(tx: AsyncConnection, folder: str, now: int) -> None:
    """Everything that waits for a folder that will not be made, however deep."""
    parents = [folder]
    while parents:
        below = and_(items.c.folder.in_(parents), items.c.state == ItemState.BLOCKED, items.c.kind.not_in(STEPS))
        query = select(items.c.id).where(below, items.c.kind == "folder")
        found = list((await tx.execute(query)).scalars())
        await update_all(tx, items, below, {"state": ItemState.FAILED, "reason": "folder_failed", "ended": now})
        parents = found


async def cancel_waiting(tx: AsyncConnection, job: str, now: int) -> None:
    """End what has not begun; what holds an upload session stays, for a worker to free it."""
    idle = and_(items.c.job == job, items.c.state.in_([ItemState.BLOCKED, ItemState.READY]), items.c.work.is_(None))
    ended = case((items.c.kind.in_(STEPS), ItemState.DONE), else_=ItemState.SKIPPED)
    await update_all(tx, items, idle, {"state": ended, "reason": "cancelled", "ended": now})


async def release_prunes(tx: AsyncConnection, job: str) -> int:
    """Let the folders be cleaned whose contents have all ended. Returns how many."""
    below = items.alias("below")
    still = exists().where(below.c.folder == items.c.after, below.c.state.in_(OPEN))
    unmade = exists().where(below.c.id == items.c.after, below.c.state.in_(OPEN))
    blocked = and_(items.c.job == job, items.c.kind == "prune", items.c.state == ItemState.BLOCKED)
    return await update_all(tx, items, and_(blocked, ~still, ~unmade), {"state": ItemState.READY})


async def folder_states(tx: AsyncConnection, folders: Collection[str], *, update: bool = False) -> dict[str, ItemState]:
    """How far these folder steps are, held as they are until the transaction ends (``update``: for us alone)."""
    query = select(items.c.id, items.c.state).where(items.c.id.in_(folders)).with_for_update(read=not update)
    return {row.id: ItemState(row.state) for row in await tx.execute(query)}


async def store(tx: AsyncConnection, dialect: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """New items; one that the job has met already is left out."""
    if rows:
        insert = postgres_insert if dialect == "postgresql" else sqlite_insert
        await tx.execute(insert(items).on_conflict_do_nothing(), rows)


async def open_lane(tx: AsyncConnection, dialect: str, lane: str, tenant: str, person: str, now: int) -> None:
    """Make the lane's row, or note that it is in use."""
    insert = postgres_insert if dialect == "postgresql" else sqlite_insert
    row = insert(lanes).values(id=lane, tenant=tenant, person=person, used=now)
    await tx.execute(row.on_conflict_do_update(index_elements=[lanes.c.id], set_={"used": now}))


async def drop_idle_lanes(tx: AsyncConnection, now: int) -> None:
    """Forget accounts that nothing waits for. Those just used stay: an insert may be under way."""
    waiting = exists().where(or_(items.c.lane == lanes.c.id, items.c.other == lanes.c.id), items.c.state.in_(OPEN))
    idle = and_(lanes.c.used < now - _IDLE_LANE_MS, lanes.c.not_before < now, ~waiting)
    await tx.execute(delete(lanes).where(idle))


async def count(tx: AsyncConnection, job: str) -> Sequence[RowMapping]:
    """Rows of (kind, state, number, size, done) of a job: the truth that its totals are made of."""
    query = (
        select(
            items.c.kind,
            items.c.state,
            func.count().label("number"),
            func.sum(func.coalesce(items.c.size, items.c.done)).label("size"),
            func.sum(items.c.done).label("done"),
        )
        .where(items.c.job == job)
        .group_by(items.c.state, items.c.kind)  # in the order of an index: nothing is sorted
    )
    return (await tx.execute(query)).mappings().all()
