"""How fast a changed copy of a text is found among many, beside comparing all of them, and whether each is found.

    python benchmarks/texts.py [--texts 100000] [--queries 200]

The texts are made of words drawn as natural language draws them (Zipf), so that some pieces are in most of them. Half of the queries are
texts of the bank with up to four words changed, half are new. The peer compares the query's pieces with those of every text, in one go with
numpy; both answer the same queries on one core. Ends with exit code 1 when a copy is missed, or a threshold is.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import numpy as np

from seawall.index import TextIndex
from seawall.index.texts import SHARE, pieces

LEAST_RATIO = 20.0
MOST_BYTES = 2_000.0


def words(draw: random.Random) -> list[str]:
    return ["".join(draw.choices("etaoinshrdlucmfwyp", k=draw.randint(2, 9))) for _ in range(20_000)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=200)
    given = parser.parse_args()
    draw = random.Random(20261123)
    vocabulary = words(draw)
    weights = [1 / rank for rank in range(1, len(vocabulary) + 1)]

    def post() -> str:
        return " ".join(draw.choices(vocabulary, weights, k=draw.randint(6, 45)))

    bank = [post() for _ in range(given.texts)]
    asked = []
    for number in range(given.queries):
        chosen = draw.choice(bank).split() if number % 2 else post().split()
        for _ in range(draw.randint(0, 4)):
            chosen[draw.randrange(len(chosen))] = draw.choice(vocabulary)
        asked.append(" ".join(chosen))

    begun = time.perf_counter()
    index = TextIndex()
    index.add_many(enumerate(bank))
    built = time.perf_counter() - begun
    index.search(asked[0])

    sets = [pieces(text) for text in bank]
    sizes = np.array([len(each) for each in sets])
    values, begins = np.concatenate(sets), np.cumsum(sizes) - sizes

    ours, all_of_them, wrong, hits = [], [], 0, 0
    for text in asked:
        begun = time.perf_counter()
        found = {match.key for match in index.search(text)}
        ours.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        wanted = pieces(text)
        near = np.minimum(np.searchsorted(wanted, values), len(wanted) - 1)
        both = np.add.reduceat(wanted[near] == values, begins, dtype=np.int64)
        truth = set(np.flatnonzero(both / (sizes + len(wanted) - both) >= SHARE - 1e-9).tolist())
        all_of_them.append(time.perf_counter() - begun)
        wrong += found != truth
        hits += bool(truth)
    held = sum(
        array.nbytes
        for segment in index._segments
        for array in (segment.values, segment.indexed, segment.slots, segment.sizes, segment.starts, segment.common)
    )
    ratio = statistics.median(all_of_them) / statistics.median(ours)
    ordered = sorted(ours)
    print(
        f"{given.texts:,} texts, {values.size / len(bank):.0f} pieces each; built in {built:.1f} s, {held / len(bank):,.0f} bytes a text"
    )
    print(f"{len(asked)} queries, {hits} with a copy in the bank; answered wrongly: {wrong}")
    print(
        f"one search: median {statistics.median(ours) * 1e3:.2f} ms, 95 % {ordered[int(len(ordered) * 0.95)] * 1e3:.2f} ms; "
        f"comparing all: {statistics.median(all_of_them) * 1e3:.1f} ms, {ratio:.0f} times as long (at least {LEAST_RATIO:.0f})"
    )
    missed = [
        name
        for name, failed in (
            ("a copy was missed or invented", wrong > 0),
            ("too slow", ratio < LEAST_RATIO),
            ("too large", held / len(bank) > MOST_BYTES),
        )
        if failed
    ]
    print("missed: " + ", ".join(missed) if missed else "all thresholds are met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
