"""The README's generated parts are what the code says now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_generated_parts_are_current() -> None:
    """Renew them with ./scripts/readme."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "generate_readme.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
