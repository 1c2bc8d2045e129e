"""How long a matrix is: short in every run, long under ./scripts/soak."""

from __future__ import annotations

import os
from typing import Final

FACTOR: Final = int(os.environ.get("FILE_ACCESS_SOAK", "1"))
"""How many times as many seeds as usual."""
