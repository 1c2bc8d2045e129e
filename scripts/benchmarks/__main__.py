"""``./scripts/bench``: every row in one run, as a table or as JSON."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import json
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.usage import remove, scratch
from tests.contract.relay import GOOGLE, MICROSOFT, Authority

if TYPE_CHECKING:
    from benchmarks.rows import Row


async def _run(rows: Sequence[Row], authority: Authority) -> list[dict[str, Any]]:
    from tour import TourFailed

    from benchmarks.rows import failed
    from benchmarks.world import world

    found = []
    with contextlib.redirect_stdout(io.StringIO()):  # what the steps of the tour say is not the table
        async with world(authority, authority.ca_file.parent) as running:
            for row in rows:
                started = time.monotonic()
                print(f"… {row.name}: {row.work}", file=sys.stderr, flush=True)
                try:
                    told = (await row.measure(running)).as_json(row)
                except (RuntimeError, OSError, TimeoutError, AssertionError, TourFailed) as error:
                    told = failed(row, str(error)[-500:] or type(error).__name__)
                found.append(told)
                print(f"  {time.monotonic() - started:.0f} s  {_line(told)}", file=sys.stderr, flush=True)
    return found


def _line(row: Mapping[str, Any]) -> str:
    numbers = [f"{who} {row[who]:.4g}" for who in ("ours", "peer", "bare") if row[who] is not None]
    return f"{', '.join(numbers)} {row['unit']}; {'met' if row['met'] else 'MISSED'} {row['limit']}"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown, for people and for the README."""
    head = "| work | ours | peer | bare | unit | ratio | target | met | CPU s | MiB | limit |\n|" + "---|" * 11
    return "\n".join([head, *map(_cells, rows)])


def _cells(row: Mapping[str, Any]) -> str:
    numbers = ["" if row[name] is None else f"{row[name]:.4g}" for name in ("ours", "peer", "bare")]
    ratio = "" if row["ratio"] is None else f"{row['ratio']:.3g}x"
    costs = [" ".join(f"{who} {cost:.3g}" for who, cost in row[part].items()) for part in ("cpu_s", "peak_mib")]
    met = "yes" if row["met"] else "no"
    cells = [row["work"], *numbers, row["unit"], ratio, row["target"], met, *costs, row["limit"]]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """0 where every row met its target."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was started is ended then, too
    folder = scratch()
    try:
        return _main(Authority(folder, *GOOGLE, *MICROSOFT))
    finally:
        remove(folder)


def _main(authority: Authority) -> int:
    os.environ["SSL_CERT_FILE"] = str(authority.ca_file)  # before aiohttp is imported: it reads it once
    from benchmarks.table import ROWS

    parser = argparse.ArgumentParser(prog="./scripts/bench", description="Speed and memory beside rclone's.")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS], help="this row; may be repeated")
    parser.add_argument("--json", action="store_true", help="a list of rows instead of a table")
    chosen = parser.parse_args()
    rows = [row for row in ROWS if not chosen.only or row.name in chosen.only]
    found = asyncio.run(_run(rows, authority))
    print(json.dumps(found, indent=2, ensure_ascii=False) if chosen.json else table(found))
    return 0 if all(row["met"] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
