"""How good a ranking is: average precision, area under the ROC curve, F1, recall at a false-positive rate.

Ties are treated as one step, so that no figure depends on the order in which the rows came.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Truth = NDArray[np.bool_]


def _steps(truth: Truth, scores: Scores) -> tuple[Scores, Scores]:
    """True and false positives found at each distinct score, going down from the highest."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    hits = np.cumsum(truth[order])[ends].astype(np.float64)
    return hits, ends + 1.0 - hits


def average_precision(truth: Truth, scores: Scores) -> float:
    """Mean of the precision over the positives, by step; NaN without a positive."""
    if not truth.any():
        return float("nan")
    hits, misses = _steps(truth, scores)
    return float(np.sum(np.diff(hits, prepend=0.0) * hits / (hits + misses)) / hits[-1])


def auroc(truth: Truth, scores: Scores) -> float:
    """Chance that a positive scores above a negative, ties counting half; NaN unless both are there."""
    if not truth.any() or truth.all():
        return float("nan")
    hits, misses = _steps(truth, scores)
    return float(np.trapezoid(np.append(0.0, hits), np.append(0.0, misses)) / (hits[-1] * misses[-1]))


def recall_at_fpr(truth: Truth, scores: Scores, rate: float = 0.01) -> float:
    """The greatest recall at which no more than `rate` of the negatives are flagged; NaN unless both are there."""
    if not truth.any() or truth.all():
        return float("nan")
    hits, misses = _steps(truth, scores)
    allowed = misses <= rate * misses[-1]
    return float(hits[allowed][-1] / hits[-1]) if allowed.any() else 0.0


def f1(truth: Truth, flagged: Truth) -> float:
    """Harmonic mean of precision and recall of the flags; 0 when nothing right was flagged."""
    both = float(np.sum(truth & flagged))
    return 2 * both / float(truth.sum() + flagged.sum()) if both else 0.0


def best_f1_threshold(truth: Truth, scores: Scores) -> float:
    """The score from which flagging gives the greatest F1."""
    hits, misses = _steps(truth, scores)
    values = np.sort(np.unique(scores))[::-1]
    return float(values[int(np.argmax(2 * hits / (hits[-1] + hits + misses)))])


def interval(
    measure: Callable[[Truth, Scores], float], truth: Truth, scores: Scores, *, seed: int, rounds: int = 200
) -> tuple[float, float]:
    """A 95 % interval by the bootstrap: rows are drawn anew, positives and negatives apart, `rounds` times."""
    generator = np.random.default_rng(seed)
    positives, negatives = np.flatnonzero(truth), np.flatnonzero(~truth)
    values = []
    for _ in range(rounds):
        drawn = np.concatenate([generator.choice(part, len(part)) for part in (positives, negatives) if len(part)])
        values.append(measure(truth[drawn], scores[drawn]))
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def figures(truth: Truth, scores: Scores, threshold: float, *, seed: int, rounds: int = 200) -> dict[str, Any]:
    """What a label's scores are worth: average precision, AUROC, F1 and so on, and the counts they rest on.

    F1, precision and recall are at `threshold`. Figures that are lists stand beside their 95 % bootstrap interval.
    """
    flagged = scores >= threshold
    found = int((truth & flagged).sum())
    out: dict[str, Any] = {"n": len(truth), "positives": int(truth.sum())}
    measures: dict[str, Callable[[Truth, Scores], float]] = {
        "ap": average_precision,
        "auroc": auroc,
        "f1": lambda truth, scores: f1(truth, scores >= threshold),
        "recall_at_1_percent_fpr": recall_at_fpr,
    }
    for name, function in measures.items():
        value = function(truth, scores)
        if np.isnan(value):
            continue
        low, high = interval(function, truth, scores, seed=seed, rounds=rounds)
        out[name] = [round(value, 3), round(low, 3), round(high, 3)]
    out["precision"] = round(found / int(flagged.sum()), 3) if flagged.any() else None
    out["recall"] = round(found / int(truth.sum()), 3) if truth.any() else None
    return out
