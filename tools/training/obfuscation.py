"""Disguise text as people do to get past filters: for training, and for measuring what disguise costs."""

from __future__ import annotations

import numpy as np

_LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1"}
_LOOKALIKE = {
    "a": "\u0430",
    "e": "\u0435",
    "o": "\u043e",
    "p": "\u0440",
    "c": "\u0441",
    "i": "\u0456",
    "x": "\u0445",
    "y": "\u0443",
}
_ZERO_WIDTH = "\u200b\u200c\u200d\u2060"
KINDS = (
    "leet",
    "lookalike",
    "zero_width",
    "spaced",
    "dotted",
    "repeated",
    "starred",
    "swapped",
    "dropped",
    "no_spaces",
    "wide",
)


def _inner(word: str) -> bool:
    return len(word) >= 4 and word.isascii() and word.isalpha()


def _word(word: str, kind: str, generator: np.random.Generator) -> str:
    if kind == "leet":
        return "".join(
            generator.choice(list(_LEET[sign.lower()])) if sign.lower() in _LEET and generator.random() < 0.6 else sign
            for sign in word
        )
    if kind == "lookalike":
        return "".join(_LOOKALIKE.get(sign, sign) for sign in word)
    if kind == "zero_width":
        return generator.choice(list(_ZERO_WIDTH)).join(word)
    if kind == "spaced":
        return " ".join(word)
    if kind == "dotted":
        return generator.choice([".", "-", "*", "_"]).join(word)
    if kind == "wide":
        return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in word)
    at = int(generator.integers(1, len(word) - 1))
    if kind == "repeated":
        return word[:at] + word[at] * int(generator.integers(3, 6)) + word[at + 1 :]
    if kind == "starred":
        return word[:at] + "*" + word[at + 1 :]
    if kind == "swapped":
        at = min(at, len(word) - 2)
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + word[at + 1 :]  # dropped


def disguise(text: str, generator: np.random.Generator, kind: str | None = None, share: float = 0.5) -> str:
    """`text` with about `share` of its longer words disguised in one way, drawn by chance unless `kind` is given."""
    kind = kind or str(generator.choice(KINDS))
    words = text.split()
    if kind == "no_spaces":
        if len(words) < 2:
            return text
        at = int(generator.integers(0, len(words) - 1))
        return " ".join([*words[:at], words[at] + words[at + 1], *words[at + 2 :]])
    chosen = [at for at, word in enumerate(words) if _inner(word)]
    if not chosen:
        return text
    count = max(1, round(share * len(chosen)))
    for at in generator.choice(chosen, count, replace=False):
        words[int(at)] = _word(words[int(at)], kind, generator)
    return " ".join(words)
