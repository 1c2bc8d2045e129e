"""Where the time went of a row that runs in this very process: its event loop, its other threads, or elsewhere."""

from __future__ import annotations

import time


class Inside:
    """From its making on. Make and ask it in the event loop's thread."""

    def __init__(self) -> None:
        self._started, self._loop, self._all = time.monotonic(), time.thread_time(), time.process_time()

    def told(self, others: str) -> str:
        """In words; ``others``: what the other threads do."""
        seconds, loop = time.monotonic() - self._started, time.thread_time() - self._loop
        rest = max(time.process_time() - self._all - loop, 0.0)
        idle = max(seconds - loop - rest, 0.0)
        return (
            f"of {seconds:.3g} s the event loop's thread worked {loop:.3g} s and {others} {rest:.3g} s; "
            f"for {idle:.3g} s at least it waited for the processor, the disk or another process"
        )
