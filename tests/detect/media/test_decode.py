"""Pictures of every kind come out alike; what would cost too much or is broken is refused in words."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.detect.media.drawings import encoded, filmed, patterned, scene

from seawall.detect.media import Limits, MediaError, MediaReader, hash_picture, kind_of, pdq

FORMATS = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "GIF": {},
    "WEBP": {"quality": 90},
    "BMP": {},
    "TIFF": {"compression": "tiff_deflate"},
    "AVIF": {"quality": 80},
}


def refusal(reader: MediaReader, data: bytes) -> MediaError:
    with pytest.raises(MediaError) as caught:
        reader.picture(data)
    return caught.value


def png(width: int, height: int, data: bytes, *more: tuple[bytes, bytes]) -> bytes:
    """A PNG of one bit a pixel with whatever data."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunks = [(b"IHDR", head), *more, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_picture(reader: MediaReader, name: str) -> None:
    image = scene(1)
    picture = reader.picture(encoded(image, name, **FORMATS[name]))
    assert picture.pixels.shape == (360, 480, 3)
    assert (picture.width, picture.height, picture.turned, picture.animated, picture.bare) == (
        480,
        360,
        False,
        False,
        None,
    )
    assert pdq(picture.pixels).distance(pdq(np.asarray(image))) <= 10


@pytest.mark.parametrize("name", ["PNG", "BMP", "TIFF"])
def test_a_lossless_format_gives_every_pixel(reader: MediaReader, name: str) -> None:
    pixels = patterned(37, 51, 1)
    assert (reader.picture(encoded(Image.fromarray(pixels), name)).pixels == pixels).all()


@pytest.mark.parametrize(
    ("mode", "name"),
    [("CMYK", "JPEG"), ("CMYK", "TIFF"), ("L", "PNG"), ("P", "PNG"), ("P", "GIF"), ("LAB", "TIFF"), ("YCbCr", "TIFF")],
)
def test_every_mode_gives_the_picture(reader: MediaReader, mode: str, name: str) -> None:
    image = scene(2)
    picture = reader.picture(encoded(image.convert(mode), name))
    assert pdq(picture.pixels).distance(pdq(np.asarray(image))) <= 16


def test_one_bit_a_pixel(reader: MediaReader) -> None:
    image = scene(2).convert("1")
    assert (reader.picture(encoded(image, "PNG")).pixels == np.asarray(image.convert("RGB"))).all()


@pytest.mark.parametrize("name", ["PNG", "TIFF"])
def test_sixteen_bits_keep_their_upper_half(reader: MediaReader, name: str) -> None:
    grey = np.asarray(scene(1).convert("L"))
    deep = Image.fromarray(grey.astype(np.uint16) * 256 + 77)
    assert deep.mode == "I;16"
    assert (reader.picture(encoded(deep, name)).pixels[:, :, 1] == grey).all()


@pytest.mark.parametrize(("full", "scale"), [(1.0, 255), (255.0, 1), (65_535.0, 1 / 257)])
def test_floating_brightness_is_scaled(reader: MediaReader, full: float, scale: float) -> None:
    values = np.linspace(0, full, 40 * 30, dtype=np.float32).reshape(30, 40)
    shown = reader.picture(encoded(Image.fromarray(values), "TIFF")).pixels[:, :, 0].astype(float)
    assert np.abs(shown - values * scale).max() <= 1.01


def test_brightness_that_is_no_number_is_refused(reader: MediaReader) -> None:
    values = np.full((30, 40), np.nan, np.float32)
    assert refusal(reader, encoded(Image.fromarray(values), "TIFF")).kind == "malformed"


def test_what_is_transparent_lies_on_white_and_comes_bare_too(reader: MediaReader) -> None:
    image = scene(1).convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    picture = reader.picture(encoded(image, "PNG"))
    white = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    assert (picture.pixels == np.asarray(white)).all()
    assert picture.bare is not None
    assert (picture.bare == np.asarray(image)[:, :, :3]).all()
    found = hash_picture(reader, encoded(image, "PNG"))
    assert found.bare is not None
    assert found.bare.original == pdq(np.asarray(scene(1)))


