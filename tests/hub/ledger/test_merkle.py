"""The growing tree against pymerkle, the library that auditors would check us with."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from seawall.hub.ledger.merkle import GrowingTree, merkle_root


def test_every_size_has_the_root_that_pymerkle_gives() -> None:
    theirs, ours = InmemoryTree(algorithm="sha256"), GrowingTree()
    assert ours.root() == sha256(b"").digest()
    for size in range(1, 301):
        leaf = size.to_bytes(4, "big")
        theirs.append_entry(leaf)
        ours.append(leaf)
        assert ours.root() == theirs.get_root(size), size
        assert len(ours.peaks) == size.bit_count()


@given(leaves=st.lists(st.binary(max_size=40), max_size=70), cut=st.integers(0, 70))
def test_a_tree_taken_up_where_it_was_left_has_the_same_root(leaves: list[bytes], cut: int) -> None:
    theirs = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        theirs.append_entry(leaf)
    first = GrowingTree()
    for leaf in leaves[:cut]:
        first.append(leaf)
    then = GrowingTree(first.size, first.peaks)
    for leaf in leaves[cut:]:
        then.append(leaf)
    assert then.root() == merkle_root(leaves)
    if leaves:
        assert then.root() == theirs.get_root()


@given(leaves=st.lists(st.binary(max_size=8), min_size=2, max_size=12, unique=True), data=st.data())
def test_another_leaf_or_order_is_another_root(leaves: list[bytes], data: st.DataObject) -> None:
    other = data.draw(st.permutations(leaves).filter(lambda order: order != leaves))
    assert merkle_root(other) != merkle_root(leaves)
    assert merkle_root(leaves[:-1]) != merkle_root(leaves)


def test_a_leaf_cannot_pass_for_a_node() -> None:
    """Without the prefixes of RFC 9162 a leaf could be made that hashes like an inner node."""
    left, right = b"a", b"b"
    node = sha256(b"\x00" + left).digest() + sha256(b"\x00" + right).digest()
    assert merkle_root([node]) != merkle_root([left, right])


def test_a_wrong_number_of_peaks_is_refused() -> None:
    with pytest.raises(ValueError, match="A tree of 5 leaves has 2 peaks, and 1 were given"):
        GrowingTree(5, [bytes(32)])
