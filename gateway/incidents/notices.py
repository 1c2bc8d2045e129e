"""Drafts of the notices that an incident needs, from what stands in the book, in the reader's language.

To the authority with what GDPR, Article 33(3) asks for; to the school as Article 33(2) does; to the people as Article
34 does. A draft names nobody: it holds what its addressee may know, and says where something is still to be written.
The words that the school entered stay in the language they were written in.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal

from babel.dates import format_datetime
from babel.lists import format_list

from gateway.incidents.kinds import ADVICE, DATA, KINDS, PEOPLE, USUAL_ADVICE
from gateway.incidents.model import CLOCK_MS, Facts, Incident, Told
from gateway.sentences import sentence
from gateway.web import catalogs

Audience = Literal["authority", "school", "person"]
Form = Literal["markdown", "text"]
MEDIA_TYPES: Final[Mapping[Form, str]] = {"markdown": "text/markdown", "text": "text/plain"}

OPEN: Final = sentence("To be filled in by the school.")
LATER: Final = sentence("Not known yet. It will be told as soon as it is known.")
TITLES: Final[Mapping[Audience, str]] = {
    "authority": sentence("Notification of a personal data breach to the supervisory authority (GDPR, Article 33)"),
    "school": sentence("Notice of a personal data breach to the school (GDPR, Article 33(2))"),
    "person": sentence("Information about an incident with your data (GDPR, Article 34)"),
}
DRAFT: Final = sentence("Draft. Check and complete it before you send it.")
_MARKS: Final = re.compile(r"([\\`*_{}\[\]<>#|])")


class _Draft:
    """A text that grows by headings and paragraphs."""

    def __init__(self, locale: str, form: Form) -> None:
        self._locale = locale
        self._markdown = form == "markdown"
        self._parts: list[str] = []

    def say(self, text: str, **values: object) -> str:
        """One of our sentences, in the reader's language."""
        said = catalogs.translate(self._locale, text)
        return said % values if values else said

    def title(self, text: str) -> None:
        said = self.say(text)
        self._parts.append(f"# {said}" if self._markdown else f"{said}\n{'=' * min(len(said), 80)}")

    def heading(self, text: str) -> None:
        said = self.say(text)
        self._parts.append(f"## {said}" if self._markdown else f"{said}\n{'-' * min(len(said), 80)}")

    def line(self, text: str, **values: object) -> None:
        self._parts.append(self.say(text, **values))

    def words(self, text: str, instead: str = OPEN) -> None:
        """What the school wrote, as it is; nothing of it is taken for markup."""
        if not text.strip():
            self.line(instead)
            return
        self._parts.append(self.plain(text.strip()))

    def plain(self, text: str) -> str:
        """Somebody else's words: never markup."""
        return _MARKS.sub(r"\\\1", text) if self._markdown else text

    def time(self, ms: int) -> str:
        moment = datetime.fromtimestamp(ms / 1000, UTC)
        return format_datetime(moment, "d MMMM y, HH:mm", tzinfo=UTC, locale=self._locale) + " UTC"

    def listed(self, codes: Sequence[str], names: Mapping[str, str]) -> str:
        return format_list([self.say(names[code]) for code in codes if code in names], locale=self._locale)

    def text(self) -> str:
        return "\n\n".join(self._parts) + "\n"


def draft(audience: Audience, locale: str, form: Form, facts: Facts) -> str:
    """The whole text. KeyError for a language that is not offered."""
    made = _Draft(locale, form)
    made.title(TITLES[audience])
    made.line(DRAFT)
    told = facts.incident.told or Told()
    _WRITERS[audience](made, facts, told)
    return made.text()


def _to_authority(made: _Draft, facts: Facts, told: Told) -> None:
    incident = facts.incident
    made.heading(sentence("Who notifies"))
    made.line(sentence("Controller: %(school)s"), school=made.plain(facts.school))
    made.line(sentence("Data protection officer or other contact:"))
    made.words(told.contact)
    made.heading(sentence("When"))
    _times(made, incident)
    if incident.aware is not None:
        made.line(sentence("The school became aware on %(time)s."), time=made.time(incident.aware))
        made.line(sentence("The 72 hours of Article 33(1) end on %(time)s."), time=made.time(incident.aware + CLOCK_MS))
    if facts.reasons.get("delay"):
        made.line(sentence("Why this notification comes later:"))
        made.words(facts.reasons["delay"])
    _nature(made, facts, told)
    made.heading(sentence("Likely consequences"))
    made.words(told.consequences)
    made.heading(sentence("Measures taken or proposed"))
    made.words(told.measures)
    made.heading(sentence("Information of the people concerned"))
    _people(made, facts)


