"""How the 256 bits are dealt into bands, and how far a band may be off.

If two hashes differ in at most 31 bits, and the bits are dealt into bands with slacks t_1 ... t_m so that the sum of
(t_i + 1) is at least 32, then in at least one band i they differ in at most t_i bits: otherwise they would differ in at
least 32. So looking up, band by band, every value within t_i of the query's finds every match (Norouzi, Punjani and
Fleet, "Fast exact search in Hamming space with multi-index hashing", 2014). Bits are dealt in turn, for neighbouring
bits of perceptual hashes go together and would make some values of a band much more common than others.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from seawall.index.hashes import BITS

RADIUS = 31
"""The largest distance that is searched for: that of PDQ's own recommendation for a match."""

MOST_BYTES = 150
"""A layout that takes more bytes a hash than this is not chosen, unless the bank is small."""
FEWEST, MOST = 11, 16
"""The numbers of bands that are considered: fewer need larger tables, more look at more candidates."""
PROBE_COST, CANDIDATE_COST = 1.0, 2.0
"""What looking up a value and what comparing a candidate cost beside each other (benchmarks/index.py --layouts)."""


@dataclass(frozen=True)
class Layout:
    """Bands: which bits, how far off each may be, and the flips that reach every such value.

    `bits` lists the bits of all bands one after the other, `starts` where each band begins there. `flips` are the masks to
    be XORed to a band's value, `flip_starts` where each band's begin. `tables` says where each band's table of offsets
    begins (a table has one entry more than the band has values). `masks` are the bands' bits in a row.
    """

    widths: tuple[int, ...]
    slacks: tuple[int, ...]
    bits: NDArray[np.int64]
    starts: NDArray[np.int64]
    flips: NDArray[np.uint32]
    flip_starts: NDArray[np.int64]
    tables: NDArray[np.int64]
    slack_array: NDArray[np.uint64]
    masks: NDArray[np.uint64]

    @property
    def bands(self) -> int:
        return len(self.widths)

    def table_bytes(self) -> int:
        """Bytes that the tables of offsets take, whatever the number of hashes."""
        return 4 * int(self.tables[-1])


def _shape(bands: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths and slacks for so many bands: as even as can be, the narrower bands with the larger slack."""
    widths = tuple(BITS // bands + (1 if band < BITS % bands else 0) for band in range(bands))
    least, more = divmod(RADIUS + 1, bands)
    narrow = sorted(range(bands), key=lambda band: (widths[band], band))
    slacks = [least - 1] * bands
    for band in narrow[:more]:
        slacks[band] += 1
    return widths, tuple(slacks)


@lru_cache(maxsize=32)
def layout(bands: int) -> Layout:
    """The layout with so many bands (FEWEST to MOST). Raises ValueError for others."""
    if not FEWEST <= bands <= MOST:
        raise ValueError(f"There cannot be {bands} bands; choose {FEWEST} to {MOST}.")
    widths, slacks = _shape(bands)
    if sum(widths) != BITS or sum(slack + 1 for slack in slacks) < RADIUS + 1:
        raise ValueError(f"The layout of {bands} bands would miss matches: widths {widths}, slacks {slacks}.")
    dealt: list[list[int]] = [[] for _ in widths]
    band = 0
    for bit in range(BITS):
        while len(dealt[band % bands]) >= widths[band % bands]:
            band += 1
        dealt[band % bands].append(bit)
        band += 1
    flips = [
        [
            sum(1 << place for place in places)
            for size in range(slack + 1)
            for places in combinations(range(width), size)
        ]
        for width, slack in zip(widths, slacks, strict=True)
    ]
    masks = np.zeros((bands, 4), np.uint64)
    for number, bits in enumerate(dealt):
        for bit in bits:
            masks[number, bit // 64] |= np.uint64(1) << np.uint64(bit % 64)
    return Layout(
        widths=widths,
        slacks=slacks,
        bits=np.array([bit for bits in dealt for bit in bits], np.int64),
        starts=np.cumsum([0, *widths]).astype(np.int64),
        flips=np.array([mask for masks_ in flips for mask in masks_], np.uint32),
        flip_starts=np.cumsum([0, *map(len, flips)]).astype(np.int64),
        tables=np.cumsum([0, *(2**width + 1 for width in widths)]).astype(np.int64),
        slack_array=np.array(slacks, np.uint64),
        masks=masks,
    )


def probes_and_candidates(bands: int, count: int) -> tuple[int, float]:
    """How many values are looked up, and how many of `count` random hashes are then compared on average."""
    widths, slacks = _shape(bands)
    probes = [sum(comb(width, size) for size in range(slack + 1)) for width, slack in zip(widths, slacks, strict=True)]
    return sum(probes), sum(number * count / (1 << width) for number, width in zip(probes, widths, strict=True))


def bytes_a_hash(bands: int, count: int) -> float:
    """What an index of `count` hashes takes: the hash, its key, its number in every band, and its share of the tables."""
    widths, _slacks = _shape(bands)
    tables = 4 * sum((1 << width) + 1 for width in widths)
    return 32 + 8 + 4 * bands + tables / max(count, 1)


def bands_for(count: int) -> int:
    """The number of bands that is quickest for `count` hashes among those that do not take too much memory."""

    def cost(bands: int) -> float:
        probes, candidates = probes_and_candidates(bands, count)
        return PROBE_COST * probes + CANDIDATE_COST * candidates

    possible = [bands for bands in range(FEWEST, MOST + 1) if bytes_a_hash(bands, count) <= MOST_BYTES]
    return min(possible, key=cost) if possible else MOST
