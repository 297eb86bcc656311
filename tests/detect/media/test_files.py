"""Exact hashes, of bytes and of streams, in one reading."""

from __future__ import annotations

from io import BytesIO

import pytest

from seawall.detect.media import FileHashes, MediaError, file_hashes

ABC = FileHashes(
    "900150983cd24fb0d6963f7d28e17f72", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 3
)  # RFC 1321 and FIPS 180-4 give these


def test_known_hashes() -> None:
    assert file_hashes(b"abc") == ABC
    assert file_hashes(BytesIO(b"abc")) == ABC
    assert file_hashes(b"").md5 == "d41d8cd98f00b204e9800998ecf8427e"


def test_a_large_stream_is_the_same_as_its_bytes() -> None:
    data = bytes(range(256)) * 12_000
    assert file_hashes(BytesIO(data)) == file_hashes(data)
    assert file_hashes(data).size == len(data)


def test_reading_stops_at_the_cap() -> None:
    assert file_hashes(b"abc", max_bytes=3) == ABC
    with pytest.raises(MediaError) as caught:
        file_hashes(b"abc", max_bytes=2)
    assert caught.value.kind == "too_large"
