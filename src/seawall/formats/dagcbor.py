"""DAG-CBOR, the AT Protocol's binary form of JSON: read strictly, written in its one permitted way.

Only what the protocol allows is read: whole numbers, texts, bytes, lists, maps with text keys, true, false, null and links
(tag 42). No other tag, no fraction, no open length: a general CBOR reader would let a stranger choose among many more types.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MAX_DEPTH: Final = 32
_SIMPLE: Final[Mapping[int, bool | None]] = {0xF4: False, 0xF5: True, 0xF6: None}
_LINK_TAG: Final = 42


@dataclass(frozen=True, slots=True)
class Link:
    """A content identifier in its binary form, without the multibase prefix."""

    raw: bytes


Value = int | str | bytes | bool | None | Link | list["Value"] | dict[str, "Value"]


def decode(raw: bytes) -> Value:
    """Read exactly one value. Raises ValueError for anything else, with the byte where it went wrong."""
    value, end = decode_first(raw)
    if end != len(raw):
        raise ValueError(f"{len(raw) - end} bytes follow the value, which ends at byte {end}")
    return value


def decode_first(raw: bytes, start: int = 0) -> tuple[Value, int]:
    """Read the value that begins at byte `start`; return it and where it ends. Raises ValueError."""
    return _Reader(raw).value(start, 0)


def encode(value: Value) -> bytes:
    """Write `value`: shortest heads, map keys by length, then by their bytes. Raises ValueError for what it cannot hold."""
    written = bytearray()
    _write(value, written, 0)
    return bytes(written)


class _Reader:
    def __init__(self, raw: bytes) -> None:
        self._raw = raw

    def value(self, at: int, depth: int) -> tuple[Value, int]:
        if depth > MAX_DEPTH:
            raise ValueError(f"nested more than {MAX_DEPTH} deep at byte {at}")
        first = self._take(at, 1)[0]
        if first in _SIMPLE:
            return _SIMPLE[first], at + 1
        kind, number, after = first >> 5, *self._number(at, first & 31)
        if kind == 0:
            return number, after
        if kind == 1:
            return -1 - number, after
        if kind == 2:
            return self._take(after, number), after + number
        if kind == 3:
            return self._text(after, number), after + number
        if kind == 4:
            return self._list(after, number, depth)
        if kind == 5:
            return self._map(after, number, depth)
        if kind == 6 and number == _LINK_TAG:
            return self._link(after, depth)
        raise ValueError(f"byte {at} begins a kind of value that is not allowed here")

    def _number(self, at: int, low: int) -> tuple[int, int]:
        if low < 24:
            return low, at + 1
        if low > 27:
            raise ValueError(f"byte {at} has an open or reserved length")
        size = 1 << (low - 24)
        return int.from_bytes(self._take(at + 1, size), "big"), at + 1 + size

    def _take(self, at: int, size: int) -> bytes:
        part = self._raw[at : at + size]
        if len(part) != size:
            raise ValueError(f"ends at byte {len(self._raw)}, where {at + size} were announced")
        return part

    def _text(self, at: int, size: int) -> str:
        try:
            return self._take(at, size).decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"the text at byte {at} is not UTF-8") from error

    def _list(self, at: int, count: int, depth: int) -> tuple[Value, int]:
        found: list[Value] = []
        for _ in range(self._countable(at, count)):
            value, at = self.value(at, depth + 1)
            found.append(value)
        return found, at

    def _map(self, at: int, count: int, depth: int) -> tuple[Value, int]:
        found: dict[str, Value] = {}
        for _ in range(self._countable(at, count)):
            key, after = self.value(at, depth + 1)
            if not isinstance(key, str) or key in found:
                raise ValueError(f"the key at byte {at} is not a text, or is there twice")
            found[key], at = self.value(after, depth + 1)
        return found, at

    def _link(self, at: int, depth: int) -> tuple[Value, int]:
        inner, end = self.value(at, depth + 1)
        if not isinstance(inner, bytes) or inner[:1] != b"\x00":
            raise ValueError(f"the link at byte {at} is not a content identifier")
        return Link(inner[1:]), end

    def _countable(self, at: int, count: int) -> int:
        """Refuse to begin a list of more members than bytes are left for."""
        if count > len(self._raw) - at:
            raise ValueError(f"{count} members announced at byte {at}, with {len(self._raw) - at} bytes left")
        return count


def _write(value: Value, written: bytearray, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"nested more than {MAX_DEPTH} deep")
    if value is None:
        written.append(0xF6)
    elif isinstance(value, bool):
        written.append(0xF5 if value else 0xF4)
    elif isinstance(value, int):
        written += _head(0, value) if value >= 0 else _head(1, -1 - value)
    elif isinstance(value, bytes):
        written += _head(2, len(value)) + value
    elif isinstance(value, str):
        written += _text(value)
    elif isinstance(value, Link):
        written += _head(6, _LINK_TAG) + _head(2, len(value.raw) + 1) + b"\x00" + value.raw
    elif isinstance(value, Mapping):
        written += _head(5, len(value))
        for key, member in sorted((_text(name), member) for name, member in _unique(value)):
            written += key
            _write(member, written, depth + 1)
    elif isinstance(value, Sequence):
        written += _head(4, len(value))
        for member in value:
            _write(member, written, depth + 1)
    else:
        raise ValueError(f"a {type(value).__name__} cannot be written")


def _unique(value: Mapping[str, Value]) -> list[tuple[str, Value]]:
    if not all(isinstance(name, str) for name in value):
        raise ValueError("the keys of a map must be texts")
    return list(value.items())


def _text(value: str) -> bytes:
    raw = value.encode("utf-8")
    return _head(3, len(raw)) + raw


def _head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind << 5 | number])
    for low, (form, limit) in enumerate((("B", 1 << 8), ("H", 1 << 16), ("I", 1 << 32), ("Q", 1 << 64)), start=24):
        if number < limit:
            return bytes([kind << 5 | low]) + struct.pack(f">{form}", number)
    raise ValueError(f"{number} has more than 64 bits")
