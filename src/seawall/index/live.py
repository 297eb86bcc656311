"""The index that takes hashes in and out while it is searched.

Three parts, searched one after the other: a large one (`base`) and a middle one, both indexed and unchanging but for rows
that are marked as gone, and the newest hashes in a short list that is compared in turn. When the list grows long, it is
merged into the middle part, and the middle part into the base when that is worth it; a thread does it beside the searches.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seawall.index import kernels, snapshot
from seawall.index.hashes import Rows, pack
from seawall.index.layout import RADIUS
from seawall.index.segment import Segment

NEWEST = 4_096
"""So many new hashes are merged into the middle part."""
MIDDLE_SHARE = 8
"""The middle part goes into the base when it has more than one row for every so many of the base's ..."""
MIDDLE_LEAST = 65_536
"""... and more than this."""


class DuplicateKey(ValueError):
    """A key that is in the index already was to be added."""


class Match(NamedTuple):
    """A hash that was found: its key, and in how many of the 256 bits it differs from the query."""

    key: int
    distance: int


@dataclass(frozen=True)
class Matches:
    """What several queries found: query i's matches stand from starts[i] to starts[i + 1], the nearest first."""

    starts: NDArray[np.int64]
    keys: NDArray[np.int64]
    distances: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, query: int) -> list[Match]:
        if not -len(self) <= query < len(self):
            raise IndexError(f"There are {len(self)} queries; {query} is none of them.")
        begin, end = self.starts[query % len(self)], self.starts[query % len(self) + 1]
        return [
            Match(int(key), int(off)) for key, off in zip(self.keys[begin:end], self.distances[begin:end], strict=True)
        ]

    def __iter__(self) -> Iterator[list[Match]]:
        return (self[query] for query in range(len(self)))


