"""Logs: one JSON line an event, from an allow-list of fields, so that no name, token, address or content can slip in.

A field that is not on the list is dropped and its name is noted; a value that is not a plain short scalar is dropped
too. Tracebacks are reduced to types and places: their messages may carry what a library was given.
"""

from __future__ import annotations

import io
import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any, Final, TextIO, cast

import structlog

FIELDS: Final = frozenset(
    {
        "event", "level", "timestamp", "method", "route", "status", "ms", "bytes", "request", "why", "code", "where",
        "erasure", "job", "item", "kind", "provider", "count", "address", "version", "step", "seconds", "attempt",
        "short", "process", "port", "retry_after", "reason", "dropped", "signal", "upload",
    }
)  # fmt: skip
"""What may be logged. Ids here are our own random ones, never a provider's or a person's."""
LONGEST: Final = 200


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Keep allowed fields with plain values; say which were dropped, never what they held."""
    where = _places(event.pop("exc_info", None))
    if where:
        event["where"] = where
    dropped = sorted(name for name in event if name not in FIELDS)
    for name in dropped:
        del event[name]
    for name, value in event.items():
        if not isinstance(value, bool | int | float):
            event[name] = str(value)[:LONGEST]
    if dropped:
        event["dropped"] = ",".join(dropped)[:LONGEST]
    return event


def _places(exc_info: object) -> str:
    error = sys.exc_info()[1] if exc_info is True else exc_info
    if isinstance(error, tuple):
        error = error[1]
    if not isinstance(error, BaseException):
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    return f"{type(error).__name__}: " + " < ".join(f"{f.name}:{f.lineno}" for f in reversed(frames))


class _Bridge(logging.Handler):
    """The standard library's loggers (aiohttp, asyncio, alembic), reduced to who spoke and how loudly."""

    def emit(self, record: logging.LogRecord) -> None:
        """The message itself may carry addresses, so it is not repeated."""
        where = _places(record.exc_info[1]) if record.exc_info else f"{record.module}:{record.lineno}"
        structlog.get_logger().warning("library", kind=record.name, where=where, level=record.levelname.lower())


class _Unfailing(io.TextIOBase):
    """A stream whose trouble (a full disk, a reader that has gone) never becomes that of whoever speaks."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Send on what can be sent."""
        with suppress(OSError, ValueError):
            self._stream.flush()


def configure(level: str = "info") -> None:
    """One line of JSON an event on standard error."""
    number = getattr(logging, level.upper())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            redact,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
    )
    logging.root.handlers = [_Bridge(level=logging.WARNING)]
    logging.root.setLevel(logging.WARNING)
