"""The row about keys: a whole cycle on PostgreSQL, in which everybody's key is wrapped under their school's new one."""

from __future__ import annotations

import statistics
import time

from sqlalchemy import insert

from benchmarks import targets
from benchmarks.inside import Inside
from benchmarks.postgresql import postgresql
from benchmarks.rows import RUNS, Measured, Row
from benchmarks.usage import Elsewhere
from benchmarks.world import World
from cache.blobs import open_blobs
from cache.catalog import subject_keys
from cache.cycle import STEPS, Cycles
from cache.expiry import MemoryExpiry
from cache.keyring import Keyring
from cache.keys import Wrapper, new_key
from cache.loading import subject_wrap
from cache.model import Scope
from cache.root_places import RootFile
from cache.roots import Roots
from cache.vault import Vault
from gateway.db.engine import Database
from gateway.db.migrate import migrate
from gateway.db.schema import SEALED
from gateway.ids import new_id

KEYS = 200_000
SCHOOL = "school"
AT_ONCE = 5_000


async def _people(database: Database, keyring: Keyring) -> None:
    """Keys of so many people, as signing in makes them."""
    parent = Wrapper((await keyring.ring(Scope(SCHOOL, None))).current())
    row = {"tenant": SCHOOL, "version": 1, "tenant_version": parent.parent.version, "made": 0}
    for _ in range(0, KEYS, AT_ONCE):
        names = [new_id() for _ in range(AT_ONCE)]
        rows = [{**row, "subject": one, "box": parent.wrap(new_key(), subject_wrap(SCHOOL, one))} for one in names]
        async with database.write() as tx:
            await tx.execute(insert(subject_keys), rows)


async def _cycle(cycles: Cycles, result: Measured) -> dict[str, float]:
    """Seconds by step."""
    assert await cycles.begin()
    spent: dict[str, float] = {}
    for name in STEPS:
        started, inside = time.monotonic(), Inside()
        assert await cycles.step() is not None
        spent[name] = time.monotonic() - started
        if name == "people":
            result.limit = inside.told("the wrapping of keys")
    return spent


async def _measure(world: World) -> Measured:
    result, elsewhere, own = Measured("keys/s"), Elsewhere(), time.process_time()
    with postgresql() as url:
        async with Database(url) as database:
            await migrate(database)
            await _cycles(world, database, result)
    result.notes += elsewhere.told(time.process_time() - own)
    result.judged(targets.rewrapping(result.ours))
    return result


async def _cycles(world: World, database: Database, result: Measured) -> None:
    (world.folder / "keys").mkdir()
    roots = Roots(RootFile(world.folder / "keys" / "root", world.folder / "keys data"))
    keyring = Keyring(roots, database, MemoryExpiry())
    vault = Vault(keyring, open_blobs((world.folder / "keys blobs").as_uri()), database, world.folder / "staging")
    await vault.start()
    try:
        async with database.write() as tx:
            await vault.enrol(tx, Scope(SCHOOL, None))
        await _people(database, keyring)
        cycles = Cycles(keyring, database, vault.rewriter, SEALED, grace=0)
        before = time.process_time()
        runs = [await _cycle(cycles, result) for _ in range(RUNS)]
        result.cpu_s = {"ours": (time.process_time() - before) / RUNS}
    finally:
        await vault.close()
    result.ours = KEYS / statistics.median(run["people"] for run in runs)
    whole = statistics.median(sum(run.values()) for run in runs)
    result.notes += [f"a whole cycle {whole:.3g} s, most of the rest is waiting until every process has heard"]


CYCLE = Row(
    "keys-cycle",
    f"a cycle on PostgreSQL: the keys of {KEYS:,} people wrapped under their school's new key",
    "≥ 20,000 keys/s",
    _measure,
)
