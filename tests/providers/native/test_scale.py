"""100,000 items in one folder: listed completely, searched in bounded steps, and trouble on the way is no end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import OperationalError

from cache.database import Transactions
from providers.drive import Drive, Ref
from providers.native import NativeDrive, lists
from providers.native.lists import CHUNK, SCANNED
from providers.native.tables import nodes
from providers.native.tree import Tree
from tests.conformance import Scale
from tests.conformance.base import collected
from tests.providers.native.conftest import School


async def crowd_in(school: School, folder: Ref, many: int) -> None:
    """So many folders, put in place as rows: to make them one by one would take minutes."""
    fields = await school.vault.fields(school.scope)
    owner = {"tenant": school.scope.tenant, "subject": school.scope.owner, "parent": folder.id, "kind": "folder"}
    for at in range(0, many, 10_000):
        rows = list[dict[str, Any]]()
        for number in range(at, min(at + 10_000, many)):
            one = f"{number * 7919 % many:032x}"
            name = fields.seal("native_nodes", "name", one, f"Homework {number}")
            sealed = {"name": name, "media_type": fields.seal("native_nodes", "media_type", one, "")}
            rows.append({**owner, **sealed, "id": one, "name_index": one.encode(), "revision": 0, "modified": 0})
        async with school.database.write() as tx:
            await tx.execute(insert(nodes), rows)


@pytest.fixture
def failing(school: School, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AbstractAsyncContextManager[None]]:
    """The database goes away."""

    @asynccontextmanager
    async def away(**_: Any) -> AsyncIterator[Any]:
        raise OperationalError("SELECT", {}, OSError("gone"))
        yield

    @asynccontextmanager
    async def entered() -> AsyncIterator[None]:
        with monkeypatch.context() as patch:
            patch.setattr(school.database, "read", away)
            yield

    return entered


class TestScale(Scale):
    """With the pages of the gateway."""

    @pytest.fixture
    def again(self, school: School) -> Callable[[], Drive]:
        return lambda: NativeDrive(school.vault, school.database, school.scope)

    @pytest.fixture
    async def crowded(self, school: School, folder: Ref, crowd: int) -> Ref:
        await crowd_in(school, folder, crowd)
        return folder

    @pytest.fixture
    async def small(self, drive: NativeDrive, folder: Ref) -> Ref:
        for number in range(7):
            await drive.make_folder(folder, str(number))
        return folder

    async def test_a_search_is_made_of_bounded_steps(
        self, school: School, folder: Ref, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each request opens so many names at most, and gives way to others after each chunk."""
        many, chunks, opened = SCANNED + 2_000, list[int](), lists._names

        async def counted(database: Transactions, tree: Tree, after: str) -> Sequence[Any]:
            found = await opened(database, tree, after)
            chunks.append(len(found))
            return found

        await crowd_in(school, folder, many)
        monkeypatch.setattr(lists, "_names", counted)
        drive = NativeDrive(school.vault, school.database, school.scope)
        first = await drive.search("HOMEWORK 999")
        assert first.cursor is not None
        assert (sum(chunks), max(chunks)) == (SCANNED, CHUNK)
        second = await drive.search("HOMEWORK 999", first.cursor)
        assert second.cursor is None
        names = [entry.name for entry in [*first.entries, *second.entries]]
        assert sorted(names) == sorted(f"Homework {n}" for n in range(many) if "999" in str(n))

    async def test_a_word_that_all_have_fills_pages(self, school: School, folder: Ref) -> None:
        await crowd_in(school, folder, 1_234)
        drive = NativeDrive(school.vault, school.database, school.scope)
        entries = await collected(lambda cursor: drive.search("homework", cursor))
        assert len({entry.ref for entry in entries}) == len(entries) == 1_234
        assert len((await drive.search("homework")).entries) == 200
