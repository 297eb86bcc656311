"""Fit the linear model: one logistic regression a label over hashed words, letter runs and pairs of words."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression

from seawall.detect.features import PAIR_VALUE, ROWS, START, feature_vector, pair_hash, pair_rows, token_rows
from seawall.detect.normalise import chunks, tokens_of_chunk
from training.rows import LABELS, Rows

MOST_BACKGROUND = 40_000
MOST_OTHERS = 30_000  # rows beside the suite and the own posts, where those alone are judged
STRICTNESS = 4.0  # scikit-learn's C
MOST_STEPS = 90
KEEP_SHARE = 0.45  # of each column's weights, the greatest are kept: the file stays small
#: No public set judges these: they are learnt from the project's own writing alone.
OWN_ONLY = (
    "suicide_self_harm",
    "eating_disorder",
    "gang_weapons",
    "bereavement",
    "art",
    "education_prevention",
    "idiom",
)
OURS = ("own_posts", "suite")

Say = Callable[[str], None]


def matrix(texts: list[str]) -> sparse.csr_matrix:
    """Feature vectors of all texts at once: (texts x words) x (words x rows), plus the pairs."""
    numbers: dict[str, int] = {START: 0}
    met: dict[str, list[int]] = {}
    indices: list[int] = []
    ends = [0]
    for text in texts:
        indices.append(0)
        for chunk in chunks(text):
            found = met.get(chunk)
            if found is None:
                found = [numbers.setdefault(token, len(numbers)) for token in tokens_of_chunk(chunk)]
                met[chunk] = found
            indices.extend(found)
        ends.append(len(indices))
    words, starts = np.array(indices, np.int64), np.array(ends, np.int64)
    word_rows: list[int] = []
    word_values: list[float] = []
    word_ends = [0]
    mass = np.zeros(len(numbers))
    for token, number in numbers.items():
        at, values = token_rows(token)
        word_rows.extend(at)
        word_values.extend(values)
        word_ends.append(len(word_rows))
        mass[number] = sum(value * value for value in values)
    alone = sparse.csr_matrix(
        (np.array(word_values, np.float32), np.array(word_rows, np.int32), np.array(word_ends)), (len(numbers), ROWS)
    )
    held = sparse.csr_matrix((np.ones(len(words), np.float32), words, starts), (len(texts), len(numbers)))
    hashes = np.array([pair_hash(token) for token in numbers], np.uint32)[words]
    values = np.full(len(words), PAIR_VALUE, np.float32)
    values[starts[:-1]] = 0
    pairs = sparse.csr_matrix((values, pair_rows(np.roll(hashes, 1), hashes), starts), (len(texts), ROWS))
    total = np.add.reduceat(mass[words], starts[:-1]) + (np.diff(starts) - 1) * PAIR_VALUE * PAIR_VALUE
    out = (held @ alone + pairs).tocsr()
    out = sparse.diags((1.0 / np.sqrt(total)).astype(np.float32)) @ out
    out = out.tocsr().astype(np.float32)
    out.eliminate_zeros()
    return out


def check_matrix(texts: list[str], built: sparse.csr_matrix, seed: int) -> None:
    """Stop unless the matrix holds exactly what `feature_vector` says, for a few texts drawn by chance."""
    for at in np.random.default_rng(seed).choice(len(texts), 50, replace=False):
        row = built[int(at)]
        plain = feature_vector(texts[int(at)])
        got = dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))
        if got.keys() != plain.keys() or any(abs(got[key] - plain[key]) > 1e-4 for key in plain):
            sys.exit(f"the feature matrix differs from feature_vector for row {at}: this is a defect, do not ship")


def fit(features: sparse.csr_matrix, truth: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, float]:
    model = LogisticRegression(C=STRICTNESS, solver="lbfgs", max_iter=MOST_STEPS, tol=1e-6)
    # Both classes weigh the same in sum up to a factor of ten, so that rare labels are not drowned.
    positive = weight[truth].sum()
    negative = weight[~truth].sum()
    lift = min(10.0, max(1.0, 0.2 * negative / positive))
    model.fit(features, truth, sample_weight=np.where(truth, weight * lift, weight))
    return model.coef_[0].astype(np.float32), float(model.intercept_[0])


def train(
    rows: Rows, features: sparse.csr_matrix, generator: np.random.Generator, say: Say
) -> tuple[np.ndarray, np.ndarray]:
    """Weights (rows of features x labels) and biases, learnt from the rows of the train part."""
    part, ours = np.array(rows.part), np.isin(rows.source, OURS)
    truth, weight = np.stack(rows.truth), np.stack(rows.weight)
    spare = np.flatnonzero((np.array(rows.kind) == "background") & (part == "train"))
    dropped = np.zeros(len(part), bool)
    dropped[generator.permutation(spare)[MOST_BACKGROUND:]] = True
    # Rare features are let speak louder: the columns are scaled while learning, and the scale goes into the weights.
    seen = np.bincount(features[part == "train"].indices, minlength=ROWS)
    rarity = (np.log((1 + (part == "train").sum()) / (1 + seen)) + 1).astype(np.float32)
    rarity /= rarity[seen > 0].mean()
    features = (features @ sparse.diags(rarity)).tocsr().astype(np.float32)
    weights = np.zeros((ROWS, len(LABELS)), np.float32)
    bias = np.zeros(len(LABELS), np.float32)
    for column, label in enumerate(LABELS):
        used = np.flatnonzero((part == "train") & (weight[:, column] > 0) & ~dropped)
        if label in OWN_ONLY:
            others = generator.permutation(used[~ours[used]])[:MOST_OTHERS]
            used = np.sort(np.concatenate([used[ours[used]], others]))
        weights[:, column], bias[column] = fit(features[used], truth[used, column], weight[used, column])
        say(f"{label}: {truth[used, column].sum():,} positives in {len(used):,} rows")
    weights *= rarity[:, None]
    return lighten(weights), bias


def lighten(weights: np.ndarray) -> np.ndarray:
    """The weights with the smallest of each column set to nought, so that they pack well."""
    out = weights.copy()
    for column in range(out.shape[1]):
        size = np.abs(out[:, column])
        out[size < np.quantile(size, 1 - KEEP_SHARE), column] = 0
    return out
