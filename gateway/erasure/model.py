"""What can be forgotten, and how far it is, as values. No SQL, no key.

scope    what goes                                     steps
person   everything of a person                        begun listed kept shredded revoked erased done
item     one thing, or everything temporary of one     begun kept erased done
people   many people of a school                       begun done (each of them is a person)
school   a school that leaves, with all its people     begun people shredded erased done
released what a legal hold kept back, once it let go   begun shredded erased done
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self

from cache.vault import Scope

Kind = Literal["native", "version", "upload", "cached", "report", "temporary", "hold"]
"""Of one thing: a file or folder of the native drive, an older version of a file there, an upload that has not arrived,
a cached copy, an ended job with its report, everything that would end by itself, or what a legal hold kept.
"""

DONE: Final = "done"
WAITS: Final = "waits"
"""What a step answers that cannot be taken yet: others must end first."""


class ErasureRefused(Exception):
    """This cannot be forgotten as asked. ``code`` is stable, ``advice`` says what to do."""

    def __init__(self, code: str, advice: str) -> None:
        super().__init__(code)
        self.code = code
        self.advice = advice


class NothingThere(Exception):
    """There is no such thing of this person."""


@dataclass(frozen=True, slots=True)
class Target:
    """One thing by its random ids: ``id`` of the item, upload, copy or job, ``version`` of a file's content."""

    kind: Kind
    id: str = ""
    version: str = ""

    def dump(self) -> str:
        """As JSON."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, sort_keys=True)

    @classmethod
    def load(cls, text: str) -> Self:
        """The inverse of `dump`."""
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True)
class Held:
    """What a legal hold keeps back of something that is forgotten: its id, how many contents, and their bytes.

    ``tells``: whether the person may know of it.
    """

    hold: str
    count: int
    bytes: int
    tells: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for an erasure: ``by`` a person's random id, ``through`` a guardian's link, in a ``batch`` of many.

    ``by`` None: nobody did, the school's retention ended, or a restore begins it again.
    """

    by: str | None = None
    through: str | None = None
    batch: str | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """A new erasure and the secret of its receipt's one-time link, None where no receipt was wished."""

    id: str
    secret: str | None


@dataclass(frozen=True, slots=True)
class Erasure:
    """An erasure as it stands. Times in epoch ms, see `tables_erasure.erasures`."""

    id: str
    sequence: int | None
    school: str
    person: str
    scope: str
    target: Target | None
    asked: Asked
    step: str
    counts: Mapping[str, Any]
    bundle: str | None
    begun: int
    destroyed: int | None
    ended: int | None
    dead_by: int | None

    @property
    def whose(self) -> Scope:
        """Whose keys and rows it is about: a person's, or the whole school's."""
        return Scope(self.school, self.person or None)

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """From a row."""
        kept = ("id", "sequence", "school", "person", "scope", "step", "bundle", "begun", "destroyed", "ended")
        return cls(
            **{name: row[name] for name in kept},
            target=Target.load(row["target"]) if row["target"] else None,
            asked=Asked(row["by"], row["through"], row["batch"]),
            counts=json.loads(row["counts"]),
            dead_by=row["dead_by"],
        )
