"""Hashes that come and go while others search."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.index.banks import Rows, near_copies, off, plain, random_bank

from seawall.index import DuplicateKey, HashError, HashIndex, live

DRAW = np.random.default_rng(77)
POOL = near_copies(64, DRAW)


class Comings(RuleBasedStateMachine):
    """Whatever is added, removed, merged, saved and opened: the index knows what a dictionary knows."""

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[int, int] = {}
        self.bank = HashIndex(background=False)

    @rule(key=st.integers(-5, 40), which=st.integers(0, len(POOL) - 1))
    def add(self, key: int, which: int) -> None:
        if key in self.known:
            with pytest.raises(DuplicateKey, match=f"The key {key} is in the index already"):
                self.bank.add(key, POOL[which])
        else:
            self.bank.add(key, POOL[which])
            self.known[key] = which

    @rule(key=st.integers(-5, 40))
    def remove(self, key: int) -> None:
        assert self.bank.remove(key) is (self.known.pop(key, None) is not None)

    @rule(everything=st.booleans())
    def merge(self, everything: bool) -> None:
        self.bank._merge(everything=everything)

    @precondition(lambda self: len(self.known) % 3 == 0)
    @rule()
    def save_and_open(self) -> None:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            self.bank.save(Path(folder) / "bank.idx")
            self.bank = HashIndex.open(Path(folder) / "bank.idx", background=False)

    @invariant()
    def the_same(self) -> None:
        keys = np.array(sorted(self.known), np.int64)
        rows = POOL[[self.known[int(key)] for key in keys]] if len(keys) else np.empty((0, 4), np.uint64)
        assert len(self.bank) == len(self.known)
        assert all((key in self.bank) is (key in self.known) for key in range(-5, 41))
        for which in (0, 17, 40):
            assert self.bank.search(POOL[which]) == plain(POOL[which], keys, rows, 31)


TestComings = Comings.TestCase
TestComings.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Merges come often, and the parts are small."""
    monkeypatch.setattr(live, "NEWEST", 64)
    monkeypatch.setattr(live, "MIDDLE_LEAST", 500)


@pytest.mark.usefixtures("small")
def test_merges_by_themselves_lose_and_double_nothing() -> None:
    draw = np.random.default_rng(3)
    rows = random_bank(6_000, draw)
    bank = HashIndex.build(range(3_000), rows[:3_000])
    for key in range(3_000, 6_000):
        bank.add(key, rows[key])
        if key % 3 == 0:
            assert bank.remove(key - 3_000)
    bank.settle()
    gone = {key - 3_000 for key in range(3_000, 6_000) if key % 3 == 0}
    assert len(bank) == 6_000 - len(gone)
    for key in range(0, 6_000, 7):
        assert bank.search(rows[key]) == ([] if key in gone else [(key, 0)])
    bank.merge()
    assert len(bank) == 6_000 - len(gone)
    assert bank.search(rows[1]) == [(1, 0)]


@pytest.mark.usefixtures("small")
def test_searches_beside_changes_see_what_was_there_all_along() -> None:
    """Readers search for hashes that are never removed while a writer adds and removes others and merges run."""
    draw = np.random.default_rng(4)
    stays, comes = random_bank(2_000, draw), random_bank(3_000, draw)
    bank = HashIndex.build(range(2_000), stays)
    wrong: list[str] = []
    stop = threading.Event()

    def read(seed: int) -> None:
        mine = np.random.default_rng(seed)
        while not stop.is_set():
            key = int(mine.integers(2_000))
            if (found := bank.search(off(stays[key], 20, mine))) != [(key, 20)]:
                wrong.append(f"{key}: {found}")

    readers = [threading.Thread(target=read, args=(seed,)) for seed in range(3)]
    for reader in readers:
        reader.start()
    try:
        for number, row in enumerate(comes):
            bank.add(10_000 + number, row)
            if number >= 100:
                assert bank.remove(10_000 + number - 100)
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    bank.settle()
    assert wrong == []
    assert len(bank) == 2_100


def test_what_was_added_or_removed_is_seen_by_the_next_search() -> None:
    draw = np.random.default_rng(6)
    rows = random_bank(5_001, draw)
    bank = HashIndex.build(range(5_000), rows[:5_000])
    bank.add(5_000, rows[5_000])
    assert bank.search(rows[5_000]) == [(5_000, 0)]
    assert bank.remove(5_000)
    assert bank.search(rows[5_000]) == []
    assert bank.remove(17)
    assert bank.search(rows[17]) == []
    assert not bank.remove(17)
    bank.add(17, rows[17])
    assert bank.search(rows[17]) == [(17, 0)]


def test_a_removal_during_a_merge_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(8)
    rows: Rows = random_bank(20, draw)
    bank = HashIndex.build(range(10), rows[:10], background=False)
    for key in range(10, 15):
        bank.add(key, rows[key])
    build = live.Segment.build

    def meanwhile(keys: np.ndarray, given: Rows) -> live.Segment:
        made = build(keys, given)
        assert bank.remove(3)
        assert bank.remove(12)
        bank.add(15, rows[15])
        bank.add(3, rows[16])
        return made

    monkeypatch.setattr(live.Segment, "build", staticmethod(meanwhile))
    bank.merge()
    monkeypatch.undo()
    assert len(bank) == 15
    assert bank.search(rows[3]) == bank.search(rows[12]) == []
    assert bank.search(rows[15]) == [(15, 0)]
    assert bank.search(rows[16]) == [(3, 0)]
    bank.merge()
    assert len(bank) == 15
    assert bank.search(rows[16]) == [(3, 0)]


def test_bad_input_changes_nothing() -> None:
    with pytest.raises(DuplicateKey, match="The key 4 is given to more than one hash"):
        HashIndex.build([1, 4, 4], ["0" * 64] * 3)
    with pytest.raises(ValueError, match="2 keys and 1 hashes"):
        HashIndex.build([1, 2], ["0" * 64])
    bank = HashIndex.build([1], ["0" * 64])
    with pytest.raises(HashError):
        bank.add(2, "not a hash")
    assert len(bank) == 1
    assert 2 not in bank
