"""Why a post was flagged: the words that moved the decision, and the glossary's senses of terms that stand in it.

Words are weighed by leaving them out: the text is told again without each piece in turn, and a piece's weight is by how
much the family's log-odds fall (occlusion, Zeiler and Fergus 2014). It is the whole ensemble that is asked, so that the
weights speak of the decision that was made.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from seawall.detect.bundle import LABELS
from seawall.detect.glossary import Glossary
from seawall.detect.normalise import chunks_with_spans, trim_span

#: At most so many words' reasons and so many senses are given for a post.
MAX_REASONS: Final = 5
MAX_SENSES: Final = 3
#: A text is weighed in at most so many pieces; a piece of a long text is several words.
MOST_PIECES: Final = 16
#: Of a longer text only this much is weighed: the models read no more of it word by word.
MOST_CHARS: Final = 4000
#: A piece that lowers the log-odds by less than this did not move the decision.
LEAST_WEIGHT: Final = 0.1
DECIMALS: Final = 4

OddsOf = Callable[[Sequence[str]], NDArray[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """A piece of the post that bears on a flag.

    `start` and `end` are character offsets into the post as it was given and `text` is what stands there. `kind` is
    `words` for a piece whose leaving out lowers the family's log-odds by `weight`, or `sense` for a term of the glossary,
    whose `note` then gives its senses, the harmless ones first (its weight is 0: a term decides nothing).
    """

    kind: str
    start: int
    end: int
    text: str
    family: str
    weight: float
    note: str = ""


def _pieces(text: str) -> list[tuple[int, int]]:
    spans = [(start, end) for _, start, end in chunks_with_spans(text[:MOST_CHARS])]
    size = max(1, math.ceil(len(spans) / MOST_PIECES))
    return [(spans[at][0], spans[min(at + size, len(spans)) - 1][1]) for at in range(0, len(spans), size)]


def reasons_for(text: str, flags: Sequence[str], odds: OddsOf, glossary: Glossary) -> tuple[Reason, ...]:
    """The best pieces of each flagged family first, then the strongest of the rest, then the glossary's senses."""
    pieces = _pieces(text)
    without = [f"{text[:start].rstrip()} {text[end:].lstrip()}".strip() for start, end in pieces]
    told = odds([text, *without])
    ranked = [_words(text, pieces, told[0] - told[1:], family) for family in flags]
    best = [found[0] for found in ranked if found]
    rest = sorted((piece for found in ranked for piece in found[1:]), key=lambda piece: -piece.weight)
    return (*(best + rest)[:MAX_REASONS], *_senses(text, flags, glossary))


def _words(text: str, pieces: Sequence[tuple[int, int]], falls: NDArray[np.float64], family: str) -> list[Reason]:
    column = falls[:, LABELS.index(family)]
    chosen = sorted(int(at) for at in np.argsort(-column, kind="stable")[:MAX_REASONS] if column[at] >= LEAST_WEIGHT)
    runs: list[list[int]] = []
    for at in chosen:
        if runs and at == runs[-1][-1] + 1:
            runs[-1].append(at)
        else:
            runs.append([at])
    found = []
    for run in runs:
        start, end = trim_span(text, pieces[run[0]][0], pieces[run[-1]][1])
        weight = round(float(sum(column[at] for at in run)), DECIMALS)
        found.append(Reason(kind="words", start=start, end=end, text=text[start:end], family=family, weight=weight))
    return sorted(found, key=lambda piece: (-piece.weight, piece.start))


def _senses(text: str, flags: Sequence[str], glossary: Glossary) -> list[Reason]:
    found: list[Reason] = []
    told: set[str] = set()
    for match in glossary.matches(text):
        families = [family for family in flags if family in match.entry.families]
        if families and match.entry.term not in told:
            told.add(match.entry.term)
            found.append(
                Reason(
                    kind="sense",
                    start=match.start,
                    end=match.end,
                    text=text[match.start : match.end],
                    family=families[0],
                    weight=0.0,
                    note=match.entry.in_words(),
                )
            )
    return found[:MAX_SENSES]
