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
`Deleting`; a class may also take them one by one.
"""

from __future__ import annotations

import pytest

# The suites are not collected from here, so their assertions would lose their explanations without this.
SUITES = ["base", "deleting", "folders", "listing", "moving", "reading", "replacing", "resuming", "stat", "uploading"]
pytest.register_assert_rewrite(*(f"tests.conformance.{name}" for name in SUITES))

from tests.conformance.base import Base  # noqa: E402
from tests.conformance.deleting import Deleting  # noqa: E402
from tests.conformance.folders import Folders  # noqa: E402
from tests.conformance.listing import Listing  # noqa: E402
from tests.conformance.moving import Moving  # noqa: E402
from tests.conformance.reading import Reading  # noqa: E402
from tests.conformance.replacing import Replacing  # noqa: E402
from tests.conformance.resuming import Resuming  # noqa: E402
from tests.conformance.stat import Stat  # noqa: E402
from tests.conformance.uploading import Uploading  # noqa: E402


class Conformance(Listing, Stat, Reading, Uploading, Resuming, Replacing, Folders, Moving, Deleting):
    """Everything."""


__all__ = [
    "Base",
    "Conformance",
    "Deleting",
    "Folders",
    "Listing",
    "Moving",
    "Reading",
    "Replacing",
    "Resuming",
    "Stat",
    "Uploading",
]
