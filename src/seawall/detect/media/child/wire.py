"""What goes between the parent and the process that decodes: binary, each length before what it counts.

To the child: the head of a job, its file in pieces, an empty piece. From the child: pictures, then one end or one refusal.
The parent takes nothing on trust: every number is held against its limits before a byte of what it counts is read.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

MAGIC: Final = b"SwM1"
JOB: Final = struct.Struct("<4sI")
"""Magic, length of the job, a JSON object."""

PIECE: Final = struct.Struct("<I")
LARGEST_PIECE: Final = 1 << 20

ANSWER: Final = struct.Struct("<4sBBBxIIdQ")
"""Magic, what, channels, whether a key frame, height, width, seconds from the beginning, length of what follows."""

READY, PICTURE, END, REFUSAL = 1, 2, 3, 4
LARGEST_NOTE: Final = 1 << 20
"""The most bytes that an end or a refusal may have: the words on a full page, with their places."""

REFUSALS: Final = frozenset({"too_large", "malformed", "truncated", "no_picture", "memory", "missing"})


class Cut(Exception):
    """The other side closed the pipe."""


def exactly(stream: BinaryIO, count: int) -> bytes:
    """Read `count` bytes; raises `Cut` when there are fewer."""
    parts = bytearray()
    while len(parts) < count:
        part = stream.read(min(count - len(parts), LARGEST_PIECE))
        if not part:
            raise Cut
        parts += part
    return bytes(parts)


def next_job(stream: BinaryIO) -> dict[str, Any]:
    """Read the head of a job."""
    magic, length = JOB.unpack(exactly(stream, JOB.size))
    if magic != MAGIC:
        raise Cut
    job: dict[str, Any] = json.loads(exactly(stream, length))
    return job


def pieces(stream: BinaryIO) -> Iterator[bytes]:
    """Read the file of a job, piece by piece, to its end."""
    while True:
        (length,) = PIECE.unpack(exactly(stream, PIECE.size))
        if not length:
            return
        yield exactly(stream, length)


def send_picture(
    stream: BinaryIO, height: int, width: int, pixels: bytes, *, seconds: float = 0.0, key: bool = False
) -> None:
    """Write one picture of red, green and blue bytes, rows from the top."""
    stream.write(ANSWER.pack(MAGIC, PICTURE, 3, key, height, width, seconds, len(pixels)))
    for start in range(0, len(pixels), LARGEST_PIECE):
        stream.write(memoryview(pixels)[start : start + LARGEST_PIECE])


def send_note(stream: BinaryIO, what: int, **note: Any) -> None:
    """Write that the child is ready, an end, or a refusal."""
    text = json.dumps(note).encode()
    stream.write(ANSWER.pack(MAGIC, what, 0, 0, 0, 0, 0.0, len(text)) + text)
    stream.flush()
