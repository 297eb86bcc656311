"""A file's exact hashes: the same bytes, the same hash; one changed byte, another."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Final

from seawall.detect.media.errors import MediaError
from seawall.detect.media.pool import Readable

_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class FileHashes:
    """MD5 (what older lists hold; never proof by itself) and SHA-256 as lower-case hexadecimal digits, and the size in bytes."""

    md5: str
    sha256: str
    size: int


class HashedFile:
    """A file that is being read by somebody else, and hashed on the way."""

    def __init__(self, source: bytes | Readable) -> None:
        self._stream: Readable = io.BytesIO(source) if isinstance(source, bytes) else source
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self._size = 0

    def read(self, size: int = _PIECE, /) -> bytes:
        """Read on; returns no bytes at the end."""
        part = self._stream.read(size)
        self._md5.update(part)
        self._sha256.update(part)
        self._size += len(part)
        return part

    def hashes(self) -> FileHashes:
        """The hashes of the whole file: what nobody has read yet is read now."""
        while self.read():
            pass
        return FileHashes(self._md5.hexdigest(), self._sha256.hexdigest(), self._size)


def file_hashes(source: bytes | Readable, *, max_bytes: int | None = None) -> FileHashes:
    """MD5 and SHA-256 of bytes, or of what a stream in binary mode still holds, read a mebibyte at a time.

    Raises MediaError "too_large" when there are more than `max_bytes`.
    """
    file = HashedFile(source)
    if max_bytes is None:
        return file.hashes()
    while part := file.read(_PIECE):
        max_bytes -= len(part)
        if max_bytes < 0:
            raise MediaError("too_large", "The file has more bytes than are allowed; reading stopped.")
    return file.hashes()
