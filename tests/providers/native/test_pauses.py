"""A machine that stands still for seconds, again and again: whoever asks the drive waits, and is not refused."""

from __future__ import annotations

import time

import pytest

from cache.blobs.local import LocalBlobs
from cache.epoch import LIMIT, _reading
from cache.expiry import MemoryExpiry
from cache.keyring import Keyring
from cache.vault import Vault
from providers.drive import Ref
from providers.native import Allowance, NativeDrive
from tests.conformance.base import REPLACE, get, put
from tests.providers.native.conftest import School


@pytest.mark.both
async def test_every_verb_outlasts_pauses(school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    """In every wait for the database so much time passes that keys are not to be used any more."""
    keyring, still = Keyring(school.root, school.database, MemoryExpiry()), [0.0]
    vault = Vault(keyring, LocalBlobs(school.folder / "blobs"), school.database, school.folder / "staging")
    monkeypatch.setattr(keyring.watch, "_clock", lambda: time.monotonic() + still[0])

    def pause() -> None:
        still[0] += 0 if _reading.get() else 2 * LIMIT

    leave = school.database.after_waits(pause)
    await vault.start()
    drive = NativeDrive(vault, school.database, school.scope, allowance=Allowance(versions=2))
    root = await drive.root()
    folder = (await drive.make_folder(root, "folder")).ref
    first = await put(drive, folder, "essay.bin", b"one")
    await put(drive, folder, "essay.bin", b"two", on_conflict=REPLACE)
    assert [one.size for one in await drive.versions(first.ref)] == [3, 3]
    assert await get(drive, first.ref) == b"two"
    moved = await drive.relocate(first.ref, root, "moved.bin")
    assert (await drive.copy(first.ref, folder, "copied.bin")).size == 3
    await drive.trash(first.ref, version=moved.version)
    await drive.restore(first.ref)
    assert [one.name for one in (await drive.children(folder)).entries] == ["copied.bin"]
    assert [one.name for one in (await drive.search("moved")).entries] == ["moved.bin"]
    await drive.delete(Ref("", first.ref.id))
    assert still[0] > 20 * LIMIT
    leave()
    await vault.close()
