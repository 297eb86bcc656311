"""Exact search for nearly the same text: every text that shares at least a given part of its pieces with another. Pure: no Django.

A text is taken as the set of its pieces, all runs of five neighbouring characters, and two texts are compared by the share of pieces
that they have in common (the Jaccard index, intersection by union). Callers normalise first: what counts as the same letter is theirs to say.

No text that shares enough is missed (prefix filter: Chaudhuri, Ganti and Kaushik, ICDE 2006; Bayardo, Ma and Srikant, WWW 2007): of two
sets of which at least the part `share` is common, when both are sorted by one order, the first `n - ceil(share * n) + 1` of each have a
member in common. Only these are indexed and looked up, and the order begins with the pieces that few texts have. Pieces are known by
32-bit hashes; two that differ are taken for one once in four thousand million.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seawall.index.live import DuplicateKey

PIECE: Final = 5
"""Characters of a piece."""
SHORTEST: Final = 20
"""Characters below which a text is found only by the very same: a few words say too little to be told from others."""
SHARE: Final = 0.7
"""Share of pieces in common from which two texts are taken for copies, unless the caller says otherwise."""
_FRESH: Final = 128
_COMMON: Final = (1 / 4096, 1 / 512, 1 / 64)  # parts of the texts from which a piece is common, commoner, commonest
_CHUNK: Final = 4_096  # candidates compared at once: bounds the memory of a search

Pieces = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class TextMatch:
    """A text that is nearly the same, and the share of pieces in common, from the index's share to 1."""

    key: int
    share: float


def pieces(text: str) -> Pieces:
    """The set of a text's pieces, hashed and sorted. A text under SHORTEST characters is one piece, the whole of it."""
    points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    width = PIECE if len(points) >= SHORTEST else max(len(points), 1)
    if not len(points):
        return np.zeros(1, dtype=np.uint32)
    windows = np.lib.stride_tricks.sliding_window_view(points, width)
    mixed = np.zeros(len(windows), dtype=np.uint64)
    for place in range(width):
        mixed = _mixed(mixed ^ (windows[:, place] + np.uint64(1)))
    return np.unique((mixed >> np.uint64(32)).astype(np.uint32))


