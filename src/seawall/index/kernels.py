"""The loops that must be quick, compiled by numba when they are first used (and kept, so that the next start is quick).

Every array that comes from a file has been checked (`checked`) before a loop reads it: nothing here tests bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

AHEAD = 24
"""How many candidates ahead a hash is fetched: about what a core keeps on its way from memory."""


def _count_ones(_typing: Any, _value: Any) -> Any:
    """The number of bits set in a 64-bit word: one machine instruction."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


def _bring_near(_typing: Any, array: Any, _place: Any) -> Any:
    """Have array[place] brought near, for it is read soon. Changes nothing else."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        held = context.make_array(kind)(context, builder, arguments[0])
        place = _cgutils.get_item_pointer(context, builder, kind, held, [arguments[1]], wraparound=False)
        pointer, word = ir.IntType(8).as_pointer(), ir.IntType(32)
        shape = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
        call = _cgutils.get_or_insert_function(builder.module, shape, "llvm.prefetch.p0")
        builder.call(call, [builder.bitcast(place, pointer), word(0), word(3), word(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), generate


_ones: Any = intrinsic(_count_ones)
_fetch: Any = intrinsic(_bring_near)
_cgutils: Any = cgutils


@njit(cache=True, nogil=True)
def band_values(rows: Any, bits: Any, out: Any) -> None:
    """The value of one band, whose bits are `bits`, of every row."""
    for at in range(rows.shape[0]):
        value = np.uint32(0)
        for place in range(bits.shape[0]):
            bit = bits[place]
            found = (rows[at, bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1)
            value |= np.uint32(found) << np.uint32(place)
        out[at] = value


@njit(cache=True, nogil=True)
def sort_into(values: Any, table: Any, numbers: Any) -> None:
    """Counting sort: `numbers` lists the rows by their band's value, value v's from table[v] to table[v + 1]."""
    for at in range(values.shape[0]):
        table[values[at] + 1] += np.uint32(1)
    for value in range(1, table.shape[0]):
        table[value] += table[value - 1]
    for at in range(values.shape[0]):
        value = values[at]
        place = table[value]
        numbers[place] = at
        table[value] = place + np.uint32(1)
    for value in range(table.shape[0] - 1, 0, -1):
        table[value] = table[value - 1]
    table[0] = 0


@njit(cache=True, nogil=True)
def checked(table: Any, numbers: Any, count: int) -> bool:
    """Whether a band's table only rises from 0 to `count` and its numbers all name rows."""
    if table[0] != 0 or table[-1] != count:
        return False
    for value in range(1, table.shape[0]):
        if table[value] < table[value - 1]:
            return False
    for place in range(numbers.shape[0]):  # noqa: SIM110 (numba compiles loops, and no all() over a generator)
        if numbers[place] >= count:
            return False
    return True


@njit(cache=True, nogil=True)
def scan(query: Any, rows: Any, count: int, gone: Any, radius: int, found: Any, distance: Any) -> int:
    """Compare the query with the first `count` rows, one after the other. Answers how many matched."""
    first, second, third, fourth = query[0], query[1], query[2], query[3]
    most = np.uint64(radius)
    matches = 0
    for at in range(count):
        off = _ones(rows[at, 0] ^ first) + _ones(rows[at, 1] ^ second)
        if off <= most:
            off += _ones(rows[at, 2] ^ third) + _ones(rows[at, 3] ^ fourth)
            if off <= most and not (gone[at >> 3] >> (at & 7)) & 1:
                found[matches] = at
                distance[matches] = off
                matches += 1
    return matches


@njit(cache=True, nogil=True)
def search(
    query: Any,
    rows: Any,
    flat: Any,
    gone: Any,
    bits: Any,
    starts: Any,
    flips: Any,
    flip_starts: Any,
    table_starts: Any,
    tables: Any,
    numbers: Any,
    masks: Any,
    slacks: Any,
    radius: int,
    places: Any,
    runs: Any,
    candidates: Any,
    ends: Any,
    found: Any,
    distance: Any,
) -> int:
    """Look the query up in every band and compare what lies there. Answers how many matched.

    -1 when more than `candidates` holds would have to be compared: then a scan is quicker. A match that lies near in
    several bands is taken from the first of them, so that each is answered once.
    """
    count = rows.shape[0]
    bands = starts.shape[0] - 1
    most = np.uint64(radius)
    for band in range(bands):
        value = np.uint32(0)
        for place in range(starts[band], starts[band + 1]):
            bit = bits[place]
            one = (query[bit >> 6] >> np.uint64(bit & 63)) & np.uint64(1)
            value |= np.uint32(one) << np.uint32(place - starts[band])
        for flip in range(flip_starts[band], flip_starts[band + 1]):
            where = table_starts[band] + np.int64(value ^ flips[flip])
            _fetch(tables, where)
            places[flip] = where
    used = total = 0
    for band in range(bands):
        ends[band] = 0
        for flip in range(flip_starts[band], flip_starts[band + 1]):
            where = places[flip]
            begin, length = tables[where], tables[where + 1] - tables[where]
            if length:
                _fetch(numbers, np.int64(band * count + begin))
                runs[used] = band * count + begin
                runs[used + 1] = length
                used += 2
                total += length
        ends[band] = used
    if total > candidates.shape[0]:
        return -1
    used = total = 0
    for band in range(bands):
        while used < ends[band]:
            begin = runs[used]
            for place in range(begin, begin + runs[used + 1]):
                candidates[total] = numbers[place]
                total += 1
            used += 2
        ends[band] = total
    for ahead in range(min(total, AHEAD)):
        _fetch(flat, np.int64(candidates[ahead]) * 4)
    matches = at = 0
    first, second, third, fourth = query[0], query[1], query[2], query[3]
    for band in range(bands):
        while at < ends[band]:
            if at + AHEAD < total:
                _fetch(flat, np.int64(candidates[at + AHEAD]) * 4)
            row = candidates[at]
            at += 1
            one, two = rows[row, 0] ^ first, rows[row, 1] ^ second
            three, four = rows[row, 2] ^ third, rows[row, 3] ^ fourth
            off = _ones(one) + _ones(two) + _ones(three) + _ones(four)
            if off > most or (gone[row >> 3] >> (row & 7)) & 1:
                continue
            earlier = False
            for other in range(band):
                near = _ones(one & masks[other, 0]) + _ones(two & masks[other, 1])
                near += _ones(three & masks[other, 2]) + _ones(four & masks[other, 3])
                if near <= slacks[other]:
                    earlier = True
                    break
            if not earlier:
                found[matches] = row
                distance[matches] = off
                matches += 1
    return matches
