"""How well copies of pictures and videos are found after what people do to them, and how quickly files are hashed.

    python benchmarks/media.py FOLDER [--drawn 60] [--no-videos] [--markdown]

Takes every picture and video under FOLDER, and pictures that it draws itself. Files that show the same (near hashes in any way) count as
one original. Each original is changed in the ways listed, written to a file again, decoded in the limited process and looked up: by
its one PDQ hash, and in every way (turned, mirrored, without a plain border). Printed: the share of copies found at 31 bits or fewer; how often
a copy was taken for *another* original; the time that a file takes. Pictures with too little in them (quality under 50) are counted
and left out. Ends with exit code 1 when a threshold is missed. Needs the extra `media`; takes some minutes.
"""

from __future__ import annotations

import argparse
import io
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import av
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from seawall.detect.media import (
    LEAST_QUALITY,
    MATCH_DISTANCE,
    Dihedral,
    HashedPicture,
    MediaError,
    MediaReader,
    best_match,
    hash_frames_dihedral,
    hash_picture,
    hash_video,
    kind_of,
    match_videos,
    pdq,
    pdq_ways,
)

Change = Callable[[Image.Image], Image.Image]
SECONDS_OF_VIDEO = 8
FRAMES_A_SECOND = 10


def by(factor: float) -> Change:
    return lambda image: image.resize(
        (max(8, int(image.width * factor)), max(8, int(image.height * factor))), Image.Resampling.LANCZOS
    )


def jpeg(quality: int) -> Change:
    def change(image: Image.Image) -> Image.Image:
        held = io.BytesIO()
        image.save(held, "JPEG", quality=quality)
        return Image.open(held)

    return change


def crop(share: float) -> Change:
    """Take so much of the width and of the height away, half of it on each side."""

    def change(image: Image.Image) -> Image.Image:
        x, y = int(image.width * share / 2), int(image.height * share / 2)
        return image.crop((x, y, image.width - x, image.height - y))

    return change


def border(share: float) -> Change:
    return lambda image: ImageOps.expand(image, int(max(image.size) * share), "black")


