"""Turn a post into plain words that survive disguise, and keep the way back to the original characters.

Work goes chunk by chunk, a chunk being what stands between white space; letters spaced apart ("k i l l") make one
chunk. A chunk is normalised without its neighbours, so each word's place in the *original* text is its chunk's place,
however much the chunk changed, and a chunk that was met before costs one lookup.

Two views are given of a chunk: its plain text, with punctuation (what the transformer reads), and its tokens (what the
linear model and the glossary read).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from seawall.detect.disguise import cut_words, hides_something, letters_for_signs, undraw, unstar, unswap
from seawall.detect.tables import emoji_words, lookalikes, word_costs

URL: Final = "<url>"
EMAIL: Final = "<email>"
HANDLE: Final = "<user>"
NUMBER: Final = "<num>"
MASKS: Final = frozenset({URL, EMAIL, HANDLE, NUMBER})

#: A longer run of letters is cut into pieces of this length, so that no token is expensive.
MAX_TOKEN: Final = 32

#: Words coined to get past filters that have no other meaning. Those that have one are in the glossary.
ALGOSPEAK: Final = {
    "unalive": "kill",
    "unalived": "killed",
    "unaliving": "killing",
    "unaliver": "killer",
    "sewerslide": "suicide",
    "sewercide": "suicide",
    "sueycide": "suicide",
    "kys": "kill yourself",
    "kysm": "kill yourself",
    "kms": "kill myself",
    "kyself": "kill yourself",
    "neurospicy": "neurodivergent",
    "seggs": "sex",
    "seggsual": "sexual",
    "shtf": "shit hits the fan",
    "stfu": "shut the fuck up",
    "gtfo": "get the fuck out",
    "foad": "fuck off and die",
    "vaxx": "vaccine",
    "vaxxed": "vaccinated",
    "vaxed": "vaccinated",
    "vax": "vaccine",
    "vaxxine": "vaccine",
}

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\U000e0000-\U000e0fff\U0001f3fb-\U0001f3ff]"
)
_ACCENTS: Final = re.compile("[\u0300-\u036f\u0489\u20d0-\u20ff]+")
_URL: Final = re.compile(r"(?:https?://|www\.)\S+")
_EMAIL: Final = re.compile(r"(?<![\w.+@-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HANDLE: Final = re.compile(r"(?<![\w@])@\w[\w.]*(?:@[\w.-]+)?")
# Public sets write masks of their own in place of names, links and figures.
_FOREIGN_MASK: Final = re.compile(r"[\[<](user|username|name|url|link|number|date|money|percent|time|phone|email)[\]>]")
_MASK_OF: Final = {"user": HANDLE, "username": HANDLE, "name": HANDLE, "url": URL, "link": URL, "email": EMAIL}

_HASHTAG: Final = re.compile(r"#(\w+)")
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[^\W\d_A-Za-z]+")
_APOSTROPHE: Final = re.compile(r"(?<=\w)['\u2018\u2019\u02bc`\u00b4](?=\w)")
_SAME_TWICE: Final = re.compile(r"([^\w\s\x00-\x7f])\1+")
_SAME_SIGN: Final = re.compile(r"([^\w\s])\1{2,}")
_DOTTED: Final = re.compile(
    r"(?<![^\W\d_])(?:[a-z0-9@$!]([.\-_*\u2022\u00b7|~/\\,]))(?:[a-z0-9@$!]\1){2,}[a-z0-9@$!](?![^\W\d_])"
)
_DIGITS: Final = re.compile(r"\d+(?:[.,:]\d+)*(?:st|nd|rd|th)?")
_LATIN: Final = re.compile("[a-z]")
_MASK: Final = re.compile(r"<(?:url|email|user|num)>")
#: A word as people write it, with the digits and signs that may stand for its letters.
_WORD: Final = re.compile(
    r"<(?:url|email|user|num)>|[^\W_][\w*@$!|+#\u20ac\u00a3\u2022\u00b7]*|[@$|\u20ac\u00a3][^\W\d_][\w*@$!|+]*"
)
_TOKEN: Final = re.compile(
    r"<(?:url|email|user|num)>"  # a mask
    rf"|[^\W_](?:[\w*]{{0,{MAX_TOKEN - 2}}}[^\W_])?"  # a word; stars may hide letters inside it
    r"|[!?]"
    r"|[^\s\w\x00-\x7f]"  # a sign beyond ASCII
)
#: Four or more single letters with white space between them are one chunk; so is anything else without white space.
_SPACED: Final = r"(?<!\S)(?:[^\W_]\s{1,3}){3,}[^\W_](?=[.,!?]*(?!\S))"
_CHUNK: Final = re.compile(rf"{_SPACED}[.,!?]*|\S+")
_HAS_SPACED: Final = re.compile(_SPACED)
_SPACE: Final = re.compile(r"\s+")
_PLAIN: Final = re.compile(r"([a-z]{1,32})[.,;:!?]?")
LONGEST_RUN_CUT: Final = 32
SHORTEST_RUN_CUT: Final = 8


@dataclass(frozen=True, slots=True)
class Plain:
    """A post's plain text and the way back: `places[i]` is (start, end, original start, original end) of chunk i."""

    text: str
    places: tuple[tuple[int, int, int, int], ...]

    def original(self, start: int, end: int) -> tuple[int, int] | None:
        """The span of the original text whose chunks the plain span `start:end` touches; None when it touches none."""
        touched = [place for place in self.places if place[0] < end and start < place[1]]
        return (touched[0][2], touched[-1][3]) if touched else None


