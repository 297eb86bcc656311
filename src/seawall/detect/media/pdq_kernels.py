"""The loops of PDQ, compiled by numba when they are first used (and kept, so that the next start is quick).

Single precision throughout, added up in the order in which the reference adds up, nothing fused or reordered: the bits of the
hash are comparisons with a median, and an unlike rounding turns bits of flat pictures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def luma(pixels: Any, out: Any) -> None:
    """Brightness of (height, width, 3), worked out in double precision and rounded once, as the reference's Python binding does."""
    height, width = out.shape
    for row in range(height):
        for column in range(width):
            red, green, blue = pixels[row, column, 0], pixels[row, column, 1], pixels[row, column, 2]
            out[row, column] = np.float32(red * 0.299 + green * 0.587 + blue * 0.114)


@njit(cache=True, nogil=True)
def _box(lines: Any, out: Any, window: int) -> None:
    """A moving average of width `window` along the first axis, every column of (length, columns) by itself.

    The reference's four phases: fill the window, write while it grows, move it, write while it shrinks.
    """
    length, columns = lines.shape
    half = (window + 2) // 2
    total = np.zeros(columns, dtype=np.float32)
    for at in range(half - 1):
        for column in range(columns):
            total[column] += lines[at, column]
    right, left, written, width = half - 1, 0, 0, half - 1
    for _ in range(window - half + 1):
        width += 1
        share = np.float32(width)
        for column in range(columns):
            total[column] += lines[right, column]
            out[written, column] = total[column] / share
        right += 1
        written += 1
    share = np.float32(width)
    for _ in range(length - window):
        for column in range(columns):
            held = total[column] + lines[right, column]
            held -= lines[left, column]
            total[column] = held
            out[written, column] = held / share
        left += 1
        right += 1
        written += 1
    for _ in range(half - 1):
        width -= 1
        share = np.float32(width)
        for column in range(columns):
            total[column] -= lines[left, column]
            out[written, column] = total[column] / share
        left += 1
        written += 1


@njit(cache=True, nogil=True)
def _box_across(rows: Any, out: Any, window: int, strip: Any, blurred: Any) -> None:
    """The same along the second axis: strips of rows are turned, so that a processor's lanes take a row each."""
    height, width = rows.shape
    deep = strip.shape[1]
    for top in range(0, height, deep):
        count = min(deep, height - top)
        for row in range(count):
            for column in range(width):
                strip[column, row] = rows[top + row, column]
        _box(strip, blurred, window)
        for row in range(count):
            for column in range(width):
                out[top + row, column] = blurred[column, row]


@njit(cache=True, nogil=True)
def shrink(luma: Any, spare: Any, small: Any) -> None:
    """Blur `luma` (height, width) twice both ways and take 64 x 64 points of it into `small`. Overwrites `luma` and `spare`."""
    height, width = luma.shape
    across, down = (width + 127) // 128, (height + 127) // 128
    strip = np.zeros((width, 16), dtype=np.float32)
    blurred = np.zeros((width, 16), dtype=np.float32)
    for _ in range(2):
        _box_across(luma, spare, across, strip, blurred)
        _box(spare, luma, down)
    for i in range(64):
        row = int((i + 0.5) * height / 64)
        for j in range(64):
            small[i, j] = luma[row, int((j + 0.5) * width / 64)]


@njit(cache=True, nogil=True)
def quality_of(small: Any) -> int:
    """The sum of the marked gradients of the 64 x 64 points, from 0 (nothing to see) to 100."""
    total = 0
    hundred, full = np.float32(100), np.float32(255)
    for i in range(64):
        for j in range(64):
            if i < 63:
                total += abs(int(((small[i, j] - small[i + 1, j]) * hundred) / full))
            if j < 63:
                total += abs(int(((small[i, j] - small[i, j + 1]) * hundred) / full))
    return min(total // 90, 100)


@njit(cache=True, nogil=True)
def transform(matrix: Any, small: Any, out: Any) -> None:
    """The 16 x 16 lowest frequencies of the 64 x 64 points, the constant left out: out = matrix . small . matrix transposed."""
    half = np.zeros((16, 64), dtype=np.float32)
    for i in range(16):
        for k in range(64):
            factor = matrix[i, k]
            for j in range(64):
                half[i, j] += factor * small[k, j]
    for i in range(16):
        for j in range(16):
            total = np.float32(0)
            for k in range(64):
                total += half[i, k] * matrix[j, k]
            out[i, j] = total


@njit(cache=True, nogil=True)
def middle(values: Any) -> Any:
    """The median by Torben Mogensen's method: for an even count the lower of the two in the middle."""
    count = values.shape[0]
    low, high = values[0], values[0]
    for value in values:
        low, high = min(low, value), max(high, value)
    half = (count + 1) // 2
    while True:
        guess = (low + high) / np.float32(2)
        less, more, same = 0, 0, 0
        below, above = low, high
        for value in values:
            if value < guess:
                less += 1
                below = max(below, value)
            elif value > guess:
                more += 1
                above = min(above, value)
            else:
                same += 1
        if less <= half and more <= half:
            break
        if less > more:
            high = below
        else:
            low = above
    if less >= half:
        return below
    if less + same >= half:
        return guess
    return above
