"""Calibration: how far a probability can be taken at its word, and the adjustment of an operator's own model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.scorer import ModelError

BINS: Final = 10
MOST_STEPS: Final = 200


@dataclass(frozen=True, slots=True)
class Calibration:
    """Slope and offset for each label of a scorer: calibrated log-odds = slope * score + offset (Platt 1999)."""

    by_label: Mapping[str, tuple[float, float]]
    #: The name of the scorer that it was made for (`Scorer.name`), or nothing where that is not known.
    model: str = ""

    def odds(self, label: str, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated log-odds; the scores as they are for a label that was not calibrated."""
        slope, offset = self.by_label.get(label, (1.0, 0.0))
        return slope * scores + offset

    def save(self, path: Path, about: Mapping[str, Any]) -> None:
        """Write it as JSON beside what `about` says of how it was made."""
        held = {"about": dict(about), "labels": {label: list(pair) for label, pair in self.by_label.items()}}
        path.write_text(json.dumps(held, indent=1) + "\n", encoding="utf-8")

    def fits(self, scorer: str, path: Path) -> Calibration:
        """Itself, when it was made for the scorer of that name; raises `ModelError` when it was made for another."""
        if self.model and self.model != scorer:
            raise ModelError(
                f"{path}: made for {self.model}, and the model is {scorer}: other weights or other definitions. "
                "Run seawall calibrate again for this model"
            )
        return self

    @classmethod
    def read(cls, path: Path) -> Calibration:
        """Read what `save` wrote. Raises `ModelError` when it is absent or damaged."""
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
            fits = {str(label): (float(slope), float(offset)) for label, (slope, offset) in held["labels"].items()}
            return cls(fits, str(held["about"].get("model", "")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
            raise ModelError(
                f"{path}: not a calibration ({problem!r}); write one with: seawall calibrate MODEL SUITE.jsonl --out {path}"
            ) from problem


def platt(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], weight: NDArray[np.float64] | None = None
) -> tuple[float, float]:
    """Slope and offset by which scores become log-odds: Platt's method with his smoothed targets, by Newton's steps.

    Raises `ValueError` unless there are rows of both answers.
    """
    blend = stack(scores[:, None], truth, weight)
    return float(blend[0]), float(blend[1])


def stack(
    scores: NDArray[np.float64],
    truth: NDArray[np.bool_],
    weight: NDArray[np.float64] | None = None,
    pull: float = 1e-6,
) -> NDArray[np.float64]:
    """Weights and offset by which several scores together become log-odds.

    `scores` is (rows, scorers); the answer has one weight a scorer and then the offset. A slight pull towards 1 / scorers
    keeps scorers that say the same from being played off against one another. Raises `ValueError` unless there are rows
    of both answers.
    """
    worth = np.ones(len(truth)) if weight is None else weight.astype(np.float64)
    hits, misses = float(worth[truth].sum()), float(worth[~truth].sum())
    if hits <= 0 or misses <= 0:
        raise ValueError("calibration needs rows of both answers")
    target = np.where(truth, (hits + 1) / (hits + 2), 1 / (misses + 2))
    columns = np.column_stack([scores, np.ones(len(truth))])
    middle = np.append(np.full(scores.shape[1], 1.0 / scores.shape[1]), 0.0)
    strength = np.append(np.full(scores.shape[1], pull * worth.sum()), 1e-9)

    def loss(point: NDArray[np.float64]) -> float:
        odds = columns @ point
        return float(
            np.sum(worth * (np.logaddexp(0, odds) - target * odds)) + np.sum(strength * (point - middle) ** 2) / 2
        )

    found = middle.copy()
    height = loss(found)
    for _ in range(MOST_STEPS):
        chance = 1 / (1 + np.exp(-np.clip(columns @ found, -40, 40)))
        slope = columns.T @ (worth * (chance - target)) + strength * (found - middle)
        bend = (columns * (worth * np.maximum(chance * (1 - chance), 1e-9))[:, None]).T @ columns + np.diag(strength)
        step = np.linalg.solve(bend, slope)
        size = 1.0
        while size > 1e-6 and loss(found - size * step) > height:
            size /= 2
        found = found - size * step
        lower = loss(found)
        if height - lower <= 1e-12 * max(1.0, abs(height)):
            break
        height = lower
    return found


@dataclass(frozen=True, slots=True)
class Bin:
    """Texts whose probability lay between `low` and `high`: how many, their mean probability, the share that was true."""

    low: float
    high: float
    count: int
    said: float
    true: float


def reliability(
    truth: NDArray[np.bool_], chance: NDArray[np.float64], weight: NDArray[np.float64] | None = None
) -> list[Bin]:
    """The reliability diagram in bins of equal width; empty bins are left out."""
    worth = np.ones(len(truth)) if weight is None else weight
    place = np.minimum((chance * BINS).astype(int), BINS - 1)
    found = []
    for at in range(BINS):
        mine = place == at
        if not mine.any() or worth[mine].sum() <= 0:
            continue
        said, true = np.average(chance[mine], weights=worth[mine]), np.average(truth[mine], weights=worth[mine])
        found.append(Bin(at / BINS, (at + 1) / BINS, int(mine.sum()), float(said), float(true)))
    return found


def expected_calibration_error(
    truth: NDArray[np.bool_], chance: NDArray[np.float64], weight: NDArray[np.float64] | None = None
) -> float:
    """Mean distance between what was said and what was true, over the bins by their size (Guo et al., ICML 2017)."""
    worth = np.ones(len(truth)) if weight is None else weight
    place = np.minimum((chance * BINS).astype(int), BINS - 1)
    total = float(worth.sum())
    if total <= 0:
        return float("nan")
    gaps = (abs(float(np.sum(worth[place == at] * (truth[place == at] - chance[place == at])))) for at in range(BINS))
    return sum(gaps) / total
