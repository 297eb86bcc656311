"""Read a post for terms twice: as it is written, and as the normaliser undisguises it, each word with its place.

The normaliser's view finds "sh@nk" and "f o o d", but turns numbers into `<num>` and coined words ("unalive") into plain
ones; the written view keeps those. Emoji stand for themselves in both: what an emoji is called in words is no term.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from seawall.detect.normalise import MASKS, NUMBER, chunks_with_spans, tokens_of_chunk
from seawall.detect.tables import emoji_words, lookalikes

#: Stands after a chunk that ends a sentence, so that no term is found across two.
STOP: Final = "."

_APOSTROPHES: Final = "'\u2018\u2019\u02bc`\u00b4"
#: Beyond ASCII, what is typography, joins emoji or tones them.
_NO_SIGN: Final = "\u00a0-\u00bf\u2000-\u206f\ufe00-\ufe0f\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff"
_SIGN: Final = rf"[^\s\w\x00-\x7f{_NO_SIGN}]"
_WRITTEN: Final = re.compile(
    r"\({3,}"  # echo brackets
    r"|\d++(?:[/.:,-]\d++)++|\d++%"  # a figure in parts or of a hundred, as in 13:52 and 41%
    rf"|[^\W_]++(?:[{_APOSTROPHES}][^\W_]++)*+"  # a word
    rf"|{_SIGN}"
)
_APART: Final = re.compile(r"[^/,;|\\\u2013\u2014\u2026]+")
_EDGES: Final = "\"'.,;:!?()[]{}<>*_~`#-\u2010\u2011\u2012\u2013\u2014\u2018\u2019\u201c\u201d\u2026\u00ab\u00bb"
_CLOSERS: Final = "\"')]}*_~\u2019\u201d\u00bb"


@dataclass(frozen=True, slots=True)
class Token:
    """One word, mask or sign, and its place in the original text. `chunk` counts what stands between white space."""

    text: str
    start: int
    end: int
    chunk: int

    @property
    def is_word(self) -> bool:
        """Whether it is a word or figure, not a mask, an emoji or a stop."""
        return self.text not in MASKS and any(map(str.isalnum, self.text))


@dataclass(slots=True)
class Streams:
    """A post's tokens as written and as normalised, and whether the two differ."""

    written: list[Token] = field(default_factory=list)
    normalised: list[Token] = field(default_factory=list)
    differ: bool = False


@lru_cache(maxsize=1)
def _emoji() -> re.Pattern[str]:
    """Emoji that are pictures; those that the normaliser reads as letters are left to it."""
    letters = lookalikes()
    signs = [sign for sign in emoji_words() if ord(sign) not in letters and unicodedata.normalize("NFKC", sign) == sign]
    return re.compile("[" + re.escape("".join(signs)) + "]")


def _fold(word: str) -> str:
    if not word.isascii():
        word = unicodedata.normalize("NFKC", word)
    return word.casefold().translate(_NO_APOSTROPHE)


_NO_APOSTROPHE: Final = {ord(sign): None for sign in _APOSTROPHES}


def words_as_written(text: str) -> tuple[str, ...]:
    """The folded words and signs of `text`: how the terms themselves are read."""
    return tuple(_fold(found[0]) for found in _WRITTEN.finditer(text))


def _words(piece: str) -> list[str]:
    """The normaliser's words and masks; marks and what it leaves of signs are left out."""
    return [token for token in tokens_of_chunk(piece) if token in MASKS or any(map(str.isalnum, token))]


def _placed(piece: str, start: int, number: int) -> Iterator[Token]:
    """The normalised words of a piece without emoji, placed as closely as the punctuation inside it allows."""
    words = _words(piece)
    parts = [(found[0], found.start()) for found in _APART.finditer(piece)]
    each = [_words(part) for part, _ in parts] if len(parts) > 1 else []
    if not each or [word for several in each for word in several] != words:
        parts, each = [(piece, 0)], [words]
    for (part, at), several in zip(parts, each, strict=True):
        left, right = len(part) - len(part.lstrip(_EDGES)), len(part.rstrip(_EDGES))
        if left >= right:
            left, right = 0, len(part)
        yield from (Token(word, start + at + left, start + at + right, number) for word in several)


def _normalised(chunk: str, start: int, number: int) -> Iterator[Token]:
    """The normalised words of a chunk and the emoji between them."""
    at = 0
    for found in () if chunk.isascii() else _emoji().finditer(chunk):
        yield from _placed(chunk[at : found.start()], start + at, number)
        yield Token(found[0], start + found.start(), start + found.end(), number)
        at = found.end()
    if at < len(chunk):
        yield from _placed(chunk[at:], start + at, number)


def read(text: str) -> Streams:
    """Both views of `text`. Every token's place lies within the text and holds at least one character."""
    streams = Streams()
    for number, (chunk, start, end) in enumerate(chunks_with_spans(text)):
        written = [
            Token(_fold(found[0]), start + found.start(), start + found.end(), number)
            for found in _WRITTEN.finditer(chunk)
        ]
        normalised = written
        if not chunk.isascii() or _words(chunk) != [token.text for token in written]:
            normalised = list(_normalised(chunk, start, number))
            if any(token.text in MASKS and token.text != NUMBER for token in normalised):
                written = normalised  # the words inside a link, an address or a handle are not the author's
            streams.differ = streams.differ or [token.text for token in written] != [token.text for token in normalised]
        streams.written += written
        streams.normalised += normalised
        if chunk.rstrip(_CLOSERS).endswith((".", "!", "?", ";")):
            stop = Token(STOP, end - 1, end, number)
            streams.written.append(stop)
            streams.normalised.append(stop)
    return streams
