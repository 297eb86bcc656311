"""Pictures by Pillow: the first frame of a file, or the frames of an animation, as rows of red, green and blue."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any

# Every decoder is imported here, because nothing can be opened once the walls stand.
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    ImageOps,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
    features,
)

from .refusal import Refusal

_PLUGINS = (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)
_NAMES = {"JPEG": ("JPEG", "MPO"), "BMP": ("BMP",)}
_WHITE = (255, 255, 255, 255)
_MOST_PLACES = 1 << 20


def prepare() -> None:
    """Have every decoder ready: what Pillow loads at first use it must load before the walls stand."""
    Image._initialized = 2  # Pillow looks for no further decoders
    Image.MAX_IMAGE_PIXELS = None  # the limits of the job are held before anything is unpacked
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    warnings.simplefilter("ignore")
    sample = Image.new("RGB", (8, 8), (10, 200, 30))
    for name in ("JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"):
        if name == "AVIF" and not features.check("avif"):
            continue
        held = BytesIO()
        options: dict[str, Any] = {"compression": "tiff_lzw"} if name == "TIFF" else {}
        if name in ("JPEG", "WEBP"):
            options["exif"] = _exif_upright()
        sample.save(held, name, **options)
        held.seek(0)
        _upright(_open(held, name))
    for mode in ("CMYK", "LA", "PA", "P", "I", "F", "1", "LAB", "HSV", "YCbCr"):
        rgb(Image.new(mode, (2, 2)))


def first(data: BytesIO, name: str, job: dict[str, Any]) -> tuple[list[Image.Image], dict[str, Any]]:
    """The first frame of the file, upright, on white, no larger than the job wants, and what is to be told of the file.

    Of a picture with something transparent also a second form, in which the colours stand as if nothing were transparent.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = bool(job["partial"])
    image = _open(data, name)
    told = _told(image, job)
    held = _orientation(image)
    _load(image)
    told["turned"] = held != 1
    if name == "TIFF" and held >= 5:  # Pillow turns these itself, their size too
        told["width"], told["height"] = told["height"], told["width"]
    told["animated"] = bool(getattr(image, "is_animated", False))
    shown = [_upright(_small(image, job["keep_pixels"]))]
    if bare := _bare(image):
        shown.append(_upright(_small(bare, job["keep_pixels"])))
    return shown, told


def frames(data: BytesIO, name: str, job: dict[str, Any]) -> Iterator[tuple[Image.Image, float]]:
    """The frames of an animation with their times in seconds; one of a still picture."""
    ImageFile.LOAD_TRUNCATED_IMAGES = bool(job["partial"])
    image = _open(data, name)
    _told(image, job)
    at, seconds = 0, 0.0
    while True:
        _load(image)
        yield _upright(_small(image, job["keep_pixels"])), seconds
        lasts = image.info.get("duration", 100)
        seconds += max(float(lasts), 20.0) / 1000 if isinstance(lasts, int | float) and math.isfinite(lasts) else 0.1
        at += 1
        try:
            image.seek(at)
        except EOFError:
            return


def _open(data: BytesIO, name: str) -> Image.Image:
    try:
        return Image.open(data, formats=_NAMES.get(name, (name,)))
    except MemoryError:
        raise
    except UnidentifiedImageError:
        raise Refusal("malformed", "its beginning cannot be read") from None
    except Exception as error:
        raise _why(error) from None


def _told(image: Image.Image, job: dict[str, Any]) -> dict[str, Any]:
    width, height = image.size
    if width < 1 or height < 1:
        raise Refusal("malformed", f"it says that it is {width} x {height} pixels")
    if max(width, height) > job["max_side"] or width * height > job["max_pixels"]:
        raise Refusal("too_large", f"{width} x {height} pixels")
    return {"width": width, "height": height}


def _orientation(image: Image.Image) -> int:
    """How the picture was held: 1 is upright, 2 to 8 are the other ways of EXIF."""
    try:
        found = image.getexif().get(0x0112, 1)
    except MemoryError:
        raise
    except Exception:
        return 1
    return found if isinstance(found, int) and 2 <= found <= 8 else 1


def _load(image: Image.Image) -> None:
    try:
        image.load()
    except MemoryError:
        raise
    except Exception as error:
        raise _why(error) from None


def _why(error: Exception) -> Refusal:
    said = f"{type(error).__name__}: {error}"
    cut = isinstance(error, EOFError) or "truncated" in said.lower() or "not enough" in said.lower()
    return Refusal("truncated" if cut else "malformed", said)


def _small(image: Image.Image, most: int) -> Image.Image:
    """On white, in red, green and blue, and reduced by a whole number when it has more than `most` pixels."""
    plain = rgb(image)
    factor = math.ceil(math.sqrt(plain.width * plain.height / most))
    return plain.reduce(factor) if factor > 1 and min(plain.size) >= factor else plain


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except MemoryError:
        raise
    except Exception:
        return image


def rgb(image: Image.Image) -> Image.Image:
    """Any mode as red, green and blue of 8 bits: what is transparent lies on white, 16 bits keep their upper half."""
    plain = _eight_bits(image)
    if plain.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in plain.info:
        clear = plain.convert("RGBA")
        out = Image.alpha_composite(Image.new("RGBA", clear.size, _WHITE), clear).convert("RGB")
    else:
        out = plain if plain.mode == "RGB" else plain.convert("RGB")
    if out is not image:
        exif = image.info.get("exif")
        if exif:
            out.info["exif"] = exif
        out._exif = getattr(image, "_exif", None)
    return out


def _bare(image: Image.Image) -> Image.Image | None:
    """The colours behind what is transparent; None when nothing is."""
    if not image.has_transparency_data:
        return None
    clear = image.convert("RGBA")
    low, _ = clear.getchannel("A").getextrema()
    if isinstance(low, tuple) or low == 255:
        return None
    bare = clear.convert("RGB")
    bare._exif = getattr(image, "_exif", None)
    return bare


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode in ("I;16", "I;16L", "I;16N", "I;16B"):
        start = 0 if image.mode == "I;16B" else 1
        return Image.frombytes("L", image.size, image.tobytes()[start::2])
    if image.mode in ("I", "F"):
        low, high = image.getextrema()
        if not (
            isinstance(low, int | float)
            and isinstance(high, int | float)
            and math.isfinite(low)
            and math.isfinite(high)
        ):
            raise Refusal("malformed", "it holds numbers that are no brightness")
        full = 1.0 if image.mode == "F" and low >= 0 and high <= 1 else 255.0 if high <= 255 else 65_535.0
        return image.convert("F").point(lambda value: value * (255.0 / full)).convert("L")
    return image


def _exif_upright() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()
