"""What the glossary holds: a term, and everything that it can mean, the harmless first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

from seawall.detect.families import FAMILIES

Confidence = Literal["low", "medium", "high"]
CONFIDENCES: Final[tuple[Confidence, ...]] = get_args(Confidence)

ANYWHERE: Final = "anywhere"
#: Where a sense is heard, and how a sentence says so.
AREAS: Final = {
    ANYWHERE: "",
    "online": "online",
    "UK": "in the UK",
    "London": "in London",
    "Scotland": "in Scotland",
    "Northern Ireland": "in Northern Ireland",
    "Europe": "in Europe",
    "US": "in the US",
    "UK and US": "in the UK and the US",
    "Jamaica": "in Jamaica",
}
NOBODY: Final = "Nobody yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """One thing that a term can mean.

    `meaning` completes the sentence "it can mean ...". `families` are the harms it bears on, none for a harmless sense.
    `area` is where it is heard (one of `AREAS`) and `among`, where given, in whose speech. `valid_from` and `valid_to`
    are years, None where nobody knows or where it still holds. `reviewer` is who checked it, or "Nobody yet".
    """

    meaning: str
    families: tuple[str, ...] = ()
    area: str = ANYWHERE
    among: str = ""
    valid_from: int | None = None
    valid_to: int | None = None
    source: str
    licence: str
    confidence: Confidence
    reviewer: str = NOBODY

    @property
    def harmless(self) -> bool:
        """Whether it bears on no family of harm."""
        return not self.families

    @property
    def where(self) -> str:
        """Where and when it is heard, as the opening of a clause: `in road slang (UK)`; empty for anywhere, always."""
        area = "" if self.area == ANYWHERE else self.area
        if self.among:
            return _with_brackets(f"in {self.among}", area, self.when)
        return _with_brackets(AREAS[self.area], self.when) if area else self.when

    @property
    def when(self) -> str:
        """From and until which year it was heard, as far as anybody knows: `since 2020`; empty where nobody does."""
        if self.valid_from and self.valid_to:
            return f"{self.valid_from} to {self.valid_to}"
        return f"since {self.valid_from}" if self.valid_from else f"until {self.valid_to}" if self.valid_to else ""

    @property
    def aside(self) -> str:
        """Where and when, for brackets after a meaning: `youth English, UK`."""
        area = "" if self.area == ANYWHERE else self.area
        return ", ".join(part for part in (self.among, area, self.when) if part)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A term, the other ways to write it, and its senses, the harmless first.

    `coined` marks a word that was made up and has no harmless sense. `utterance` marks a term that says a whole sentence
    by itself ("kys"), so that a post of nothing else is not "a term alone".
    """

    term: str
    variants: tuple[str, ...] = ()
    senses: tuple[Sense, ...]
    coined: bool = False
    utterance: bool = False

    @property
    def spellings(self) -> tuple[str, ...]:
        """The term and its variants."""
        return (self.term, *self.variants)

    @property
    def families(self) -> tuple[str, ...]:
        """Every family of harm that a sense bears on, in the order of `FAMILIES`."""
        found = {family for sense in self.senses for family in sense.families}
        return tuple(family for family in FAMILIES if family in found)

    @property
    def confidence(self) -> Confidence:
        """The lowest confidence among the senses that bear on harm, or among all where none does."""
        weighed = [sense for sense in self.senses if not sense.harmless] or list(self.senses)
        return min((sense.confidence for sense in weighed), key=CONFIDENCES.index)

    def to_row(self) -> dict[str, Any]:
        """The entry as plain data; `from_row` reads it back."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Entry:
        """The entry that `to_row` gave, also after a journey through JSON."""
        senses = tuple(Sense(**{**sense, "families": tuple(sense["families"])}) for sense in row["senses"])
        return cls(**{**row, "variants": tuple(row["variants"]), "senses": senses})

    def in_words(self) -> str:
        """What it can mean, in a sentence for the person who decides, the harmless senses first."""
        harmless = [_with_brackets(sense.meaning, sense.aside) for sense in self.senses if sense.harmless]
        told = [
            " ".join(part for part in (sense.where, "also" if harmless else "", sense.meaning) if part)
            for sense in self.senses
            if not sense.harmless
        ]
        if harmless:
            opening = f"'{self.term}' can mean {', or '.join(harmless)}"
        else:
            opening = f"'{self.term}' is a coined word with no ordinary meaning"
        return f"{'; '.join([opening, *told])}. Confidence: {self.confidence}."


def _with_brackets(words: str, *asides: str) -> str:
    inside = ", ".join(filter(None, asides))
    return f"{words} ({inside})" if inside else words
