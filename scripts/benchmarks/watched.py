"""Runs a module as `python -m` does, and tells on request where its processor time goes.

``python -m benchmarks.watched MODULE ARGUMENTS…``. Lines on standard input: ``start`` begins to look, ``stop`` ends it
and prints "profile " and {"parts": {name: share}, "functions": {…}, "cpu": seconds} as one line. Between the two the
kernel interrupts the process after each few milliseconds of processor time, and the stack of the event loop's thread is
counted. (A thread that looks from outside would only see the moments at which the interpreter is free.) Nobody looks
while nobody asks.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import TextIO

EVERY = 0.005
MOST = 40
ROOT = str(Path(__file__).resolve().parent.parent.parent) + os.sep
NATIVE = "event loop, TLS and sockets"
"""What has no Python frame of its own: uvloop, OpenSSL inside it, and the kernel below both."""


class Look:
    """How often each part and each function of the project was at work when looked at."""

    def __init__(self) -> None:
        self.parts: Counter[str] = Counter()
        self.functions: Counter[str] = Counter()
        self._cpu = 0.0

    def start(self) -> None:
        """Begin anew. The signal's handler must be `seen`."""
        self.parts.clear()
        self.functions.clear()
        self._cpu = time.process_time()
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)

    def stop(self) -> dict[str, object]:
        """End; what was seen."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        told = {"parts": _shares(self.parts), "functions": _shares(self.functions)}
        return {**told, "cpu": time.process_time() - self._cpu}

    def seen(self, _signal: int, frame: FrameType | None) -> None:
        """Count where the interrupted thread is."""
        if frame is not None:
            part, function = located(frame)
            self.parts[part] += 1
            self.functions[function] += 1


def _shares(counts: Counter[str]) -> dict[str, float]:
    whole = counts.total()
    return {name: count / whole for name, count in counts.most_common(MOST)}


def located(frame: FrameType) -> tuple[str, str]:
    """The part that a stack is in (a package, or `NATIVE`), and the project's innermost function in it."""
    at: FrameType | None = frame
    while at is not None and not at.f_code.co_filename.startswith(ROOT) and at.f_back is not None:
        at = at.f_back
    own = at is not None and _ours(at.f_code.co_filename)
    function = f"{at.f_code.co_filename.removeprefix(ROOT)} {at.f_code.co_name}" if at is not None and own else NATIVE
    return part(frame.f_code.co_filename), function


def _ours(file: str) -> bool:
    return file.startswith(ROOT) and not file.startswith((ROOT + ".venv", ROOT + "scripts"))


def part(file: str) -> str:
    """The package of a source file: 'sqlalchemy', 'providers'; `NATIVE` for the loop itself."""
    if file.endswith(("asyncio/runners.py", "uvloop/__init__.py")):
        return NATIVE
    if "site-packages/" in file:
        return file.partition("site-packages/")[2].partition("/")[0]
    if _ours(file):
        return file.removeprefix(ROOT).partition("/")[0]
    return Path(file).stem if not file.startswith("<") else "imports"


def obey(orders: TextIO, look: Look) -> None:
    """Follow the orders until they end."""
    for line in orders:
        if line.strip() == "start":
            look.start()
        else:
            print("profile " + json.dumps(look.stop()), flush=True)


def main() -> None:
    """The command line."""
    look = Look()
    signal.signal(signal.SIGPROF, look.seen)
    threading.Thread(target=obey, args=(sys.stdin, look), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
