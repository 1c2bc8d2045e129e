"""`file-access incidents`: the incident book of any school, for the operator: enter, write, sign, close, draft."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import IO, Any, TypeVar

import click
from pydantic import ValidationError

from gateway.api.schemas_incidents import IncidentFacts
from gateway.books import DEPLOYMENT
from gateway.commands.office import Moment, Office, run, show
from gateway.containment import Word
from gateway.incidents import Closed, Draft, Incident, IncidentError, NoSuchIncident, NotYet, Refused, Told
from gateway.incidents.affected import Unknown
from gateway.incidents.kinds import KINDS, SEVERITIES
from gateway.incidents.notices import TITLES, draft
from gateway.web import catalogs

Result = TypeVar("Result")
ABOUT = click.Choice(["authority", "people"])
school = click.option("--school", required=True, help="Its id, or what its identity provider calls it.")
facts = click.option(
    "--facts", type=click.File("r"), help="A JSON file: description, consequences, measures, contact, people, data, …"
)  # fmt: skip
PAGE = 1000


@click.group()
def incidents() -> None:
    """The incident book: what went wrong, whom it touched, who was told and when, who signed."""


def _acted(work: Callable[[Office], Awaitable[Result]]) -> Result:
    try:
        return run(work)
    except NoSuchIncident:
        raise click.ClickException("there is no incident of this id") from None
    except Unknown:
        raise click.ClickException("there is nothing of this id, or not any more") from None
    except Closed:
        raise click.ClickException("it is closed: open it again first, or add a note") from None
    except NotYet as error:
        raise click.ClickException(f"it cannot be closed yet; missing: {', '.join(error.missing)}") from None
    except Refused as error:
        raise click.ClickException(f"refused: {error.code.replace('_', ' ')}") from None
    except IncidentError as error:
        raise click.ClickException(error.code) from None


def _step(incident: str, step: Callable[[Office, Word], Awaitable[Incident]]) -> None:
    async def stepped(desk: Office) -> Incident:
        return await step(desk, Word(await desk.incidents.school_of(incident)))

    _shown(_acted(stepped))


def _shown(one: Incident) -> None:
    show({**asdict(one), "signed": sorted(one.signed), "missing": one.missing})


def _facts(file: IO[str] | None) -> dict[str, Any]:
    """What is told in words. ClickException in words for what is not such a file."""
    if file is None:
        return {}
    try:
        return IncidentFacts.model_validate(json.load(file)).model_dump(exclude_unset=True)
    except (ValidationError, ValueError) as error:
        places = (
            [str(one["loc"][0]) for one in error.errors() if one["loc"]] if isinstance(error, ValidationError) else []
        )
        raise click.ClickException(f"--facts is not such a file. Look at: {', '.join(places) or 'its JSON'}") from None


@incidents.command("list")
@school
@click.option("--open", "only_open", is_flag=True, help="Only those that are open.")
@click.option("--limit", type=click.IntRange(1, PAGE), default=200, show_default=True)
def list_incidents(school: str, only_open: bool, limit: int) -> None:
    """A school's incidents (`deployment`: those of no school), the newest first."""

    async def found(desk: Office) -> list[dict[str, Any]]:
        state = "open" if only_open else None
        rows, _ = await desk.incidents.list(await desk.school(school), state=state, limit=limit)
        now = await desk.database.now()
        return [{**asdict(one), "signed": None, "clock": one.clock(now)} for one in rows]

    show(_acted(found))


@incidents.command("show")
@click.argument("incident")
def show_incident(incident: str) -> None:
    """One incident with its steps and how many it touched. This does not make the school aware."""

    async def found(desk: Office) -> dict[str, Any]:
        whose = await desk.incidents.school_of(incident)
        one = await desk.incidents.get(whose, incident)
        return {
            **asdict(one), "signed": sorted(one.signed), "missing": one.missing,
            "clock": one.clock(await desk.database.now()), "affected": await desk.incidents.counted(whose, incident),
            "steps": await desk.incidents.acts(whose, incident, 0, PAGE),
        }  # fmt: skip

    show(_acted(found))


@incidents.command("open")
@click.option("--school", "schools", multiple=True, help="Into whose book; may be given several times.")
@click.option("--every-school", is_flag=True, help="Into the book of each school.")
@click.option("--kind", type=click.Choice(list(KINDS)), required=True)
@click.option("--severity", type=click.Choice(SEVERITIES), required=True)
@click.option("--began", type=Moment())
@click.option("--ended", type=Moment())
@facts
def open_incident(
    schools: tuple[str, ...], every_school: bool, kind: str, severity: Any, began: int | None, ended: int | None,
    facts: IO[str] | None,
) -> None:  # fmt: skip
    """Enter an incident. The school is given notice at once: in its book, and at its webhook where it set one."""
    if bool(schools) == every_school:
        raise click.ClickException("give --school, or --every-school")
    entered = Draft(kind, severity, Told(**_facts(facts)), began, ended)

    async def opened(desk: Office) -> list[dict[str, str]]:
        whose = list(await desk.schools()) if every_school else [await desk.school(one) for one in schools]
        made = [await desk.incidents.open(Word(one), entered) for one in dict.fromkeys(whose)]
        return [{"id": one.id, "school": one.school} for one in made]

    show(_acted(opened))


