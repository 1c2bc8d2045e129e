"""The three records that a school or an authority asks for, made of the inventory and the facts of the deployment.

The record of processing (GDPR Article 30), the facts of an impact assessment (Article 35) and the list of
sub-processors (Article 28). They are in English, as code and contracts are; the privacy page says it in every language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from cache.inventory import Held
from gateway.inventory import browser, files
from gateway.inventory.documents import Document, Section
from gateway.inventory.durations import spoken
from gateway.inventory.facts import Facts
from gateway.inventory.listing import columns, forms, kind_of, kinds
from gateway.inventory.measures import MEASURES, NOT_COVERED
from gateway.inventory.recipients import RECIPIENTS
from gateway.inventory.stores import STORES
from gateway.inventory.words import BASES, FORMS, KINDS

_PEOPLE: Final = "Students, teachers and administrators of the school; guardians of its students."
_HOW: Final = {
    "aws": "checked with AWS at every start",
    "machines": "lies on the machines of the deployment",
    "attested": "the operator's word, in each school's ledger",
    "unknown": "nobody has said",
}
_ROLES: Final = {
    "school": "the school's own service",
    "drive": "reached on the person's word; engaged by the school or the person, not by the operator",
    "processor": "engaged by the operator",
    "none": "not used in this version",
}


def _told(text: str, facts: Facts) -> str:
    """A sentence of the inventory with this deployment's lengths of time."""
    return text % {name: spoken(seconds, "en") for name, seconds in facts.times.items()}


def _who(facts: Facts) -> Section:
    operator = facts.operator
    schools = [("Controller", school.name, school.issuer) for school in facts.schools]
    rows = [
        ("Processor", operator.name, operator.contact),
        ("Its data protection officer", operator.officer, ""),
        *schools,
    ]
    return Section("Who", (f"Address of the service: {facts.address}",), ("role", "name", "contact"), rows)


def _purposes(facts: Facts) -> Section:
    rows = [(store.title, store.why, BASES[store.basis].means, _told(store.until, facts)) for store in STORES]
    text = ("Each kind of thing that is kept, why, on which legal basis and until when.",)
    return Section("Purposes and time limits", text, ("what", "purpose", "legal basis", "until"), rows)


def _categories() -> Section:
    rows = [
        (
            store.title,
            "; ".join(KINDS[kind] for kind in kinds(store.key)),
            "; ".join(FORMS[form].word for form in forms(store.key)),
        )
        for store in STORES
    ]
    text = ("Data subjects: " + _PEOPLE,)
    return Section("Categories of people and data", text, ("what", "data", "form at rest"), rows)


def _columns() -> Section:
    titles = {store.key: store.title for store in STORES}
    rows = [
        (
            f"{column.table.name}.{column.name}", titles[store], held.what, KINDS[kind_of(column)], held.whose,
            held.form, held.ends,
        )
        for store, column, held in columns()
    ]  # fmt: skip
    heads = ("column", "part of", "holds", "kind of data", "whose", "form", "ends")
    return Section("Every column of the database", (), heads, rows)


def _files() -> Section:
    found: list[tuple[str, str, Held]] = [
        (place, pattern, held) for place, patterns in files.FILES.items() for pattern, held in patterns.items()
    ]
    found += [("bucket", pattern, held) for pattern, held in files.BUCKET.items()]
    found += [("Redis", pattern, held) for pattern, held in files.REDIS.items()]
    found += [("log", field, held) for field, held in files.LOG_FIELDS.items()]
    rows: list[tuple[str, ...]] = [
        (place, pattern, held.what, held.whose, held.form, held.ends) for place, pattern, held in found
    ]
    rows += [
        (
            "metrics",
            name,
            " by ".join(("counts and times", *filter(None, [", ".join(labels)]))),
            "gateway",
            "clear",
            "when the process ends",
        )
        for name, labels in files.METRICS.items()
    ]
    text = ("Nothing is written to temporary folders.",)
    heads = ("place", "name", "holds", "whose", "form", "ends")
    return Section("Every file, bucket key, Redis name, log field and metric", text, heads, rows)


def _browser(facts: Facts) -> Section:
    rows = [(one.name, browser.WHERE[one.where], one.what, _told(one.until, facts)) for one in browser.KEPT]
    text = ("Nothing is set before somebody begins to sign in. Answers with data are never stored by a browser.",)
    return Section("What a browser keeps", text, ("name", "where", "what for", "until"), rows)


