"""Turn a post into tokens that survive disguise, and keep the way back to the original characters.

Work goes chunk by chunk, a chunk being what stands between white space. Because a chunk is normalised without its
neighbours, each token's place in the *original* text is simply its chunk's place, however much the chunk changed.
Letters spaced apart ("k i l l") are therefore not joined.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

URL: Final = "<url>"
EMAIL: Final = "<email>"
HANDLE: Final = "<user>"
NUMBER: Final = "<num>"
MASKS: Final = frozenset({URL, EMAIL, HANDLE, NUMBER})

#: A longer run of letters is cut into pieces of this length, so that no token is expensive.
MAX_TOKEN: Final = 32

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]"
)
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_URL: Final = re.compile(r"(?:https?://|www\.)\S+")
_EMAIL: Final = re.compile(r"(?<![\w.+@-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HANDLE: Final = re.compile(r"(?<![\w@])@\w[\w.]*(?:@[\w.-]+)?")
# Public sets write masks of their own in place of names, links and figures.
_FOREIGN_MASK: Final = re.compile(r"[\[<](user|username|name|url|link|number|date|money|percent|time|phone|email)[\]>]")
_MASK_OF: Final = {"user": HANDLE, "username": HANDLE, "name": HANDLE, "url": URL, "link": URL, "email": EMAIL}

_LEET: Final = str.maketrans("013457@$!", "oieastasi")
_LEET_INSIDE: Final = re.compile(r"(?<=[a-z])[013457@$!]+(?=[a-z])")
_LEET_FIRST: Final = re.compile(r"(?<![\w$])\$(?=[a-z]{2})")
_THRICE: Final = re.compile(r"(\w)\1{2,}")
_APOSTROPHE: Final = re.compile(r"(?<=\w)['\u2019\u02bc`\u00b4](?=\w)")
_DIGITS: Final = re.compile(r"\d+(?:st|nd|rd|th)?")

#: Cyrillic and Greek letters that look like Latin ones; used only in a token that has Latin letters too.
_LOOKALIKES: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u04bb\u043a\u043c\u0442\u0432"
    "\u03b1\u03b5\u03bf\u03c1\u03c4\u03c5\u03ba\u03b9\u03bd\u03c7\u0131",
    "aeopcyxijshkmtb" + "aeoptukivxi",
)
_LATIN: Final = re.compile("[a-z]")
_TOKEN: Final = re.compile(
    r"<(?:url|email|user|num)>"  # a mask
    rf"|[^\W_](?:[\w*]{{0,{MAX_TOKEN - 2}}}[^\W_])?"  # a word; stars may hide letters inside it
    r"|[!?]"
    r"|[^\s\w\x00-\x7f]"  # an emoji or another sign beyond ASCII
)
_CHUNK: Final = re.compile(r"\S+")
_PLAIN: Final = re.compile(r"[a-z]{1,32}[.,;:]?")


def tokens_of_chunk(chunk: str) -> list[str]:
    """The tokens of one chunk (text without white space), normalised; none when it holds only punctuation.

    A token is a word in folded case, a mask (`<url>`, `<email>`, `<user>`, `<num>`), `!`, `?` or one sign or emoji.
    """
    if _PLAIN.fullmatch(chunk):
        return [_THRICE.sub(r"\1\1", chunk.rstrip(".,;:"))]
    text = chunk
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
        if _ACCENTS.search(text):  # NFKC composed what belongs together: what is left over is piled on for disguise
            text = _ACCENTS.sub("", text)
    text = text.casefold()
    if text == "url":
        return [URL]
    if "/" in text or "www." in text:
        text = _URL.sub(URL, text)
    if "@" in text:
        text = _HANDLE.sub(HANDLE, _EMAIL.sub(EMAIL, text))
    text = _FOREIGN_MASK.sub(lambda found: _MASK_OF.get(found[1], NUMBER), text)
    text = _APOSTROPHE.sub("", text)
    if not text.isascii() and _LATIN.search(text):
        text = text.translate(_LOOKALIKES)
    if not text.isalpha():
        text = _LEET_FIRST.sub("s", text)
        text = _LEET_INSIDE.sub(lambda found: found[0].translate(_LEET), text)
    text = _THRICE.sub(r"\1\1", text)
    found = _TOKEN.findall(text)
    tokens = [NUMBER if _DIGITS.fullmatch(token) else token for token in found]
    return [token for at, token in enumerate(tokens) if at == 0 or token != tokens[at - 1] or token.isalnum()]


def chunks_with_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Every chunk of `text` with its start and end as character offsets: `text[start:end] == chunk`."""
    for found in _CHUNK.finditer(text):
        yield found[0], found.start(), found.end()


def tokens(text: str) -> list[str]:
    """All tokens of `text` in order."""
    return [token for chunk in text.split() for token in tokens_of_chunk(chunk)]


def trim_span(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without punctuation at either end; the whole span where it is nothing but punctuation."""
    left, right = start, end
    while left < right and not text[left].isalnum():
        left += 1
    while right > left and not text[right - 1].isalnum():
        right -= 1
    return (left, right) if left < right else (start, end)
