"""Exact nearest search: every hash within a Hamming distance, live, from memory or a mapped file; and texts. Pure: no Django.

    >>> import numpy as np
    >>> from seawall.index import HashIndex, pack
    >>> bank = HashIndex.build(keys=[1, 2], hashes=pack(["f" * 64, "0" * 64]))
    >>> bank.search("f" * 63 + "e")
    [Match(key=1, distance=1)]

How it works, and what it costs: docs/discussions/nearest-hash-search.md.
"""

from seawall.index.hashes import HashError, hex_of, pack
from seawall.index.live import DuplicateKey, HashIndex, Match, Matches
from seawall.index.snapshot import SnapshotError
from seawall.index.texts import TextIndex, TextMatch

__all__ = [
    "DuplicateKey",
    "HashError",
    "HashIndex",
    "Match",
    "Matches",
    "SnapshotError",
    "TextIndex",
    "TextMatch",
    "hex_of",
    "pack",
]