def _recipients(facts: Facts) -> Section:
    rows = [(one.title, one.gets, one.when, _ROLES[one.role]) for one in facts.recipients]
    told = (
        "The operator transfers nothing to a third country: one deployment serves one region. Where Google or "
        "Microsoft keep an account's files is agreed between them and the school or the person."
    )
    return Section("Recipients and transfers", (told,), ("recipient", "gets", "when", "role"), rows)


def _places(facts: Facts) -> Section:
    rows = [
        (spot.what, spot.told or facts.regions.get(spot.key, ""), _HOW[spot.known])
        for spot in facts.places
    ]  # fmt: skip
    text = (f"Region of the deployment: {facts.region}. Schools of other regions are refused.",)
    return Section("Where it lies", text, ("place", "where and by whom", "how that is known"), rows)


def _measures() -> Section:
    rows = [(one.risk, one.against, one.shown) for one in MEASURES]
    return Section("Risks, measures and what shows them", (), ("risk", "measure", "shown by"), rows)


def _remaining() -> Section:
    return Section("What remains", NOT_COVERED)


def article_30(facts: Facts) -> Document:
    """The record of processing: of the operator (Article 30(2)), with what a school needs for its own (30(1))."""
    return Document(
        "article-30",
        "Record of processing activities (GDPR Article 30)",
        "Generated from the data inventory of File Access Gateway. It covers the operator as processor and gives the "
        "school, as controller, what its own record needs.",
        (
            _who(facts), _purposes(facts), _categories(), _recipients(facts), _places(facts), _browser(facts),
            _measures(), _columns(), _files(),
        ),
    )  # fmt: skip


def article_35(facts: Facts) -> Document:
    """What a school's data protection impact assessment needs to know of this service."""
    lengths = {
        "Cached copies of opened files": "cache",
        "Trash of the native drive": "trash",
        "Reports of ended jobs": "jobs",
        "A sign-in on the page": "session",
        "A sign-in that is not used": "idle",
        "A sign-in of the extension": "extension",
        "Life of the keys above the files": "cycle",
        "Backups, as the operator states": "backups",
    }
    principles = (
        (
            "Purpose limitation",
            "Data is used for what its person asked for; see purposes. No advertising, no profiling.",
        ),
        ("Data minimisation", "Attributes of a sign-in, log fields and headers are allow-lists."),
        ("Storage limitation", "Every kind of data has an end; see time limits and the lengths below."),
        ("Integrity and confidentiality", "See measures; each names the test that shows it."),
        ("Accountability", "A chained ledger for each school; signed receipts of erasures."),
        ("Automated decisions", "None. No artificial intelligence is used on anybody's data."),
        (
            "Children",
            "The youngest age band is assumed where a school tells none; the privacy page begins in plain words.",
        ),
    )
    what = (
        "People of a school open, save and move files between Google Drive, OneDrive and the school's own drive, and "
        "have everything about them forgotten. What passes through is cached for a short time, sealed, and gone by "
        "itself."
    )
    return Document(
        "article-35",
        "Facts for a data protection impact assessment (GDPR Article 35)",
        "Generated from the data inventory of File Access Gateway. The school assesses; this tells what there is.",
        (
            Section("What is done", (what, f"Whom: {_PEOPLE}")),
            Section("Necessity and proportionality", (), ("principle", "fact"), principles),
            Section(
                "Lengths of time here", (), ("what", "at most"),
                [(what, spoken(facts.times[name], "en")) for what, name in lengths.items()],
            ),
            _purposes(facts), _categories(), _recipients(facts), _places(facts), _measures(), _remaining(),
        ),
    )  # fmt: skip


def sub_processors(facts: Facts) -> Document:
    """Who else touches the data: engaged by the operator, and reached on a person's word."""
    drives = [one for one in RECIPIENTS if one.role in ("drive", "none")]
    offered = {one.key for one in facts.recipients}
    rows = [
        (one.title, "offered here" if one.role == "drive" and one.key in offered else "not used", _ROLES[one.role])
        for one in drives
    ]
    held = _places(facts)
    return Document(
        "sub-processors",
        "Sub-processors",
        "Generated from the settings of this deployment: who keeps its machines and stores (GDPR Article 28(2), (4)).",
        (
            Section("Engaged by the operator", held.text, held.columns, held.rows),
            Section("Not engaged by the operator", (), ("who", "here", "role"), rows),
        ),
    )


RECORDS: Final[Mapping[str, Callable[[Facts], Document]]] = MappingProxyType(
    {"article-30": article_30, "article-35": article_35, "sub-processors": sub_processors}
)
"""Every record by its name in addresses and on the command line."""
