"""Train the linear model that ships with Seawall, measure it on held-out parts, and write model, figures and manifest.

    python tools/train_linear.py DATA_DIR [--out src/seawall/detect/models] [--seed 1]

DATA_DIR holds one Parquet file a set, with the columns id, text, labels, scope, hard_negative, strength, split,
licence, redistribute, dup_of and heldout_leak. The project's own posts (src/seawall/detect/training/own_posts.jsonl)
are added. Needs the extra `train`:  pip install 'seawall[train]'. How it is done, and why, is in
docs/reference/detector.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

HOUSE = Path(__file__).resolve().parent
sys.path[:0] = [str(HOUSE), str(HOUSE.parent / "src")]

from linear_data import LABELS, Rows, read_own, read_sets  # noqa: E402 (the path is set above)

from seawall.detect import Detector, linear, measure  # noqa: E402
from seawall.detect.evaluate import figures, own_figures  # noqa: E402
from seawall.detect.families import CONTEXTS, FAMILIES  # noqa: E402
from seawall.detect.features import PAIR_VALUE, ROWS, START, feature_vector, pair_hash, pair_rows, token_rows  # noqa: E402
from seawall.detect.normalise import tokens_of_chunk  # noqa: E402

try:
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression
except ImportError:
    sys.exit("train_linear.py needs scikit-learn, which only training uses: pip install 'seawall[train]'")

VERSION = "linear-1"
MOST_BACKGROUND = 40_000
MOST_OTHERS = 30_000  # rows beside the own posts, where those alone are judged
FOLDS = 3
BACKGROUND_FPR = 0.0025  # at most this share of held-out background may be flagged by any one family
STRICTNESS = 4.0  # scikit-learn's C
MOST_STEPS = 90
KEEP_SHARE = 0.45  # of each column's weights, the greatest are kept: the file stays small
BACKGROUND_SETS = ("goemotions_bg", "tweets_bg")
#: No public set judges these: they are learnt from the project's own posts alone.
OWN_ONLY = (
    "suicide_self_harm",
    "eating_disorder",
    "gang_weapons",
    "bereavement",
    "art",
    "education_prevention",
    "idiom",
)

Say = Callable[[str], None]


def matrix(texts: list[str]) -> sparse.csr_matrix:
    """Feature vectors of all texts at once: (texts x words) x (words x rows), plus the pairs."""
    numbers: dict[str, int] = {START: 0}
    chunks: dict[str, list[int]] = {}
    indices: list[int] = []
    ends = [0]
    for text in texts:
        indices.append(0)
        for chunk in text.split():
            found = chunks.get(chunk)
            if found is None:
                found = [numbers.setdefault(token, len(numbers)) for token in tokens_of_chunk(chunk)]
                chunks[chunk] = found
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


def platt(scores: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> tuple[float, float]:
    """Slope and offset that turn raw scores into probabilities (Platt 1999, with his smoothed targets by weight)."""
    hits, misses = weight[truth].sum(), weight[~truth].sum()
    both = np.concatenate([scores, scores])[:, None]
    target = np.concatenate([np.ones(len(scores), bool), np.zeros(len(scores), bool)])
    high, low = (hits + 1) / (hits + 2), 1 / (misses + 2)
    share = np.where(truth, high, low)
    model = LogisticRegression(C=1e6, max_iter=200)
    model.fit(both, target, sample_weight=np.concatenate([weight * share, weight * (1 - share)]))
    return float(model.coef_[0, 0]), float(model.intercept_[0])


def train(
    rows: Rows, features: sparse.csr_matrix, generator: np.random.Generator, say: Say
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights and biases; and, where own posts alone teach a label, their scores by models that never saw them."""
    part, own = np.array(rows.part), np.array(rows.source) == "own_posts"
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
    out_of_fold = np.full((len(part), len(LABELS)), np.nan)
    for column, label in enumerate(LABELS):
        used = np.flatnonzero((part == "train") & (weight[:, column] > 0) & ~dropped)
        if label in OWN_ONLY:
            others = generator.permutation(used[~own[used]])[:MOST_OTHERS]
            used = np.sort(np.concatenate([used[own[used]], others]))
        weights[:, column], bias[column] = fit(features[used], truth[used, column], weight[used, column])
        if label in OWN_ONLY:
            mine = used[own[used]]
            fold_of = generator.permutation(np.arange(len(mine)) % FOLDS)
            for fold in range(FOLDS):
                rest = np.concatenate([others[: MOST_OTHERS // 2], mine[fold_of != fold]])
                coefficients, intercept = fit(features[rest], truth[rest, column], weight[rest, column])
                held = mine[fold_of == fold]
                out_of_fold[held, column] = features[held] @ coefficients + intercept
        say(f"{label}: {truth[used, column].sum():,} positives in {len(used):,} rows")
    weights *= rarity[:, None]
    for column in range(len(LABELS)):
        size = np.abs(weights[:, column])
        weights[size < np.quantile(size, 1 - KEEP_SHARE), column] = 0
    return weights, bias, out_of_fold


def calibrate(
    rows: Rows, features: sparse.csr_matrix, weights: np.ndarray, bias: np.ndarray, out_of_fold: np.ndarray
) -> tuple[dict[str, tuple[float, float]], dict[str, float]]:
    """Platt's slope and offset for every label, and the threshold of every family, on held-out development rows."""
    part, source = np.array(rows.part), np.array(rows.source)
    truth, weight = np.stack(rows.truth), np.stack(rows.weight)
    dev = np.flatnonzero(part == "dev")
    raw = np.full((len(part), len(LABELS)), np.nan)
    raw[dev] = features[dev] @ weights + bias
    raw = np.where(np.isnan(raw), out_of_fold, raw)
    calibration, thresholds = {}, {}
    for column, label in enumerate(LABELS):
        used = np.flatnonzero(~np.isnan(raw[:, column]) & (weight[:, column] > 0))
        judged = np.minimum(weight[used, column], 1.0)
        slope, offset = platt(raw[used, column], truth[used, column], judged)
        calibration[label] = (slope, offset)
        if label in FAMILIES:
            odds = 1 / (1 + np.exp(-(raw[:, column] * slope + offset)))
            ordinary = odds[np.isin(source, BACKGROUND_SETS) & (part == "dev")]
            quiet = float(np.quantile(ordinary, 1 - BACKGROUND_FPR))
            best = measure.best_f1_threshold(truth[used, column], odds[used])
            thresholds[label] = round(max(quiet, best), 4)
    return calibration, thresholds


def evaluate(rows: Rows, detector: Detector, seed: int) -> dict[str, Any]:
    """Figures on the test parts, which were neither trained nor calibrated on, by the shipped detector."""
    test = np.flatnonzero(np.array(rows.part) == "test")
    odds = np.round(detector.probabilities([rows.text[at] for at in test]), 4)
    truth, judged = np.stack(rows.truth)[test], np.stack(rows.weight)[test] > 0
    source, kind = np.array(rows.source)[test], np.array(rows.kind)[test]
    flagged = odds[:, : len(FAMILIES)] >= np.array([detector.thresholds[family] for family in FAMILIES])
    labels: dict[str, Any] = {}
    for column, label in enumerate(LABELS):
        use = judged[:, column]
        threshold = detector.thresholds.get(label, 0.5)
        labels[label] = {
            "threshold": threshold,
            "all": figures(truth[use, column], odds[use, column], threshold, seed=seed),
            "by_source": {
                name: figures(truth[at, column], odds[at, column], threshold, seed=seed)
                for name in sorted(set(source[use]))
                if (at := use & (source == name)).any() and truth[at, column].any()
            },
        }

    def share(at: np.ndarray) -> dict[str, Any]:
        each = {family: round(float(flagged[at, column].mean()), 4) for column, family in enumerate(FAMILIES)}
        return {"n": int(at.sum()), "any": round(float(flagged[at].any(axis=1).mean()), 4), **each}

    public = source != "own_posts"
    return {
        "labels": labels,
        "background": {name: share(source == name) for name in BACKGROUND_SETS},
        "harmless": {name: share(public & (kind == name)) for name in sorted(set(kind[public]) - {"", "background"})},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of Parquet sets")
    parser.add_argument("--out", type=Path, default=HOUSE.parent / "src/seawall/detect/models")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not any(options.data.glob("*.parquet")):
        sys.exit(f"{options.data}: no .parquet files here; give the folder that holds the sets")
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:6.0f} s  {text}", flush=True)

    rows = Rows()
    read_sets(options.data, rows)
    read_own(rows)
    say(f"{len(rows.text):,} rows read")
    features = matrix(rows.text)
    check_matrix(rows.text, features, options.seed)
    say(f"feature matrix {features.shape[0]:,} x {features.shape[1]:,}, {features.nnz:,} values")
    weights, bias, out_of_fold = train(rows, features, np.random.default_rng(options.seed), say)
    calibration, thresholds = calibrate(rows, features, weights, bias, out_of_fold)
    manifest = json.dumps(rows.manifest, indent=1, ensure_ascii=False) + "\n"
    meta = {
        "format": linear.FORMAT,
        "version": VERSION,
        "families": list(FAMILIES),
        "contexts": list(CONTEXTS),
        "calibration": calibration,
        "thresholds": thresholds,
        "seed": options.seed,
        "manifest_sha256": hashlib.sha256(manifest.encode()).hexdigest(),
    }
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / f"{VERSION}.npz"
    linear.save(path, linear.ModelFile(weights=weights.astype(np.float16), bias=bias, meta=meta))
    (options.out / f"{VERSION}.manifest.json").write_text(manifest, encoding="utf-8")
    say(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB; measuring")
    detector = Detector.load(path)
    metrics = {
        "version": VERSION,
        "model_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "manifest_sha256": meta["manifest_sha256"],
        "own_posts": own_figures(detector),
        **evaluate(rows, detector, options.seed),
    }
    text = json.dumps(metrics, indent=1, ensure_ascii=False) + "\n"
    (options.out / f"{VERSION}.metrics.json").write_text(text, encoding="utf-8")
    say("done")


if __name__ == "__main__":
    main()
