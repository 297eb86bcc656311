"""What kind of file some bytes begin like. Looks at bytes only, so it is safe on anything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from seawall.detect.media.errors import MediaError

HEAD: Final = 1024
"""How many bytes of a file's beginning are looked at."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`name` as people say it; `family` is what can be done with it; `format` is the decoder's own name for it."""

    name: str
    family: Literal["image", "video"]
    format: str


_PLAIN: Final = (
    (b"\xff\xd8\xff", Kind("JPEG", "image", "JPEG")),
    (b"\x89PNG\r\n\x1a\n", Kind("PNG", "image", "PNG")),
    (b"GIF87a", Kind("GIF", "image", "GIF")),
    (b"GIF89a", Kind("GIF", "image", "GIF")),
    (b"BM", Kind("BMP", "image", "BMP")),
    (b"II*\x00", Kind("TIFF", "image", "TIFF")),
    (b"MM\x00*", Kind("TIFF", "image", "TIFF")),
    (b"II+\x00", Kind("TIFF", "image", "TIFF")),
    (b"MM\x00+", Kind("TIFF", "image", "TIFF")),
    (b"\x1aE\xdf\xa3", Kind("Matroska or WebM", "video", "matroska")),
    (b"FLV\x01", Kind("FLV", "video", "flv")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("ASF or WMV", "video", "asf")),
    (b"OggS", Kind("Ogg", "video", "ogg")),
    (b"\x00\x00\x01\xba", Kind("MPEG", "video", "mpeg")),
)
_RIFF: Final = {b"WEBP": Kind("WebP", "image", "WEBP"), b"AVI ": Kind("AVI", "video", "avi")}
_MP4: Final = Kind("MP4 or QuickTime", "video", "mp4")
_AVIF: Final = Kind("AVIF", "image", "AVIF")
_STILL_BRANDS: Final = {
    b"heic": "HEIC",
    b"heix": "HEIC",
    b"hevc": "HEIC",
    b"heim": "HEIC",
    b"mif1": "HEIF",
    b"msf1": "HEIF",
}
_NAMED: Final = (
    (b"%PDF", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"Rar!", "a RAR archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"%!PS", "PostScript"),
    (b"\xc5\xd0\xd3\xc6", "PostScript"),
    (b"8BPS", "a Photoshop file"),
    (b"\x00\x00\x01\x00", "a Windows icon"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\x00\x00\x00\x0cJXL ", "JPEG XL"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"ID3", "a sound file"),
    (b"fLaC", "a sound file"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#EXTM3U", "a playlist, which names other files"),
    (b"ffconcat", "a playlist, which names other files"),
)
_SVG: Final = re.compile(rb"<svg[\s>]", re.IGNORECASE)
_MARKUP: Final = re.compile(rb"\s*<(\?xml|!doctype|html|head|body)", re.IGNORECASE)
READ: Final = "JPEG, PNG, GIF, WebP, BMP, TIFF and AVIF pictures and MP4, QuickTime, Matroska, WebM, AVI, FLV, MPEG, ASF and Ogg videos"


def kind_of(head: bytes) -> Kind:
    """The kind of the file that begins with `head` (the first `HEAD` bytes of it, or all if it is shorter).

    A kind says how the file *begins*; whether it is one is for the decoder to find. Raises MediaError "empty" or "unsupported".
    """
    if not head:
        raise MediaError("empty", "The file is empty.")
    for magic, kind in _PLAIN:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] in _RIFF:
        return _RIFF[head[8:12]]
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return _MP4
    if head[4:8] == b"ftyp":
        return _iso(head)
    if len(head) > 188 and head[0] == 0x47 and head[188] == 0x47:
        return Kind("MPEG transport stream", "video", "mpegts")
    raise _refused(_name_of(head))


def _iso(head: bytes) -> Kind:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))]
    if b"avif" in brands or b"avis" in brands:
        return _AVIF
    if brands[0] in _STILL_BRANDS:
        raise _refused(f"a {_STILL_BRANDS[brands[0]]} picture")
    return _MP4


def _name_of(head: bytes) -> str | None:
    for magic, name in _NAMED:
        if head.startswith(magic):
            return name
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        text = head[2:].replace(b"\0", b"")
    if _SVG.search(text):
        return "an SVG drawing, which is a program more than a picture"
    return "a page or another text in markup" if _MARKUP.match(text) else None


def _refused(what: str | None) -> MediaError:
    said = f"The file is {what}" if what else "The file begins like no kind of picture or video that is known"
    return MediaError("unsupported", f"{said}; it is not opened. Read are {READ}.")
