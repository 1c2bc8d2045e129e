"""All rows, in the order in which they run: those last that teach the gateway to ask a drive more slowly."""

from __future__ import annotations

from benchmarks import bulk, crowd, expiry, forget, keys, many, opening
from benchmarks.rows import Row

ROWS: tuple[Row, ...] = (
    *bulk.ROWS,
    many.SMALL,
    opening.OPEN,
    keys.CYCLE,
    forget.FORGET,
    *expiry.ROWS,
    crowd.MEMORY,
    many.THROTTLED,
    crowd.PLANNING,
)
