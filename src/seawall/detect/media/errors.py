"""What can be wrong with a file that somebody else made."""

from __future__ import annotations

from typing import Literal

MediaErrorKind = Literal[
    "unsupported",
    "empty",
    "too_large",
    "malformed",
    "truncated",
    "no_picture",
    "too_slow",
    "memory",
    "crashed",
    "missing",
    "closed",
]
"""
========== =======================================================================================================================
unsupported  not of a kind that is read; the message names what it is, where that can be told (PDF, SVG, HEIC, ...)
empty        no bytes
too_large    more bytes, or a picture with more pixels or longer sides, than `Limits` allow: told before anything is unpacked
malformed    begins like a picture or video of its kind, and is none
truncated    the end is missing; `Limits(partial=True)` takes what is there
no_picture   a file without any frame: sound only, or no frame that could be decoded
too_slow     the seconds that `Limits` allow were over; the decoder was ended
memory       the decoder needed more memory than `Limits` allow
crashed      the decoder died of the file, or answered what is no answer. Treat the file as hostile
missing      a package for this kind of file is not installed; the message names the extra
closed       the reader was closed
========== =======================================================================================================================
"""


class MediaError(Exception):
    """The file was not read; `kind` says how, the message says it in a sentence."""

    def __init__(self, kind: MediaErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: MediaErrorKind = kind
