"""vPDQ: a video as the PDQ hashes of its frames, and how much of two videos is the same.

After the reference (facebook/ThreatExchange, `vpdq`): a hash a second, each with its quality and its time; frames are compared as a
bag, whatever their order, so that a clip is found in a longer video. The thresholds are those of `threatexchange`'s vPDQ signal.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from seawall.detect.media.pdq import LEAST_QUALITY, MATCH_DISTANCE, PdqHash, pdq, pdq_ways
from seawall.detect.media.pool import Frame

MATCH_SHARE: Final = 0.8
"""Two videos match when this share of the frames of either is in the other (`VPDQ_CONFIDENT_MATCH_THRESHOLD`, 80 per cent)."""

_LINE: Final = re.compile(r"([0-9a-f]{64}),(\d{1,3}),(\d{1,7}(?:\.\d{1,6})?)")


@dataclass(frozen=True, slots=True)
class FrameHash:
    """The PDQ hash of a frame and its time in seconds from the beginning."""

    hash: PdqHash
    seconds: float

    def __str__(self) -> str:
        """As `threatexchange` writes it: hash, quality and seconds with three decimals."""
        return f"{self.hash.hex},{self.hash.quality},{self.seconds:.3f}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` wrote. Raises ValueError with a sentence."""
        found = _LINE.fullmatch(text.strip())
        if found is None or int(found[2]) > 100:
            raise ValueError(
                f"{text[:120]!r} is no hash of a frame; write 64 hexadecimal digits, a quality from 0 to 100 and seconds, with commas."
            )
        return cls(PdqHash(found[1], int(found[2])), float(found[3]))


@dataclass(frozen=True, slots=True)
class VideoMatch:
    """How much of two videos is the same, as shares from 0 to 1 of the frames of each that have a like in the other.

    `query_frames` and `other_frames` say of how many frames: those of enough quality, equal ones counted once. Few frames carry
    little weight: one still picture that two videos share is all of a video of one second.
    """

    query_share: float
    other_share: float
    query_frames: int
    other_frames: int

    @property
    def is_match(self) -> bool:
        """Whether the greater of the two shares reaches `MATCH_SHARE`, as in the reference."""
        return max(self.query_share, self.other_share) >= MATCH_SHARE


def hash_frames(frames: Iterable[Frame]) -> Iterator[FrameHash]:
    """The hash of each frame, in order."""
    for frame in frames:
        yield FrameHash(pdq(frame.pixels), frame.seconds)


def hash_frames_dihedral(frames: Iterable[Frame]) -> Iterator[tuple[FrameHash, ...]]:
    """The hashes of each frame in the eight ways of turning and mirroring, the original first."""
    for frame in frames:
        yield tuple(FrameHash(one, frame.seconds) for one in pdq_ways(frame.pixels).all())


def kept(frames: Iterable[FrameHash], least_quality: int = LEAST_QUALITY) -> list[FrameHash]:
    """The frames of at least that quality, the first of those with equal hashes: what is compared, and what is worth sharing."""
    first: dict[str, FrameHash] = {}
    for frame in frames:
        if frame.hash.quality >= least_quality:
            first.setdefault(frame.hash.hex, frame)
    return list(first.values())


def pruned(frames: Iterable[FrameHash], distance: int) -> list[FrameHash]:
    """Leave out frames within `distance` of the last one that stayed: a still scene needs no hash a second."""
    out: list[FrameHash] = []
    for frame in frames:
        if not out or out[-1].hash.distance(frame.hash) > distance:
            out.append(frame)
    return out


def match_videos(
    query: Iterable[FrameHash],
    other: Iterable[FrameHash],
    *,
    distance: int = MATCH_DISTANCE,
    least_quality: int = LEAST_QUALITY,
) -> VideoMatch:
    """Compare two videos by their frames; frames are alike at `distance` bits or fewer. Nothing is alike with no frames.

    The reference's C++ takes *fewer than* the distance; its Python and its description, followed here, take the distance itself too.
    """
    ours, theirs = kept(query, least_quality), kept(other, least_quality)
    if not ours or not theirs:
        return VideoMatch(0.0, 0.0, len(ours), len(theirs))
    left, right = _words(ours), _words(theirs)
    found_left = np.zeros(len(left), dtype=bool)
    found_right = np.zeros(len(right), dtype=bool)
    for at, row in enumerate(left):
        near = np.bitwise_count(right ^ row).sum(axis=1, dtype=np.int64) <= distance
        found_left[at] = near.any()
        found_right |= near
    return VideoMatch(float(found_left.mean()), float(found_right.mean()), len(left), len(right))


def _words(frames: list[FrameHash]) -> NDArray[np.uint64]:
    """The hashes as rows of four words."""
    return np.frombuffer(bytes.fromhex("".join(frame.hash.hex for frame in frames)), dtype=np.uint64).reshape(-1, 4)


def best_match(query: Iterable[tuple[FrameHash, ...]], other: Iterable[FrameHash], **options: int) -> VideoMatch:
    """The best match of a video in its eight ways (`hash_frames_dihedral`) with another one: finds turned and mirrored copies."""
    theirs, ways = list(other), list(zip(*query, strict=True))
    matches = [match_videos(way, theirs, **options) for way in ways] or [match_videos([], theirs, **options)]
    return max(matches, key=lambda one: (max(one.query_share, one.other_share), one.query_share + one.other_share))
