"""The commands `file-access keys`: how it stands with the keys, and what an operator does about them by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from cache.cycle import Cycles, Status
    from gateway.ledger import Ledger

PAUSE = 5.0
"""Seconds between two looks at a cycle that has to wait."""


@click.group()
def keys() -> None:
    """The keys: their cycles, and the versions of the root key."""


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(as_json: bool) -> None:
    """Which versions of the root key there are, what the latest cycle did, when the next is due."""

    async def work(cycles: Cycles, _: Ledger) -> None:
        told = await cycles.status()
        click.echo(json.dumps(_plain(told), indent=2) if as_json else "\n".join(_lines(told)))

    _with_stores(work)


@keys.command()
@click.option("--wait", is_flag=True, help="Until the old keys are destroyed, some minutes.")
def rotate(wait: bool) -> None:
    """Begin a cycle now: a new root key, new keys of all schools, new keys for all who deleted something."""

    async def work(cycles: Cycles, ledger: Ledger) -> None:
        if await cycles.begin():
            await _tell(ledger, "keys.rotate", {})
        await _follow(cycles, wait=wait)

    _with_stores(work)


@keys.command()
@click.argument("version", type=int)
@click.option("--now", is_flag=True, help="Give up the backups that need it.")
@click.option("--attest", is_flag=True, help="You vouch that no copy of this version is left anywhere.")
def retire(version: int, now: bool, attest: bool) -> None:
    """Destroy an old version of the root key, once no backup needs it; with --attest also say that no copy is left."""

    async def work(cycles: Cycles, ledger: Ledger) -> None:
        row = await cycles.retire(version, now=now, attest=attest)
        await _tell(ledger, "keys.retire", {"version": version, "now": now, "attested": attest})
        click.echo(f"version {version} is {row.state}, destroyed {_day(row.gone)}")
        if row.attested is None and row.kms is None:
            click.echo("Destroy every copy of it as well (backups of the file, of the environment), then add --attest.")

    _with_stores(work, without=frozenset({version}))


@keys.command()
@click.argument("ids", nargs=-1)
@click.option("--everyone", is_flag=True, help="All schools and people.")
@click.option("--compromised", is_flag=True, help="Keys may be known: also a new root, and all files sealed anew.")
@click.option("--wait", is_flag=True, help="Until the old keys are destroyed, some minutes.")
def rekey(ids: tuple[str, ...], everyone: bool, compromised: bool, wait: bool) -> None:
    """Give people, or schools with all their people, new keys now. IDS: random ids, as the ledger names them."""
    if bool(ids) == everyone:
        raise click.UsageError("name people or schools, or give --everyone")

    async def work(cycles: Cycles, ledger: Ledger) -> None:
        scopes = await cycles.tenants() if everyone else [await cycles.scope(one) for one in ids]
        await cycles.rekey(scopes, compromised=compromised)
        await _tell(ledger, "keys.rekey", {"ids": list(ids), "everyone": everyone, "compromised": compromised})
        while not await cycles.begin("cycle" if compromised else "rekey"):  # one that is under way comes first
            await _follow(cycles, wait=True)
        await _follow(cycles, wait=wait)

    _with_stores(work)


@keys.command()
@click.argument("version", type=int)
def new(version: int) -> None:
    """Print a new version of the root key, for FILE_ACCESS_ROOT_KEY: keep it where the others are, and nowhere else."""
    from cache.keys import new_key
    from cache.roots import Root

    click.echo(Root(version, new_key()).dump())


async def _follow(cycles: Cycles, *, wait: bool) -> None:
    """Work on the cycle until it is finished, or has to wait for what comes by itself."""
    from cache.replacing import Waits

    while True:
        try:
            if await cycles.run():
                click.echo("\n".join(_lines(await cycles.status())))
                return
            told = "another process works on it"
        except Waits as error:
            told = str(error)
        if (await cycles.status()).cycle is None or not await _unfinished(cycles):
            return
        if not wait:
            click.echo(f"Not finished yet: {told}. The gateway goes on with it; or give --wait.")
            return
        await asyncio.sleep(PAUSE)


async def _unfinished(cycles: Cycles) -> bool:
    cycle = (await cycles.status()).cycle
    return cycle is not None and cycle.finished is None


async def _tell(ledger: Ledger, action: str, details: dict[str, Any]) -> None:
    from gateway.keys import tell

    await tell(ledger, action, details)


Work = Callable[["Cycles", "Ledger"], Awaitable[None]]


def _with_stores(work: Work, *, without: frozenset[int] = frozenset()) -> None:
    """Do the work on this deployment's stores, once the ledger names who does it, or say why not."""
    from cache.errors import StorageError
    from gateway.commands.beside import announce, instructed
    from gateway.commands.refusing import refuse
    from gateway.db.engine import DatabaseInUse
    from gateway.db.migrate import DatabaseTooNew
    from gateway.safety import UnsafeSettings
    from gateway.stores import StartRefused

    told = instructed()

    async def run() -> None:
        async with _opened(without) as (cycles, ledger):
            await announce(ledger, told)
            await work(cycles, ledger)

    try:
        _run(run())
    except UnsafeSettings as error:
        refuse(f"these settings are not safe to use:\n{error}")
    except DatabaseInUse as error:
        refuse(f"{error}. It runs its cycles by itself; stop it to use this command")
    except (StartRefused, StorageError, DatabaseTooNew) as error:
        refuse(str(error))


