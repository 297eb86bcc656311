"""What the linear model sees of a text: hashed words, letter runs inside words, and pairs of words.

The score of a text is `bias + sum(value * weight[row]) / sqrt(mass)`, where `mass` is the sum of the squared values.
Every feature has one of `ROWS` rows; a word and its letter runs depend on the word alone, so they can be added up once
a word. `feature_vector` is the definition; training and inference both follow it and are tested against it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from seawall.detect.normalise import MASKS, tokens

ROWS: Final = 1 << 18
WORD_VALUE: Final = 1.0
LETTERS_VALUE: Final = 0.35
PAIR_VALUE: Final = 0.8
SHORTEST_RUN: Final = 3
LONGEST_RUN: Final = 5
#: Begins every text, so that an empty text has a token too and a first word has a left neighbour.
START: Final = "<s>"

_GOLDEN: Final = 0x9E3779B1
_SHIFT: Final = 32 - 18


def _row(kind: bytes, feature: str) -> int:
    return ((crc32(kind + feature.encode("utf-8", "surrogatepass")) * _GOLDEN) & 0xFFFFFFFF) >> _SHIFT


def pair_hash(token: str) -> int:
    """The 32-bit number by which `token` enters its pairs."""
    return crc32(b"p" + token.encode("utf-8", "surrogatepass"))


def pair_rows(left: NDArray[np.uint32], right: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Rows of the pairs that stand side by side in two arrays of `pair_hash` values."""
    mixed = left * np.uint32(_GOLDEN) + right * np.uint32(0x85EBCA77)
    mixed ^= mixed >> np.uint32(15)
    mixed *= np.uint32(0x2C1B3C6D)
    return (mixed >> np.uint32(_SHIFT)).astype(np.int64)


def token_rows(token: str) -> tuple[list[int], list[float]]:
    """Rows and values of one token's own features: the word, then its letter runs (none for masks and single signs)."""
    rows, values = [_row(b"w", token)], [WORD_VALUE]
    if token in MASKS or token == START or len(token) < 2:
        return rows, values
    bounded = f"^{token}$"
    for length in range(SHORTEST_RUN, LONGEST_RUN + 1):
        for at in range(len(bounded) - length + 1):
            rows.append(_row(b"c", bounded[at : at + length]))
            values.append(LETTERS_VALUE)
    return rows, values


@lru_cache(maxsize=4096)
def _pair_row(left: str, right: str) -> int:
    one, two = np.array([pair_hash(left)], np.uint32), np.array([pair_hash(right)], np.uint32)
    return int(pair_rows(one, two)[0])


def feature_vector(text: str) -> dict[int, float]:
    """The whole feature vector of `text`, {row: value}, already divided by the square root of its mass.

    This is the plain definition, one feature at a time: slow, and what the fast code is tested against.
    """
    words = [START, *tokens(text)]
    vector: defaultdict[int, float] = defaultdict(float)
    mass = 0.0
    for word in words:
        for row, value in zip(*token_rows(word), strict=True):
            vector[row] += value
            mass += value * value
    for left, right in pairwise(words):
        vector[_pair_row(left, right)] += PAIR_VALUE
        mass += PAIR_VALUE * PAIR_VALUE
    scale = float(np.sqrt(mass))
    return {row: value / scale for row, value in vector.items()}