def _to_school(made: _Draft, facts: Facts, told: Told) -> None:
    incident = facts.incident
    made.line(sentence("To: %(school)s"), school=made.plain(facts.school))
    made.heading(sentence("When"))
    _times(made, incident)
    if incident.noticed is not None:
        made.line(sentence("The school was given notice on %(time)s."), time=made.time(incident.noticed))
    if incident.signs:
        made.line(
            sentence("It was detected by the gateway, which has seen %(count)s signs of it."), count=incident.signs
        )
    _nature(made, facts, told)
    made.heading(sentence("Likely consequences"))
    made.words(told.consequences, LATER)
    made.heading(sentence("Measures taken or proposed"))
    made.words(told.measures, LATER)
    made.heading(sentence("What the school must do"))
    made.line(
        sentence(
            "Decide whether the supervisory authority must be notified. If so, that is due within 72 hours after the"
            " school became aware. Where the risk to people is high, they must be informed too. Write down both"
            " decisions and their reasons in the incident book."
        )
    )


def _to_person(made: _Draft, facts: Facts, told: Told) -> None:
    incident = facts.incident
    made.line(sentence("From: %(school)s"), school=made.plain(facts.school))
    made.heading(sentence("What happened"))
    made.line(KINDS.get(incident.kind, KINDS["other"]))
    _span(made, incident)
    made.heading(sentence("Which of your data it concerns"))
    if told.data:
        made.line(sentence("It concerns: %(list)s."), list=made.listed(told.data, DATA))
    else:
        made.line(OPEN)
    made.heading(sentence("Likely consequences"))
    made.words(told.consequences)
    made.heading(sentence("Measures taken or proposed"))
    made.words(told.measures)
    made.heading(sentence("What you can do"))
    made.line(ADVICE.get(incident.kind, USUAL_ADVICE))
    made.heading(sentence("Whom you can ask"))
    made.words(told.contact)


_WRITERS: Final[Mapping[Audience, Callable[[_Draft, Facts, Told], None]]] = {
    "authority": _to_authority,
    "school": _to_school,
    "person": _to_person,
}


def _times(made: _Draft, incident: Incident) -> None:
    made.line(sentence("It was recorded on %(time)s."), time=made.time(incident.opened))
    _span(made, incident)


def _span(made: _Draft, incident: Incident) -> None:
    began, ended = incident.began, incident.ended
    if began is not None and ended is not None:
        made.line(sentence("It lasted from %(since)s to %(until)s."), since=made.time(began), until=made.time(ended))
    elif began is not None:
        made.line(sentence("It began on %(time)s."), time=made.time(began))
    else:
        made.line(sentence("When it happened is not known yet."))


def _nature(made: _Draft, facts: Facts, told: Told) -> None:
    """What happened, and whom and what it concerns, as Article 33(3)(a) asks for."""
    made.heading(sentence("What happened"))
    made.line(KINDS.get(facts.incident.kind, KINDS["other"]))
    made.words(told.description)
    made.heading(sentence("Whom and what it concerns"))
    people = told.people_count if told.people_count is not None else facts.affected.get("person")
    made.line(sentence("People: %(list)s"), list=made.listed(told.people, PEOPLE) if told.people else made.say(LATER))
    made.line(sentence("How many people, about: %(count)s"), count=made.say(LATER) if people is None else people)
    made.line(sentence("Data: %(list)s"), list=made.listed(told.data, DATA) if told.data else made.say(LATER))
    records = told.records_count
    made.line(sentence("How many records, about: %(count)s"), count=made.say(LATER) if records is None else records)


def _people(made: _Draft, facts: Facts) -> None:
    incident = facts.incident
    if incident.people_told is not None:
        made.line(sentence("They were informed on %(time)s."), time=made.time(incident.people_told))
    elif incident.people:
        made.line(sentence("They will be informed."))
    elif incident.people is False:
        made.line(sentence("They are not informed. The reason:"))
        made.words(facts.reasons.get("people", ""))
    else:
        made.line(LATER)
