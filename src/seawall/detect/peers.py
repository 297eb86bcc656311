"""Other tools on the same cases: a word list of one's own, or a public package. None is needed to run Seawall."""

from __future__ import annotations

import csv
import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from seawall.detect import intervals
from seawall.detect.evaluation import lay_out
from seawall.detect.intervals import ROUNDS, Draws, Ranking, rate
from seawall.detect.measure import Scores, Truth
from seawall.detect.normalise import MASKS, tokens
from seawall.detect.pipeline import Finding
from seawall.detect.suite import Case

COLUMN: Final = "term"
PROFANITY: Final = "alt-profanity-check"
PROFANE_FROM: Final = 0.5
KINDS: Final = ("lexicon:FILE", PROFANITY)


class PeerError(Exception):
    """A peer cannot be used. The message names it, what is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a peer says of each text: flagged or not, and a score that rises with its suspicion."""

    flagged: Truth
    scores: Scores


class Peer(Protocol):
    """A tool that says of a text whether it is harmful. It knows no families."""

    @property
    def name(self) -> str: ...

    def judge(self, texts: Sequence[str]) -> Verdict: ...


class Lexicon:
    """A word list: flags every text in which a term stands, and scores it by terms found per word.

    Terms and texts are normalised alike, so a disguised word is found too. A term that is nothing but a mask or
    punctuation once normalised (a bare number, an address) would be found everywhere, and is left out: see `left_out`.
    """

    def __init__(self, name: str, terms: Iterable[str]) -> None:
        """Raises `PeerError` when no term can be looked for."""
        self.name = name
        self.left_out: list[str] = []
        self._by_first: dict[str, set[tuple[str, ...]]] = {}
        for term in terms:
            words = tuple(tokens(term))
            if any(word not in MASKS and word not in "!?" for word in words):
                self._by_first.setdefault(words[0], set()).add(words)
            else:
                self.left_out.append(term)
        if not self._by_first:
            raise PeerError(f"{name}: holds no term that can be looked for; write one term a line")
        self._lengths = {
            first: sorted({len(words) for words in held}, reverse=True) for first, held in self._by_first.items()
        }

    def __len__(self) -> int:
        return sum(map(len, self._by_first.values()))

    @classmethod
    def read(cls, path: Path) -> Lexicon:
        """A list from a CSV file with a column `term`, or from a text file with one term a line. Raises `PeerError`."""
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except OSError as problem:
            raise PeerError(f"{path}: cannot be read ({problem.strerror}); check the name") from problem
        except UnicodeDecodeError as problem:
            raise PeerError(f"{path}: is not UTF-8 at byte {problem.start}; save it as UTF-8") from problem
        head = [field.strip().casefold() for field in next(csv.reader(lines[:1]), [])]
        if COLUMN not in head:
            if path.suffix.casefold() == ".csv" and len(head) > 1:
                raise PeerError(f"{path}, line 1: has no column {COLUMN}; name the column that holds the words so")
            return cls(path.name, (line.strip() for line in lines if line.strip()))
        place, terms = head.index(COLUMN), []
        reader = csv.reader(lines[1:], strict=True)
        try:
            for row in reader:
                if row and len(row) <= place:
                    number = reader.line_num + 1
                    raise PeerError(
                        f"{path}, line {number}: has {len(row)} columns, and none for {COLUMN}; mend the line"
                    )
                if row and row[place].strip():
                    terms.append(row[place].strip())
        except csv.Error as problem:
            raise PeerError(f"{path}, line {reader.line_num + 1}: is not CSV ({problem}); mend the line") from problem
        return cls(path.name, terms)

    def hits(self, words: Sequence[str]) -> int:
        """How many terms stand in these tokens, the longest first and none within another."""
        count = at = 0
        while at < len(words):
            held = self._by_first.get(words[at], ())
            length = next(
                (size for size in self._lengths.get(words[at], ()) if tuple(words[at : at + size]) in held), 0
            )
            count += length > 0
            at += max(1, length)
        return count

    def judge(self, texts: Sequence[str]) -> Verdict:
        split = [tokens(text) for text in texts]
        hits = np.array([self.hits(words) for words in split], np.float64)
        length = np.array([max(1, len(words)) for words in split], np.float64)
        return Verdict(flagged=hits > 0, scores=hits / length)


class ProfanityCheck:
    """The public package alt-profanity-check: a linear model of profane words. Flags from a probability of 0.5 on."""

    name: str = PROFANITY

    def __init__(self) -> None:
        """Raises `PeerError` when the package is not installed, or cannot be loaded."""
        try:
            self._predict: Any = importlib.import_module("profanity_check").predict_prob
        except ImportError as problem:
            raise PeerError(
                f"{PROFANITY} is not installed ({problem.name or problem} is missing); install it for this comparison with:"
                f" pip install {PROFANITY} (Seawall itself never needs it), or leave --peer {PROFANITY} out"
            ) from problem
        except Exception as problem:  # it unpickles a model as it is imported, which can fail in any way
            raise PeerError(f"{PROFANITY} cannot be loaded ({problem}); install it again, or leave it out") from problem

    def judge(self, texts: Sequence[str]) -> Verdict:
        scores: NDArray[np.float64] = np.asarray(self._predict(list(texts)) if texts else [], np.float64)
        return Verdict(flagged=scores >= PROFANE_FROM, scores=scores)


def open_peer(spec: str) -> Peer:
    """The peer that `spec` names: `lexicon:FILE` or `alt-profanity-check`. Raises `PeerError`."""
    kind, _, rest = spec.partition(":")
    if kind == "lexicon" and rest:
        return Lexicon.read(Path(rest))
    if spec == PROFANITY:
        return ProfanityCheck()
    raise PeerError(f"there is no peer {spec!r}; give one of {', '.join(KINDS)}")


def compare(
    cases: Sequence[Case],
    findings: Sequence[Finding],
    chances: NDArray[np.float64],
    peers: Mapping[str, Verdict],
    *,
    seed: int = 1,
    rounds: int = ROUNDS,
) -> dict[str, Any]:
    """Seawall and its peers side by side, on the same rows and in the same way: harmful, or not.

    A peer knows no families, so every removal flag counts here, for Seawall too, even of a family that a row was not
    judged for: `partly_judged` says how many rows that may touch. Raises `ValueError` when lengths differ.
    """
    rows = lay_out(cases, findings, chances)
    strange = [name for name, verdict in peers.items() if not len(verdict.flagged) == len(verdict.scores) == len(cases)]
    if strange:
        raise ValueError(f"the peer {strange[0]!r} did not answer for each of {len(cases)} cases")
    use = rows.told_apart
    truth, draws = rows.harmful[use], Draws([case.pair for case in cases], seed=seed, rounds=rounds)
    systems = {}
    for name, verdict in {"seawall": Verdict(flagged=rows.raised_removal, scores=rows.removal_chance), **peers}.items():
        flagged = verdict.flagged[use]
        systems[name] = {
            "harmful_flagged": rate(flagged, truth),
            "protected_flagged": rate(flagged, ~truth),
            "macro_f1": draws.estimate(intervals.macro_f1(truth, flagged), use),
            "auroc": draws.estimate(Ranking(truth, verdict.scores[use]).auroc, use),
        }
    return {"n": len(use), "partly_judged": int(rows.partly_judged[use].sum()), "systems": systems}
