"""A drive of a test's own in the place of everybody's native drive, while the gateway runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from gateway.api.services import Services
from gateway.drives import Maker
from providers.drive import Entry, Kind, Page, Read, Ref, Traits
from tests.gateway.api.live import Live

ROOT = Ref("", "root")
WHEN = datetime(2026, 11, 23, tzinfo=UTC)
TRAITS = Traits("native", "sha256", False, True, True, 1 << 40, 1, None, 255, None, views=("recent",))


def entry(name: str, kind: Kind = Kind.FILE, **more: Any) -> Entry:
    """An item below the root, called as its id."""
    return Entry(Ref("", name), ROOT, name, kind, "text/plain", 3, "v1", WHEN, **more)


@dataclass
class Odd:
    """A drive whose lists a test makes: ``pages`` by cursor."""

    pages: dict[str | None, Page] = field(default_factory=dict)
    asked: list[str | None] = field(default_factory=list)

    @property
    def traits(self) -> Traits:
        return TRAITS

    async def root(self) -> Ref:
        return ROOT

    async def stat(self, ref: Ref) -> Entry:
        return entry(ref.id)

    async def children(self, ref: Ref, cursor: str | None = None) -> Page:
        self.asked.append(cursor)
        return self.pages[cursor]

    def read(
        self,
        ref: Ref,
        start: int = 0,
        stop: int | None = None,
        *,
        version: str | None = None,
        export: str | None = None,
    ) -> AbstractAsyncContextManager[Read]:
        raise AssertionError("nothing is read here")


@contextmanager
def standing_in(live: Live, drive: Any) -> Iterator[None]:
    """Everybody's native drive is this one."""

    async def put(services: Services) -> Maker:
        before = services.drives._native
        services.drives._native = Maker("native", drive.traits, lambda _scope, _drive: drive, type(drive))
        return before

    before = live.run(put)
    try:
        yield
    finally:

        async def back(services: Services) -> None:
            services.drives._native = before

        live.run(back)