def written_over(image: Image.Image) -> Image.Image:
    out = image.copy()
    pen = ImageDraw.Draw(out)
    size = max(8, image.height // 12)
    for place in (0.06, 0.82):
        y = int(image.height * place)
        text = "WHEN YOU SEE THIS AGAIN"
        pen.text(
            (image.width // 20, y),
            text,
            font=ImageFont.load_default(size),
            fill="white",
            stroke_width=2,
            stroke_fill="black",
        )
    return out


def logo(image: Image.Image) -> Image.Image:
    out = image.copy()
    wide, high = image.width // 6, image.height // 8
    ImageDraw.Draw(out).rectangle(
        (image.width - wide - 8, image.height - high - 8, image.width - 8, image.height - 8), fill=(250, 220, 40)
    )
    return out


def askew(degrees: float) -> Change:
    return lambda image: image.rotate(degrees, Image.Resampling.BICUBIC, fillcolor="black")


CHANGES: dict[str, Change] = {
    "resized to 75 %": by(0.75),
    "resized to 50 %": by(0.5),
    "resized to 25 %": by(0.25),
    "resized to 150 %": by(1.5),
    "stretched by 20 %": lambda image: image.resize((int(image.width * 1.2), image.height)),
    **{f"JPEG quality {quality}": jpeg(quality) for quality in (90, 70, 50, 30, 20)},
    "blurred, radius 1 % of the side": lambda image: image.filter(ImageFilter.GaussianBlur(max(image.size) / 100)),
    "sharpened": lambda image: image.filter(ImageFilter.UnsharpMask(3, 200)),
    "brightness 70 %": lambda image: ImageEnhance.Brightness(image).enhance(0.7),
    "brightness 140 %": lambda image: ImageEnhance.Brightness(image).enhance(1.4),
    "contrast 70 %": lambda image: ImageEnhance.Contrast(image).enhance(0.7),
    "contrast 150 %": lambda image: ImageEnhance.Contrast(image).enhance(1.5),
    "grey": lambda image: image.convert("L"),
    "negative": ImageOps.invert,
    "words over it": written_over,
    "a logo in the corner": logo,
    "cropped by 5 %": crop(0.05),
    "cropped by 10 %": crop(0.10),
    "border of 2 %": border(0.02),
    "border of 5 %": border(0.05),
    "askew by 1 degree": askew(1),
    "askew by 3 degrees": askew(3),
    "askew by 5 degrees": askew(5),
    "mirrored": ImageOps.mirror,
    "upside down": ImageOps.flip,
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
    "turned by 180 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_180),
    "mirrored, JPEG quality 50": lambda image: jpeg(50)(ImageOps.mirror(image)),
}
#: Share of the copies that must be found: what the hash is made for, and by the eight hashes what turns and mirrors.
LEAST = {
    **dict.fromkeys(
        (
            "resized to 75 %",
            "resized to 50 %",
            "resized to 150 %",
            "JPEG quality 90",
            "JPEG quality 70",
            "JPEG quality 50",
            "grey",
        ),
        (0.90, 0.90),
    ),
    **dict.fromkeys(("mirrored", "upside down", "turned by 90 degrees", "turned by 180 degrees"), (0.0, 0.90)),
}

FILM_CHANGES: dict[str, Change] = {
    "encoded again at a low rate": lambda image: image,
    "half as large": by(0.5),
    "cropped by 5 %": crop(0.05),
    "border of 5 %": border(0.05),
    "words over it": written_over,
    "a logo in the corner": logo,
    "grey": lambda image: image.convert("L").convert("RGB"),
    "mirrored": ImageOps.mirror,
    "turned by 90 degrees": lambda image: image.transpose(Image.Transpose.ROTATE_90),
}


@dataclass
class Original:
    name: str
    pixels: Any
    ways: Dihedral
    drawn: bool
    copies: list[str] = field(default_factory=list)


@dataclass
class Tally:
    copies: int = 0
    plain: int = 0
    ways: int = 0
    wrong: int = 0


def drawing(seed: int) -> Image.Image:
    """Shapes and gradients, each picture of its own."""
    draw = np.random.default_rng(seed)
    size = (int(draw.integers(300, 700)), int(draw.integers(300, 700)))
    grid = draw.integers(0, 256, (int(draw.integers(2, 9)), int(draw.integers(2, 9)), 3), dtype=np.uint8)
    image = Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(image)
    for _ in range(int(draw.integers(5, 40))):
        x, y, w, h = (
            int(draw.integers(0, size[0])),
            int(draw.integers(0, size[1])),
            *(int(draw.integers(8, 220)) for _ in "wh"),
        )
        colour = tuple(int(value) for value in draw.integers(0, 256, 3))
        (pen.ellipse if draw.random() < 0.5 else pen.rectangle)((x, y, x + w, y + h), fill=colour)
    return image


def file_of(image: Image.Image) -> bytes:
    held = io.BytesIO()
    image.convert("RGB").save(held, "PNG", compress_level=1)
    return held.getvalue()


def files_under(folder: Path) -> tuple[list[Path], list[Path]]:
    pictures, videos = [], []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            try:
                family = kind_of(path.read_bytes()[:1024]).family
            except MediaError:
                continue
            (pictures if family == "image" else videos).append(path)
    return pictures, videos


def originals_of(reader: MediaReader, pictures: Iterable[Path], drawn: int) -> tuple[list[Original], list[str]]:
    """One of each group of files that show the same, and the names of what has too little in it."""
    found: list[Original] = []
    poor: list[str] = []
    made = [(f"drawn {seed}", file_of(drawing(seed)), True) for seed in range(drawn)]
    for name, data, is_drawn in [*((path.name, path.read_bytes(), False) for path in pictures), *made]:
        hashed = hash_picture(reader, data)
        if hashed.pdq.quality < LEAST_QUALITY:
            poor.append(name)
            continue
        for known in found:
            if nearest(hashed, known) <= MATCH_DISTANCE:
                known.copies.append(name)
                break
        else:
            found.append(Original(name, hashed.picture.pixels, hashed.dihedral, is_drawn))
    return found, poor


def nearest(found: HashedPicture, original: Original) -> int:
    return min(one.distance(original.ways.original) for one in found.lookups())


def tallied(reader: MediaReader, originals: list[Original]) -> dict[str, dict[bool, Tally]]:
    out: dict[str, dict[bool, Tally]] = {}
    for name, change in CHANGES.items():
        tallies = out[name] = {False: Tally(), True: Tally()}
        for original in originals:
            found = hash_picture(reader, file_of(change(Image.fromarray(original.pixels))))
            tally = tallies[original.drawn]
            tally.copies += 1
            tally.plain += found.pdq.distance(original.ways.original) <= MATCH_DISTANCE
            tally.ways += nearest(found, original) <= MATCH_DISTANCE
            tally.wrong += any(nearest(found, other) <= MATCH_DISTANCE for other in originals if other is not original)
    return out


def filmed(frames: list[Image.Image], *, quality: str = "30") -> bytes:
    held = io.BytesIO()
    with av.open(held, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAMES_A_SECOND, options={"crf": quality, "preset": "veryfast"})
        stream.width, stream.height = (side // 2 * 2 for side in frames[0].size)
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            shown = frame.crop((0, 0, stream.width, stream.height))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.asarray(shown), format="rgb24")))
        container.mux(stream.encode(None))
    return held.getvalue()


