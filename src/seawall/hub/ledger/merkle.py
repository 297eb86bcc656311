"""Merkle trees as RFC 9162, section 2.1, defines them, grown leaf by leaf in logarithmic space.

`pymerkle` builds proofs from a whole tree in memory; a ledger only grows, and its root is wanted every hour, so here the tree is kept as
its *peaks*: the roots of the perfect subtrees that its size is the sum of. Tests hold both to the same roots.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256


def leaf_hash(leaf: bytes) -> bytes:
    """MTH of a single leaf: SHA-256(0x00 || leaf)."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """MTH of an inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right).digest()


class GrowingTree:
    """A Merkle tree of `size` leaves, of which only the peaks are kept: O(log n) space, O(1) amortised work a leaf."""

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        """Take up a tree of `size` leaves where it was left. Raises ValueError if the number of peaks cannot be right."""
        self.size = size
        self.peaks = list(peaks)
        if len(self.peaks) != size.bit_count():
            raise ValueError(f"A tree of {size} leaves has {size.bit_count()} peaks, and {len(self.peaks)} were given.")

    def append(self, leaf: bytes) -> None:
        """Add one leaf at the right."""
        node, size = leaf_hash(leaf), self.size
        while size & 1:
            node = node_hash(self.peaks.pop(), node)
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The tree's root; SHA-256 of nothing when it is empty."""
        if not self.peaks:
            return sha256(b"").digest()
        node = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            node = node_hash(left, node)
        return node


def merkle_root(leaves: Iterable[bytes]) -> bytes:
    """The root over `leaves` in their order."""
    tree = GrowingTree()
    for leaf in leaves:
        tree.append(leaf)
    return tree.root()
