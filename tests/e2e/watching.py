"""What a gateway did while it ran, as Python itself saw it: files that it wrote, hosts that it called, keys it made.

Compared with the data inventory: whatever is not in it is a stranger.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.inventory import files
from gateway.inventory.files import Place

HERE = Path(__file__).parent / "watched"
NOBODYS = ("/dev/null", "/dev/urandom")
"""What holds nothing of anybody; compiled Python is told by its suffix."""


@dataclass
class Watch:
    """The notes of one or more processes. ``places``: the folders of the gateway, by the inventory's names."""

    notes: Path
    places: dict[Place, Path]
    root_key: Path
    others: list[Path] = field(default_factory=list)
    """Folders of stores that stand beside the gateway, and what its own start writes for the test: its log."""

    def environment(self) -> dict[str, str]:
        """What a process needs to be watched."""
        return {"PYTHONPATH": str(HERE), "FILE_ACCESS_TEST_WATCH": str(self.notes), "PYTHONDONTWRITEBYTECODE": "1"}

    def _noted(self, kind: str) -> Iterator[Any]:
        for line in self.notes.read_text().splitlines():
            told, what = json.loads(line)
            if told == kind:
                yield what

    @property
    def keys(self) -> dict[bytes, str]:
        """Every key that was made, with the modules that asked for it."""
        return {bytes.fromhex(key): where for key, where in self._noted("key")}

    @property
    def secrets(self) -> set[str]:
        """Every cookie, token, code, state and one-time link that was made."""
        return set(self._noted("secret"))

    @property
    def hosts(self) -> set[str]:
        """Whom it called: host:port, or a socket's path."""
        return {one if isinstance(one, str) else f"{one[0]}:{one[1]}" for one in self._noted("host")}

    def strangers(self) -> list[str]:
        """Files that are not in the inventory: written at any time, or found there now."""
        written = {Path(path) for path in self._noted("file")}
        found = {path for place in self.places.values() for path in place.rglob("*") if path.is_file()}
        odd = [f"written: {path}" for path in sorted(written | found) if not self._knows(path)]
        odd += [f"temporary: {name}" for name in self._noted("temporary")]
        return odd + [f"started: {name}" for name in self._noted("process")]

    def _knows(self, path: Path) -> bool:
        if str(path) in NOBODYS or path.suffix == ".pyc" or str(path).startswith("/proc/"):
            return True
        if any(path.is_relative_to(other) for other in self.others):
            return True
        if path.parent == self.root_key.parent and files.known("root", path.name, self.root_key.name):
            return True
        inside = [(place, folder) for place, folder in self.places.items() if path.is_relative_to(folder)]
        if not inside:
            return False
        place, folder = max(inside, key=lambda pair: len(pair[1].parts))  # blobs lie in the data folder
        return files.known(place, path.relative_to(folder).as_posix())


def of_log(path: Path) -> list[str]:
    """Lines of a log that are no event of ours, and fields that are not in the inventory."""
    odd: list[str] = []
    for line in path.read_text().splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            odd.append(f"log: no event: {line[:200]}")
            continue
        odd += [f"log: field {name}" for name in told if name not in files.LOG_FIELDS]
        odd += [f"log: dropped {told['dropped']}"] if "dropped" in told else []
    return sorted(set(odd))


def of_redis(names: Iterable[bytes]) -> list[str]:
    """Keys and channels that are not in the inventory."""
    return [f"redis: {name!r}" for name in names if not files.in_redis(name.decode(errors="replace"))]


def of_bucket(folder: Path) -> list[str]:
    """Objects below the prefix that are not in the inventory, in a store that keeps them as files."""
    keys = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    return [f"bucket: {key}" for key in keys if not files.in_bucket(key)]