def _tag(found: re.Match[str]) -> str:
    parts = _CAMEL.findall(found[1])
    if len(parts) <= 1 or found[1].islower():
        run = found[1].lower()
        parts = list(cut_words(run)) if run.isalpha() else [run]
    return " # " + " ".join(parts) + " "


def _word(found: re.Match[str]) -> str:
    word = found[0]
    if word in MASKS or word in ALGOSPEAK:
        return ALGOSPEAK.get(word, word)
    tail = ""
    while word and word[-1] in "!|+#@":
        word, tail = word[:-1], word[-1] + tail
    if not word:
        return tail
    if not word.isalpha():
        if _DIGITS.fullmatch(word):
            return word + tail
        word = undraw(letters_for_signs(unstar(word)))
    else:
        word = undraw(word)
    return _known(word) + tail


def _known(word: str) -> str:
    if word in ALGOSPEAK:
        return ALGOSPEAK[word]
    if (
        SHORTEST_RUN_CUT <= len(word) <= LONGEST_RUN_CUT
        and word.isascii()
        and word.isalpha()
        and word not in word_costs()
    ):
        pieces = cut_words(word)
        # A rare word can fall into common ones by chance: only a cut that lays bare a word that people hide is believed.
        if hides_something(pieces):
            return " ".join(pieces)
    return unswap(word)


def plain_chunk(chunk: str) -> str:
    """The plain text of one chunk: folded, undisguised, links and handles masked, emoji in words, tags opened.

    The result is stripped and may hold spaces (a tag or an emoji can be several words); it may be empty.
    """
    simple = _PLAIN.fullmatch(chunk)
    if simple is not None:
        word = simple[1]
        done = _known(undraw(word))
        return done + chunk[len(word) :]
    text = chunk
    if _HAS_SPACED.fullmatch(text.rstrip(".,!?")):
        letters = "".join(text.split())
        run = letters.rstrip(".,!?").casefold()
        cut = cut_words(run.translate(lookalikes()))
        return " ".join(_known(piece) for piece in cut) + letters[len(run) :]
    if not text.isascii():
        text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))
        if _ACCENTS.search(text):  # NFKC composed what belongs together: what is left over is piled on for disguise
            text = _ACCENTS.sub("", text)
    if "#" in text:
        text = _HASHTAG.sub(_tag, text)
    text = text.casefold()
    if text == "url":
        return URL
    if "/" in text or "www." in text:
        text = _URL.sub(URL, text)
    if "@" in text:
        text = _HANDLE.sub(HANDLE, _EMAIL.sub(EMAIL, text))
    text = _FOREIGN_MASK.sub(lambda found: _MASK_OF.get(found[1], NUMBER), text)
    text = _APOSTROPHE.sub("", text)
    if not text.isascii():
        # Whole boxed or circled letters and mixed scripts are disguise; a word all in another script is a language.
        if _LATIN.search(text) or any(0x1F100 <= ord(sign) <= 0x1F1FF for sign in text):
            text = text.translate(lookalikes())
        names = emoji_words()
        if any(sign in names for sign in text):
            text = _SAME_TWICE.sub(r"\1", text)
            text = "".join(f" {names[sign]} " if sign in names else sign for sign in text)
    text = _DOTTED.sub(lambda found: found[0].replace(found[1], ""), text)
    text = _WORD.sub(_word, text)
    text = _SAME_SIGN.sub(r"\1\1", text)
    return _SPACE.sub(" ", text).strip()


def _tokens_of_plain(text: str) -> list[str]:
    found = _TOKEN.findall(text)
    tokens = [NUMBER if _DIGITS.fullmatch(token) else token for token in found]
    return [token for at, token in enumerate(tokens) if at == 0 or token != tokens[at - 1] or token.isalnum()]


def tokens_of_chunk(chunk: str) -> list[str]:
    """The tokens of one chunk, normalised; none when it holds only punctuation.

    A token is a word in folded case, a mask (`<url>`, `<email>`, `<user>`, `<num>`), `!`, `?` or one sign.
    """
    return _tokens_of_plain(plain_chunk(chunk))


def chunks(text: str) -> list[str]:
    """The chunks of `text`: what stands between white space, and letters spaced apart as one."""
    return _CHUNK.findall(text) if _HAS_SPACED.search(text) else text.split()


def chunks_with_spans(text: str) -> Iterator[tuple[str, int, int]]:
    """Every chunk of `text` with its start and end as character offsets: `text[start:end] == chunk`."""
    for found in _CHUNK.finditer(text):
        yield found[0], found.start(), found.end()


def plain(text: str) -> Plain:
    """The plain text of a whole post, its chunks joined by single spaces, with the way back to the original."""
    parts: list[str] = []
    places: list[tuple[int, int, int, int]] = []
    at = 0
    for chunk, start, end in chunks_with_spans(text):
        part = plain_chunk(chunk)
        if not part:
            continue
        places.append((at, at + len(part), start, end))
        parts.append(part)
        at += len(part) + 1
    return Plain(" ".join(parts), tuple(places))


def tokens(text: str) -> list[str]:
    """All tokens of `text` in order."""
    return [token for chunk in chunks(text) for token in tokens_of_chunk(chunk)]


def trim_span(text: str, start: int, end: int) -> tuple[int, int]:
    """The span without punctuation at either end; the whole span where it is nothing but punctuation."""
    left, right = start, end
    while left < right and not text[left].isalnum():
        left += 1
    while right > left and not text[right - 1].isalnum():
        right -= 1
    return (left, right) if left < right else (start, end)
