"""An unchanging part of an index: rows in the order of their keys, and where each lies in every band."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seawall.index import kernels
from seawall.index.hashes import Rows
from seawall.index.layout import Layout, bands_for, layout

FLAT_BELOW = 4_096
"""Fewer rows than this are simply compared one after the other."""
SCAN_SHARE = 6
"""When more than one row in this many would have to be compared out of turn, comparing all in turn is quicker."""

Found = tuple[NDArray[np.uint32], NDArray[np.uint8]]


class Scratch:
    """The memory that one search works in; one a thread and segment, used again and again."""

    def __init__(self, count: int, plan: Layout | None) -> None:
        most = count if plan is None else max(1_024, count // SCAN_SHARE)
        probes = 0 if plan is None else len(plan.flips)
        self.places = np.empty(probes, np.int64)
        self.runs = np.empty(2 * probes + 2, np.int64)
        self.candidates = np.empty(most, np.uint32)
        self.ends = np.empty(0 if plan is None else plan.bands, np.int64)
        self.found = np.empty(most, np.uint32)
        self.distance = np.empty(most, np.uint8)


@dataclass(frozen=True, eq=False)
class Segment:
    """Rows and keys (rising), the bands' tables and the rows' numbers by band; `plan` is None where all rows are compared.

    `gone` has a bit for every row that was removed. Safe to search from several threads; only `remove_at` changes it.
    """

    keys: NDArray[np.int64]
    rows: Rows
    plan: Layout | None
    tables: NDArray[np.uint32]
    numbers: NDArray[np.uint32]
    gone: NDArray[np.uint8]
    _own: threading.local = field(default_factory=threading.local, repr=False)

    @classmethod
    def build(cls, keys: NDArray[np.int64], rows: Rows) -> Segment:
        """Sort by key and index. O(bands x rows); about 24 bytes a row more than it keeps while it works."""
        order = np.argsort(keys, kind="stable")
        keys, rows = np.ascontiguousarray(keys[order]), np.ascontiguousarray(rows[order])
        count = len(keys)
        gone = np.zeros(count // 8 + 1, np.uint8)
        nothing = np.zeros(0, np.uint32)
        if count < FLAT_BELOW:
            return cls(keys, rows, None, nothing, nothing, gone)
        plan = layout(bands_for(count))
        tables = np.zeros(int(plan.tables[-1]), np.uint32)
        numbers = np.empty(plan.bands * count, np.uint32)
        values = np.empty(count, np.uint32)
        for band in range(plan.bands):
            kernels.band_values(rows, plan.bits[plan.starts[band] : plan.starts[band + 1]], values)
            kernels.sort_into(
                values,
                tables[plan.tables[band] : plan.tables[band + 1]],
                numbers[band * count : (band + 1) * count],
            )
        return cls(keys, rows, plan, tables, numbers, gone)

    def __len__(self) -> int:
        """Rows, those that were removed among them."""
        return len(self.keys)

    def left(self) -> int:
        """Rows that were not removed."""
        return len(self.keys) - int(np.bitwise_count(self.gone).sum())

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, in memory or mapped."""
        held = (self.keys, self.rows, self.tables, self.numbers, self.gone)
        return sum(array.nbytes for array in held)

    def sound(self) -> bool:
        """Whether the tables only say what a search may follow: for what comes from a file. O(bands x rows)."""
        if len(self.keys) > 1 and not bool((self.keys[1:] > self.keys[:-1]).all()):
            return False
        if self.plan is None:
            return True
        count = len(self.keys)
        return all(
            kernels.checked(
                self.tables[self.plan.tables[band] : self.plan.tables[band + 1]],
                self.numbers[band * count : (band + 1) * count],
                count,
            )
            for band in range(self.plan.bands)
        )

    def at(self, key: int) -> int | None:
        """The place of a key that is here and was not removed."""
        place = int(np.searchsorted(self.keys, key))
        if place == len(self.keys) or self.keys[place] != key or self.gone[place >> 3] >> (place & 7) & 1:
            return None
        return place

    def remove_at(self, place: int) -> None:
        """Never find the row at `place` again. Takes effect at once, in every thread."""
        self.gone[place >> 3] |= np.uint8(1 << (place & 7))

    def alive(self) -> NDArray[np.bool_]:
        """For every row, whether it is still there."""
        gone: NDArray[np.bool_] = np.unpackbits(self.gone, bitorder="little")[: len(self.keys)].astype(bool)
        return ~gone

    def search(self, query: NDArray[np.uint64], radius: int) -> Found:
        """The places and distances of the rows within `radius` of the query, in no order. They are the scratch's: copy them."""
        own: Any = self._own
        work: Scratch | None = getattr(own, "scratch", None)
        if work is None:
            work = own.scratch = Scratch(len(self.keys), self.plan)
        matches = -1
        if self.plan is not None:
            plan = self.plan
            matches = kernels.search(
                query,
                self.rows,
                self.rows.reshape(-1),
                self.gone,
                plan.bits,
                plan.starts,
                plan.flips,
                plan.flip_starts,
                plan.tables,
                self.tables,
                self.numbers,
                plan.masks,
                plan.slack_array,
                radius,
                work.places,
                work.runs,
                work.candidates,
                work.ends,
                work.found,
                work.distance,
            )
        if matches < 0:
            count = len(self.keys)
            if len(work.found) < count:
                work.found, work.distance = np.empty(count, np.uint32), np.empty(count, np.uint8)
            matches = kernels.scan(query, self.rows, count, self.gone, radius, work.found, work.distance)
        return work.found[:matches], work.distance[:matches]
