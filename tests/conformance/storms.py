"""The chaos layer over a drive's optional verbs, and the class that runs every suite of a drive in that weather."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import Any, Final, Protocol

import pytest

from providers import verbs
from providers.drive import Drive, Entry, Page, Read, Ref
from tests import soak
from tests.conformance.base import MORE_THAN_SIMPLE, content, get, put, step
from tests.conformance.chaos import Chaos, Mended, Weather


class _Copies(Chaos):
    async def copy(self, ref: Ref, parent: Ref, name: str, *, id: str | None = None) -> Entry:  # noqa: A002
        return await self.over(lambda: self._has.copy(ref, parent, name, id=id), loses=id is not None)


class _Restores(Chaos):
    async def restore(self, ref: Ref) -> Entry:
        return await self.over(lambda: self._has.restore(ref))


class _Searches(Chaos):
    async def search(self, text: str, cursor: str | None = None) -> Page:
        return await self.over(lambda: self._has.search(text, cursor))


class _Changes(Chaos):
    async def changes(self, cursor: str | None = None, space: str = "") -> verbs.Changes:
        return await self.over(lambda: self._has.changes(cursor, space))


class _Fills(Chaos):
    async def quota(self) -> tuple[int, int | None]:
        return await self.over(self._has.quota)


class _Spans(Chaos):
    async def spaces(self) -> Sequence[verbs.Space]:
        return await self.over(self._has.spaces)


class _Draws(Chaos):
    async def thumbnail(self, ref: Ref, edge: int = 256) -> verbs.Picture | None:
        return await self.over(lambda: self._has.thumbnail(ref, edge))


class _Trashes(Chaos):
    async def trashed(self, cursor: str | None = None) -> Page:
        return await self.over(lambda: self._has.trashed(cursor))


class _Keeps(Chaos):
    async def versions(self, ref: Ref) -> Sequence[verbs.Version]:
        return await self.over(lambda: self._has.versions(ref))


class _Shows(Chaos):
    async def view(self, view: verbs.View, cursor: str | None = None) -> Page:
        return await self.over(lambda: self._has.view(view, cursor))


class _Lists(Chaos):
    @asynccontextmanager
    async def read_listed(self, entry: Entry) -> AsyncGenerator[Read]:
        async with AsyncExitStack() as stack:

            async def opened(at: int, which: str | None) -> Read:
                fresh = self._inner.read(entry.ref, at, version=which) if at else self._has.read_listed(entry)
                return await self.over(lambda: stack.enter_async_context(fresh), loses=False)

            first = await opened(0, entry.version)
            async with aclosing(self._mended(first, stack, opened)) as body:
                yield Mended(first.start, first.length, first.total, first.version, body)


OPTIONAL: Final[dict[Any, type[Chaos]]] = {
    verbs.CanCopy: _Copies,
    verbs.CanRestore: _Restores,
    verbs.CanSearch: _Searches,
    verbs.HasChanges: _Changes,
    verbs.HasQuota: _Fills,
    verbs.HasSpaces: _Spans,
    verbs.HasThumbnails: _Draws,
    verbs.HasTrash: _Trashes,
    verbs.HasVersions: _Keeps,
    verbs.HasViews: _Shows,
    verbs.ReadsListed: _Lists,
}


def chaotic(inner: Drive, weather: Weather) -> Drive:
    """The drive in that weather, with the optional verbs that it has and no others."""
    kinds = [kind for verb, kind in OPTIONAL.items() if isinstance(inner, verb)]
    made: Drive = type("Chaotic", (*kinds, Chaos), {})(inner, weather)
    return made


class Chaotic:
    """Goes in front of `Conformance`: the same tests, each in a weather of its own, the same in every run.

    ``calm``, a fixture that must be given: a function that gives the drive as it is, anew with each call.
    """

    @pytest.fixture(params=range(soak.FACTOR), ids="seed{}".format)
    def weather(self, request: pytest.FixtureRequest) -> Weather:
        return Weather(f"{request.node.name} {request.param}")

    @pytest.fixture
    def drive(self, calm: Callable[[], Drive], weather: Weather) -> Drive:
        return chaotic(calm(), weather)

    @pytest.fixture
    def again(self, calm: Callable[[], Drive], weather: Weather) -> Callable[[], Drive]:
        return lambda: chaotic(calm(), weather)

    async def test_there_is_trouble(self, calm: Callable[[], Drive], folder: Ref) -> None:
        """The suite proves nothing where nothing happens."""
        weather = Weather("always", rate=0.9)
        drive, data = chaotic(calm(), weather), content(MORE_THAN_SIMPLE)
        made = await put(drive, folder, "storm.bin", data, piece=step(drive.traits))
        assert await get(drive, made.ref) == data
        assert all(weather.struck[kind] > 3 for kind in ("before", "lost", "midway")), weather.struck

    async def test_no_verb_is_missing(self, calm: Callable[[], Drive], drive: Drive) -> None:
        """Nor is one added."""
        inner = calm()
        protocols = {each for each in vars(verbs).values() if getattr(each, "_is_protocol", False)}
        assert set(OPTIONAL) == protocols - {Protocol}
        for each in OPTIONAL:
            assert isinstance(drive, each) == isinstance(inner, each)
