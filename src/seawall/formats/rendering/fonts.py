"""The fonts of a PDF: which of them can write a text, and what becomes of a sign that none can write.

The files in ``fonts/`` are other people's work under free licences; ``fonts/VERSIONS.md`` names them. A PDF embeds only the
letters that it uses.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from fontTools.ttLib import TTFont  # type: ignore[import-untyped]  # ships no types

from seawall.formats.rendering.parts import by_number

FOLDER: Final = Path(__file__).parent / "fonts"
PLAIN: Final = "NotoSans-Regular.ttf"
BOLD: Final = "NotoSans-Bold.ttf"
EXACT: Final = "NotoMono-Regular.ttf"
OTHERS: Final = {
    "arabic": "NotoNaskhArabic-Regular.ttf",
    "hebrew": "NotoSansHebrew-Regular.ttf",
    "devanagari": "NotoSansDevanagari-Regular.ttf",
    "bengali": "NotoSansBengali-Regular.ttf",
    "gurmukhi": "NotoSansGurmukhi-Regular.ttf",
    "gujarati": "NotoSansGujarati-Regular.ttf",
    "tamil": "NotoSansTamil-Regular.ttf",
    "sinhala": "NotoSansSinhala-Regular.ttf",
    "thai": "NotoSansThai-Regular.ttf",
    "armenian": "NotoSansArmenian-Regular.ttf",
    "georgian": "NotoSansGeorgian-Regular.ttf",
    "ethiopic": "NotoSansEthiopic-Regular.ttf",
    "east-asian": "DroidSansFallback.ttf",
    "emoji": "NotoEmoji-Regular.ttf",
}
"""Fonts for what the plain one lacks, in the order in which they are asked."""


@lru_cache(maxsize=32)
def coverage(file: str) -> frozenset[int]:
    """The code points that a font has letters for."""
    with TTFont(FOLDER / file, lazy=True) as font:
        return frozenset(font.getBestCmap())


@lru_cache(maxsize=4_096)
def font_for(sign: str) -> str | None:
    """The name in `OTHERS` of the font for a character; "" where the plain one has it, None where none has."""
    if sign == "\n" or ord(sign) in coverage(PLAIN):
        return ""
    return next((name for name, file in OTHERS.items() if ord(sign) in coverage(file)), None)


def fitted(text: str) -> str:
    """Write by their number the characters that no font has."""
    return text if text.isascii() else "".join(sign if font_for(sign) is not None else by_number(sign) for sign in text)


def needed(texts: Iterable[str]) -> list[str]:
    """The names in `OTHERS` of the fonts that these texts need, in the order in which they are asked."""
    signs = {sign for text in texts for sign in text if not sign.isascii()}
    found = {font_for(sign) for sign in signs}
    return [name for name in OTHERS if name in found]


def needs_shaping(text: str) -> bool:
    """Whether letters of this text change with their neighbours, join, stack or run from right to left."""
    return not text.isascii() and any(
        unicodedata.combining(sign) or font_for(sign) not in ("", "east-asian") for sign in text
    )


def direction(text: str) -> Literal["ltr", "rtl"]:
    """Which way a paragraph runs: the way of its first letter that has one."""
    for sign in text:
        kind = unicodedata.bidirectional(sign)
        if kind in ("R", "AL"):
            return "rtl"
        if kind == "L":
            return "ltr"
    return "ltr"
