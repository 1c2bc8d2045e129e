"""A worker in a process of its own that is killed the moment a job's end has been committed, before anything is sent.

python -m tests.gateway.webhooks.ending_process DATABASE JOB
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import gateway.db.tables_work  # noqa: F401 - puts its tables on the metadata
from gateway.db.engine import Database
from gateway.jobs.worker import Worker
from tests.gateway.jobs.support import QUICK, Steered, copied, ended, make_jobs


async def main(url: str, job: str) -> None:
    """Work until the job has ended, and die."""
    async with Database(url) as database:
        jobs = make_jobs(database)
        await Worker(jobs, {"copy": Steered(copied)}, timing=QUICK).start()
        await ended(jobs, job, "s1")
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
