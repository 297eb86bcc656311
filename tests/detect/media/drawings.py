"""Pictures and videos that the tests draw themselves, by whole numbers where a hash is held against the reference's."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Pixels = NDArray[np.uint8]


def patterned(height: int, width: int, seed: int) -> Pixels:
    """A picture of whole-number arithmetic alone, the same on every machine."""
    row, column = np.mgrid[:height, :width].astype(np.int64)
    red = (row * (3 + seed) + column * 5 + (row * column) // (17 + seed)) % 256
    green = ((row * row) // (11 + seed) + column * 2) % 256
    blue = ((row // 7) * 37 + (column // 9) * (53 + seed)) % 256
    return np.stack([red, green, blue], axis=2).astype(np.uint8)


def flat(height: int, width: int, value: int) -> Pixels:
    """One colour: its hash is decided by rounding alone."""
    return np.full((height, width, 3), value, np.uint8)


def ramp(height: int, width: int) -> Pixels:
    """Grey from left to right, nearly without a gradient."""
    line = np.arange(width, dtype=np.int64) * 255 // max(1, width - 1)
    return np.broadcast_to(line[None, :, None], (height, width, 3)).astype(np.uint8)


def noise(height: int, width: int, seed: int) -> Pixels:
    """A linear congruential generator's bytes."""
    values = np.empty(height * width * 3, np.uint8)
    state = seed
    for at in range(values.size):
        state = (state * 1103515245 + 12345) % 2147483648
        values[at] = state >> 16 & 255
    return values.reshape(height, width, 3)


def scene(seed: int = 1, size: tuple[int, int] = (480, 360)) -> Image.Image:
    """A picture with shapes of several sizes, in which PDQ finds plenty."""
    draw = np.random.default_rng(seed)
    small = Image.fromarray(draw.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    image = small.resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = (int(draw.integers(0, side)) for side in size)
        w, h = (int(draw.integers(10, side // 3)) for side in size)
        colour = tuple(int(value) for value in draw.integers(0, 256, 3))
        (pen.ellipse if draw.random() < 0.5 else pen.rectangle)((x, y, x + w, y + h), fill=colour)
    return image


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    """The file of a picture."""
    held = BytesIO()
    image.save(held, name, **options)
    return held.getvalue()


def written(lines: list[str], size: int = 32) -> Image.Image:
    """Black words on white."""
    sheet = Image.new("RGB", (480, 30 + (size + 24) * len(lines)), "white")
    pen = ImageDraw.Draw(sheet)
    for at, line in enumerate(lines):
        pen.text((24, 20 + at * (size + 24)), line, font=ImageFont.load_default(size), fill="black")
    return sheet


def filmed(
    pictures: list[Image.Image],
    *,
    rate: int = 10,
    each: int = 10,
    form: str = "mp4",
    codec: str = "mpeg4",
    turn: int = 0,
) -> bytes:
    """A video that shows each picture for so many frames, moving a little."""
    held = BytesIO()
    with av.open(held, "w", format=form) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = 4_000_000
        stream.codec_context.gop_size = each
        for picture in pictures:
            for step in range(each):
                frame = av.VideoFrame.from_ndarray(np.roll(np.asarray(picture), step, axis=1), format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return held.getvalue() if not turn else _turned(held.getvalue(), turn)


def _turned(film: bytes, degrees: int) -> bytes:
    """Write into an MP4's track header that it is to be shown turned clockwise."""
    at = film.index(b"tkhd") + 4
    version = film[at]
    matrix = at + (52 if version == 1 else 40)
    one, none, less = (1 << 16).to_bytes(4, "big"), bytes(4), (-(1 << 16)).to_bytes(4, "big", signed=True)
    corners = {90: (none, one, less, none), 180: (less, none, none, less), 270: (none, less, one, none)}[degrees]
    a, b, c, d = corners
    new = a + b + none + c + d + none + none + none + (1 << 30).to_bytes(4, "big")
    return film[:matrix] + new + film[matrix + 36 :]
