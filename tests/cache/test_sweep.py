"""What killed processes leave behind goes, and nothing else does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from cache.catalog import metadata
from cache.errors import Unavailable
from cache.inventory import Held
from cache.staging import Staging
from cache.vault import Life
from tests.cache.conftest import HOUR, House

HOLDER = """
import asyncio, sys
from pathlib import Path
from cache.staging import Staging

async def main():
    staged = await Staging(Path(sys.argv[1])).create("0" * 32)
    await staged.append([b"sealed"])
    print("ready", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def age(path: Path, hours: float) -> None:
    when = path.stat().st_mtime - hours * 3600
    os.utime(path, (when, when))


async def test_orphans_go_once_they_are_old(house: House) -> None:
    kept = await house.keep(b"kept")
    folder = house.folder / "blobs" / "00"
    folder.mkdir(exist_ok=True)
    old, young, foreign = folder / ("0" * 32), folder / ("0" * 31 + "1"), folder / "somebody-elses"
    for path in (old, young, foreign):
        path.write_bytes(b"x")
    for path in (old, foreign, house.blob(kept)):
        age(path, 2)
    assert await house.vault.sweep(100) == 1
    assert not old.exists()
    assert young.exists()
    assert foreign.exists()
    assert await house.get(kept) == b"kept"


async def test_a_bounded_sweep_gets_round_to_every_orphan(house: House) -> None:
    folder = house.folder / "blobs" / "00"
    folder.mkdir(exist_ok=True)
    for number in range(7):
        path = folder / f"{number:032x}"
        path.write_bytes(b"x")
        age(path, 2)
    removed = [await house.vault.sweep(3) for _ in range(3)]
    assert removed == [3, 3, 1]
    assert house.blobs() == []


async def test_a_rolled_back_commit_is_swept_an_hour_later(house: House) -> None:
    async with house.vault.put(house.scope, Life.KEPT) as writer:
        await writer.write(b"x")
        await writer.finish()
        await house.rolled_back(writer.commit)
    assert await house.vault.sweep(10) == 0
    assert house.blobs() == [writer.id]
    house.database.ahead = 2 * HOUR
    assert await house.vault.sweep(10) == 1
    assert house.blobs() == []


async def test_the_staging_of_a_killed_process_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    folder = tmp_path / "staging"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert (await process.stdout.readline()).strip() == b"ready"
    mine = Staging(folder)
    staged = await mine.create("1" * 32)
    assert await mine.clean() == 0
    assert len(list(folder.iterdir())) == 2
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert await mine.clean() == 1
    assert [path.name for path in folder.rglob("0" * 32)] == []
    assert staged.path.exists()
    await staged.release()
    await mine.close()
    assert list(folder.iterdir()) == []


async def test_a_staging_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable):
        await Staging(tmp_path / "file").create("x")


def test_every_column_says_what_it_holds() -> None:
    columns = [column for table in metadata.tables.values() for column in table.columns]
    assert len(columns) > 30
    for column in columns:
        assert isinstance(column.info.get("held"), Held), f"{column.table.name}.{column.name}"
