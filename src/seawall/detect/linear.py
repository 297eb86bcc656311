"""The linear model: weights, the caches that make it fast, and the file it lives in.

A word's own features never change, so the sum of their weight rows is kept; a text is then a handful of lookups and
one addition a word, and only the pairs of neighbouring words are hashed anew. The caches are bounded: when one is full
it is emptied between batches, and emptying it changes no score.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.features import PAIR_VALUE, ROWS, START, pair_hash, pair_rows, token_rows
from seawall.detect.normalise import chunks, chunks_with_spans, tokens_of_chunk
from seawall.detect.scorer import Judgement, ModelError, sure

FORMAT: Final = 2
MAX_CACHED_TOKENS: Final = 100_000
MAX_CACHED_CHUNKS: Final = 200_000
LONGEST_CACHED_CHUNK: Final = 48
MAX_BATCH_TEXTS: Final = 512
MAX_BATCH_CHARS: Final = 400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFile:
    """What a model file holds.

    `weights` has one row a feature and one column a label; `meta` is the JSON beside it (see `save`).
    """

    weights: NDArray[np.float16]
    bias: NDArray[np.float32]
    meta: dict[str, Any]


def save(path: Path, model: ModelFile) -> None:
    """Write a model as a compressed .npz without pickled objects; the metadata is JSON text in its own array."""
    text = json.dumps(model.meta, ensure_ascii=False, sort_keys=True).encode()
    np.savez_compressed(
        path, weights=model.weights, bias=model.bias, meta=np.frombuffer(text, dtype=np.uint8), allow_pickle=False
    )


def load(path: Path) -> ModelFile:
    """Read a model file.

    Raises `ModelError` when it is absent, damaged, of another format or of the wrong shape.
    """
    remedy = "install the package again, or train a model with tools/train.py"
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            weights, bias, text = arrays["weights"], arrays["bias"], arrays["meta"].tobytes()
        meta = json.loads(text)
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such model file; {remedy}") from None
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as problem:
        raise ModelError(f"{path}: not a model file ({problem}); {remedy}") from problem
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise ModelError(f"{path}: this is not a model of format {FORMAT}; {remedy}")
    labels = meta.get("labels", ())
    if weights.shape != (ROWS, len(labels)) or bias.shape != (len(labels),):
        raise ModelError(f"{path}: weights of shape {weights.shape} do not fit {len(labels)} labels; {remedy}")
    return ModelFile(weights=weights, bias=bias, meta=meta)


class _Chunks(dict[str, tuple[int, ...]]):
    """Chunk of text -> its tokens' numbers, filled as chunks are met."""

    def __init__(self, scorer: Linear) -> None:
        super().__init__()
        self._scorer = scorer

    def __missing__(self, chunk: str) -> tuple[int, ...]:
        numbers = tuple(map(self._scorer.number, tokens_of_chunk(chunk)))
        if len(chunk) <= LONGEST_CACHED_CHUNK:
            self[chunk] = numbers
        return numbers


