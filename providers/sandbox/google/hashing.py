"""The checksums that Drive shows, made when somebody asks for them: at the upload itself, else at the first look.

MD5 alone costs more than moving the bytes does; a client that never looks at it does not pay for it here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from providers.sandbox.google.fields import Selection
from providers.sandbox.google.tree import Tree
from providers.sandbox.store import Doc
from providers.sandbox.transfer import SMALL, Digests, digest_file

ALGORITHMS = {"md5": hashlib.md5, "sha1": hashlib.sha1, "sha256": hashlib.sha256}
_FIELDS = {"md5Checksum": "md5", "sha1Checksum": "sha1", "sha256Checksum": "sha256"}


def digests(selected: Selection | None = None) -> Digests:
    """The hashes that a selection of File fields shows; all three without one."""
    return Digests({name: ALGORITHMS[name] for name in wanted(selected or {})})


def wanted(selected: Selection) -> list[str]:
    """Which hashes a selection shows; an empty one shows everything."""
    everything = not selected or "*" in selected
    return [name for field, name in _FIELDS.items() if everything or field in selected]


async def hashed(tree: Tree, rows: Iterable[Doc], selected: Selection) -> list[Doc]:
    """The rows with every hash that the selection shows; what was missing is kept from now on."""
    names = wanted(selected)
    return [await _hashed(tree, row, names) for row in rows]


async def _hashed(tree: Tree, row: Doc, names: list[str]) -> Doc:
    missing = [name for name in names if name not in row] if row.get("blob") else []
    if not missing:
        return row
    digests, path = Digests({name: ALGORITHMS[name] for name in missing}), tree.blob(row["blob"])
    try:
        if row["size"] <= SMALL:
            digests.update(path.read_bytes())
        else:
            await digest_file(path, digests)
    except FileNotFoundError:  # deleted meanwhile
        return row
    return tree.learn(row, {name: digest.hex() for name, digest in digests.values().items()})
