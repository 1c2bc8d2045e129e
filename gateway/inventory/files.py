"""Every file, bucket key, Redis name, log field and metric that the product writes, and what it holds.

A pattern is a path below its place. Its words in capitals stand for what differs: ID 32 hexadecimal digits, XX two,
RANDOM 16, NUMBER digits. What a test finds on a disk and not here fails it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from cache.inventory import Held
from cache.redis_address import REDIS_KEYS

Place = Literal["data", "blobs", "journal", "root", "expiry", "temporary"]
_WORDS: Final = {"ID": "[0-9a-f]{32}", "XX": "[0-9a-f]{2}", "RANDOM": "[0-9a-f]{16}", "NUMBER": "[0-9]+"}

_DATABASE: Final = "what stands in the tables, see there"
_STREAM: Final = Held("the sealed bytes of one object", "person", "sealed", "at its end, or with the person's key")

FILES: Final[Mapping[Place, Mapping[str, Held]]] = MappingProxyType(
    {
        "data": {
            "gateway.db": Held(_DATABASE, "person", "sealed", "row by row: deleted bytes are overwritten"),
            "gateway.db-wal": Held("rows on their way into the database", "person", "sealed", "emptied by an erasure"),
            "gateway.db-shm": Held("an index over that", "gateway", "clear", "when the process ends"),
            "gateway.db.lock": Held("nothing: that it is locked says that a process runs", "gateway", "clear", "never"),
            "staging/NUMBER-RANDOM/ID": Held(
                "an object that is still growing", "person", "sealed", "when it is whole, or its process is dead"
            ),
            "staging/NUMBER-RANDOM/lock": Held("nothing: that its process lives", "gateway", "clear", "with it"),
            "staging/NUMBER-RANDOM/lock.draft": Held("the same, for a moment", "gateway", "clear", "at once"),
        },
        "blobs": {"XX/ID": _STREAM, "XX/ID.draft": _STREAM},
        "journal": {
            "erasures.jsonl": Held(
                "who was forgotten, suspended, corrected, disconnected or left by a guardian: random ids, scope, time, "
                "and a sealed note",
                "person",
                "clear",
                "never: it outlives backups",
            ),
            "mark": Held(
                "how far the database has counted, so that an older copy is told", "gateway", "clear", "never"
            ),
            "mark.RANDOM": Held("the same while it is made", "gateway", "clear", "at once"),
        },
        "root": {
            "NAME": Held("the root key", "gateway", "clear", "when the operator destroys it"),
            ".NAME.NUMBER": Held("the same while it is made", "gateway", "clear", "at once"),
        },
        "expiry": {
            "NUMBER.key": Held(
                "the key of all temporary objects that end in the same five minutes", "gateway", "clear", "at that time"
            ),
            "RANDOM.draft": Held("the same while it is made", "gateway", "clear", "at once"),
        },
        "temporary": {},
    }
)
"""By place. Nothing is ever written to a temporary folder."""

BUCKET: Final[Mapping[str, Held]] = MappingProxyType({"ID": _STREAM})
"""Every key below the prefix of a bucket; a part of an unfinished upload is told by it too."""

REDIS: Final[Mapping[str, Held]] = MappingProxyType(REDIS_KEYS)
"""Every name in Redis; ID is 16 digits here, BUCKET a number."""


def known(place: Place, path: str, name: str = "") -> bool:
    """Whether a file may lie there. ``name``: what the operator called the root key's file."""
    return any(_fits(pattern.replace("NAME", "\0"), path, name) for pattern in FILES[place])


def in_bucket(key: str) -> bool:
    """Whether an object's key, below the prefix, is one of ours."""
    return any(_fits(pattern, key) for pattern in BUCKET)


def in_redis(name: str) -> bool:
    """Whether a key or channel is one of ours."""
    patterns = [pattern.replace("ID", "RANDOM").replace("BUCKET", "NUMBER") for pattern in REDIS]
    return any(_fits(pattern, name) for pattern in patterns)


def _fits(pattern: str, text: str, name: str = "") -> bool:
    parts = re.split(r"(RANDOM|NUMBER|XX|ID|\0)", pattern)
    words = {**_WORDS, "\0": re.escape(name)}
    return re.fullmatch("".join(words.get(part) or re.escape(part) for part in parts), text) is not None


_IDS: Final = {
    "erasure": "random id of an erasure",
    "job": "random id of a job",
    "item": "random id of a step of a job",
    "upload": "random id of an upload",
}
_FACTS: Final = {
    "event": "what happened, one of the names in the code",
    "level": "how grave it is",
    "timestamp": "when it happened",
    "method": "HTTP method, one of a fixed list",
    "route": "the route's pattern, never the address that was asked for",
    "status": "HTTP status of the answer",
    "ms": "how long it took",
    "bytes": "how many bytes",
    "request": "random id of a request",
    "why": "the kind of an error",
    "code": "a stable code of an error",
    "where": "names of functions and lines of the program",
    "kind": "the kind of a thing: a sweep, a library",
    "provider": "google or microsoft",
    "count": "how many",
    "address": "an address that the gateway itself listens on",
    "version": "a version of a program or key",
    "step": "which step of a longer work",
    "seconds": "how long",
    "attempt": "which attempt",
    "short": "how many bytes are missing",
    "process": "random id of a process of ours",
    "port": "the port that the gateway listens on",
    "retry_after": "how long a provider asked to wait",
    "reason": "a stable code of a refusal",
    "dropped": "names of fields that were not allowed, never their values",
    "signal": "which signal ended the process",
}
_LOGGED: Final = "as long as the operator keeps logs"

LOG_FIELDS: Final[Mapping[str, Held]] = MappingProxyType(
    {
        **{name: Held(what, "person", "clear", _LOGGED) for name, what in _IDS.items()},
        **{name: Held(what, "gateway", "clear", _LOGGED) for name, what in _FACTS.items()},
    }
)
"""Every field that a log line can have: the allow-list of `gateway.logs`, with its meaning."""

METRICS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "file_access_requests": ("method", "route", "status"),
        "file_access_request_seconds": ("method", "route"),
        "file_access_keys_late_seconds": (),
    }
)
"""Every metric of our own with its labels."""

OF_LIBRARIES: Final = ("python", "process", "stamina_retries")
"""How the others begin: of the process, of Python, and of retries, by function, number and kind of error."""