def _mixed(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of splitmix64 (Steele, Lea and Flood 2014)."""
    value = value + np.uint64(0x9E3779B97F4A7C15)
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def shared(one: Pieces, other: Pieces) -> float:
    """The share of pieces that two sets have in common, 0 to 1."""
    both = len(np.intersect1d(one, other, assume_unique=True))
    return both / (len(one) + len(other) - both)


class _Segment:
    """Texts that are never added to, their indexed pieces in order. Removing one clears its mark."""

    def __init__(self, keys: list[int], sets: list[Pieces], share: float) -> None:
        self.keys = keys
        self.sizes = np.array([len(each) for each in sets], dtype=np.int64)
        self.starts = np.concatenate(([0], np.cumsum(self.sizes)))
        self.values = np.concatenate(sets)
        self.alive = np.ones(len(keys), dtype=bool)
        self._count()
        heads = self.sizes - np.ceil(share * self.sizes - 1e-9).astype(np.int64) + 1
        first = self._rank(self.values, self.starts[:-1], self.sizes) < np.repeat(heads, self.sizes)
        indexed = self.values[first]
        slots = np.repeat(np.arange(len(keys), dtype=np.uint32), self.sizes)[first]
        order = np.argsort(indexed, kind="stable")
        self.indexed, self.slots = indexed[order], slots[order]
        self.share = share

    def _count(self) -> None:
        """Find the pieces that many texts have, and how common each of them is (its level)."""
        ordered = np.sort(self.values)
        begins = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        counts = np.diff(np.concatenate((begins, [len(ordered)])))
        levels = np.searchsorted([max(4.0, len(self.keys) * part) for part in _COMMON], counts)
        self.common, self.levels = ordered[begins[levels > 0]], levels[levels > 0].astype(np.int8)

    def _rank(self, values: Pieces, starts: NDArray[np.int64], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """The place of each piece among those of its text, the rare ones first, then by hash: one order for all texts and queries."""
        level = np.zeros(len(values), dtype=np.int8)
        if len(self.common):
            near = np.minimum(np.searchsorted(self.common, values), len(self.common) - 1)
            level = np.where(self.common[near] == values, self.levels[near], 0).astype(np.int8)
        rank = np.zeros(len(values), dtype=np.int64)
        before = np.zeros(len(sizes), dtype=np.int64)
        for each in range(len(_COMMON) + 1):
            here = level == each
            running = np.concatenate(([0], np.cumsum(here)))
            so_far = running[starts]
            rank[here] = (running[:-1] + np.repeat(before - so_far, sizes))[here]
            before += running[starts + sizes] - so_far
        return rank

    def set_of(self, slot: int) -> Pieces:
        return self.values[self.starts[slot] : self.starts[slot + 1]]

    def search(self, wanted: Pieces) -> list[TextMatch]:
        share, size = self.share, len(wanted)
        rank = self._rank(wanted, np.zeros(1, dtype=np.int64), np.array([size]))
        head = wanted[rank <= size - ceil(share * size - 1e-9)]
        low = np.searchsorted(self.indexed, head, side="left")
        high = np.searchsorted(self.indexed, head, side="right")
        met = [self.slots[start:end] for start, end in zip(low, high, strict=True) if end > start]
        if not met:
            return []
        found = np.unique(np.concatenate(met))
        sizes = self.sizes[found]
        found = found[self.alive[found] & (sizes >= share * size - 1e-9) & (sizes * share <= size + 1e-9)]
        return [
            match
            for start in range(0, len(found), _CHUNK)
            for match in self._compare(found[start : start + _CHUNK], wanted)
        ]

    def _compare(self, found: NDArray[np.uint32], wanted: Pieces) -> list[TextMatch]:
        sizes = self.sizes[found]
        begins = np.cumsum(sizes) - sizes
        places = np.arange(int(sizes.sum())) + np.repeat(self.starts[found] - begins, sizes)
        values = self.values[places]
        near = np.searchsorted(wanted, values)
        both = np.add.reduceat(wanted[np.minimum(near, len(wanted) - 1)] == values, begins, dtype=np.int64)
        shares = both / (sizes + len(wanted) - both)
        return [
            TextMatch(self.keys[slot], float(part))
            for slot, part in zip(found.tolist(), shares, strict=True)
            if part >= self.share - 1e-9
        ]


class TextIndex:
    """Texts by key, searched for those that are nearly the same as another.

    Adding costs O(pieces · log texts) over time, removing O(1). A search looks up a third of the text's pieces in O(log texts) segments, and
    compares what it meets: cost grows with the number of texts that share rare pieces, in the worst case (all nearly alike) with all of them,
    never faster. About 1.2 kB for a text of 200 characters. Any number of threads may search while one adds or removes.
    """

    def __init__(self, *, share: float = SHARE) -> None:
        """Raises ValueError for a share outside 0.5 to 1: below it, what is looked up grows to the whole text and says little."""
        if not 0.5 <= share <= 1:
            raise ValueError(f"The share must be from 0.5 to 1, not {share}.")
        self._share = share
        self._fresh: dict[int, Pieces] = {}
        self._segments: tuple[_Segment, ...] = ()
        self._where: dict[int, tuple[_Segment, int]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._fresh) + len(self._where)

    def __contains__(self, key: int) -> bool:
        return key in self._fresh or key in self._where

    def add(self, key: int, text: str) -> None:
        """Add a text. Raises DuplicateKey when the key is in use."""
        self.add_many([(key, text)])

    def add_many(self, texts: Iterable[tuple[int, str]]) -> None:
        """Add texts; quicker than one by one. Raises DuplicateKey, and then keeps those before it."""
        with self._lock:
            for key, text in texts:
                if key in self:
                    raise DuplicateKey(key)
                self._fresh[key] = pieces(text)
                if len(self._fresh) >= _FRESH:
                    self._settle()

    def remove(self, key: int) -> bool:
        """Remove a text; whether there was one."""
        with self._lock:
            if self._fresh.pop(key, None) is not None:
                return True
            held = self._where.pop(key, None)
            if held is not None:
                held[0].alive[held[1]] = False
            return held is not None

    def search(self, text: str) -> list[TextMatch]:
        """Every text that shares enough with this one, the nearest first, then by key."""
        wanted = pieces(text)
        fresh, segments = list(self._fresh.items()), self._segments
        found = {match.key: match for segment in segments for match in segment.search(wanted)}
        for key, other in fresh:
            if min(len(wanted), len(other)) >= self._share * max(len(wanted), len(other)) - 1e-9:
                part = shared(wanted, other)
                if part >= self._share - 1e-9:
                    found[key] = TextMatch(key, part)
        return sorted(found.values(), key=lambda match: (-match.share, match.key))

    def _settle(self) -> None:
        """Make a segment of what is fresh, together with the segments that are not twice as large: there are O(log texts) of them."""
        keys, sets = list(self._fresh), list(self._fresh.values())
        kept = list(self._segments)
        while kept and len(kept[-1].keys) < 2 * len(keys):
            last = kept.pop()
            for slot in np.flatnonzero(last.alive).tolist():
                keys.append(last.keys[slot])
                sets.append(last.set_of(slot))
        made = _Segment(keys, sets, self._share)
        self._segments = (*kept, made)
        self._where.update((key, (made, slot)) for slot, key in enumerate(keys))
        self._fresh = {}
