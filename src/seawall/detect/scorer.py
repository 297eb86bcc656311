"""What every model that can judge posts has in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]


class ModelError(Exception):
    """A model cannot be used. The message names it, what is wrong with it and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What a scorer says of some texts.

    `scores` are log-odds before calibration, one row a text and one column for each of the scorer's `labels`.
    `degraded` says for each text that the scorer gave no answer; that text's row is NaN.
    """

    scores: Scores
    degraded: NDArray[np.bool_]


@runtime_checkable
class Scorer(Protocol):
    """A model that judges texts. Its answer for a text does not depend on the other texts of the call.

    `name` is what findings and the ledger call it; `labels` are those of `seawall.detect.families` that it knows, in the
    order of its columns.
    """

    @property
    def name(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    def judge(self, texts: Sequence[str]) -> Judgement:
        """Scores for each text as it was posted. A scorer that can fail for a time marks what it missed as degraded."""
        ...


def sure(scores: Scores) -> Judgement:
    """A judgement in which every text was answered."""
    return Judgement(scores=scores, degraded=np.zeros(len(scores), bool))
