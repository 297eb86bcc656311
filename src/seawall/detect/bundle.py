"""The shipped detector as files: which models belong together, and how their scores become probabilities.

The description is a JSON file; the models lie beside it. Nothing in it is executed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.families import CONTEXTS, FAMILIES
from seawall.detect.scorer import ModelError

FORMAT: Final = 2
SHIPPED: Final = Path(__file__).parent / "models" / "detector-2.json"
LABELS: Final = (*FAMILIES, *CONTEXTS)


@dataclass(frozen=True, slots=True)
class Blend:
    """Log-odds of each label as a weighted sum of scorers' scores: `scores @ weights + offset`, a row a scorer.

    `weights` has shape (scorers, labels) and `offset` (labels,). Of the log-odds the logistic function makes
    probabilities: this is Platt's calibration (1999) of one scorer, or of the average of two that were calibrated before.
    """

    weights: NDArray[np.float64]
    offset: NDArray[np.float64]

    def odds(self, *scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Calibrated log-odds from each scorer's raw scores, in the order of the weights."""
        total = self.offset + np.zeros_like(scores[0], np.float64)
        for weight, part in zip(self.weights, scores, strict=True):
            total = total + weight * part
        return total


def probability(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The logistic function, safe for large values."""
    out: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(odds, -40.0, 40.0)))
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What belongs to one shipped detector.

    `thresholds` are the training's own proposal by the costs it was told; the code of practice decides. `gate` gives
    for each gate the score below which a post is ruled out (see `seawall.detect.gate`).
    """

    version: str
    linear: Path
    transformer: Path
    tokenizer: Path
    full: Blend
    alone: Blend
    thresholds: Mapping[str, float]
    gate: Mapping[str, Mapping[str, float]]


def _blend(rows: Mapping[str, Sequence[float]], scorers: int, where: str) -> Blend:
    table = np.array([rows[label] for label in LABELS], np.float64)
    if table.shape != (len(LABELS), scorers + 1):
        raise ValueError(f"{where} has shape {table.shape}")
    return Blend(table[:, :-1].T.copy(), table[:, -1].copy())


def read(path: Path = SHIPPED) -> Bundle:
    """Read a detector's description. Raises `ModelError` when it is absent, damaged or made for other labels."""
    remedy = "install the package again, or train a detector with tools/train.py"
    try:
        held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such detector; {remedy}") from None
    except (OSError, ValueError) as problem:
        raise ModelError(f"{path}: not a detector's description ({problem}); {remedy}") from problem
    if not isinstance(held, dict) or held.get("format") != FORMAT:
        raise ModelError(f"{path}: not a detector of format {FORMAT}; {remedy}")
    try:
        if (held["families"], held["contexts"]) != (list(FAMILIES), list(CONTEXTS)):
            raise ValueError("made for other families or contexts")
        return Bundle(
            version=str(held["version"]),
            linear=path.with_name(held["linear"]),
            transformer=path.with_name(held["transformer"]),
            tokenizer=path.with_name(held["tokenizer"]),
            full=_blend(held["blend"]["full"], 2, "blend.full"),
            alone=_blend(held["blend"]["linear"], 1, "blend.linear"),
            thresholds={family: float(held["thresholds"][family]) for family in FAMILIES},
            gate={name: {key: float(value) for key, value in gate.items()} for name, gate in held["gate"].items()},
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ModelError(f"{path}: the description is not whole ({problem!r}); {remedy}") from problem
