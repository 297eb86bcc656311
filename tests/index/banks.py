"""Banks of hashes of different kinds, and the plain search that the index is held against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint64]


def off(row: Rows, bits: int, draw: np.random.Generator) -> Rows:
    """The hash with so many of its bits turned."""
    out = row.copy()
    for bit in draw.choice(256, bits, replace=False):
        out[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
    return out


def random_bank(count: int, draw: np.random.Generator) -> Rows:
    return draw.integers(0, 2**64, size=(count, 4), dtype=np.uint64)


def near_copies(count: int, draw: np.random.Generator) -> Rows:
    """A few originals, each many times with some bits turned: what real banks look like."""
    originals = random_bank(max(1, count // 500), draw)
    picked = originals[draw.integers(0, len(originals), count)]
    noise = random_bank(count, draw) & random_bank(count, draw) & random_bank(count, draw) & random_bank(count, draw)
    return picked ^ noise  # about 16 bits of 256


def all_equal(count: int, draw: np.random.Generator) -> Rows:
    return np.repeat(random_bank(1, draw), count, axis=0)


def few_bits(count: int, draw: np.random.Generator) -> Rows:
    """Flat pictures: almost every bit is 0, so that most bands hold the same value."""
    rows = random_bank(count, draw)
    for _ in range(4):
        rows &= random_bank(count, draw)
    return rows


def half_equal(count: int, draw: np.random.Generator) -> Rows:
    """The first half of every hash is the same."""
    rows = random_bank(count, draw)
    rows[:, :2] = rows[0, :2]
    return rows


KINDS: dict[str, Callable[[int, np.random.Generator], Rows]] = {
    "random": random_bank,
    "near copies": near_copies,
    "all equal": all_equal,
    "few bits": few_bits,
    "half equal": half_equal,
}


def plain(query: Rows, keys: NDArray[np.int64], rows: Rows, radius: int) -> list[tuple[int, int]]:
    """Every (key, distance) within the radius, the nearest first: by comparing all."""
    distance = np.bitwise_count(rows ^ query).sum(axis=1)
    near = np.flatnonzero(distance <= radius)
    return sorted(((int(keys[at]), int(distance[at])) for at in near), key=lambda pair: (pair[1], pair[0]))
