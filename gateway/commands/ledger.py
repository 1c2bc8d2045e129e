"""`file-access ledger`: verify the chains, export them, verify what was exported."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import click

from gateway.commands.beside import Beside, operator, run
from gateway.commands.refusing import refuse

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def ledger() -> None:
    """The record of what was done on whose word."""


@ledger.command()
@click.option("--school", help="One school's random id, or 'deployment'; without it, all chains.")
@click.option("--known", type=_FILE, help="An earlier export: its checkpoints must still be in the chain.")
@click.option("--file", "exported", type=_FILE, help="Verify this export instead, without the gateway; needs --keys.")
@click.option("--keys", type=_FILE, help="The JWKS that you pinned from /v1/ledger-keys, never one beside the export.")
@click.option("--published", type=_FILE, help="A newer JWKS; its keys count where pinned ones vouch for them.")
@click.option("--proof", type=_FILE, help="With --file: an item's proof; its entry must be in the export and cover it.")
def verify(
    school: str | None,
    known: Path | None,
    exported: Path | None,
    keys: Path | None,
    published: Path | None,
    proof: Path | None,
) -> None:
    """Look for what was altered, dropped, added or reordered. Ends with 1 and names the first place that is."""
    pinned = None if keys is None else _pinned(keys, published)
    if exported is not None:
        if pinned is None:
            refuse("--file needs --keys: what is in the export itself proves nothing")
        sys.exit(_file(exported, pinned, None if proof is None else _json(proof)))
    run(lambda beside: _chains(beside, school, pinned, known), older=True)


@ledger.command()
@click.option("--school", help="One school's random id, or 'deployment'; without it, all chains.")
@click.option("--out", type=click.File("wb"), default="-", help="Where to; by default the standard output.")
@click.option("--sealed", is_flag=True, help="Leave the details sealed; else they are opened where their keys live.")
def export(school: str | None, out: BinaryIO, sealed: bool) -> None:
    """Write chains as JSON Lines that verify offline, with their checkpoints."""
    run(lambda beside: _export(beside, school, out, sealed=sealed))


async def _chains(beside: Beside, school: str | None, pinned: Mapping[str, Any] | None, known: Path | None) -> int:
    from gateway.ledger.verify import Check, Verdict
    from gateway.ledger.verify import verify as walk

    ours = await beside.checkpoints.check()
    check = Check(ours.ends, ours.keys if pinned is None else pinned)
    noted, broken = _noted(known, check.keys), {}
    for chain in await _wanted(beside, school):
        verdict = Verdict(0, b"")
        for place in noted.get(chain, [None]):
            verdict = await walk(beside.database, chain, check, known=place)
            if not verdict.whole:
                break
        if verdict.whole:
            click.echo(f"{chain}: {verdict.entries} entries from {verdict.base + 1} on, nothing is wrong")
            continue
        broken[chain] = verdict.broken
        click.echo(f"{chain}: broken at {verdict.broken}: {verdict.why}")
    await beside.ledger.operate("operator.ledger_verified", {"by": operator(), "broken": broken})
    return 1 if broken else 0


def _noted(known: Path | None, keys: Mapping[str, Any]) -> dict[str, list[tuple[int, bytes] | None]]:
    """The places that an earlier export states, by chain."""
    from gateway.ledger import lines
    from gateway.ledger.stated import read

    found: dict[str, list[tuple[int, bytes] | None]] = {}
    if known is None:
        return found
    with known.open("rb") as file:
        for raw in file:
            try:
                line = lines.loads(raw)
                stated = read(line["signed"], keys) if line["kind"] == "checkpoint" else None
            except (ValueError, KeyError, TypeError, AttributeError):
                refuse("--known: not an export, or not signed by these keys")
            if stated is not None:
                found[stated.school] = [(stated.sequence, stated.hash)]
    return found


async def _export(beside: Beside, school: str | None, out: BinaryIO, *, sealed: bool) -> int:
    from gateway.ledger import Event, operated
    from gateway.ledger.export import Exporter
    from gateway.policy import POLICY_VERSION

    chains = await _wanted(beside, school)
    told = {"by": operator(), "opened": not sealed}
    act = operated("operator.ledger_exported", {**told, "chains": len(chains)})
    await beside.ledger.operate(act.action, act.details)
    for chain in chains:  # its school sees it too
        if chain != "deployment":
            event = Event(act.action, None, None, act.instruction, POLICY_VERSION, told)
            await _tell(beside, chain, event)
    exporter = Exporter(beside.stores.vault, beside.database, beside.checkpoints, beside.ends)
    async for line in exporter.lines(chains, opened=not sealed):
        out.write(line)
    out.flush()
    return 0


async def _tell(beside: Beside, school: str, event: Any) -> None:
    """In the school's own chain; without details where the school has left and its keys with it."""
    from dataclasses import replace

    from cache.errors import Missing, Shredded

    try:
        await beside.ledger.record(school, event)
    except (Missing, Shredded):
        await beside.ledger.record(school, replace(event, details={}))


async def _wanted(beside: Beside, school: str | None) -> list[str]:
    chains = await beside.chains()
    if school is None:
        return chains
    if school not in chains:
        refuse("there is no chain of this id")
    return [school]


def _file(path: Path, pinned: Mapping[str, Any], proof: Mapping[str, Any] | None) -> int:
    from gateway.ledger.exported import check, proves

    shown: list[bool] = []

    def look(row: Mapping[str, Any]) -> None:
        if proof is not None and row["id"] == proof.get("entry"):
            shown.append(proves(row, proof))

    with path.open("rb") as file:
        report = check(file, pinned, look)
    for chain in report.chains:
        click.echo(f"{chain.school}: {chain.entries} entries from {chain.base + 1} on, nothing is wrong")
    if not report.whole:
        click.echo(f"{report.school or 'the file'}: broken at {report.broken}: {report.why}")
        return 1
    if proof is not None and shown != [True]:
        click.echo("the proof shows nothing: its entry is not here, or does not cover the item")
        return 1
    return 0


def _pinned(keys: Path, published: Path | None) -> Mapping[str, Any]:
    from gateway.signing import trusted

    pinned = _json(keys)
    try:
        return pinned if published is None else trusted(pinned, _json(published))
    except (ValueError, KeyError, TypeError):
        refuse("--keys, --published: not a set of keys")


def _json(path: Path) -> dict[str, Any]:
    try:
        told = json.loads(path.read_bytes())
    except ValueError:
        told = None
    if not isinstance(told, dict):
        refuse(f"{path.name} is not JSON")
    return told
