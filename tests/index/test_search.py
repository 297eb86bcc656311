"""The index is held against comparing everything, on banks of every kind."""

from __future__ import annotations

import numpy as np
import pytest
from tests.index.banks import KINDS, Rows, off, plain, random_bank

from seawall.index import HashIndex, Match, hex_of
from seawall.index.layout import FEWEST, MOST, RADIUS, layout
from seawall.index.segment import FLAT_BELOW, Segment


def queries_for(rows: Rows, draw: np.random.Generator, count: int) -> list[Rows]:
    """Hashes of the bank with 0 to 40 bits turned (31 and 32 among them), and hashes of nowhere."""
    sizes = [0, 1, 30, 31, 32, 33, *draw.integers(0, 41, count)]
    near = [off(rows[draw.integers(len(rows))], int(size), draw) for size in sizes]
    return [*near, *random_bank(count // 2, draw)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 2, 3, 1_000, FLAT_BELOW - 1, FLAT_BELOW, 4_097, 2**14, 30_000])
def test_finds_what_a_plain_search_finds(kind: str, count: int) -> None:
    draw = np.random.default_rng(count)
    rows = KINDS[kind](count, draw)
    keys = draw.permutation(5 * count)[:count].astype(np.int64) - count  # below nought too
    bank = HashIndex.build(keys, rows)
    assert len(bank) == count
    for query in queries_for(rows, draw, 10 if kind in ("all equal", "few bits") else 40):
        for radius in (RADIUS, int(draw.integers(0, RADIUS))):
            assert bank.search(query, radius) == plain(query, keys, rows, radius)


@pytest.mark.parametrize("bands", range(FEWEST, MOST + 1))
def test_every_layout_finds_a_match_however_its_bits_are_spread(bands: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """31 bits, spread as badly for the bands as can be: t_i + 1 turned in band after band, until none is left to turn."""
    draw = np.random.default_rng(bands)
    monkeypatch.setattr("seawall.index.segment.bands_for", lambda _count: bands)
    rows = random_bank(FLAT_BELOW, draw)
    part = Segment.build(np.arange(len(rows)), rows)
    plan = layout(bands)
    assert part.plan is plan
    for turn in range(60):
        query, left = rows[turn].copy(), RADIUS
        for band in draw.permutation(bands):
            bits = draw.permutation(plan.bits[plan.starts[band] : plan.starts[band + 1]])
            for bit in bits[: min(left, plan.slacks[band] + 1)]:
                query[bit // 64] ^= np.uint64(1) << np.uint64(bit % 64)
                left -= 1
        assert left == 0
        places, distances = part.search(query, RADIUS)
        assert (turn, RADIUS) in list(zip(places.tolist(), distances.tolist(), strict=True))
        assert len(set(places.tolist())) == len(places)


def test_a_power_of_two_of_equal_hashes_are_all_found() -> None:
    draw = np.random.default_rng(5)
    rows = KINDS["all equal"](2**13, draw)
    bank = HashIndex.build(range(2**13), rows)
    assert bank.search(rows[0]) == [(key, 0) for key in range(2**13)]
    assert len(bank.search(off(rows[0], 31, draw))) == 2**13
    assert bank.search(off(rows[0], 32, draw)) == []


def test_an_empty_index_finds_nothing() -> None:
    bank = HashIndex()
    assert bank.search("0" * 64) == []
    assert len(bank.search_many([])) == 0
    assert len(bank) == 0
    assert 5 not in bank


@pytest.mark.parametrize("threads", [1, 3])
def test_many_at_once_are_as_one_by_one(threads: int) -> None:
    draw = np.random.default_rng(9)
    rows = KINDS["near copies"](20_000, draw)
    bank = HashIndex.build(np.arange(len(rows)), rows)
    queries = np.stack(queries_for(rows, draw, 50))
    found = bank.search_many(queries, threads=threads)
    assert len(found) == len(queries)
    assert list(found) == [bank.search(query) for query in queries]
    assert found[-1] == found[len(queries) - 1]
    assert sum(map(len, found)) == len(found.keys) > 1_000
    with pytest.raises(IndexError, match="none of them"):
        found[len(queries)]


def test_a_hash_is_taken_in_any_form() -> None:
    draw = np.random.default_rng(2)
    rows = random_bank(10, draw)
    bank = HashIndex.build(range(10), rows)
    assert bank.search(hex_of(rows[3])) == [Match(3, 0)]
    assert bank.search(bytes.fromhex(hex_of(rows[3]))) == [Match(3, 0)]
    assert bank.search_many([hex_of(rows[3])])[0] == [Match(3, 0)]


@pytest.mark.parametrize("radius", [-1, 32, 256])
def test_a_radius_that_cannot_be_searched_is_refused(radius: int) -> None:
    bank = HashIndex.build([1], ["0" * 64])
    with pytest.raises(ValueError, match=f"The radius is {radius}"):
        bank.search("0" * 64, radius)
    with pytest.raises(ValueError, match=f"The radius is {radius}"):
        bank.search_many(["0" * 64], radius)
