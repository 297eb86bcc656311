"""From texts to findings: what each post may be, in which context, and which of its words say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect import linear
from seawall.detect.normalise import trim_span

SHIPPED: Final = Path(__file__).parent / "models" / "linear-1.npz"
MAX_REASONS: Final = 5
#: Probabilities are given to this many decimals, so that the same post reads the same everywhere.
DECIMALS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A piece of the post that speaks for a flag.

    `start` and `end` are character offsets into the post as it was given, `text` is what stands there, and `weight` is
    how much it adds to the family's log-odds before calibration. `kind` says which part of the detector gives it:
    `words` for the linear model.
    """

    kind: str
    start: int
    end: int
    text: str
    family: str
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What the detector says of one post.

    `families` and `context` give a probability for each harm and each context; `flags` names the families at or above
    their threshold, the surest first; `reasons` are given for flagged posts only, at most five.
    """

    families: dict[str, float]
    flags: tuple[str, ...]
    context: dict[str, float]
    reasons: tuple[Reason, ...]


class Detector:
    """Assesses posts with one trained model.

    One object serves one thread; it is cheap to keep and costs about 0.2 s to load.
    """

    def __init__(self, model: linear.ModelFile) -> None:
        meta = model.meta
        self.version: str = str(meta["version"])
        self.families: tuple[str, ...] = tuple(meta["families"])
        self.contexts: tuple[str, ...] = tuple(meta["contexts"])
        self.thresholds: dict[str, float] = {family: float(meta["thresholds"][family]) for family in self.families}
        slopes = [meta["calibration"][label] for label in (*self.families, *self.contexts)]
        self._slope = np.array([slope for slope, _ in slopes], np.float64)
        self._offset = np.array([offset for _, offset in slopes], np.float64)
        self._scorer = linear.Scorer(model.weights, model.bias)

    @classmethod
    def load(cls, path: Path | None = None) -> Detector:
        """The detector in `path`, or the one that ships with the package. Raises `linear.ModelError`."""
        return cls(linear.load(path or SHIPPED))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """Calibrated probabilities, unrounded: a row a text, a column for each family and then each context."""
        odds = self._scorer.logits(texts) * self._slope + self._offset
        probabilities: NDArray[np.float64] = 1.0 / (1.0 + np.exp(-np.clip(odds, -40.0, 40.0)))
        return probabilities

    def assess(self, texts: Sequence[str]) -> list[Finding]:
        """A finding for each text, in order. Takes any string; a text's finding does not depend on its neighbours."""
        rows = np.round(self.probabilities(texts), DECIMALS).tolist()
        harms = len(self.families)
        findings = []
        for text, row in zip(texts, rows, strict=True):
            families = dict(zip(self.families, row[:harms], strict=True))
            flags = [family for family, odds in families.items() if odds >= self.thresholds[family]]
            flags.sort(key=lambda family: (-families[family], family))
            findings.append(
                Finding(
                    families=families,
                    flags=tuple(flags),
                    context=dict(zip(self.contexts, row[harms:], strict=True)),
                    reasons=self._reasons(text, flags) if flags else (),
                )
            )
        return findings

    def _reasons(self, text: str, flags: Sequence[str]) -> tuple[Reason, ...]:
        """The best pieces: the strongest of each flagged family first, then the strongest of the rest."""
        ranked = [self._pieces(text, family) for family in flags]
        best = [pieces[0] for pieces in ranked if pieces]
        rest = sorted((piece for pieces in ranked for piece in pieces[1:]), key=lambda piece: -piece.weight)
        return tuple((best + rest)[:MAX_REASONS])

    def _pieces(self, text: str, family: str) -> list[Reason]:
        shares = self._scorer.contributions(text, self.families.index(family))
        chosen = sorted(range(len(shares)), key=lambda at: -shares[at][2])[:MAX_REASONS]
        runs: list[list[int]] = []
        for at in sorted(at for at in chosen if shares[at][2] > 0):
            if runs and at == runs[-1][-1] + 1:
                runs[-1].append(at)
            else:
                runs.append([at])
        pieces = []
        for run in runs:
            start, end = trim_span(text, shares[run[0]][0], shares[run[-1]][1])
            weight = round(sum(shares[at][2] for at in run), DECIMALS)
            pieces.append(
                Reason(kind="words", start=start, end=end, text=text[start:end], family=family, weight=weight)
            )
        return sorted(pieces, key=lambda piece: (-piece.weight, piece.start))
