"""256-bit hashes as rows of four 64-bit words: how the index holds them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint64]
"""Hashes, (n, 4): bit i of a hash is bit i % 64 of word i // 64, its bytes in the order in which they are written."""

BITS = 256
BYTES = BITS // 8


class HashError(ValueError):
    """Something that should be a 256-bit hash is none."""


def _bytes_of(value: str | bytes, at: int) -> bytes:
    if isinstance(value, str):
        text = value.strip()
        try:
            raw = bytes.fromhex(text) if len(text) == 2 * BYTES else b""
        except ValueError:
            raw = b""
        if len(raw) != BYTES:
            raise HashError(f"Hash {at} is {text[:70]!r}; it must be {2 * BYTES} hexadecimal digits (256 bits).")
        return raw
    if len(value) != BYTES:
        raise HashError(f"Hash {at} has {len(value)} bytes; it must have {BYTES} (256 bits).")
    return bytes(value)


def pack(values: Iterable[str | bytes] | NDArray[Any]) -> Rows:
    """Turn hashes into rows: hexadecimal texts, bytes, an array (n, 32) of bytes, or rows already. Raises HashError, naming which."""
    if isinstance(values, np.ndarray):
        if values.dtype == np.uint64 and values.ndim == 2 and values.shape[1] == 4:
            return np.ascontiguousarray(values)
        if values.dtype == np.uint8 and values.ndim == 2 and values.shape[1] == BYTES:
            return np.ascontiguousarray(values).view("<u8").astype(np.uint64, copy=False)
        raise HashError(
            f"The hashes are an array {values.shape} of {values.dtype}; it must be (n, 32) of uint8 or (n, 4) of uint64."
        )
    if isinstance(values, str | bytes):
        raise HashError("One hash was given where a list of them is wanted; put it into a list.")
    raw = b"".join(_bytes_of(value, at) for at, value in enumerate(values))
    return np.frombuffer(raw, dtype="<u8").astype(np.uint64).reshape(-1, 4)


def hex_of(row: NDArray[np.uint64]) -> str:
    """One row as 64 hexadecimal digits, the form in which `pack` took it."""
    return row.astype("<u8").tobytes().hex()