def test_a_transparent_colour_of_a_palette(reader: MediaReader) -> None:
    image = Image.new("P", (20, 20), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.paste(1, (10, 0, 20, 20))
    picture = reader.picture(encoded(image, "PNG", transparency=0))
    assert picture.pixels[5, 5].tolist() == [255, 255, 255]
    assert picture.pixels[5, 15].tolist() == [0, 0, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_note_on_how_it_was_held_is_followed(reader: MediaReader, orientation: int, name: str) -> None:
    image = scene(1)
    exif = Image.Exif()
    exif[0x0112] = orientation
    lossless = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}.get(name, {})
    picture = reader.picture(encoded(image, name, exif=exif, **lossless))
    upright = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, 1),
    }[orientation](np.asarray(image))
    assert picture.pixels.shape == upright.shape
    assert np.abs(picture.pixels.astype(int) - upright).mean() < 4
    assert picture.turned == (orientation > 1)
    assert (picture.width, picture.height) == (480, 360)


def test_a_broken_note_on_how_it_was_held_is_no_reason_to_refuse(reader: MediaReader) -> None:
    data = encoded(scene(1), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\xff\xff")
    assert reader.picture(data).pixels.shape == (360, 480, 3)


def test_the_first_frame_of_an_animation(reader: MediaReader) -> None:
    scenes = [scene(seed).quantize() for seed in (1, 2, 3)]
    picture = reader.picture(encoded(scenes[0], "GIF", save_all=True, append_images=scenes[1:], duration=500))
    assert picture.animated
    assert pdq(picture.pixels).distance(pdq(np.asarray(scene(1)))) <= 10


@pytest.mark.parametrize("name", ["GIF", "WEBP", "PNG"])
def test_the_frames_of_an_animation_with_their_times(reader: MediaReader, name: str) -> None:
    scenes = [scene(seed) for seed in (1, 2, 3, 4)]
    data = encoded(scenes[0], name, save_all=True, append_images=scenes[1:], duration=500)
    with reader.frames(data, every=0.5) as frames:
        taken = list(frames)
    assert [frame.seconds for frame in taken] == [0, 0.5, 1.0, 1.5]
    for frame, drawn in zip(taken, scenes, strict=True):
        assert pdq(frame.pixels).distance(pdq(np.asarray(drawn))) <= 16
    assert frames.told is not None
    assert (frames.told.complete, frames.told.sampling) == (True, "animation")
    with reader.frames(data, every=1.0) as frames:
        assert [frame.seconds for frame in frames] == [0, 1.0]


def test_a_stream_is_read_from_where_it_stands(reader: MediaReader, tmp_path: Path) -> None:
    data = encoded(scene(1), "PNG")
    (tmp_path / "file").write_bytes(b"before" + data)
    with (tmp_path / "file").open("rb") as file:
        file.seek(6)
        found = hash_picture(reader, file)
    assert found.file == hash_picture(reader, data).file
    assert found.file.size == len(data)


def test_a_large_picture_is_reduced_and_hashes_the_same() -> None:
    image = scene(1, (1600, 1200))
    with MediaReader(Limits(keep_pixels=500_000)) as reader:
        picture = reader.picture(encoded(image, "PNG"))
    assert picture.pixels.shape == (600, 800, 3)
    assert (picture.width, picture.height) == (1600, 1200)
    assert pdq(picture.pixels).distance(pdq(np.asarray(image))) <= 6


def test_a_bomb_is_refused_by_its_own_word(reader: MediaReader) -> None:
    huge = png(32_000, 32_000, zlib.compress(bytes(4_001 * 32_000), 9))
    assert len(huge) < 200_000
    error = refusal(reader, huge)
    assert (error.kind, str(error)) == ("too_large", "The picture is too large: 32000 x 32000 pixels.")
    assert refusal(reader, png(2_000_000_000, 1, b"")).kind == "too_large"
    assert refusal(reader, png(40_000, 10, b"")).kind == "too_large"


def test_text_that_unpacks_without_end_is_refused(reader: MediaReader) -> None:
    swollen = b"note\0\0" + zlib.compress(bytes(200_000_000), 9)
    error = refusal(reader, png(8, 8, zlib.compress(bytes(16)), (b"zTXt", swollen), (b"zTXt", swollen)))
    assert error.kind in ("malformed", "memory")


def test_a_decoder_gets_no_more_memory_than_it_may() -> None:
    black = png(9_000, 9_000, zlib.compress(bytes(1_126 * 9_000), 9))
    with MediaReader(Limits(memory=48 << 20, max_pixels=100_000_000)) as reader:
        error = refusal(reader, black)
        assert (error.kind, str(error)) == ("memory", "Decoding the file needs more memory than is allowed.")
        assert reader.picture(encoded(scene(1), "JPEG")).width == 480


def test_too_many_bytes_are_refused_while_they_are_read() -> None:
    data = encoded(scene(1), "BMP")
    with MediaReader(Limits(max_bytes=100_000)) as reader:
        for source in (data, BytesIO(data)):
            with pytest.raises(MediaError, match="more than 100000 bytes") as caught:
                reader.picture(source)
            assert caught.value.kind == "too_large"
        assert reader.picture(encoded(scene(1), "JPEG")).width == 480


def test_an_animation_of_many_frames_ends_at_the_limit() -> None:
    tiny = [Image.new("RGB", (4, 4), (at % 250, 0, 0)) for at in range(300)]
    data = encoded(tiny[0], "GIF", save_all=True, append_images=tiny[1:], duration=100)
    with MediaReader(Limits(max_frames=20)) as reader, reader.frames(data, every=0.1) as frames:
        assert len(list(frames)) == 20
        assert frames.told is not None
        assert not frames.told.complete


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "BMP"])
def test_a_file_cut_short_is_refused(reader: MediaReader, name: str) -> None:
    data = encoded(scene(1), name, **FORMATS[name])
    error = refusal(reader, data[: len(data) // 2])
    assert error.kind in ("truncated", "malformed")
    assert "cut short" in str(error) or "damaged" in str(error)
    assert refusal(reader, data[:20]).kind in ("truncated", "malformed")
    assert reader.picture(data).width == 480


def test_a_file_cut_short_says_so(reader: MediaReader) -> None:
    data = encoded(scene(1), "JPEG")
    error = refusal(reader, data[: len(data) // 2])
    assert error.kind == "truncated"
    assert str(error).startswith("The file is cut short: ")


def test_what_there_is_of_it_is_taken_when_asked() -> None:
    image = scene(1)
    data = encoded(image, "JPEG", quality=90)
    with MediaReader(Limits(partial=True)) as reader:
        picture = reader.picture(data[: len(data) * 19 // 20])
    assert pdq(picture.pixels).distance(pdq(np.asarray(image))) <= 31


@pytest.mark.parametrize("name", FORMATS)
def test_no_damage_brings_anything_but_a_refusal_or_a_picture(reader: MediaReader, name: str) -> None:
    data = encoded(scene(1, (96, 72)), name, **FORMATS[name])
    draw = np.random.default_rng(len(data))
    kinds = set()
    for _ in range(60):
        broken = bytearray(data)
        for _ in range(int(draw.integers(1, 12))):
            broken[int(draw.integers(len(broken)))] = int(draw.integers(256))
        try:
            picture = reader.picture(bytes(broken))
        except MediaError as error:
            kinds.add(error.kind)
        else:
            assert picture.pixels.size > 0
    assert kinds <= {"malformed", "truncated", "too_large", "unsupported"}


def test_a_video_is_no_picture_and_says_what_to_do(reader: MediaReader) -> None:
    error = refusal(reader, filmed([scene(1, (64, 48))]))
    assert error.kind == "unsupported"
    assert "read its frames" in str(error)
    assert kind_of(filmed([scene(1, (64, 48))])[:64]).family == "video"
