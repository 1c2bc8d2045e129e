"""Trees of RFC 6962: each leaf is proven to be where it is, and nothing else is."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.ledger.merkle import included, leaf_hash, merkle_root, path_of, root_of


def defined(leaves: list[bytes]) -> bytes:
    """The definition, recursively: RFC 6962, section 2.1."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\0" + leaves[0]).digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + defined(leaves[:half]) + defined(leaves[half:])).digest()


def audit(index: int, leaves: list[bytes]) -> list[bytes]:
    """The path as RFC 6962, section 2.1.1, defines it."""
    if len(leaves) == 1:
        return []
    half = 1 << (len(leaves) - 1).bit_length() - 1
    if index < half:
        return [*audit(index, leaves[:half]), defined(leaves[half:])]
    return [*audit(index - half, leaves[half:]), defined(leaves[:half])]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 31, 33, 100])
def test_every_leaf_is_proven_where_it_is_and_nowhere_else(count: int) -> None:
    leaves = [f"item {number}".encode() for number in range(count)]
    hashes, root = [leaf_hash(leaf) for leaf in leaves], merkle_root(leaves)
    assert root == root_of(hashes) == defined(leaves)
    for index, leaf in enumerate(leaves):
        path = path_of(hashes, index)
        assert path == audit(index, leaves)
        assert included(leaf, index, count, path, root)
        assert not included(b"another", index, count, path, root)
        assert not included(leaf, index, count, [*path, b"x" * 32], root)
        assert not (path and included(leaf, index, count, path[:-1], root))
        assert not any(included(leaf, other, count, path, root) for other in range(count) if other != index)
        assert not included(leaf, index, count, path, bytes(32))
    for outside in (-1, count):
        assert not included(leaves[0], outside, count, path_of(hashes, 0), root)
        with pytest.raises(IndexError):
            path_of(hashes, outside)


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=70), st.data())
def test_whatever_the_leaves(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    path = path_of([leaf_hash(leaf) for leaf in leaves], index)
    assert included(leaves[index], index, len(leaves), path, defined(leaves))
    if path:
        wrong = data.draw(st.integers(0, len(path) - 1))
        flipped = [*path[:wrong], bytes([path[wrong][0] ^ 1]) + path[wrong][1:], *path[wrong + 1 :]]
        assert not included(leaves[index], index, len(leaves), flipped, defined(leaves))


def test_nothing_is_in_an_empty_tree() -> None:
    assert not included(b"", 0, 0, [], merkle_root([]))
