"""What a file begins like decides whether any decoder sees it."""

from __future__ import annotations

import pytest

from seawall.detect.media import MediaError, kind_of


@pytest.mark.parametrize(
    ("head", "name", "family"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG", "image"),
        (b"\x89PNG\r\n\x1a\n", "PNG", "image"),
        (b"GIF89a", "GIF", "image"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP", "image"),
        (b"BM\0\0", "BMP", "image"),
        (b"MM\0*", "TIFF", "image"),
        (b"\0\0\0\x20ftypavif\0\0\0\0mif1", "AVIF", "image"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "MP4 or QuickTime", "video"),
        (b"\0\0\0\x08wide", "MP4 or QuickTime", "video"),
        (b"\x1aE\xdf\xa3", "Matroska or WebM", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "AVI", "video"),
        (b"G" + bytes(187) + b"G", "MPEG transport stream", "video"),
    ],
)
def test_what_is_read_is_recognised(head: bytes, name: str, family: str) -> None:
    kind = kind_of(head)
    assert (kind.name, kind.family) == (name, family)


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (b"%PDF-1.7", "a PDF"),
        (b'<?xml version="1.0"?>\n<!-- -->\n<svg xmlns="http://www.w3.org/2000/svg">', "an SVG drawing"),
        (b"\xef\xbb\xbf  <SVG >", "an SVG drawing"),
        ("\ufeff<svg onload='x'>".encode("utf-16-le"), "an SVG drawing"),
        (b"<!DOCTYPE html><html>", "markup"),
        (b"PK\x03\x04", "ZIP"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC picture"),
        (b"#EXTM3U\n/etc/passwd", "a playlist"),
        (b"MZ\x90", "a program"),
        (b"RIFF\0\0\0\0WAVE", "no kind of picture or video that is known"),
        (b"hello", "no kind of picture or video that is known"),
        (b"\0", "no kind of picture or video that is known"),
    ],
)
def test_what_is_not_read_is_named(head: bytes, told: str) -> None:
    with pytest.raises(MediaError, match=told) as caught:
        kind_of(head)
    assert caught.value.kind == "unsupported"
    assert "Read are JPEG" in str(caught.value)


def test_nothing_is_empty() -> None:
    with pytest.raises(MediaError, match="empty") as caught:
        kind_of(b"")
    assert caught.value.kind == "empty"
