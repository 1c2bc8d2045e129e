"""How long a matrix is: short in every run, long under ./scripts/soak."""

from __future__ import annotations

import os
from typing import Final

FACTOR: Final = int(os.environ.pop("FILE_ACCESS_SOAK", "1"))
"""How many times as many seeds as usual. Taken out of the environment: a gateway that inherits it would refuse it."""
