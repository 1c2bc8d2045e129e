"""The operator's desk: the stores of a deployment opened for one command, and the incident book and switches on them.

On PostgreSQL it works beside running gateways. A SQLite database belongs to one process: to the gateway while it runs.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import click
from sqlalchemy import select

from cache.errors import StorageError
from gateway.books import DEPLOYMENT, Books
from gateway.commands.beside import announce, instructed
from gateway.commands.copies import refuse_older
from gateway.containment import Containments
from gateway.db.engine import Database, DatabaseInUse
from gateway.db.migrate import DatabaseTooNew
from gateway.db.tables_people import schools
from gateway.incidents import Affected, Incidents
from gateway.ledger import Ends, Ledger
from gateway.logs import configure
from gateway.safety import UnsafeSettings, load
from gateway.settings import Settings
from gateway.signing import SigningKeys
from gateway.stores import StartRefused, opened

Result = TypeVar("Result")

IN_USE = (
    "this SQLite database belongs to the gateway that runs on it. Let an administrator of the school do it there, at "
    "/v1/school/incidents and /v1/school/containment; or stop the gateway, run this command, and start it again"
)


@dataclass(frozen=True)
class Office:
    """What the commands work with."""

    database: Database
    ledger: Ledger
    containments: Containments
    incidents: Incidents
    affected: Affected

    async def schools(self) -> dict[str, str]:
        """Names by id, of all schools that were ever configured."""
        async with self.database.read() as tx:
            return {row.id: row.name for row in await tx.execute(select(schools).order_by(schools.c.name))}

    async def school(self, called: str) -> str:
        """The id of a school by its id, or by what its identity provider calls it. ClickException."""
        if called == DEPLOYMENT:
            return DEPLOYMENT
        async with self.database.read() as tx:
            mine = select(schools.c.id).where((schools.c.id == called) | (schools.c.claim == called))
            found = (await tx.execute(mine)).scalars().all()
        if len(found) != 1:
            known = ", ".join(f"{name} ({school})" for school, name in (await self.schools()).items()) or "none"
            why = "no school is" if not found else "several schools are"
            raise click.ClickException(f"{why} called so. Known are: {known}")
        return str(found[0])


@asynccontextmanager
async def office(settings: Settings) -> AsyncIterator[Office]:
    """Everything opened, and closed at the end. StartRefused, StorageError, DatabaseInUse, DatabaseTooNew."""
    async with AsyncExitStack() as stack:
        stores = await opened(settings, os.environ.get("SSL_CERT_FILE"), stack)
        vault, database = stores.vault, stores.database
        signing = SigningKeys(vault, database)
        await signing.start()
        await refuse_older(settings, database, signing.journal_key)
        ledger, books = Ledger(vault, database, Ends.of(signing.journal_key)), Books(vault)
        yield Office(
            database,
            ledger,
            Containments(vault, database, ledger, books),
            Incidents(database, ledger, books),
            Affected(vault, database),
        )


def run(work: Callable[[Office], Awaitable[Result]]) -> Result:
    """Do something at the desk, once the ledger names who does it. ClickException where it cannot be opened."""
    told = instructed()

    async def working() -> Result:
        async with office(load()) as desk:
            await announce(desk.ledger, told)
            return await work(desk)

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys
    configure("warning")  # to standard error: what is printed is JSON that somebody's program reads
    try:
        return asyncio.run(working())
    except UnsafeSettings as error:
        raise click.ClickException(f"these settings are not safe to use:\n{error}") from None
    except DatabaseInUse:
        raise click.ClickException(IN_USE) from None
    except (StartRefused, DatabaseTooNew, StorageError) as error:
        raise click.ClickException(str(error)) from None


def show(found: object) -> None:
    """Print as JSON: times in ISO 8601, what is unknown left out."""
    click.echo(json.dumps(told(found), indent=2, ensure_ascii=False))


_TIMES = frozenset(
    {
        "at", "opened", "began", "ended", "noticed", "aware", "authority_told", "people_told", "closed", "lifted",
        "stored", "first", "last", "made", "deadline",
    }
)  # fmt: skip


def told(found: object) -> Any:
    """The value as JSON has it."""
    if is_dataclass(found) and not isinstance(found, type):
        return told(asdict(found))
    if isinstance(found, dict):
        return {
            name: _time(value) if name in _TIMES else told(value) for name, value in found.items() if value is not None
        }
    if isinstance(found, list | tuple | set | frozenset):
        return [told(one) for one in found]
    return found


def _time(value: object) -> object:
    if isinstance(value, int) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="seconds")
    return told(value)


class Moment(click.ParamType):  # type: ignore[type-arg]
    """A time as ISO 8601 with its zone; milliseconds since 1970 inside."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Epoch ms."""
        if isinstance(value, int):
            return value
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            self.fail("give a time such as 2026-11-29T14:00:00+01:00", param, ctx)
        if found.tzinfo is None or not 2000 <= found.year < 2200:
            self.fail("give the time with its zone, such as 2026-11-29T14:00:00+01:00 or …Z", param, ctx)
        return int(found.timestamp() * 1000)
