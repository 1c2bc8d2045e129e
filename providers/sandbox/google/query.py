"""The ``q`` language of files.list: text in, predicate out. It knows rows of the tree, no person and no HTTP."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from providers.sandbox.behaviours import behaviour
from providers.sandbox.box import Refused
from providers.sandbox.google.times import parse_time


class Facts(Protocol):
    """What may be asked of one row; `facts.Facts` is one."""

    def __getitem__(self, name: str, /) -> Any:
        """The fact of that name."""


Predicate = Callable[[Facts], bool]

_TOKEN = re.compile(r"\s*(?:'((?:[^'\\]|\\.)*)'|(<=|>=|!=|=|<|>|[(){}])|([A-Za-z][\w.]*))", re.DOTALL)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TIMES = ("modifiedTime", "createdTime", "viewedByMeTime", "sharedWithMeTime", "modifiedByMeTime")
_BOOLEANS = ("trashed", "starred", "sharedWithMe")
_WORDS = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. ``parent`` is an id that every match has as its parent: only its children need be looked at."""

    matches: Predicate
    parent: str | None


@behaviour(
    "documented", "q: and, or, not, parentheses, in parents, comparisons, contains, has; \\' and \\\\ in strings."
)
@behaviour("documented", "sharedWithMe may stand alone.")
@behaviour("rclone", "name = compares without regard to case.")
@behaviour("documented", "name contains matches the beginnings of words only; fullText contains matches whole words.")
def parse(text: str) -> Query:
    """The query. Refused 400 where it is not one."""
    parser = _Parser(text)
    predicate, parent = parser.either()
    if parser.token() is not None:
        raise bad()
    return Query(predicate, parent)


def bad() -> Refused:
    """What Google says of any fault in q."""
    return Refused(400, "invalid", "Invalid Value")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str  # 'text', 'sign' or 'word'
    value: str


def _tokens(text: str) -> list[_Token]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise bad()
        quoted, sign, word = match.groups()
        if quoted is not None:
            found.append(_Token("text", re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL)))
        else:
            found.append(_Token("sign", sign) if sign else _Token("word", word))
        at = match.end()
    return found


Parsed = tuple[Predicate, str | None]


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens, self._at = _tokens(text), 0

    def token(self) -> _Token | None:
        """The next token, not yet taken."""
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def either(self) -> Parsed:
        """a or b or c."""
        first, parent = self._both()
        terms = [first]
        while self._word("or"):
            terms.append(self._both()[0])
            parent = None
        return (lambda facts: any(term(facts) for term in terms)) if len(terms) > 1 else first, parent

    def _both(self) -> Parsed:
        first, parent = self._term()
        terms = [first]
        while self._word("and"):
            term, other = self._term()
            terms.append(term)
            parent = parent or other
        return (lambda facts: all(term(facts) for term in terms)) if len(terms) > 1 else first, parent

    def _term(self) -> Parsed:
        if self._word("not"):
            term, _ = self._term()
            return lambda facts: not term(facts), None
        if self._sign("("):
            inner = self.either()
            self._demand(")")
            return inner
        token = self._take()
        if token.kind == "text":
            return self._membership(token.value)
        if token.kind != "word":
            raise bad()
        return self._comparison(token.value), None

    def _membership(self, value: str) -> Parsed:
        if not self._word("in"):
            raise bad()
        where = self._take("word")
        if where not in ("parents", "owners", "writers", "readers"):
            raise bad()
        return lambda facts: value in facts[where], value if where == "parents" else None

    def _comparison(self, field: str) -> Predicate:
        if field in ("properties", "appProperties"):
            return self._property(field)
        if field == "sharedWithMe" and not (self._sees("=") or self._sees("!=")):
            return lambda facts: bool(facts["sharedWithMe"])
        how = self._take()
        if field in _BOOLEANS:
            wanted = self._take("word").lower()
            if how.value not in ("=", "!=") or wanted not in ("true", "false"):
                raise bad()
            return lambda facts: (facts[field] == (wanted == "true")) == (how.value == "=")
        return _compare(field, how.value, self._take("text"))

    def _property(self, field: str) -> Predicate:
        if not self._word("has"):
            raise bad()
        self._demand("{")
        pair = {}
        for position, name in enumerate(("key", "value")):
            if (position and not self._word("and")) or not self._word(name) or not self._sign("="):
                raise bad()
            pair[name] = self._take("text")
        self._demand("}")
        return lambda facts: facts[field].get(pair["key"]) == pair["value"]

    def _take(self, kind: str | None = None) -> Any:
        token = self.token()
        if token is None or (kind and token.kind != kind):
            raise bad()
        self._at += 1
        return token.value if kind else token

    def _sees(self, sign: str) -> bool:
        return self.token() == _Token("sign", sign)

    def _word(self, word: str) -> bool:
        return self._skip(_Token("word", word))

    def _sign(self, sign: str) -> bool:
        return self._skip(_Token("sign", sign))

    def _skip(self, wanted: _Token) -> bool:
        token = self.token()
        same = token is not None and token.kind == wanted.kind and token.value.lower() == wanted.value
        self._at += same
        return same

    def _demand(self, sign: str) -> None:
        if not self._sign(sign):
            raise bad()


def _compare(field: str, how: str, value: str) -> Predicate:
    if field in _TIMES and how in _COMPARE:
        moment = parse_time(value, field)
        return lambda facts: facts[field] is not None and _COMPARE[how](facts[field], moment)
    if field == "fullText" and how == "contains":
        return _words(value)
    if field == "name" and how == "contains":
        return _beginnings(value)
    if field == "mimeType" and how == "contains":
        return lambda facts: facts["mimeType"].lower().startswith(value.lower())
    if field in ("name", "mimeType", "visibility", "shortcutDetails.targetId") and how in ("=", "!="):
        folded = value.casefold()
        return lambda facts: (facts[field].casefold() == folded) == (how == "=")
    raise bad()


def _beginnings(value: str) -> Predicate:
    """Every word of the value begins a word of the name."""
    wanted = _WORDS.findall(value.casefold()) or [value.casefold()]

    def matches(facts: Facts) -> bool:
        name = facts["name"].casefold()
        words = [name, *_WORDS.findall(name)]
        return all(any(word.startswith(begin) for word in words) for begin in wanted)

    return matches


def _words(value: str) -> Predicate:
    """Every word, or the whole phrase where it stands in double quotes."""
    phrase = value.startswith('"') and value.endswith('"') and len(value) > 1
    wanted = _WORDS.findall(value.casefold())

    def matches(facts: Facts) -> bool:
        words = _WORDS.findall(facts["fullText"].casefold())
        if phrase:
            return f" {' '.join(wanted)} " in f" {' '.join(words)} "
        return set(wanted) <= set(words)

    return matches
