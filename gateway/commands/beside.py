"""What an operator's command works with beside a gateway that may be running: its stores, its keys, its ledger."""

from __future__ import annotations

import asyncio
import getpass
import os
import resource
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NoReturn

from gateway.commands.refusing import refuse

if TYPE_CHECKING:
    from gateway.db.engine import Database
    from gateway.ledger import Ends, Ledger
    from gateway.ledger.checkpoints import Checkpoints
    from gateway.schools import Retentions
    from gateway.signing import SigningKeys
    from gateway.stores import Stores


@dataclass(frozen=True)
class Beside:
    """The stores, and the ledger on them."""

    stores: Stores
    signing: SigningKeys
    ends: Ends
    ledger: Ledger
    checkpoints: Checkpoints
    retentions: Retentions

    @property
    def database(self) -> Database:
        """The gateway's."""
        return self.stores.database

    async def chains(self) -> list[str]:
        """The schools that have a chain, and the deployment itself. Without one that is being taken away."""
        from sqlalchemy import select

        from gateway.db.tables_ledger import ledger_heads
        from gateway.ledger.ends import leaving

        whole = select(ledger_heads.c.school).where(ledger_heads.c.school.not_in(leaving()))
        async with self.database.read() as tx:
            return list((await tx.execute(whole.order_by(ledger_heads.c.school))).scalars())


@asynccontextmanager
async def beside(*, older: bool = False) -> AsyncIterator[Beside]:
    """Opened by the settings of the environment; ``older``: also an older copy. StartRefused, UnsafeSettings."""
    from cache.errors import StorageError
    from gateway.commands.copies import refuse_older
    from gateway.db.engine import DatabaseInUse
    from gateway.db.migrate import DatabaseTooNew
    from gateway.ledger import Ends, Ledger
    from gateway.ledger.checkpoints import Checkpoints
    from gateway.safety import load
    from gateway.schools import Retentions, SchoolChoices, usual
    from gateway.signing import SigningKeys
    from gateway.stores import StartRefused, opened

    settings = load()
    try:
        async with AsyncExitStack() as stack:
            stores = await opened(settings, os.environ.get("SSL_CERT_FILE"), stack, beside=True)
            signing = SigningKeys(stores.vault, stores.database)
            await signing.start()
            if not older:
                await refuse_older(settings, stores.database, signing.journal_key)
            ends = Ends.of(signing.journal_key)
            ledger = Ledger(stores.vault, stores.database, ends)
            retentions = Retentions(SchoolChoices(stores.vault, stores.database, ledger, usual(settings)))
            checkpoints = Checkpoints(ledger, stores.database, ends, signing, retentions.ledger_life)
            yield Beside(stores, signing, ends, ledger, checkpoints, retentions)
    except (DatabaseInUse, DatabaseTooNew, StorageError) as error:
        raise StartRefused(str(error)) from error


def run(work: Callable[[Beside], Awaitable[int]], *, older: bool = False) -> NoReturn:
    """Do it, and end with what it gives back; 2 where it could not be begun. ``older``: see `beside`."""
    from gateway.logs import configure
    from gateway.safety import UnsafeSettings
    from gateway.stores import StartRefused

    async def whole() -> int:
        async with beside(older=older) as found:
            return await work(found)

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys
    configure("warning")  # to standard error: what is printed may be read by a program
    try:
        sys.exit(asyncio.run(whole()))
    except UnsafeSettings as error:
        refuse(f"these settings are not safe to use:\n{error}")
    except StartRefused as error:
        refuse(str(error))


NAMED: Final = frozenset(
    {
        "client", "compromised", "connection", "everyone", "everything", "every_school", "ids", "incident", "key",
        "now", "person", "school", "schools", "stored", "suspension", "version",
    }
)  # fmt: skip
"""What of a command's arguments the ledger names: ids and switches, no words."""


def instructed() -> dict[str, object]:
    """Who runs which command about what, by the context of the command that runs."""
    import click

    context = click.get_current_context()
    ids = {name: value for name, value in context.params.items() if name in NAMED and value}
    return {"by": operator(), "command": context.command_path.partition(" ")[2], "ids": ids}


async def announce(ledger: Ledger, told: dict[str, object]) -> None:
    """Tell the deployment's chain before the command does or shows anything. StartRefused where that cannot be."""
    from sqlalchemy.exc import SQLAlchemyError

    from cache.errors import StorageError
    from gateway.stores import StartRefused

    try:
        await ledger.operate("operator.command", told)
    except (StorageError, SQLAlchemyError) as error:
        raise StartRefused(
            f"nothing was done, because the ledger cannot be written ({type(error).__name__}). Look at "
            "`file-access ledger verify` and at the database"
        ) from error


def operator() -> str:
    """Who runs the command, as this machine knows them: told in the ledger."""
    if os.getuid() == 0 and (behind := os.environ.get("SUDO_USER")):
        return behind
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return f"uid {os.getuid()}"
