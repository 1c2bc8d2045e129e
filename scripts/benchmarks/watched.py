"""Runs a module as `python -m` does, and tells on request where its processor time goes.

``python -m benchmarks.watched MODULE ARGUMENTS…``. Lines on standard input: ``start`` begins to look, ``stop`` ends it
and prints "profile " and {"parts": {name: seconds}, "functions": {…}, "cpu": seconds} as one line. Between the two a
thread looks at every thread's stack and gives the processor time that the thread has used since the last look to what
it is in now; who waits costs nothing and gets nothing. Nobody looks while nobody asks.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import TextIO

EVERY = 0.005
MOST = 40
ROOT = str(Path(__file__).resolve().parent.parent.parent) + os.sep
NATIVE = "event loop, TLS and sockets"
"""What has no Python frame of its own: uvloop, OpenSSL inside it, and the kernel below both."""


class Look:
    """Processor seconds by part and by function of the project."""

    def __init__(self) -> None:
        self.parts: dict[str, float] = defaultdict(float)
        self.functions: dict[str, float] = defaultdict(float)
        self._used: dict[int, float] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> dict[str, object]:
        """End; what was seen."""
        self._ended.set()
        self._thread.join()
        told = {"parts": _most(self.parts), "functions": _most(self.functions)}
        return {**told, "cpu": sum(self.parts.values())}

    def _run(self) -> None:
        while not self._ended.wait(EVERY):
            for thread, frame in sys._current_frames().items():  # noqa: SLF001 - the one way to see other threads
                if thread != threading.get_ident():
                    self._give(thread, frame)

    def _give(self, thread: int, frame: FrameType) -> None:
        try:
            now = time.clock_gettime(time.pthread_getcpuclockid(thread))
        except OSError:  # it has ended
            return
        used = now - self._used.get(thread, now)
        self._used[thread] = now
        if used > 0:
            part, function = located(frame)
            self.parts[part] += used
            self.functions[function] += used


def _most(seconds: Mapping[str, float]) -> dict[str, float]:
    return dict(sorted(seconds.items(), key=lambda pair: -pair[1])[:MOST])


def located(frame: FrameType) -> tuple[str, str]:
    """The part that a stack is in (a package, or `NATIVE`), and the project's innermost function in it."""
    at: FrameType | None = frame
    while at is not None and not at.f_code.co_filename.startswith(ROOT) and at.f_back is not None:
        at = at.f_back
    own = at is not None and _ours(at.f_code.co_filename)
    function = f"{at.f_code.co_filename.removeprefix(ROOT)} {at.f_code.co_name}" if at is not None and own else NATIVE
    return part(frame.f_code.co_filename, frame.f_code.co_name), function


def _ours(file: str) -> bool:
    return file.startswith(ROOT) and not file.startswith((ROOT + ".venv", ROOT + "scripts"))


def part(file: str, function: str) -> str:
    """The package of a source file: 'sqlalchemy', 'providers'; `NATIVE` for the loop itself."""
    if file.endswith(("asyncio/runners.py", "uvloop/__init__.py")):
        return NATIVE
    if "site-packages/" in file:
        return file.partition("site-packages/")[2].partition("/")[0]
    if _ours(file):
        return file.removeprefix(ROOT).partition("/")[0]
    if file.endswith("concurrent/futures/thread.py") and function == "_worker":
        return "thread hops"
    return Path(file).stem if not file.startswith("<") else "imports"


def obey(orders: TextIO) -> None:
    """Follow the orders until they end."""
    look: Look | None = None
    for line in orders:
        if line.strip() == "start":
            look = Look()
            look.start()
        elif look is not None:
            print("profile " + json.dumps(look.stop()), flush=True)


def main() -> None:
    """The command line."""
    threading.Thread(target=obey, args=(sys.stdin,), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