def print_table(rows: list[list[str]], markdown: bool) -> None:
    if markdown:
        print("| " + " | ".join(rows[0]) + " |\n|" + "---|" * len(rows[0]))
        for row in rows[1:]:
            print("| " + " | ".join(row) + " |")
        return
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def pictures(reader: MediaReader, paths: list[Path], drawn: int, markdown: bool) -> list[str]:
    originals, poor = originals_of(reader, paths, drawn)
    real = [one for one in originals if not one.drawn]
    print(
        f"\n{len(paths)} files of pictures: {len(real)} originals; {len(originals) - len(real)} drawn; too little to see in {len(poor)}"
    )
    for one in real:
        if one.copies:
            print(f"  shows the same as {one.name}: {', '.join(one.copies)}")
    rows = [["change", "files: one hash", "every way", "drawn: one hash", "every way", "taken for another"]]
    missed = []
    wrong = copies = 0
    for name, tallies in tallied(reader, originals).items():
        f, d = tallies[False], tallies[True]
        rows.append(
            [
                name,
                share(f.plain, f.copies),
                share(f.ways, f.copies),
                share(d.plain, d.copies),
                share(d.ways, d.copies),
                str(f.wrong + d.wrong),
            ]
        )
        wrong, copies = wrong + f.wrong + d.wrong, copies + f.copies + d.copies
        least = LEAST.get(name, (0.0, 0.0))
        if f.copies + d.copies and (
            (f.plain + d.plain) / (f.copies + d.copies) < least[0]
            or (f.ways + d.ways) / (f.copies + d.copies) < least[1]
        ):
            missed.append(f"{name}: fewer copies found than {least[0]:.0%} by one hash and {least[1]:.0%} in every way")
    print_table(rows, markdown)
    print(f"{copies} copies, each looked up among {len(originals)} originals: {wrong} taken for another one")
    if wrong:
        missed.append(f"{wrong} copies were taken for another original")
    return missed


def videos(reader: MediaReader, paths: list[Path], markdown: bool) -> None:
    known = {path.name: hash_video(reader, path.read_bytes()) for path in paths}
    rows = [["change", "found: one hash", "eight hashes", "least share (eight)", "others matched"]]
    films = {}
    for path in paths:
        with reader.frames(path.read_bytes(), every=1 / FRAMES_A_SECOND) as frames:
            films[path.name] = [Image.fromarray(f.pixels) for f in _first(frames, SECONDS_OF_VIDEO * FRAMES_A_SECOND)]
    group = {name: name.split("-")[0].removesuffix(".mp4") for name in known}
    for name, change in FILM_CHANGES.items():
        plain = eight = others = 0
        least = 1.0
        for source, frames in films.items():
            data = filmed([change(frame) for frame in frames])
            with reader.frames(data) as taken:
                ways = list(hash_frames_dihedral(taken))
            plain += match_videos([way[0] for way in ways], known[source].frames).is_match
            best = best_match(ways, known[source].frames)
            eight, least = eight + best.is_match, min(least, best.query_share)
            others += sum(
                best_match(ways, other.frames).is_match
                for target, other in known.items()
                if group[target] != group[source]
            )
        rows.append([name, f"{plain} of {len(films)}", f"{eight} of {len(films)}", f"{least:.0%}", str(others)])
    print(
        f"\n{len(paths)} videos; the first {SECONDS_OF_VIDEO} seconds of each, changed and encoded again (H.264, crf 30), looked up in the whole"
    )
    print_table(rows, markdown)


def _first(frames: Iterable[Any], count: int) -> Iterable[Any]:
    for at, frame in enumerate(frames):
        if at == count:
            return
        yield frame


def speed(reader: MediaReader, paths: list[Path], films: list[Path]) -> None:
    pdq(np.zeros((9, 9, 3), np.uint8))
    print("\nspeed, one process, one thread")
    for side in (512, 1024, 2048, 4000):
        pixels = np.asarray(drawing(1).resize((side, side * 3 // 4)))
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "JPEG", quality=88)
        timed = []
        for do in (lambda: reader.picture(data.getvalue()), lambda: pdq(pixels), lambda: pdq_ways(pixels)):  # noqa: B023
            do()
            began, count = time.perf_counter(), 0
            while time.perf_counter() - began < 0.5:
                do()
                count += 1
            timed.append((time.perf_counter() - began) / count * 1000)
        print(
            f"  JPEG of {side} x {side * 3 // 4}: decoding {timed[0]:.1f} ms, PDQ {timed[1]:.1f} ms, with its eight ways {timed[2]:.1f} ms"
        )
    for path in films:
        data_of = path.read_bytes()
        began = time.perf_counter()
        found = hash_video(reader, data_of)
        spent = time.perf_counter() - began
        length = found.told.duration or len(found.frames)
        print(
            f"  {path.name}: {length:.1f} seconds of video in {spent:.2f} s ({1000 * spent / length:.0f} ms a second)"
        )
    for _ in range(2):
        began = time.perf_counter()
        with MediaReader() as fresh:
            fresh.walls()
            picture, began_video = time.perf_counter() - began, time.perf_counter()
            fresh.walls("video")
            video = time.perf_counter() - began_video
    print(f"  start of a process: pictures {picture * 1000:.0f} ms, videos {video * 1000:.0f} ms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--drawn", type=int, default=60, metavar="N")
    parser.add_argument("--no-videos", action="store_true")
    parser.add_argument("--markdown", action="store_true")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    paths, films = files_under(given.folder)
    with MediaReader(files_per_worker=10_000) as reader:
        missed = pictures(reader, paths, given.drawn, given.markdown)
        if films and not given.no_videos:
            videos(reader, films, given.markdown)
        speed(reader, paths, films)
    for line in missed:
        print(f"MISSED  {line}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