class _Newest:
    """The short list: rows are only ever appended, a search sees those that were complete when it began."""

    def __init__(self, room: int = 2 * NEWEST) -> None:
        self.keys = np.empty(room, np.int64)
        self.rows = np.empty((room, 4), np.uint64)
        self.gone = np.zeros(room // 8 + 1, np.uint8)
        self.count = 0
        self.places: dict[int, int] = {}

    def append(self, key: int, row: NDArray[np.uint64]) -> None:
        if self.count == len(self.keys):
            self._grow()
        at = self.count
        self.keys[at], self.rows[at] = key, row
        self.places[key] = at
        self.count = at + 1

    def _grow(self) -> None:
        room = 2 * len(self.keys)
        keys, rows, gone = np.empty(room, np.int64), np.empty((room, 4), np.uint64), np.zeros(room // 8 + 1, np.uint8)
        keys[: self.count], rows[: self.count], gone[: len(self.gone)] = self.keys, self.rows, self.gone
        # A search that began with the old arrays goes on with them; what was removed meanwhile, it may still find.
        self.keys, self.rows, self.gone = keys, rows, gone

    def remove(self, key: int) -> bool:
        at = self.places.pop(key, None)
        if at is None:
            return False
        self.gone[at >> 3] |= np.uint8(1 << (at & 7))
        return True

    def alive_until(self, count: int) -> tuple[NDArray[np.int64], Rows]:
        kept = ~np.unpackbits(self.gone, bitorder="little")[:count].astype(bool)
        return self.keys[:count][kept], self.rows[:count][kept]


class _Parts(NamedTuple):
    """What one search looks at; replaced as a whole."""

    base: Segment
    middle: Segment
    newest: _Newest


_NOTHING = Segment.build(np.empty(0, np.int64), np.empty((0, 4), np.uint64))


class HashIndex:
    """256-bit hashes under whole-number keys, and the search for all within a distance of at most 31 bits. Misses none.

    Safe to use from several threads: searches never wait, changes wait for each other. What `add` and `remove` did is seen
    by every search that begins after they return. `background` (the default) merges in a thread of its own; without it,
    whoever adds the hash that makes a merge due waits for it.
    """

    def __init__(self, *, background: bool = True) -> None:
        self._parts = _Parts(_NOTHING, _NOTHING, _Newest())
        self._background = background
        self._writing = threading.Lock()
        self._merging = threading.Lock()
        self._merger: threading.Thread | None = None
        self._removed_meanwhile: set[int] | None = None
        self._own = threading.local()

    # Making, keeping

    @classmethod
    def build(
        cls,
        keys: Iterable[int] | NDArray[np.int64],
        hashes: Iterable[str | bytes] | NDArray[Any],
        *,
        background: bool = True,
    ) -> HashIndex:
        """An index of these hashes (as `pack` takes them). Raises HashError, DuplicateKey, ValueError for unequal numbers."""
        made = cls(background=background)
        own, rows = _keys(keys), pack(hashes)
        if len(own) != len(rows):
            raise ValueError(f"There are {len(own)} keys and {len(rows)} hashes; each hash needs one key.")
        base = Segment.build(own, rows)
        same = np.flatnonzero(base.keys[1:] == base.keys[:-1])
        if len(same):
            raise DuplicateKey(f"The key {int(base.keys[same[0]])} is given to more than one hash.")
        made._parts = _Parts(base, _NOTHING, _Newest())
        return made

    @classmethod
    def open(cls, path: Path | str, *, check: bool = True, background: bool = True) -> HashIndex:
        """Open what `save` wrote by mapping it: quick, and shared with every process that maps the same file.

        With `check` everything that a search follows is tested first, about a second for 10 million hashes; leave it out
        only for a file that nobody else can write. Changes stay in this process. Raises SnapshotError.
        """
        made = cls(background=background)
        made._parts = _Parts(snapshot.read(Path(path), check=check), _NOTHING, _Newest())
        return made

    def save(self, path: Path | str) -> None:
        """Write everything that is in the index to a file for `open`; it replaces an older one at once, or not at all."""
        self.merge()
        with self._writing:
            snapshot.write(Path(path), self._parts.base)

    # Reading

    def __len__(self) -> int:
        base, middle, newest = self._parts
        return base.left() + middle.left() + len(newest.places)

    def __contains__(self, key: int) -> bool:
        base, middle, newest = self._parts
        return key in newest.places or middle.at(key) is not None or base.at(key) is not None

    @property
    def nbytes(self) -> int:
        """Bytes that the parts take, in memory or mapped."""
        base, middle, newest = self._parts
        return base.nbytes + middle.nbytes + newest.keys.nbytes + newest.rows.nbytes + newest.gone.nbytes

    def search(self, value: str | bytes | NDArray[np.uint64], radius: int = RADIUS) -> list[Match]:
        """Every hash within `radius` bits (0 to 31) of `value`, the nearest first, then by key. Raises HashError, ValueError."""
        row = _row(value)
        keys, distances = self._search(row, _checked(radius))
        return [Match(int(key), int(off)) for key, off in zip(keys, distances, strict=True)]

    def search_many(
        self, values: Sequence[str | bytes] | NDArray[Any], radius: int = RADIUS, *, threads: int = 1
    ) -> Matches:
        """As `search`, for many hashes (as `pack` takes them), on so many threads. Raises HashError, ValueError."""
        rows, radius = pack(values), _checked(radius)

        def part(begin: int, end: int) -> list[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
            return [self._search(row, radius) for row in rows[begin:end]]

        if threads <= 1 or len(rows) < 2 * threads:
            found = part(0, len(rows))
        else:
            edges = np.linspace(0, len(rows), threads + 1).astype(int)
            with ThreadPoolExecutor(threads) as pool:
                found = [one for some in pool.map(part, edges[:-1], edges[1:]) for one in some]
        return Matches(
            starts=np.cumsum([0, *(len(keys) for keys, _off in found)]).astype(np.int64),
            keys=np.concatenate([keys for keys, _off in found]) if found else np.empty(0, np.int64),
            distances=np.concatenate([off for _keys, off in found]) if found else np.empty(0, np.uint8),
        )

    def _search(self, row: NDArray[np.uint64], radius: int) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        base, middle, newest = self._parts
        keys: list[NDArray[np.int64]] = []
        distances: list[NDArray[np.uint8]] = []
        for part in (base, middle):
            if len(part):
                places, off = part.search(row, radius)
                if len(places):
                    keys.append(part.keys[places])
                    distances.append(off.copy())
        if count := newest.count:
            new_keys, rows, gone = newest.keys, newest.rows, newest.gone
            count = min(count, len(rows))
            places, off = self._room(count)
            matches = kernels.scan(row, rows, count, gone, radius, places, off)
            if matches:
                keys.append(new_keys[places[:matches]])
                distances.append(off[:matches].copy())
        if not keys:
            return _NO_KEYS, _NO_DISTANCES
        all_keys, all_off = np.concatenate(keys), np.concatenate(distances)
        order = np.lexsort((all_keys, all_off))
        return all_keys[order], all_off[order]

    def _room(self, count: int) -> tuple[NDArray[np.uint32], NDArray[np.uint8]]:
        """Memory for what a search of the newest finds, kept a thread."""
        held: tuple[NDArray[np.uint32], NDArray[np.uint8]] | None = getattr(self._own, "room", None)
        if held is None or len(held[0]) < count:
            size = max(count, 2 * NEWEST)
            held = self._own.room = (np.empty(size, np.uint32), np.empty(size, np.uint8))
        return held

    # Changing

    def add(self, key: int, value: str | bytes | NDArray[np.uint64]) -> None:
        """Take one hash in. Raises HashError, DuplicateKey."""
        row = _row(value)
        with self._writing:
            if key in self:
                raise DuplicateKey(f"The key {key} is in the index already; remove it first to give it another hash.")
            self._parts.newest.append(key, row)
            due = self._parts.newest.count >= NEWEST
        if due:
            self._merge_soon()

    def remove(self, key: int) -> bool:
        """Take one hash out. False when it was not there."""
        with self._writing:
            base, middle, newest = self._parts
            there = newest.remove(key)
            for part in (middle, base):
                if not there and (place := part.at(key)) is not None:
                    part.remove_at(place)
                    there = True
            if there and self._removed_meanwhile is not None:
                self._removed_meanwhile.add(key)
        return there

    def merge(self) -> None:
        """Put everything into one part, without what was removed. Searches go on meanwhile."""
        self.settle()
        base, middle, newest = self._parts
        if len(middle) or newest.count or base.left() < len(base):
            self._merge(everything=True)

    def settle(self) -> None:
        """Wait until no merge is under way."""
        merger = self._merger
        if merger is not None and merger is not threading.current_thread():
            merger.join()

    def _merge_soon(self) -> None:
        if not self._background:
            self._merge(everything=False)
            return
        with self._writing:
            if self._merger is not None and self._merger.is_alive():
                return
            self._merger = threading.Thread(target=self._merge, kwargs={"everything": False}, daemon=True)
            self._merger.start()

    def _merge(self, *, everything: bool) -> None:
        """Build the next parts beside the present ones, then change over: what was done meanwhile is done again on the new ones."""
        with self._merging:
            with self._writing:
                base, middle, newest = self._parts
                until = newest.count
                self._removed_meanwhile = set()
                new_keys, new_rows = newest.alive_until(until)
            whole = everything or len(middle) + until > max(MIDDLE_LEAST, len(base) // MIDDLE_SHARE)
            kept = [(part.keys, part.rows, part.alive()) for part in ((base, middle) if whole else (middle,))]
            merged = Segment.build(
                np.concatenate([*(keys[there] for keys, _rows, there in kept), new_keys]),
                np.concatenate([*(rows[there] for _keys, rows, there in kept), new_rows]),
            )
            with self._writing:
                after = _Newest()
                for at in range(until, newest.count):
                    if newest.places.get(int(newest.keys[at])) == at:
                        after.append(int(newest.keys[at]), newest.rows[at])
                for key in self._removed_meanwhile:
                    if (place := merged.at(key)) is not None:
                        merged.remove_at(place)
                self._removed_meanwhile = None
                self._parts = _Parts(merged, _NOTHING, after) if whole else _Parts(base, merged, after)


def _keys(values: Iterable[int] | NDArray[np.int64]) -> NDArray[np.int64]:
    if isinstance(values, np.ndarray):
        return values.astype(np.int64, copy=False)
    return np.fromiter(values, np.int64)


def _row(value: str | bytes | NDArray[np.uint64]) -> NDArray[np.uint64]:
    row: NDArray[np.uint64] = pack(value.reshape(1, -1) if isinstance(value, np.ndarray) else [value])[0]
    return row


def _checked(radius: int) -> int:
    if not 0 <= radius <= RADIUS:
        raise ValueError(f"The radius is {radius}; it must be from 0 to {RADIUS} bits.")
    return radius


_NO_KEYS = np.empty(0, np.int64)
_NO_DISTANCES = np.empty(0, np.uint8)
