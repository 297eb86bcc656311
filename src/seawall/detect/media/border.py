"""Plain borders around a picture: letterboxes, and frames that somebody put around it so that it hashes differently."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

_NEAR: Final = 24
"""A point whose channels are so near to the border's colour belongs to it: JPEG makes no border wholly plain."""

_SPECKS: Final = 0.01
"""The share of the points of a line that may be off."""

_LEAST_LEFT: Final = 0.25


def without_border(pixels: NDArray[np.uint8]) -> NDArray[np.uint8] | None:
    """The picture inside plain borders, each side by its own colour; None when it has none, or when little would be left."""
    height, width = pixels.shape[:2]
    top, bottom = _margin(pixels), _margin(pixels[::-1])
    if top + bottom > height * (1 - _LEAST_LEFT):
        return None
    inside = pixels[top : height - bottom].swapaxes(0, 1)
    left, right = _margin(inside), _margin(inside[::-1])
    if left + right > width * (1 - _LEAST_LEFT) or max(top, bottom, left, right) < 2:
        return None
    return np.ascontiguousarray(pixels[top : height - bottom, left : width - right])


def _margin(lines: NDArray[np.uint8]) -> int:
    """How many lines from the first on are of one colour."""
    colour = np.median(lines[0], axis=0)
    for at, line in enumerate(lines):
        if (np.abs(line - colour).max(axis=1) > _NEAR).mean() > _SPECKS:
            return at
    return len(lines)
