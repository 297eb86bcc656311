"""See through written disguises of single words: letters swapped for signs, starred out, drawn out, run together.

Everything here takes folded (lower-case) text and gives folded text; a word that is no disguise comes back unchanged.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from string import ascii_lowercase
from typing import Final

from seawall.detect.tables import word_costs

#: What a sign may stand for, the likeliest first.
_STANDS_FOR: Final = {
    "0": "o",
    "1": "il",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "gb",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "!": "i",
    "|": "li",
    "+": "t",
    "\u20ac": "e",
    "\u00a3": "l",
}
_SIGNS: Final = re.compile("[" + re.escape("".join(_STANDS_FOR)) + "]")
_PLAIN_SWAP: Final = str.maketrans("013457@$", "oieastas")
_INSIDE: Final = re.compile(r"(?<=[a-z])[013457@$]+(?=[a-z])")
_DOLLAR_FIRST: Final = re.compile(r"(?<![\w$])\$(?=[a-z]{2})")
_DRAWN_OUT: Final = re.compile(r"([^\W\d_])\1+")
MOST_SIGNS: Final = 4
#: Shorter words have too many neighbours to be mended; longer ones are no words.
SHORTEST_TO_MEND: Final = 5
SHORTEST_TO_UNSWAP: Final = 7
LONGEST_TO_MEND: Final = 16
#: What a swap of letters is mended to must be a common word (natural log of its rarity): names are left alone.
RAREST_MENDED: Final = 11.6
LONGEST_TO_CUT: Final = 48

#: Short forms that are words in their own right, though they hold digits.
_SHORT_FORMS: Final = {
    "b4": "before",
    "gr8": "great",
    "m8": "mate",
    "l8r": "later",
    "2day": "today",
    "2moro": "tomorrow",
    "2nite": "tonight",
    "every1": "everyone",
    "some1": "someone",
    "any1": "anyone",
    "no1": "noone",
}

#: Words that people hide from filters, for what is starred out: a star or its like may stand for any one letter.
_HIDDEN: Final = """
    kill killed killing die dies died dead death suicide suicidal murder murdered rape raped rapist shoot shooting
    stab stabbed stabbing hang hanging burn bomb gun knife blood cut cutting harm hurt hate hated hates fuck fucks
    fucked fucking fucker shit shitty bitch bitches bastard wanker arse ass asshole arsehole dick cock cunt twat
    prick slut whore sex porn drug drugs cocaine weed anorexia anorexic bulimia bulimic starve starving jew jews
    muslim muslims gay lesbian trans vaccine vaccines covid jab nazi nazis terrorist attack depressed