class Linear:
    """Scores texts with one set of weights. Not safe for use by several threads at once: each needs its own."""

    def __init__(
        self, weights: NDArray[Any], bias: NDArray[Any], labels: Sequence[str] = (), name: str = "linear"
    ) -> None:
        self._weights = weights.astype(np.float32)
        self._bias = bias.astype(np.float64)
        self._labels = tuple(labels)
        self._name = name
        self._start()

    @property
    def name(self) -> str:
        return self._name

    @property
    def labels(self) -> tuple[str, ...]:
        """What the columns mean, when that was told."""
        return self._labels

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Log-odds for each text; see `seawall.detect.scorer.Scorer`."""
        return sure(self.logits(texts))

    def _start(self) -> None:
        self._numbers: dict[str, int] = {}
        self._chunks = _Chunks(self)
        self._sums = np.zeros((1024, self._weights.shape[1]), np.float32)
        self._mass = np.zeros(1024, np.float64)
        self._hash = np.zeros(1024, np.uint32)
        self.number(START)

    def number(self, token: str) -> int:
        """The number of `token`, whose summed weights are worked out when it is new."""
        known = self._numbers.get(token)
        if known is not None:
            return known
        at = len(self._numbers)
        if at == len(self._mass):
            self._sums = np.concatenate([self._sums, np.zeros_like(self._sums)])
            self._mass = np.concatenate([self._mass, np.zeros_like(self._mass)])
            self._hash = np.concatenate([self._hash, np.zeros_like(self._hash)])
        rows, values = token_rows(token)
        weights = np.array(values, np.float32)
        self._sums[at] = weights @ self._weights[rows]
        self._mass[at] = sum(value * value for value in values)
        self._hash[at] = pair_hash(token)
        self._numbers[token] = at
        return at

    @property
    def cached(self) -> tuple[int, int]:
        """How many tokens and chunks are held now."""
        return len(self._numbers), len(self._chunks)

    def logits(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Raw scores, one row a text and one column a label. A text's scores do not depend on its neighbours."""
        parts = [self._batch(batch) for batch in _batches(texts)]
        return np.concatenate(parts) if parts else np.zeros((0, len(self._bias)))

    def _batch(self, texts: Sequence[str]) -> NDArray[np.float64]:
        if len(self._numbers) > MAX_CACHED_TOKENS or len(self._chunks) > MAX_CACHED_CHUNKS:
            self._start()
        find = self._chunks.__getitem__
        numbers: list[int] = []
        starts = np.empty(len(texts), np.int64)
        for at, text in enumerate(texts):
            starts[at] = len(numbers)
            numbers.append(0)
            numbers.extend(chain.from_iterable(map(find, chunks(text))))
        ids = np.array(numbers, np.int64)
        lengths = np.diff(np.append(starts, len(ids)))
        # A token and the pair it makes with its left neighbour are added up together; a text's first token has no pair.
        hashes = self._hash[ids]
        pairs = self._weights[pair_rows(np.roll(hashes, 1), hashes)]
        pairs *= np.float32(PAIR_VALUE)
        pairs[starts] = 0
        terms = self._sums[ids]
        terms += pairs
        total = np.add.reduceat(terms, starts, axis=0, dtype=np.float64)
        mass = np.add.reduceat(self._mass[ids], starts) + (lengths - 1) * (PAIR_VALUE * PAIR_VALUE)
        scores: NDArray[np.float64] = self._bias + total / np.sqrt(mass)[:, None]
        return scores

    def contributions(self, text: str, column: int) -> list[tuple[int, int, float]]:
        """What each chunk of `text` adds to the score of one label: (start, end, logit share), in the text's order.

        Half of a pair's weight goes to each of its two words.
        """
        owners: list[int] = [-1]
        numbers: list[int] = [0]
        spans: list[tuple[int, int]] = []
        for at, (chunk, start, end) in enumerate(chunks_with_spans(text)):
            spans.append((start, end))
            found = self._chunks[chunk]
            numbers.extend(found)
            owners.extend([at] * len(found))
        ids = np.array(numbers, np.int64)
        hashes = self._hash[ids]
        shares = self._sums[ids, column].astype(np.float64)
        pairs = self._weights[pair_rows(hashes[:-1], hashes[1:]), column].astype(np.float64) * PAIR_VALUE / 2
        shares[:-1] += pairs
        shares[1:] += pairs
        scale = np.sqrt(self._mass[ids].sum() + (len(ids) - 1) * PAIR_VALUE * PAIR_VALUE)
        sums = np.zeros(len(spans))
        np.add.at(sums, np.array(owners[1:], np.int64), shares[1:] / scale)
        return [(start, end, float(share)) for (start, end), share in zip(spans, sums, strict=True)]


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Cut `texts` into runs that are small in number and in characters, so that memory stays flat."""
    first = chars = 0
    for at, text in enumerate(texts):
        if at > first and (at - first >= MAX_BATCH_TEXTS or chars + len(text) > MAX_BATCH_CHARS):
            yield texts[first:at]
            first, chars = at, 0
        chars += len(text)
    if first < len(texts):
        yield texts[first:]
