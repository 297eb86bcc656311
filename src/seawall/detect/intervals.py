"""How sure a figure is: Wilson's interval for a rate, and the bootstrap over pairs for whatever ranks or is no rate.

The cases of a pair hang together, so whole pairs are drawn. Every figure is a mapping of plain numbers, ready for JSON;
what cannot be measured is None and never a number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.measure import Scores, Truth

#: The 97.5 % point of the normal distribution.
Z: Final = 1.959963984540054
ROUNDS: Final = 200
#: Enough that a percentage can be rounded from what is kept.
DECIMALS: Final = 6

Weights = NDArray[np.float64]
Measure = Callable[[Weights], float]


def wilson(count: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of `count` out of `n` (Wilson, Journal of the American Statistical Association 22, 1927).

    Raises `ValueError` unless 0 <= count <= n and n > 0.
    """
    if not 0 <= count <= n or n <= 0:
        raise ValueError(f"{count} of {n} is no rate")
    share, spread = count / n, Z * Z / n
    middle = (share + spread / 2) / (1 + spread)
    half = Z / (1 + spread) * math.sqrt(share * (1 - share) / n + spread / (4 * n))
    return (0.0 if count == 0 else middle - half), (1.0 if count == n else middle + half)


def rate(hits: Truth, among: Truth) -> dict[str, Any]:
    """Of the rows in `among`, the share in `hits`: n, count, value, and Wilson's interval as low and high."""
    n, count = int(among.sum()), int((hits & among).sum())
    if n == 0:
        return {"n": 0, "count": 0, "value": None, "low": None, "high": None}
    low, high = wilson(count, n)
    return {"n": n, "count": count, "value": _short(count / n), "low": _short(low), "high": _short(high)}


class Draws:
    """The bootstrap's rounds: in each, as many pairs as there are, drawn with replacement (Efron 1979).

    The same seed gives the same draws, whatever is measured, so that figures can be compared.
    """

    def __init__(self, pairs: Sequence[str], *, seed: int, rounds: int = ROUNDS) -> None:
        names, self._of = np.unique(np.array(pairs, dtype=object).astype(str), return_inverse=True)
        generator = np.random.default_rng(seed)
        self.pairs = len(names)
        self._times = np.zeros((rounds, self.pairs), np.uint16)
        for turn in range(rounds if self.pairs else 0):
            drawn = generator.integers(0, self.pairs, self.pairs)
            self._times[turn] = np.bincount(drawn, minlength=self.pairs)

    def interval(self, measure: Measure, rows: NDArray[np.intp]) -> tuple[float | None, float | None]:
        """The 95 % percentile interval of `measure`, which is given a weight for each of `rows`.

        None when all rows are of one pair, or when no round could be measured.
        """
        place = self._of[rows]
        if len(rows) == 0 or (place == place[0]).all():
            return None, None
        values = np.array([measure(times[place].astype(np.float64)) for times in self._times])
        values = values[~np.isnan(values)]
        if not len(values):
            return None, None
        low, high = np.percentile(values, [2.5, 97.5])
        return _short(float(low)), _short(float(high))

    def estimate(self, measure: Measure, rows: NDArray[np.intp]) -> dict[str, Any]:
        """The figure that `measure` gives for `rows`, and its interval: n, value, low, high."""
        value = measure(np.ones(len(rows)))
        if math.isnan(value):
            return {"n": len(rows), "value": None, "low": None, "high": None}
        low, high = self.interval(measure, rows)
        return {"n": len(rows), "value": _short(value), "low": low, "high": high}


class Ranking:
    """Average precision and AUROC for any weights of the rows, sorting once. Ties are one step."""

    def __init__(self, truth: Truth, scores: Scores) -> None:
        self._order = np.argsort(-scores, kind="stable")
        self._truth = truth[self._order]
        self._ends = np.append(np.flatnonzero(np.diff(scores[self._order])), len(scores) - 1)

    def _steps(self, weights: Weights) -> tuple[Scores, Scores]:
        worth = weights[self._order]
        return np.cumsum(worth * self._truth)[self._ends], np.cumsum(worth * ~self._truth)[self._ends]

    def average_precision(self, weights: Weights) -> float:
        """Mean of the precision over the positives, by step; NaN without a positive."""
        if not self._truth.any():
            return math.nan
        hits, misses = self._steps(weights)
        if hits[-1] <= 0:
            return math.nan
        found = hits + misses
        precision = np.divide(hits, found, out=np.zeros_like(hits), where=found > 0)
        return float(np.sum(np.diff(hits, prepend=0.0) * precision) / hits[-1])

    def auroc(self, weights: Weights) -> float:
        """Chance that a positive scores above a negative, ties counting half; NaN unless both are there."""
        if not self._truth.any() or self._truth.all():
            return math.nan
        hits, misses = self._steps(weights)
        if hits[-1] <= 0 or misses[-1] <= 0:
            return math.nan
        return float(np.trapezoid(np.append(0.0, hits), np.append(0.0, misses)) / (hits[-1] * misses[-1]))


def f1(truth: Truth, flagged: Truth) -> Measure:
    """Harmonic mean of precision and recall; 0 when nothing right was flagged, NaN without a positive."""
    both = truth & flagged

    def measure(weights: Weights) -> float:
        positives = float(weights @ truth)
        return 2 * float(weights @ both) / (positives + float(weights @ flagged)) if positives > 0 else math.nan

    return measure


def macro_f1(truth: Truth, flagged: Truth) -> Measure:
    """The mean of F1 for the one answer and for the other; NaN unless both answers are there."""
    yes, no = f1(truth, flagged), f1(~truth, ~flagged)
    return lambda weights: (yes(weights) + no(weights)) / 2


def _short(value: float) -> float:
    return round(value, DECIMALS)
