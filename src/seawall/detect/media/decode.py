"""Pictures out of files that somebody else made, decoded where they can do no harm.

Decoders of pictures and videos are large, old and written in C, and whoever posts a file chooses what they are fed. So no file is
decoded in this process: :class:`MediaReader` hands it to a process that has given up everything but computing (`child/walls.py`),
takes raw pixels back, and believes nothing of what comes back without checking it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from seawall.detect.media.errors import MediaError
from seawall.detect.media.kinds import HEAD, Kind, kind_of
from seawall.detect.media.ocr import Words, words_of
from seawall.detect.media.pool import Bounds, Frame, Pool, Readable, Reading, Task

Source = bytes | Readable
"""A file: its bytes, or something with `read(size)`, as a stream opened in binary mode, which is read from where it stands."""

Sampling = Literal["steady", "key frames", "animation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a file may cost. What is over a limit is refused with a MediaError that says which.

    Parameters
    ----------
    max_bytes
        Bytes of a picture's file; `max_video_bytes` of a video's.
    max_pixels, max_side
        Pixels and pixels along a side of a picture or a video's frame, as the file states them: larger ones are not unpacked.
    keep_pixels
        Larger pictures are reduced by a whole number until they have at most this many pixels, before they are handed over and hashed.
    max_frames, max_decoded
        Frames of a video that are handed over, and that are decoded at all. A video with more frames than `max_decoded` is read by
        its key frames; one that lasts longer than `max_frames` times the spacing is sampled more widely.
    seconds, video_seconds
        By the clock, for a picture (also for reading its words) and for a video; a decoder that takes longer is ended. Half as many
        again, at least one, of the processor's.
    memory
        Bytes that a decoder may take beyond what it needs to start.
    partial
        Take what there is of a file that is cut short, in place of refusing it.
    """

    max_bytes: int = 64 << 20
    max_video_bytes: int = 512 << 20
    max_pixels: int = 80_000_000
    max_side: int = 32_767
    keep_pixels: int = 16_000_000
    max_frames: int = 900
    max_decoded: int = 30_000
    seconds: float = 20.0
    video_seconds: float = 300.0
    memory: int = 1 << 30
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture upright, on white, (height, width, 3) of uint8.

    `width` and `height` are the file's own, before it was turned as its EXIF note says (`turned`) or reduced. `animated` says that
    more frames follow. `bare` is there when something in it is transparent: its colours as if nothing were. Other software hashes
    that form, and what it shows can differ from what people see.
    """

    pixels: NDArray[np.uint8]
    bare: NDArray[np.uint8] | None
    kind: str
    width: int
    height: int
    turned: bool
    animated: bool


@dataclass(frozen=True, slots=True)
class FramesTold:
    """What was found about a video when its frames had been read.

    `complete` is false where a limit ended the reading. `sampling` says which frames were taken: at the spacing that was asked for
    (a wider one for long videos), key frames only, or an animation's. `duration` is in seconds; None where the file does not say.
    """

    complete: bool
    sampling: Sampling
    duration: float | None


class Frames:
    """The frames of a video or an animation, one after the other; `told` is there when the last one was taken.

    Holds a process until it is exhausted or closed: use it as a context manager, or to its end.
    """

    def __init__(self, kind: Kind, frames: Reading) -> None:
        self.kind = kind.name
        self.told: FramesTold | None = None
        self._frames = self._reading(frames)

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the reading; the process that decodes is ended with it unless it had come to the end."""
        self._frames.close()

    def _reading(self, frames: Reading) -> Generator[Frame, None, None]:
        note = yield from frames
        sampling, duration = note.get("sampling"), note.get("duration")
        if sampling not in ("steady", "key frames", "animation"):
            raise MediaError("crashed", "The decoder answered what is no answer. Treat the file as hostile.")
        self.told = FramesTold(
            note.get("complete") is True, sampling, float(duration) if isinstance(duration, int | float) else None
        )


