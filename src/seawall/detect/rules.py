"""What is never flagged, whatever the models say: rules that people made and that hold without exception.

1. **A term alone never flags.** A post that holds nothing but terms of the glossary is not flagged: the word has other
   senses, and without words around it nobody can tell which is meant. (Entries that the glossary marks as an
   `utterance` say a whole sentence by themselves; they are no terms in this sense.)
2. **Somebody at risk is not removed.** Where the detector finds the author at risk, no harm is flagged unless it is
   clearly surer of that harm: the odds of the harm must be at least twice those of the risk. Else the post goes to the
   people who support. A harm of which it is clearly surer, such as a threat to others, stays flagged beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

AT_RISK: Final = "at_risk"
TERM_ALONE: Final = "term_alone"
SUPPORT_FIRST: Final = "support_first"
CLEARLY: Final = 2.0
"""So many times the odds of the risk must the odds of a harm be, for the harm to stay flagged beside it."""


class KnowsTerms(Protocol):
    """What the rules need of the glossary."""

    def only_terms(self, text: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Withheld:
    """A family that reached its threshold and is not flagged, and the rule that says so."""

    family: str
    rule: str


def withhold(
    text: str, reached: Sequence[str], families: Mapping[str, float], glossary: KnowsTerms
) -> tuple[Withheld, ...]:
    """Which of the families that reached their thresholds are not flagged. `families` holds their probabilities."""
    if not reached:
        return ()
    if glossary.only_terms(text):
        return tuple(Withheld(family, TERM_ALONE) for family in reached)
    if AT_RISK not in reached:
        return ()
    least = CLEARLY * _odds(families[AT_RISK])
    return tuple(
        Withheld(family, SUPPORT_FIRST) for family in reached if family != AT_RISK and _odds(families[family]) < least
    )


def _odds(probability: float) -> float:
    return probability / max(1.0 - probability, 1e-6)
