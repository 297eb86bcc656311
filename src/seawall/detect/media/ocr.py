"""Words that stand in a picture, and the plain text that the text detector reads.

Read by rapidocr (extra `ocr`; its models come with the package) in the same kind of process that decodes: the process gets a file,
not pixels, so the picture is decoded there too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from seawall.detect.media.errors import MediaError

LEAST_SURE: Final = 0.5
"""Words that the reader is less sure of are left out of the plain text: they are mostly not there."""

Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of words: what it says, how sure the reader is (0 to 1), and its corners in pixels, clockwise from the upper left."""

    text: str
    sure: float
    corners: tuple[Corner, Corner, Corner, Corner]


@dataclass(frozen=True, slots=True)
class Words:
    """The lines in a picture, in the order of reading; corners count in a picture of `width` x `height` pixels (as it was read)."""

    lines: tuple[Line, ...]
    width: int
    height: int

    def text(self, least_sure: float = LEAST_SURE) -> str:
        """The words as plain text for the text detector: what stands side by side on one line, an empty line where a gap is."""
        rows = _rows([line for line in self.lines if line.sure >= least_sure and line.text.strip()])
        out: list[str] = []
        bottom = None
        for row in rows:
            top, low = min(_top(line) for line in row), max(_bottom(line) for line in row)
            if bottom is not None and top - bottom > low - top:
                out.append("")
            out.append(" ".join(line.text.strip() for line in row))
            bottom = low
        return "\n".join(out)


def words_of(note: dict[str, Any]) -> Words:
    """Check what the process told. Raises MediaError "crashed"."""
    try:
        width, height = note["read_width"], note["read_height"]
        if type(width) is not int or type(height) is not int:
            raise TypeError
        lines = tuple(_line(*one) for one in note["words"])
    except (KeyError, TypeError, ValueError):
        raise MediaError(
            "crashed", "The reader of words answered what is no answer. Treat the file as hostile."
        ) from None
    return Words(tuple(line for row in _rows(list(lines)) for line in row), width, height)


def _line(text: Any, sure: Any, box: Any) -> Line:
    corners = tuple((float(x), float(y)) for x, y in box)
    if (
        not isinstance(text, str)
        or len(corners) != 4
        or not all(math.isfinite(value) for one in corners for value in one)
    ):
        raise ValueError
    if not 0 <= float(sure) <= 1:
        raise ValueError
    return Line("".join(one if one.isprintable() else " " for one in text), float(sure), corners)


def _rows(lines: list[Line]) -> list[list[Line]]:
    """Lines that share half of the lower one's height stand in one row; rows from the top, lines from the left."""
    rows: list[list[Line]] = []
    for line in sorted(lines, key=_top):
        if rows:
            top, low = min(_top(one) for one in rows[-1]), max(_bottom(one) for one in rows[-1])
            shared = min(low, _bottom(line)) - max(top, _top(line))
            if shared > 0.5 * min(low - top, _bottom(line) - _top(line)):
                rows[-1].append(line)
                continue
        rows.append([line])
    return [sorted(row, key=lambda line: min(x for x, _ in line.corners)) for row in rows]


def _top(line: Line) -> float:
    return min(y for _, y in line.corners)


def _bottom(line: Line) -> float:
    return max(y for _, y in line.corners)
