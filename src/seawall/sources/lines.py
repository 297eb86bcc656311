"""Lines of bytes from a plain or gzipped file, never more of one line in memory than a set number of bytes."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

#: Room for a text of the greatest length with every character escaped, and the fields around it.
MAX_LINE_BYTES: Final = 4 << 20
_SKIP_BYTES: Final = 1 << 20
_BUFFER_BYTES: Final = 1 << 18
DAMAGE: Final = (EOFError, zlib.error, gzip.BadGzipFile)


class _Unpacked(gzip.GzipFile):
    """Gives what it has before it tells of damage, where reading a full buffer would lose the last good lines."""

    def readinto(self, buffer: Any) -> int:
        return self.readinto1(buffer)


def open_bytes(path: Path) -> BinaryIO:
    """Open for reading, unpacking as one reads when the name ends in .gz."""
    if path.suffix.lower() == ".gz":
        return cast(BinaryIO, io.BufferedReader(_Unpacked(path, "rb"), _BUFFER_BYTES))
    return path.open("rb", buffering=_BUFFER_BYTES)


def bounded_lines(stream: BinaryIO, limit: int = MAX_LINE_BYTES) -> Iterator[bytes | None]:
    """Each line with its end; None in the place of a line longer than `limit`, whose bytes are read past."""
    read = stream.readline
    while line := read(limit + 1):
        if len(line) > limit and not line.endswith(b"\n"):
            while (rest := read(_SKIP_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield None
        else:
            yield line