@incidents.command("change")
@click.argument("incident")
@click.option("--kind", type=click.Choice(list(KINDS)))
@click.option("--severity", type=click.Choice(SEVERITIES))
@click.option("--began", type=Moment())
@click.option("--ended", type=Moment())
@facts
def change(
    incident: str, kind: str | None, severity: str | None, began: int | None, ended: int | None, facts: IO[str] | None
) -> None:
    """Change what is told, the kind, the severity or the times. Signatures under what stood before end."""
    plain = {"kind": kind, "severity": severity, "began": began, "ended": ended}
    changes = {**_facts(facts), **{name: value for name, value in plain.items() if value is not None}}
    if not changes:
        raise click.ClickException("nothing was given to be changed")

    async def changed(desk: Office, word: Word) -> Incident:
        now = await desk.incidents.get(word.school, incident)
        return await desk.incidents.amend(word, incident, now.acts, changes)

    _step(incident, changed)


@incidents.command("note")
@click.argument("incident")
@click.argument("text")
def note(incident: str, text: str) -> None:
    """Add what the investigation found."""
    _step(incident, lambda desk, word: desk.incidents.note(word, incident, text))


@incidents.command("told")
@click.argument("incident")
@click.option("--way", required=True, help="How the school was told: by telephone, by letter, …")
@click.option("--at", type=Moment(), required=True)
def told(incident: str, way: str, at: int) -> None:
    """The school was given notice by another way than its book and its webhook."""
    _step(incident, lambda desk, word: desk.incidents.noticed(word, incident, at, way))


@incidents.command("decide")
@click.argument("incident")
@click.argument("about", type=ABOUT)
@click.option("--notify/--do-not-notify", required=True, default=None)
@click.option("--reason", required=True)
def decide(incident: str, about: Any, notify: bool, reason: str) -> None:
    """Whether the authority, or the people, are to be notified, and why."""
    _step(incident, lambda desk, word: desk.incidents.decide(word, incident, about, notify, reason))


@incidents.command("notified")
@click.argument("incident")
@click.argument("about", type=ABOUT)
@click.option("--at", type=Moment(), required=True)
@click.option("--reference", default="", help="The authority's file number, or how people were told.")
@click.option("--delay", default="", help="Why it took longer than 72 hours, where it did.")
def notified(incident: str, about: Any, at: int, reference: str, delay: str) -> None:
    """The authority, or the people, were notified."""
    _step(incident, lambda desk, word: desk.incidents.notified(word, incident, about, at, reference, delay))


@incidents.command("sign")
@click.argument("incident")
@click.option("--step", type=click.IntRange(1), required=True, help="The last step that you saw: `acts` of `show`.")
def sign(incident: str, step: int) -> None:
    """Sign as the operator. All operators together count as one of the two people that a severe incident needs."""
    _step(incident, lambda desk, word: desk.incidents.sign(word, incident, step))


@incidents.command("close")
@click.argument("incident")
def close(incident: str) -> None:
    """It is over."""
    _step(incident, lambda desk, word: desk.incidents.close(word, incident))


@incidents.command("reopen")
@click.argument("incident")
@click.option("--reason", required=True)
def reopen(incident: str, reason: str) -> None:
    """It was not over."""
    _step(incident, lambda desk, word: desk.incidents.reopen(word, incident, reason))


@incidents.command("notice")
@click.argument("incident")
@click.argument("audience", type=click.Choice(list(TITLES)))
@click.option("--language", type=click.Choice(list(catalogs.LANGUAGES)), default="en", show_default=True)
@click.option("--format", "form", type=click.Choice(["markdown", "text"]), default="markdown", show_default=True)
def notice(incident: str, audience: Any, language: str, form: Any) -> None:
    """Draft a notice to the authority, the school or a person."""

    async def drafted(desk: Office) -> str:
        whose = await desk.incidents.school_of(incident)
        name = (await desk.schools()).get(whose, DEPLOYMENT)
        return draft(audience, language, form, await desk.incidents.facts(whose, incident, name))

    click.echo(_acted(drafted), nl=False)


@incidents.group("affected")
def affected() -> None:
    """Whom something touched, a page at a time: give `next` as --after for the next one."""


@affected.command("object")
@click.argument("stored")
@school
@click.option("--after", type=int, default=0, show_default=True)
def by_object(stored: str, school: str, after: int) -> None:
    """Every access to a stored object, as the ledger has them."""

    async def found(desk: Office) -> object:
        return await desk.affected.of_object(await desk.school(school), stored, after)

    show(_acted(found))


@affected.command("key")
@school
@click.option("--person", help="Whose key; by default the school's own.")
@click.option("--version", type=click.IntRange(1), required=True)
@click.option("--people", is_flag=True, help="Of the school's key: whose own keys it wraps, not which objects.")
@click.option("--after", default="")
def by_key(school: str, person: str | None, version: int, people: bool, after: str) -> None:
    """What a version of a key wraps now, or wrapped before a rotation."""

    async def found(desk: Office) -> dict[str, Any]:
        whose = await desk.school(school)
        rows: Any
        if people:
            rows, more = await desk.affected.under_key(whose, version, after, PAGE)
        else:
            rows, more = await desk.affected.objects(whose, person, version, after, PAGE)
        return {"found": rows, "next": more}

    show(_acted(found))


@affected.command("time")
@school
@click.option("--since", type=Moment(), required=True)
@click.option("--until", type=Moment(), required=True)
@click.option("--after", default="")
def by_time(school: str, since: int, until: int, after: str) -> None:
    """People whose files were accessed in a time."""

    async def found(desk: Office) -> dict[str, Any]:
        rows, more = await desk.affected.between(await desk.school(school), since, until, after)
        return {"found": rows, "next": more}

    show(_acted(found))