""".split()  # noqa: SIM905 (a list of words reads best as words)
_HIDDEN_SET: Final = frozenset(_HIDDEN)
_STARRED: Final = re.compile(r"[a-z]+[*#_\u2022\u00b7]+[a-z]+[a-z*#]*|[a-z]{2,}\*+")


#: A piece of a cut must be at least this common (natural log of its rarity by Zipf's law) to be believed.
_RAREST_PIECE: Final = 10.9
_RAREST_AMONG_SMALL: Final = 9.5


def hides_something(pieces: Sequence[str]) -> bool:
    """Whether common words that stood run together hold one that people hide from filters."""
    known = word_costs()
    rarest = max(known.get(piece, 99.0) for piece in pieces)
    if len(pieces) < 2 or rarest > _RAREST_PIECE:
        return False
    if any((piece in _HIDDEN_SET and len(piece) > 3) or piece in ("yourself", "myself") for piece in pieces):
        return True
    return len(pieces) > 2 and rarest < _RAREST_AMONG_SMALL and any(piece in _HIDDEN_SET for piece in pieces)


@lru_cache(maxsize=1)
def _hidden_by_shape() -> dict[tuple[str, int], tuple[str, ...]]:
    table: dict[tuple[str, int], list[str]] = {}
    for word in _HIDDEN:
        table.setdefault((word[0], len(word)), []).append(word)
    return {shape: tuple(words) for shape, words in table.items()}


def unstar(word: str) -> str:
    """`k*ll` -> `kill`: a letter or several starred out of an often-hidden word; one starred out of a common word.

    A word with several signs that is none of those is left alone: too many words would fit.
    """
    if not _STARRED.fullmatch(word):
        return word
    known = word_costs()
    if word.rstrip("*#") in known:
        return word.rstrip("*#")
    for hidden in _hidden_by_shape().get((word[0], len(word)), ()):
        if all(sign == letter or not sign.isalpha() for sign, letter in zip(word, hidden, strict=True)):
            return hidden
    signs = [at for at, sign in enumerate(word) if not sign.isalpha()]
    if len(signs) != 1 or len(word) < SHORTEST_TO_MEND:
        return word
    at = signs[0]
    fits = (word[:at] + letter + word[at + 1 :] for letter in ascii_lowercase)
    return min((fit for fit in fits if fit in known), key=known.__getitem__, default=word)


def unswap(word: str) -> str:
    """`yuorself` -> `yourself`: a word of which two neighbouring letters changed places; a known word stays as it is.

    Of often-hidden words one missing letter is put back too (`sucide` -> `suicide`).
    """
    known = word_costs()
    if (
        word in known
        or not SHORTEST_TO_MEND <= len(word) <= LONGEST_TO_MEND
        or not word.isascii()
        or not word.isalpha()
    ):
        return word
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
    hidden = next((fit for fit in swapped if fit in _HIDDEN_SET), None)
    if hidden is not None:
        return hidden
    if len(word) >= SHORTEST_TO_UNSWAP:  # shorter rare words are too often a swap away from a common one
        # A swap at the very end makes other endings: "apologise" is not "apologies".
        best = min(
            (fit for fit in swapped[:-1] if known.get(fit, 99.0) < RAREST_MENDED), key=known.__getitem__, default=None
        )
        if best is not None:
            return best
    missing = (word[:at] + letter + word[at:] for at in range(1, len(word)) for letter in ascii_lowercase)
    return next((fit for fit in missing if fit in _HIDDEN_SET), word)


def letters_for_signs(word: str) -> str:
    """`k1ll` -> `kill`, `5uicide` -> `suicide`: read digits and signs as letters where that makes a word.

    Signs between letters are read as letters also when no known word comes of it; signs at an edge only when one does.
    """
    if word in _SHORT_FORMS:
        return _SHORT_FORMS[word]
    signs = _SIGNS.findall(word)
    if not signs:
        return word
    core = word.rstrip("!")
    tail = word[len(core) :]
    signs = _SIGNS.findall(core)
    letters = sum(letter.isalpha() for letter in core)
    known = word_costs()
    # A digit at the end numbers a thing ("ps4"); one at the front counts it ("80mb") unless a longish word is meant.
    edge = core[-1:].isdigit() or (core[:1].isdigit() and (len(core) < 5 or core[1].isdigit()))
    if signs and len(signs) <= MOST_SIGNS and letters >= 2 and not edge:
        pieces = [_STANDS_FOR.get(sign, sign) for sign in core]
        found = (candidate for candidate in map("".join, product(*pieces)) if candidate in known)
        best = min(found, key=known.__getitem__, default=None)
        if best is not None:
            return best + tail
    core = _DOLLAR_FIRST.sub("s", core)
    return _INSIDE.sub(lambda found: found[0].translate(_PLAIN_SWAP), core) + tail


def undraw(word: str) -> str:
    """`diiie` -> `die`, `sooooo` -> `so`: cut letters written three times or more, to two or one by which is a word."""
    runs = list(_DRAWN_OUT.finditer(word))
    if not any(len(run[0]) > 2 for run in runs):
        return word
    known = word_costs()
    twice = _DRAWN_OUT.sub(lambda run: run[1] * min(2, len(run[0])), word)
    if twice in known:
        return twice
    choices = [(run[1], run[1] * 2) if len(run[0]) > 1 else (run[0],) for run in runs][:6]
    for lengths in product(*choices):
        parts = iter(lengths)
        candidate = _DRAWN_OUT.sub(lambda run, parts=parts: next(parts, run[0]), word)  # type: ignore[misc]
        if candidate in known:
            return candidate
    return twice


@lru_cache(maxsize=8192)
def cut_words(run: str) -> tuple[str, ...]:
    """Cut letters that run together into English words; `(run,)` when they are a word or no sure cut is found.

    The cut of least cost wins (words cost their rarity by rank, unknown letters more than any word), by dynamic
    programming; it counts as sure only when every piece is known and the pieces are not mostly tiny.
    """
    known = word_costs()
    if run in known or not 6 <= len(run) <= LONGEST_TO_CUT or not run.isascii() or not run.isalpha():
        return (run,)
    best: list[tuple[float, int]] = [(0.0, 0)]
    for end in range(1, len(run) + 1):
        best.append(
            min(
                (best[start][0] + known.get(run[start:end], 18.0 + 4.0 * (end - start)), start)
                for start in range(max(0, end - 18), end)
            )
        )
    pieces: list[str] = []
    end = len(run)
    while end:
        start = best[end][1]
        pieces.append(run[start:end])
        end = start
    pieces.reverse()
    sure = all(piece in known for piece in pieces) and len(run) / len(pieces) >= 2.5 and best[-1][0] / len(run) < 3.2
    return tuple(pieces) if sure else (run,)
