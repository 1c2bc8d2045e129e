"""`file-access lawful`: what authorities ask the operator for. A school's own administrators do the same by the API.

The operator writes down and tells the school, which decides. Only while the law forbids to tell the school do two
operators approve, each known by their name on this machine.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from gateway.commands.beside import Beside, announce, instructed, operator, run
from gateway.commands.refusing import refuse

if TYPE_CHECKING:
    from gateway.lawful import Actor, LawfulRequest, LawfulRequests

_PARTS = ("profile", "accounts", "ledger")


@click.group()
def lawful() -> None:
    """What authorities ask for, on which basis, and how far it is."""


@lawful.command("open")
@click.option("--school", required=True, help="The school's random id.")
@click.option("--authority", required=True, help="Who asks.")
@click.option("--reference", required=True, help="Their reference.")
@click.option("--basis", required=True, help="The law or order that it rests on.")
@click.option("--person", "people", required=True, multiple=True, help="A random id; repeatable.")
@click.option("--part", "parts", required=True, multiple=True, type=click.Choice(_PARTS), help="Repeatable.")
@click.option("--since", type=click.DateTime(), help="Entries of the ledger from then on, UTC.")
@click.option("--until", type=click.DateTime(), help="Entries of the ledger before then, UTC.")
@click.option("--untold", is_flag=True, help="The people do not see that data about them was handed out.")
@click.option("--forbidden", default="", help="The law on which the school may not be told of it.")
def open_request(**given: Any) -> None:
    """Write a request down and tell the school, unless that is forbidden."""
    run(lambda beside: _open(beside, **given))


@lawful.command("list")
@click.option("--school", help="One school's random id.")
def list_requests(school: str | None) -> None:
    """All requests, as JSON Lines, the newest first."""
    told = instructed()
    run(lambda beside: _list(beside, school, told))


@lawful.command()
@click.argument("request")
def approve(request: str) -> None:
    """Stand behind a request of which the school may not be told, as the second operator."""
    run(_step(request, lambda all_of, one, by: all_of.approve_secretly(one.school, by, one.id)))


@lawful.command()
@click.argument("request")
def lift(request: str) -> None:
    """The law no longer forbids to tell the school: tell it."""
    run(_step(request, lambda all_of, one, by: all_of.lift(one.school, by, one.id)))


@lawful.command("refuse")
@click.argument("request")
@click.option("--why", required=True, help="The reason, which is kept.")
def refuse_request(request: str, why: str) -> None:
    """Hand out nothing."""
    run(_step(request, lambda all_of, one, by: all_of.refuse(one.school, by, one.id, why, secret=one.secret)))


@lawful.command()
@click.argument("request")
@click.option("--out", type=click.File("wb"), default="-", help="Where to; by default the standard output.")
def export(request: str, out: BinaryIO) -> None:
    """Hand out what was asked for, once two have approved."""
    run(lambda beside: _export(beside, request, out))


def _requests(beside: Beside) -> LawfulRequests:
    from gateway.lawful import LawfulRequests

    return LawfulRequests(beside.stores.vault, beside.database, beside.ledger, beside.retentions.ledger_life)


def _by() -> Actor:
    from gateway.lawful import Actor

    return Actor(operator=operator())


async def _open(beside: Beside, **given: Any) -> int:
    from gateway.lawful import LawfulError, Order

    school, untold = given.pop("school"), given.pop("untold")
    given |= {name: _ms(given[name]) for name in ("since", "until")}
    order = Order(**{**given, "people": tuple(given["people"]), "parts": tuple(given["parts"]), "tells": not untold})
    try:
        made = await _requests(beside).open(school, _by(), order)
    except LawfulError as error:
        refuse(str(error))
    click.echo(json.dumps(_told(made)))
    return 0


async def _list(beside: Beside, school: str | None, told: dict[str, object]) -> int:
    await announce(beside.ledger, told)
    for secret in (False, True):
        before: tuple[int, str] | None = None
        while True:
            found, before = await _requests(beside).list(school, before, secret=secret)
            for one in found:
                click.echo(json.dumps(_told(one)))
            if before is None:
                break
    return 0


def _step(
    request: str, step: Callable[[LawfulRequests, LawfulRequest, Actor], Awaitable[LawfulRequest]]
) -> Callable[[Beside], Awaitable[int]]:
    """A step of one request, told as it is afterwards."""

    async def work(beside: Beside) -> int:
        from gateway.lawful import LawfulError

        all_of = _requests(beside)
        try:
            click.echo(json.dumps(_told(await step(all_of, await all_of.find(request), _by()))))
        except LawfulError as error:
            refuse(str(error))
        return 0

    return work


async def _export(beside: Beside, request: str, out: BinaryIO) -> int:
    from gateway.identity import Accounts, People
    from gateway.lawful import Handing, LawfulError
    from gateway.ledger.reading import Reading

    all_of, by, vault = _requests(beside), _by(), beside.stores.vault
    people = People(vault, beside.database)
    accounts = Accounts(
        vault=vault, database=beside.database, people=people, ledger=beside.ledger, consents={}, redirect_uri=""
    )
    try:
        one = await all_of.find(request)
        found = await all_of.hand_out(one.school, by, one.id, secret=one.secret)
    except LawfulError as error:
        refuse(str(error))

    async def delivered(lines: int, digest: str) -> None:
        await all_of.delivered(found, by, lines, digest)

    async for line in Handing(people, accounts, Reading(beside.ledger, beside.database)).lines(found, delivered):
        out.write(line)
    out.flush()
    return 0


def _told(found: LawfulRequest) -> dict[str, Any]:
    return {
        "id": found.id, "school": found.school, "state": found.state.value, **found.order.told(),
        "opened_by": found.by.operator or found.by.person, "approved_by": list(found.approved_by),
        "approval": found.approval, "why": found.why,
    }  # fmt: skip


def _ms(at: datetime | None) -> int | None:
    return None if at is None else round(at.replace(tzinfo=UTC).timestamp() * 1000)
