"""Merkle trees of RFC 6962 over the items of a cover: their root, and the proof that one item is among them. No I/O.

Leaves and nodes are told apart by a first byte, so neither passes for the other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence


def leaf_hash(leaf: bytes) -> bytes:
    """What stands for an item in the tree."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """RFC 6962, section 2.1, over the leaves in their order."""
    return root_of([leaf_hash(leaf) for leaf in leaves])


def root_of(hashes: Sequence[bytes]) -> bytes:
    """`merkle_root` from the leaves' hashes."""
    if not hashes:
        return hashlib.sha256(b"").digest()
    level = list(hashes)
    while len(level) > 1:
        level = _above(level)
    return level[0]


def path_of(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """RFC 6962, section 2.1.1: what, with the leaf at ``index``, gives the root; from the leaf upwards."""
    if not 0 <= index < len(hashes):
        raise IndexError("no such leaf")
    level, path = list(hashes), []
    while len(level) > 1:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        level, index = _above(level), index // 2
    return path


def included(leaf: bytes, index: int, count: int, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, section 2.1.3.2: whether ``path`` proves that the leaf is at ``index`` of ``count`` under ``root``."""
    if not 0 <= index < count:
        return False
    here, last, found = index, count - 1, leaf_hash(leaf)
    for other in path:
        if last == 0:
            return False
        if here & 1 or here == last:
            found = _node(other, found)
            while here and not here & 1:
                here, last = here >> 1, last >> 1
        else:
            found = _node(found, other)
        here, last = here >> 1, last >> 1
    return last == 0 and hmac.compare_digest(found, root)


def _above(level: list[bytes]) -> list[bytes]:
    """The next level; one without a partner rises as it is."""
    pairs = [_node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    return pairs + ([level[-1]] if len(level) % 2 else [])


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
