"""All rows, in the order in which they run."""

from __future__ import annotations

from benchmarks import bulk, many
from benchmarks.rows import Row

ROWS: tuple[Row, ...] = (*bulk.ROWS, *many.ROWS)