def _run(work: Coroutine[Any, Any, None]) -> None:
    from gateway.logs import configure

    configure("warning")
    asyncio.run(work)


@asynccontextmanager
async def _opened(without: frozenset[int]) -> AsyncIterator[tuple[Cycles, Ledger]]:
    import os

    from gateway.commands.copies import refuse_older
    from gateway.ledger import Ends, Ledger
    from gateway.safety import load
    from gateway.signing import SigningKeys
    from gateway.stores import opened

    async with AsyncExitStack() as stack:
        settings = load()
        stores = await opened(settings, os.environ.get("SSL_CERT_FILE"), stack, without=without)
        signing = SigningKeys(stores.vault, stores.database)
        await signing.start()
        if not without:  # `retire` gives up a version that is missing: without that no gateway starts on the copy
            await refuse_older(settings, stores.database, signing.journal_key)
        yield stores.cycles, Ledger(stores.vault, stores.database, Ends.of(signing.journal_key))


def _plain(told: Status) -> dict[str, Any]:
    roots = [
        {
            "version": row.version,
            "state": row.state,
            "place": row.kms or "file or environment",
            "made": row.made,
            "due": row.due,
            "gone": row.gone,
            "attested": row.attested,
        }
        for row in told.roots
    ]
    cycle = None
    if told.cycle is not None:
        one = told.cycle
        cycle = {"kind": one.kind, "step": one.step, "begun": one.begun, "finished": one.finished, **one.counts}
    return {"roots": roots, "cycle": cycle, "next": told.next, "renewals": told.renewals}


def _lines(told: Status) -> list[str]:
    return [*(_root(row) for row in told.roots), _cycle(told), f"next cycle: due {_day(told.next)}", _people(told)]


def _root(row: Any) -> str:
    line = f"root key {row.version}: {row.state}, made {_day(row.made)}" + (f", {row.kms}" if row.kms else "")
    if row.state == "retired":
        line += f"; backups need it until {_day(row.due)}"
    if row.state == "gone":
        line += f"; destroyed {_day(row.gone)}"
        if row.kms is None:
            line += "; you vouched that no copy is left" if row.attested else "; not yet vouched that no copy is left"
    return line


def _cycle(told: Status) -> str:
    cycle = told.cycle
    if cycle is None:
        return "latest cycle: none yet"
    counts = cycle.counts
    done = f"{counts.get('keys', 0)} keys and {counts.get('values', 0)} values put under new keys"
    if counts.get("objects"):
        done += f", {counts['objects']} files sealed anew"
    if counts.get("damaged"):
        done += f", {counts['damaged']} damaged ones found"
    if cycle.finished is not None:
        return f"latest cycle: finished {_day(cycle.finished)}: {done}"
    waits = f"; it waits: {counts['waits']}" if counts.get("waits") else ""
    return f"latest cycle: under way since {_day(cycle.begun)}, at '{cycle.step}': {done}{waits}"


def _people(told: Status) -> str:
    return f"new keys due in it: {told.renewals} (people who deleted something, or asked for)"


def _day(ms: int | None) -> str:
    return "-" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
