"""Tables that the normaliser reads: look-alike letters, emoji in words, English words. tools/build_tables.py makes them."""

from __future__ import annotations

import json
import math
from functools import lru_cache
from pathlib import Path

_HERE = Path(__file__).parent


@lru_cache(maxsize=1)
def lookalikes() -> dict[int, str]:
    """Code point -> the ASCII letter that it looks like."""
    table: dict[str, str] = json.loads((_HERE / "lookalikes.json").read_text(encoding="utf-8"))
    return {ord(sign): letter for sign, letter in table.items()}


@lru_cache(maxsize=1)
def emoji_words() -> dict[str, str]:
    """One emoji character -> its short name in plain words."""
    table: dict[str, str] = json.loads((_HERE / "emoji.json").read_text(encoding="utf-8"))
    return table


@lru_cache(maxsize=1)
def word_costs() -> dict[str, float]:
    """English word -> how rare it is, as a negative log-probability by Zipf's law from its rank (natural log)."""
    words = (_HERE / "words.txt").read_text(encoding="utf-8").split()
    total = math.log(sum(1 / rank for rank in range(1, len(words) + 1)))
    return {word: total + math.log(rank) for rank, word in enumerate(words, start=1)}
