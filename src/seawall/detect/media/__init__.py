"""Hashes of pictures and videos, and the words in pictures, from files that may be hostile. Pure: no Django.

    >>> with MediaReader() as reader:
    ...     found = hash_picture(reader, path.read_bytes())
    >>> found.pdq.hex, found.pdq.quality, found.file.sha256

Needs the extra `media`; words need the extra `ocr`. The hashes go into `seawall.index`. See docs/reference/media.md.
"""

from __future__ import annotations

from dataclasses import dataclass

from seawall.detect.media.border import without_border
from seawall.detect.media.decode import Frame, Frames, FramesTold, Limits, MediaReader, Picture, Source
from seawall.detect.media.errors import MediaError, MediaErrorKind
from seawall.detect.media.files import FileHashes, HashedFile, file_hashes
from seawall.detect.media.kinds import Kind, kind_of
from seawall.detect.media.ocr import Line, Words
from seawall.detect.media.pdq import LEAST_QUALITY, MATCH_DISTANCE, Dihedral, PdqHash, pdq, pdq_dihedral, pdq_ways
from seawall.detect.media.vpdq import (
    MATCH_SHARE,
    FrameHash,
    VideoMatch,
    best_match,
    hash_frames,
    hash_frames_dihedral,
    kept,
    match_videos,
    pruned,
)

__all__ = [
    "LEAST_QUALITY",
    "MATCH_DISTANCE",
    "MATCH_SHARE",
    "Dihedral",
    "FileHashes",
    "Frame",
    "FrameHash",
    "Frames",
    "FramesTold",
    "HashedPicture",
    "HashedVideo",
    "Kind",
    "Limits",
    "Line",
    "MediaError",
    "MediaErrorKind",
    "MediaReader",
    "PdqHash",
    "Picture",
    "Source",
    "VideoMatch",
    "Words",
    "best_match",
    "file_hashes",
    "hash_frames",
    "hash_frames_dihedral",
    "hash_picture",
    "hash_video",
    "kept",
    "kind_of",
    "match_videos",
    "pdq",
    "pdq_dihedral",
    "pdq_ways",
    "pruned",
    "without_border",
]


@dataclass(frozen=True, slots=True)
class HashedPicture:
    """Everything by which a picture is looked up. `dihedral.original` is its PDQ hash.

    `bare` are the hashes of a partly transparent picture as if nothing in it were transparent, as other software hashes it;
    `borderless` those of what lies inside a plain border.
    """

    file: FileHashes
    dihedral: Dihedral
    bare: Dihedral | None
    borderless: Dihedral | None
    picture: Picture

    @property
    def pdq(self) -> PdqHash:
        """The PDQ hash of the picture as it is shown."""
        return self.dihedral.original

    def lookups(self) -> tuple[PdqHash, ...]:
        """Every hash under which the picture may be in a bank, its own first: 8 to 24."""
        forms = [form for form in (self.dihedral, self.bare, self.borderless) if form is not None]
        return tuple(dict.fromkeys(one for form in forms for one in form.all()))


@dataclass(frozen=True, slots=True)
class HashedVideo:
    """Everything by which a video is looked up; `frames` are all that were taken, whatever their quality (see `kept`)."""

    file: FileHashes
    frames: tuple[FrameHash, ...]
    kind: str
    told: FramesTold


def hash_picture(reader: MediaReader, source: Source) -> HashedPicture:
    """Hash a picture exactly and by what it shows, in one reading of the file. Raises MediaError."""
    file = HashedFile(source)
    picture = reader.picture(file)
    bare = pdq_ways(picture.bare) if picture.bare is not None else None
    inside = without_border(picture.pixels)
    borderless = pdq_ways(inside) if inside is not None else None
    return HashedPicture(file.hashes(), pdq_ways(picture.pixels), bare, borderless, picture)


def hash_video(reader: MediaReader, source: Source, *, every: float = 1.0, keys: bool = False) -> HashedVideo:
    """Hash a video, or an animated picture, exactly and frame by frame, in one reading of the file. Raises MediaError."""
    file = HashedFile(source)
    with reader.frames(file, every=every, keys=keys) as frames:
        hashes = tuple(hash_frames(frames))
    assert frames.told is not None  # noqa: S101  (it is there once the frames are)
    return HashedVideo(file.hashes(), hashes, frames.kind, frames.told)
