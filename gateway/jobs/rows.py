"""Between rows and values: what is sealed on the way in and opened on the way out. No query is made here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping

from gateway.jobs.marks import Marks
from gateway.jobs.model import ENDED, OPEN, Item, ItemState, ItemView, NewItem
from gateway.jobs.reasons import advice
from gateway.jobs.sealing import Sealer, seal, unseal
from gateway.jobs.waiting import wait


def item_row(sealer: Sealer, known: Marks, job: Mapping[Any, Any], new: NewItem, now: int) -> dict[str, Any]:
    """The row of a new item. ``job`` has id, tenant, person and priority; ``known`` are its marks."""
    return {
        "id": new.id,
        "job": job["id"],
        "tenant": job["tenant"],
        "person": job["person"],
        "kind": new.kind,
        "state": new.state,
        "priority": job["priority"] + new.priority,
        "lane": new.lane,
        "other": new.other,
        "folder": new.folder,
        "after": new.after,
        "depth": new.depth,
        "size": new.size,
        "reason": new.reason,
        "ended": now if new.state in ENDED else None,
        "identity": None if new.identity is None else known.identity(new.identity),
        "taken": None if new.taken is None else known.taken(new.taken),
        "entry": seal(sealer, "items", "entry", new.id, new.entry),
        "result": seal(sealer, "items", "result", new.id, new.result),
    }


def item(sealer: Sealer, row: RowMapping, specs: dict[str, dict[str, Any]]) -> Item:
    """A claimed row (`gateway.jobs.queue.JOINED`), opened. Corrupt or Shredded where it cannot be.

    ``specs``: what was opened already of the jobs' orders; many items are of one job.
    """
    if row["job"] not in specs:
        specs[row["job"]] = unseal(sealer, "jobs", "spec", row["job"], row["spec"])
    sealed = {"entry", "work", "spec", "cancelled"}
    plain = {name: row[name] for name in Item.__slots__ if name not in sealed}
    return Item(
        **plain,
        entry=unseal(sealer, "items", "entry", row["id"], row["entry"]),
        work=unseal(sealer, "items", "work", row["id"], row["work"]),
        spec=specs[row["job"]],
        cancelled=row["cancelled"] is not None,
    )


def item_view(sealer: Sealer, row: RowMapping, now: int) -> ItemView:
    """A row with its lanes (`gateway.jobs.waiting.with_lanes`) as its person sees it."""
    entry = unseal(sealer, "items", "entry", row["id"], row["entry"])
    result = unseal(sealer, "items", "result", row["id"], row["result"])
    destination = result.get("destination")
    state, held, reason = ItemState(row["state"]), None, row["reason"]
    if state is ItemState.READY:
        pauses = [(row["lane"], row["lane_until"]), (row["other"], row["other_until"])]
        held = wait(now, row["not_before"], reason, pauses)
    if state in OPEN:  # what an open row keeps is why it waits, and only as long as it does
        reason = None if held is None else held.reason
    return ItemView(
        seq=row["seq"],
        id=row["id"],
        kind=str(entry.get("kind", row["kind"])),
        name=str(entry["name"]),
        path=str(entry["path"]),
        state=state,
        size=row["size"],
        done=row["done"],
        renamed_to=result.get("renamed_to"),
        reason=reason,
        advice=advice(reason),
        destination=(destination[0], destination[1]) if destination else None,
        wait=held,
    )
