"""`file-access contain`: cut access off at once, for any school, and give it back. Every running gateway obeys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click

from gateway.books import DEPLOYMENT
from gateway.commands.office import Office, run, show
from gateway.containment import Containment, ContainmentError, Target, Word
from gateway.suspended import Kind

Result = TypeVar("Result")
school = click.option("--school", required=True, help="Its id, or what its identity provider calls it.")
reason = click.option("--reason", required=True, help="Why, in words; kept sealed.")
incident = click.option("--incident", help="The id of the incident that it belongs to.")


@click.group()
def contain() -> None:
    """Suspend access while something is looked into, and give it back."""


def _acted(work: Callable[[Office], Awaitable[Result]]) -> Result:
    try:
        return run(work)
    except ContainmentError as error:
        raise click.ClickException(error.advice) from None


def _begin(called: str, kind: Kind, target: str, why: str, book: str | None, version: int | None = None) -> None:
    async def begin(desk: Office) -> Containment:
        whose = await desk.school(called)
        wanted = Target(kind, whose if kind is Kind.SCHOOL else target, version)
        return await desk.containments.begin(Word(whose), wanted, why, book)

    show(_acted(begin))


@contain.command("school")
@school
@reason
@incident
def contain_school(school: str, reason: str, incident: str | None) -> None:
    """A whole school: only its administrators get in, jobs wait, its webhook is told nothing."""
    _begin(school, Kind.SCHOOL, "", reason, incident)


@contain.command("person")
@click.argument("person")
@school
@reason
@incident
def contain_person(person: str, school: str, reason: str, incident: str | None) -> None:
    """A person, by their random id: they cannot sign in, and their jobs wait."""
    _begin(school, Kind.PERSON, person, reason, incident)


@contain.command("connection")
@click.argument("connection")
@school
@reason
@incident
def contain_connection(connection: str, school: str, reason: str, incident: str | None) -> None:
    """A connected account, by its random id: its grant is not used."""
    _begin(school, Kind.CONNECTION, connection, reason, incident)


@contain.command("client")
@click.argument("client")
@school
@reason
@incident
def contain_client(client: str, school: str, reason: str, incident: str | None) -> None:
    """A sign-in of the browser extension, by its random id, with all its tokens."""
    _begin(school, Kind.CLIENT, client, reason, incident)


@contain.command("key")
@school
@click.option("--person", default="", help="Whose key; by default the school's own, with all that it wraps.")
@click.option("--version", type=click.IntRange(1), required=True, help="Which version of it.")
@reason
@incident
def contain_key(school: str, person: str, version: int, reason: str, incident: str | None) -> None:
    """A version of a key: within a second no process reads or writes with it. Nothing is lost."""
    _begin(school, Kind.KEY, person, reason, incident, version)


@contain.command("signing")
@click.argument("key")
@reason
@incident
def contain_signing(key: str, reason: str, incident: str | None) -> None:
    """A signing key, by its id: nothing is signed with it; an older or a newer one signs instead."""
    _begin(DEPLOYMENT, Kind.SIGNING, key, reason, incident)


@contain.command("lift")
@click.argument("suspension")
@reason
def lift(suspension: str, reason: str) -> None:
    """Give access back, by the suspension's id."""

    async def lifted(desk: Office) -> Containment:
        whose = await desk.containments.school_of(suspension)
        return await desk.containments.lift(Word(whose), suspension, reason)

    show(_acted(lifted))


@contain.command("list")
@school
@click.option("--all", "everything", is_flag=True, help="Those that were lifted, too.")
@click.option("--limit", type=click.IntRange(1, 1000), default=200, show_default=True)
def list_containments(school: str, everything: bool, limit: int) -> None:
    """What is suspended in a school (`deployment`: signing keys), the newest first."""

    async def found(desk: Office) -> list[Any]:
        active = None if everything else True
        return list((await desk.containments.list(await desk.school(school), active=active, limit=limit))[0])

    show(_acted(found))
