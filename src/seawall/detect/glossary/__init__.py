"""The glossary of senses: terms that can mean harm, and what else they mean.

It explains and it holds back; it never flags. A term is found in a post, and the person who decides is told its senses,
the harmless first. The data are `terms/*.yaml`; `tools/build_glossary.py` checks them and writes `compiled.json`, which
the program reads because YAML is slow to read.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from seawall.detect.glossary.automaton import Automaton
from seawall.detect.glossary.entries import Entry, Sense
from seawall.detect.glossary.problems import GlossaryError
from seawall.detect.glossary.streams import Token, read, words_as_written

_HERE: Final = Path(__file__).parent
TERMS: Final = _HERE / "terms"
COMPILED: Final = _HERE / "compiled.json"


@dataclass(frozen=True, slots=True)
class Match:
    """A term found: `start` and `end` are character offsets into the text as it was given."""

    start: int
    end: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class _Find:
    """A match and which tokens of which view of the text it covers."""

    start: int
    end: int
    first: int
    after: int
    normalised: bool
    entry: Entry

    @property
    def rank(self) -> tuple[int, int, int, bool, int]:
        """Left to right; from one place the longest, then the one of most words, then the one found as written."""
        return (self.start, -self.end, self.first - self.after, self.normalised, self.first)


class Glossary:
    """Terms and their senses, and where they stand in a text. Safe to share between threads."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        """Raises `ValueError` where two entries hold the same words."""
        self.entries: tuple[Entry, ...] = tuple(entries)
        owners: dict[Sequence[str], int] = {}
        for number, entry in enumerate(self.entries):
            for spelling in entry.spellings:
                other = owners.setdefault(words_as_written(spelling), number)
                if other != number:
                    raise ValueError(
                        f"'{spelling}' of the term '{entry.term}' is also in the term '{self.entries[other].term}':"
                        " put both meanings into one entry"
                    )
        self._automaton = Automaton(owners)

    @classmethod
    def shipped(cls) -> Glossary:
        """The glossary that comes with the package, read once."""
        return _shipped()

    @classmethod
    def read(cls, paths: Iterable[Path]) -> Glossary:
        """The glossary of YAML files. Raises `GlossaryError`, which names file, term, field and remedy."""
        from seawall.detect.glossary.reading import entries_of  # brings YAML, which the shipped glossary does not need

        return cls(entries_of(paths))

    def matches(self, text: str) -> list[Match]:
        """Every term in `text`, left to right, the longest from each place; no two overlap.

        The text is read as written and as normalised; the time it takes grows in step with its length.
        """
        streams = read(text)
        found = list(self._finds(streams.written, normalised=False))
        if streams.differ:
            found += self._finds(streams.normalised, normalised=True)
        return [Match(find.start, find.end, find.entry) for find in _leftmost_longest(found)]

    def only_terms(self, text: str) -> bool:
        """Whether `text` is terms and nothing more: beyond at least one, only punctuation, emoji and masks.

        Masks are `<user>`, `<url>`, `<email>` and `<num>`. A term that says a whole sentence by itself is not counted as
        a term here: "kys" alone says enough.
        """
        streams = read(text)
        views = [(streams.written, False), (streams.normalised, True)]
        bare: list[set[int]] = []
        any_term = False
        for tokens, normalised in views if streams.differ else views[:1]:
            left = set(range(len(tokens)))
            for find in self._finds(tokens, normalised=normalised):
                if not find.entry.utterance:
                    any_term = True
                    left.difference_update(range(find.first, find.after))
            bare.append({tokens[at].chunk for at in left if tokens[at].is_word})
        # A chunk counts as covered when either way of reading it leaves no word over.
        return any_term and not set.intersection(*bare)

    def _finds(self, tokens: Sequence[Token], *, normalised: bool) -> Iterator[_Find]:
        for first, after, number in self._automaton.find(token.text for token in tokens):
            yield _Find(tokens[first].start, tokens[after - 1].end, first, after, normalised, self.entries[number])


def _leftmost_longest(found: list[_Find]) -> list[_Find]:
    chosen: list[_Find] = []
    for find in sorted(found, key=lambda find: find.rank):
        if not chosen or find.start >= chosen[-1].end:
            chosen.append(find)
    return chosen


@lru_cache(maxsize=1)
def _shipped() -> Glossary:
    return Glossary(map(Entry.from_row, json.loads(COMPILED.read_text(encoding="utf-8"))))


__all__ = ["COMPILED", "TERMS", "Entry", "Glossary", "GlossaryError", "Match", "Sense"]
