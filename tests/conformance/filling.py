"""quota: how full the drive is, before and after."""

from __future__ import annotations

from providers.drive import Drive, Ref
from providers.verbs import HasQuota
from tests.conformance.base import Base, content, put, verb


class Filling(Base):
    """`HasQuota`. Nobody else may write to the account meanwhile."""

    async def test_what_is_stored_counts(self, drive: Drive, folder: Ref) -> None:
        before, limit = await verb(drive, HasQuota).quota()
        assert before >= 0
        assert limit is None or limit >= before
        made = await put(drive, folder, "counted.bin", content(70_000))
        assert await verb(drive, HasQuota).quota() == (before + 70_000, limit)
        await drive.delete(made.ref)
        assert await verb(drive, HasQuota).quota() == (before, limit)

    async def test_folders_and_names_cost_nothing(self, drive: Drive, folder: Ref) -> None:
        made = await put(drive, folder, "counted.bin", content(70_000))
        before = await verb(drive, HasQuota).quota()
        inner = await drive.make_folder(folder, "inner")
        await drive.relocate(made.ref, inner.ref, "renamed.bin")
        assert await verb(drive, HasQuota).quota() == before
