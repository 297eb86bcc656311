"""Videos by PyAV (FFmpeg's libraries): frames at a steady spacing and key frames, as rows of red, green and blue."""

from __future__ import annotations

import math
from io import BytesIO
from typing import Any, BinaryIO

import av
import av.error
import av.logging
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from . import wire
from .refusal import Refusal

_BROKEN = (av.error.FFmpegError, ValueError, EOFError, OSError)


def prepare() -> None:
    """Have FFmpeg set up what it sets up at first use: a tiny video is written and read."""
    av.logging.set_level(None)
    held = BytesIO()
    with av.open(held, "w", format="matroska") as made:
        stream = made.add_stream("mpeg4", rate=5)
        assert isinstance(stream, VideoStream)  # noqa: S101
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(3):
            made.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        made.mux(stream.encode(None))
    held.seek(0)
    with av.open(held, "r", format="matroska") as read:
        for frame in read.decode(video=0):
            _turned(_rgb(frame, VideoReformatter(), 1 << 20), 90)


def answer(answers: BinaryIO, data: BytesIO, job: dict[str, Any]) -> dict[str, Any]:
    """Send the frames that the job asks for; returns what is to be told of the video."""
    try:
        with av.open(data, "r", format=job["format"], metadata_errors="replace") as container:
            return _send_frames(answers, container, job)
    except MemoryError:
        raise
    except av.error.MemoryError:
        raise MemoryError from None
    except av.error.EOFError:
        raise Refusal("truncated", "its end is missing") from None
    except _BROKEN as error:
        raise Refusal("malformed", _said(error)) from None


def _send_frames(answers: BinaryIO, container: InputContainer, job: dict[str, Any]) -> dict[str, Any]:
    if not container.streams.video:
        raise Refusal("no_picture", "it has no pictures, only sound or nothing")
    stream = container.streams.video[0]
    context = stream.codec_context
    width, height = context.width, context.height
    _hold(width, height, job)
    context.thread_count = 1
    context.thread_type = "NONE"
    rate = _rate(stream)
    seconds = _length(container, stream)
    every, keys_only = float(job["every"]), False
    if seconds:
        every = max(every, seconds / job["max_frames"])
        keys_only = seconds * rate > job["max_decoded"]
    if keys_only:
        context.skip_frame = "NONKEY"
    step = max(1, int(every * rate))
    reformatter = VideoReformatter()
    decoded = sent = 0
    broken, complete = "", True
    begin, last_sent, last_seen = None, -math.inf, 0.0
    frames = container.decode(stream)
    while True:
        try:
            frame = next(frames)
        except StopIteration:
            break
        except (av.error.MemoryError, MemoryError):
            raise MemoryError from None
        except _BROKEN as error:
            broken = _said(error)
            break
        at = decoded / rate if frame.time is None else float(frame.time)
        begin = at if begin is None else begin
        at = max(at - begin, last_seen)
        last_seen = at
        due = at - last_sent >= every if keys_only else decoded % step == 0
        extra = job["keys"] and frame.key_frame and at - last_sent >= every / 4
        decoded += 1
        if not (due or extra):
            if decoded >= job["max_decoded"]:
                complete = False
                break
            continue
        if sent == job["max_frames"] or decoded > job["max_decoded"]:
            complete = False
            break
        _hold(frame.width, frame.height, job)
        picture = _rgb(frame, reformatter, job["keep_pixels"])
        high, wide, pixels = _turned(picture, frame.rotation)
        wire.send_picture(answers, high, wide, pixels, seconds=at, key=bool(frame.key_frame))
        sent, last_sent = sent + 1, at
    if broken and not (job["partial"] and sent):
        raise Refusal("malformed", broken)
    if not sent:
        raise Refusal("no_picture", "none of its frames could be decoded")
    if seconds and complete and not keys_only and not job["partial"] and last_seen < 0.9 * seconds - 2.0:
        raise Refusal("truncated", f"it says that it lasts {seconds:.1f} seconds, and {last_seen:.1f} are there")
    return {
        "width": width,
        "height": height,
        "complete": complete,
        "sampling": "key frames" if keys_only else "steady",
        "duration": seconds or None,
    }


def _hold(width: int, height: int, job: dict[str, Any]) -> None:
    if width < 1 or height < 1:
        raise Refusal("malformed", f"it says that it is {width} x {height} pixels")
    if max(width, height) > job["max_side"] or width * height > job["max_pixels"]:
        raise Refusal("too_large", f"{width} x {height} pixels")


def _rate(stream: VideoStream) -> float:
    for rate in (stream.average_rate, stream.base_rate):
        if rate and 0.01 <= float(rate) <= 1000:
            return float(rate)
    return 25.0


def _length(container: InputContainer, stream: VideoStream) -> float:
    """The seconds that the file says it lasts; 0 where it says nothing that can be."""
    if stream.duration and stream.time_base:
        told = float(stream.duration * stream.time_base)
    else:
        told = (container.duration or 0) / 1_000_000
    return told if 0 < told < 1_000_000 else 0.0


def _rgb(frame: av.VideoFrame, reformatter: VideoReformatter, most: int) -> av.VideoFrame:
    factor = max(1, math.ceil(math.sqrt(frame.width * frame.height / most)))
    width, height = max(1, frame.width // factor), max(1, frame.height // factor)
    return reformatter.reformat(frame, width, height, "rgb24", interpolation="AREA", threads=1)


def _turned(frame: av.VideoFrame, degrees: int) -> tuple[int, int, bytes]:
    """The rows of the frame without padding, turned as the file says that it is to be shown (by quarters)."""
    plane = frame.planes[0]
    raw, width, height = bytes(plane), frame.width, frame.height
    if plane.line_size != width * 3:
        raw = b"".join(raw[row * plane.line_size : row * plane.line_size + width * 3] for row in range(height))
    quarters = round(degrees / 90) % 4
    if not quarters:
        return height, width, raw
    turned = Image.frombytes("RGB", (width, height), raw).transpose(
        (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)[quarters - 1]
    )
    return turned.height, turned.width, turned.tobytes()


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