class MediaReader:
    """Decodes pictures, videos and the words in pictures in processes of its own. Safe to share between threads.

    Parameters
    ----------
    workers
        The most processes of each kind (pictures, videos, words); each is started when it is first needed.
    files_per_worker
        After so many files a process is replaced: 1 lets no file share a process with another one, at the price of a start each.

    Make it after forking, not before. Works as root, whose processes become nobody, and as an ordinary user.
    """

    def __init__(self, limits: Limits | None = None, *, workers: int = 1, files_per_worker: int = 100) -> None:
        self.limits = limits or Limits()
        if workers < 1 or files_per_worker < 1:
            raise ValueError("A reader needs at least one worker, and a worker at least one file.")
        given = self.limits
        bounds = Bounds(
            memory=given.memory,
            cpu_seconds=_processor(given.seconds),
            seconds=given.seconds,
            max_bytes=given.max_bytes,
            keep_pixels=given.keep_pixels,
            max_frames=given.max_frames,
            files=files_per_worker,
        )
        film = replace(
            bounds,
            cpu_seconds=_processor(given.video_seconds),
            seconds=given.video_seconds,
            max_bytes=given.max_video_bytes,
            memory=given.memory + given.max_video_bytes,
        )
        # What the models of the reader of words take for a large picture lies beyond what decoding one takes.
        page = replace(bounds, memory=given.memory + (2 << 30), keep_pixels=min(given.keep_pixels, 8_000_000))
        self._pools: dict[Task, Pool] = {
            "image": Pool("image", bounds, workers),
            "video": Pool("video", film, workers),
            "words": Pool("words", page, workers),
        }
        self._page = page

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        for pool in self._pools.values():
            pool.close()

    def walls(self, task: Task = "image") -> tuple[str, ...]:
        """Which walls stand around the processes of a task: descriptors, files, processor, memory, nobody, calls.

        `nobody` is missing when this process is not root (theirs is then an ordinary user's too), `calls` where the kernel has no seccomp.
        """
        return self._pools[task].walls()

    def picture(self, source: Source) -> Picture:
        """Decode a picture, of an animation the first frame. Raises MediaError."""
        kind, head, rest = _begun(source)
        if kind.family != "image":
            raise MediaError(
                "unsupported", f"The file is a video ({kind.name}); read its frames, or its words, instead."
            )
        shown, note = _drained(self._pools["image"].run(self._job(kind, want="picture"), head, rest))
        width, height = (value if isinstance(value, int) else 0 for value in (note.get("width"), note.get("height")))
        bare = shown[1].pixels if len(shown) > 1 else None
        return Picture(
            shown[0].pixels, bare, kind.name, width, height, note.get("turned") is True, note.get("animated") is True
        )

    def frames(self, source: Source, *, every: float = 1.0, keys: bool = False) -> Frames:
        """The frames of a video or an animation, `every` so many seconds.

        The frames taken are those that the reference's vPDQ takes: every n-th, n being the whole part of `every` times the rate.
        With `keys` also key frames, where scenes begin (at most one in a quarter of the spacing). Raises MediaError, also later,
        while the frames are taken.
        """
        if not 0.001 <= every <= 3600:
            raise ValueError(f"The spacing is {every!r} seconds; it must be from 0.001 to 3600.")
        kind, head, rest = _begun(source)
        pool = self._pools["image" if kind.family == "image" else "video"]
        return Frames(kind, pool.run(self._job(kind, want="frames", every=every, keys=keys), head, rest))

    def words(self, source: Source) -> Words:
        """The words in a picture, by optical character recognition; needs the extra `ocr`. Raises MediaError."""
        kind, head, rest = _begun(source)
        if kind.family != "image":
            raise MediaError("unsupported", f"The file is a video ({kind.name}); words are read from pictures.")
        job = self._job(kind, want="words") | {"keep_pixels": self._page.keep_pixels}
        _, note = _drained(self._pools["words"].run(job, head, rest))
        return words_of(note)

    def _job(self, kind: Kind, **asked: Any) -> dict[str, Any]:
        given = self.limits
        return {
            "format": kind.format,
            "partial": given.partial,
            "max_pixels": given.max_pixels,
            "max_side": given.max_side,
            "keep_pixels": given.keep_pixels,
            "max_frames": given.max_frames,
            "max_decoded": given.max_decoded,
            **asked,
        }


def _processor(seconds: float) -> int:
    return max(1, int(seconds * 1.5))


def _begun(source: Source) -> tuple[Kind, bytes, Readable | None]:
    if isinstance(source, bytes):
        return kind_of(source[:HEAD]), source, None
    head = bytearray()
    while len(head) < HEAD and (part := source.read(HEAD - len(head))):
        head += part
    return kind_of(bytes(head)), bytes(head), source


def _drained(frames: Reading) -> tuple[list[Frame], dict[str, Any]]:
    """Every frame, and the note at the end."""
    taken: list[Frame] = []
    while True:
        try:
            taken.append(next(frames))
        except StopIteration as end:
            return taken, end.value


__all__ = ["Frame", "Frames", "FramesTold", "Limits", "MediaReader", "Picture", "Source"]
