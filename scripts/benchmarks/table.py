"""All rows, in the order in which they run."""

from __future__ import annotations

from benchmarks import bulk, crowd, many, opening
from benchmarks.rows import Row

ROWS: tuple[Row, ...] = (*bulk.ROWS, *many.ROWS, *opening.ROWS, *crowd.ROWS)
