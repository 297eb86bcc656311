"""An index in a file that opens by mapping it into memory. No pickle: a header in JSON, then plain arrays.

Bytes 0-7 ``SEAWALLX``, 8-11 the version (1), 12-15 the length of the header, 16-19 its CRC-32 (all little-endian), then the
header: `count`, `bands` (0: no tables), and `sections`, each with `at` and `bytes` (from the file's start, `at` a multiple
of 4096) and `crc32`. The sections are ``keys`` (int64), ``rows`` (4 x uint64), ``tables`` and ``numbers`` (uint32).
"""

from __future__ import annotations

import json
import mmap
import os
import struct
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from seawall.index.layout import FEWEST, MOST, Layout, layout
from seawall.index.segment import Segment

MAGIC = b"SEAWALLX"
VERSION = 1
PAGE = 4_096
MOST_HEADER = 65_536
_HEAD = struct.Struct("<8sIII")
_DTYPES: dict[str, Any] = {"keys": np.int64, "rows": np.uint64, "tables": np.uint32, "numbers": np.uint32}


class SnapshotError(ValueError):
    """A file that is no whole snapshot of an index."""


def write(path: Path, segment: Segment) -> None:
    """Write a segment to `path`: beside it first, then in its place, so that nobody ever sees half of it. OSError as usual.

    Rows that were removed are not left out here; merge first.
    """
    if sys.byteorder != "little":
        raise SnapshotError("Snapshots are written and read on little-endian machines only.")
    arrays: dict[str, NDArray[Any]] = {name: getattr(segment, name) for name in _DTYPES}
    sections, at = {}, MOST_HEADER + PAGE
    for name, array in arrays.items():
        sections[name] = {"at": at, "bytes": array.nbytes, "crc32": zlib.crc32(array.reshape(-1).view(np.uint8).data)}
        at += -(-array.nbytes // PAGE) * PAGE
    header = json.dumps(
        {"count": len(segment), "bands": segment.plan.bands if segment.plan else 0, "sections": sections}
    ).encode()
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_HEAD.pack(MAGIC, VERSION, len(header), zlib.crc32(header)) + header)
            for name, array in arrays.items():
                file.seek(sections[name]["at"])
                file.write(array.reshape(-1).view(np.uint8).data)
            file.truncate(at)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def read(path: Path, *, check: bool = True) -> Segment:
    """Map the segment in `path`. With `check`, sums and tables are tested too. Raises SnapshotError, OSError."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size < _HEAD.size:
            raise SnapshotError(f"{path} is no snapshot of an index: it has {size} bytes.")
        # Private and copied on writing, though nothing writes: numba then sees arrays of the same kind as in memory.
        held = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    header = _header(path, held)
    count, plan = _shape(path, header)
    wanted = {
        "keys": (count,),
        "rows": (count, 4),
        "tables": (int(plan.tables[-1]) if plan else 0,),
        "numbers": (plan.bands * count if plan else 0,),
    }
    arrays = {name: _section(path, held, header, name, shape, check=check) for name, shape in wanted.items()}
    keys, rows, tables, numbers = (arrays[name] for name in _DTYPES)
    segment = Segment(keys, rows, plan, tables, numbers, np.zeros(count // 8 + 1, np.uint8))
    if check and not segment.sound():
        raise SnapshotError(f"{path} is damaged: its tables name places that are not there. Build and save it anew.")
    return segment


def _header(path: Path, held: mmap.mmap) -> dict[str, Any]:
    magic, version, length, crc = _HEAD.unpack(held[: _HEAD.size])
    if magic != MAGIC:
        raise SnapshotError(f"{path} is no snapshot of an index: it begins with other bytes.")
    if version != VERSION:
        raise SnapshotError(f"{path} is a snapshot of version {version}; this program reads version {VERSION}.")
    raw = held[_HEAD.size : _HEAD.size + length] if length <= MOST_HEADER else b""
    if zlib.crc32(raw) != crc or not raw:
        raise SnapshotError(f"{path} is damaged: its header does not agree with its sum. Build and save it anew.")
    try:
        header = json.loads(raw)
    except ValueError as problem:
        raise SnapshotError(f"{path} is damaged: its header is not JSON.") from problem
    if not isinstance(header, dict) or not isinstance(header.get("sections"), dict):
        raise SnapshotError(f"{path} is damaged: its header lacks the list of sections.")
    return header


def _shape(path: Path, header: dict[str, Any]) -> tuple[int, Layout | None]:
    count, bands = header.get("count"), header.get("bands")
    if not _is_size(count) or not _is_size(bands) or (bands != 0 and not FEWEST <= bands <= MOST) or count >= 2**32:
        raise SnapshotError(f"{path} is damaged: it says that it holds {count!r} hashes in {bands!r} bands.")
    return count, layout(bands) if bands else None


def _section(
    path: Path, held: mmap.mmap, header: dict[str, Any], name: str, shape: tuple[int, ...], *, check: bool
) -> NDArray[Any]:
    said = header["sections"].get(name)
    kind = np.dtype(_DTYPES[name])
    size = int(np.prod(shape)) * kind.itemsize
    if not isinstance(said, dict) or not all(_is_size(said.get(field)) for field in ("at", "bytes", "crc32")):
        raise SnapshotError(f"{path} is damaged: the section {name} is not described.")
    if said["bytes"] != size or said["at"] % PAGE or said["at"] + size > len(held):
        raise SnapshotError(f"{path} is damaged or cut short: the section {name} is not where it should be.")
    array: NDArray[Any] = np.frombuffer(held, kind, count=size // kind.itemsize, offset=said["at"]).reshape(shape)
    if check and zlib.crc32(array.reshape(-1).view(np.uint8).data) != said["crc32"]:
        raise SnapshotError(
            f"{path} is damaged: the section {name} does not agree with its sum. Build and save it anew."
        )
    return array


def _is_size(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**62
