"""What every drive must do, as importable test classes: one suite, so that drives differ only where `Traits` says so.

A new drive's test file is its fixtures and one class::

    import pytest
    from providers.drive import Drive, OnConflict, Ref
    from tests.conformance import Conformance

    @pytest.fixture
    async def drive() -> AsyncIterator[Drive]:
        async with ... as made:
            yield made

    @pytest.fixture
    async def folder(drive: Drive) -> Ref:
        top = await drive.root()
        return (await drive.make_folder(top, secrets.token_hex(8))).ref

    class TestMyDrive(Conformance):
        pass

Fixtures: ``drive`` (a `Drive`) and ``folder`` (the `Ref` of a fresh, empty folder in it) are required. Optional, each
with a default in `Conformance`, to be overridden in the class or the module: ``again`` (a function that gives a second
drive object for the same account, as another process would have after a crash; default: the same object) and
``page_size`` (how many children one page of this drive holds at most; make it small, 3 say, for paging to be
tested at little cost; default None: paging is tested for completeness only).

`Conformance` is the sum of `Listing`, `Stat`, `Reading`, `Uploading`, `Resuming`, `Replacing`, `Folders`, `Moving` and
`Deleting`; a class may also take them one by one. Each optional verb of `providers.verbs` has a suite of its own
(`VERBS`), which a drive that has the verb takes as well, ``class TestMyDrive(Conformance, Searching, Copying)``;
`Conformance` sees to it that none is forgotten. Their further fixtures stand in them. `Scale` is for one huge folder.
`tests.conformance.storms.Chaotic` in front of all of them repeats everything in bad weather.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

# The suites are not collected from here, so their assertions would lose their explanations without this.
MUST = ["deleting", "folders", "listing", "moving", "reading", "replacing", "resuming", "stat", "uploading"]
# fmt: off
MAY = [
    "changing",
    "copying",
    "filling",
    "picturing",
    "scale",
    "searching",
    "spanning",
    "trashing",
    "versioning",
    "views",
]
pytest.register_assert_rewrite(*(f"tests.conformance.{name}" for name in ["base", "storms", *MUST, *MAY]))

from providers import verbs  # noqa: E402
from providers.drive import Drive  # noqa: E402
from tests.conformance.base import Base  # noqa: E402
from tests.conformance.changing import Changing  # noqa: E402
from tests.conformance.copying import Copying  # noqa: E402
from tests.conformance.deleting import Deleting  # noqa: E402
from tests.conformance.filling import Filling  # noqa: E402
from tests.conformance.folders import Folders  # noqa: E402
from tests.conformance.listed import ReadingListed  # noqa: E402
from tests.conformance.listing import Listing  # noqa: E402
from tests.conformance.moving import Moving  # noqa: E402
from tests.conformance.picturing import Picturing  # noqa: E402
from tests.conformance.reading import Reading  # noqa: E402
from tests.conformance.replacing import Replacing  # noqa: E402
from tests.conformance.resuming import Resuming  # noqa: E402
from tests.conformance.scale import Scale  # noqa: E402
from tests.conformance.searching import Searching  # noqa: E402
from tests.conformance.spanning import Spanning  # noqa: E402
from tests.conformance.stat import Stat  # noqa: E402
from tests.conformance.trashing import Restoring, Trashing  # noqa: E402
from tests.conformance.uploading import Uploading  # noqa: E402
from tests.conformance.versioning import Versioning  # noqa: E402
from tests.conformance.views import Views  # noqa: E402

VERBS: Final[dict[Any, type[Base]]] = {
    verbs.CanCopy: Copying,
    verbs.CanRestore: Restoring,
    verbs.CanSearch: Searching,
    verbs.HasChanges: Changing,
    verbs.HasQuota: Filling,
    verbs.HasSpaces: Spanning,
    verbs.HasThumbnails: Picturing,
    verbs.HasTrash: Trashing,
    verbs.HasVersions: Versioning,
    verbs.HasViews: Views,
    verbs.ReadsListed: ReadingListed,
}
"""The suite of each optional verb."""


CORE: Final[tuple[type, ...]] = (Listing, Stat, Reading, Uploading, Resuming, Replacing, Folders, Moving, Deleting)


class Conformance(Listing, Stat, Reading, Uploading, Resuming, Replacing, Folders, Moving, Deleting):
    """Everything that every drive must do."""

    async def test_it_takes_the_suite_of_each_verb_that_it_has(self, drive: Drive) -> None:
        missing = [
            suite.__name__ for verb, suite in VERBS.items() if isinstance(drive, verb) and not isinstance(self, suite)
        ]
        assert missing == [], "name them beside Conformance in this class"

    def test_no_suite_hides_a_test_of_another(self) -> None:
        suites = [suite for suite in (*CORE, *VERBS.values(), Scale) if isinstance(self, suite)]
        tests = [name for suite in suites for name in vars(suite) if name.startswith("test_")]
        assert [name for name in tests if tests.count(name) > 1] == []


__all__ = [
    "VERBS",
    "Base",
    "Changing",
    "Conformance",
    "Copying",
    "Deleting",
    "Filling",
    "Folders",
    "Listing",
    "Moving",
    "Picturing",
    "Reading",
    "ReadingListed",
    "Replacing",
    "Restoring",
    "Resuming",
    "Scale",
    "Searching",
    "Spanning",
    "Stat",
    "Trashing",
    "Uploading",
    "Versioning",
    "Views",
]
