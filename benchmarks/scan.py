"""How fast `seawall scan` is, beside merely parsing the same file.

    python benchmarks/scan.py [--posts 100000] [--workers 2]

Writes a file of made-up posts (the same every time), parses it with orjson, scans it, and prints posts per second for
both. Ends with exit code 1 when scanning is slower than LEAST_RATIO of parsing, or than LEAST_SPEED where the machine
is fast enough for that figure to mean something (FAST_PARSER).
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

import orjson

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from seawall.commands.scan import Choice, run
from seawall.detect.own_posts import own_posts
from seawall.sources import read_posts

LEAST_RATIO = 0.006
LEAST_SPEED = 5_000
FAST_PARSER = 500_000
SYLLABLES = [consonant + vowel for consonant in "bdfghklmnprst" for vowel in "aeo"]


def make_posts(path: Path, count: int) -> None:
    """Posts of about a hundred characters: words of the own posts, and rarer words made of syllables (Zipf's law)."""
    chance = random.Random(7)
    common = [word for post in own_posts() for word in post.text.split()]
    rare = ["".join(chance.choices(SYLLABLES, k=chance.randint(2, 5))) for _ in range(60_000)]
    weights = [1 / rank for rank in range(1, len(rare) + 1)]
    drawn = iter(chance.choices(rare, weights, k=count * 12))
    with path.open("wb") as out:
        for at in range(count):
            words = [
                chance.choice(common) if chance.random() < 0.75 else next(drawn) for _ in range(chance.randint(4, 36))
            ]
            row = {
                "id": f"post-{at}",
                "text": " ".join(words),
                "url": f"https://site.example/p/{at}",
                "platform": "site.example",
                "account": f"person{at % 5000}",
                "posted_at": "2026-01-02T03:04:05Z",
                "lang": "en",
            }
            out.write(orjson.dumps(row) + b"\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "posts.jsonl", Path(folder) / "findings.jsonl"
        make_posts(path, options.posts)

        began = time.perf_counter()
        with path.open("rb") as lines:
            chars = sorted(len(orjson.loads(line)["text"]) for line in lines)
        parsing = options.posts / (time.perf_counter() - began)

        began = time.perf_counter()
        read = sum(1 for _ in read_posts(path))
        reading = read / (time.perf_counter() - began)

        began = time.perf_counter()
        code = run(
            [path], out=str(out), strict=True, workers=options.workers, batch=512, choice=Choice(profile="linear")
        )
        scanning = options.posts / (time.perf_counter() - began)
        with out.open("rb") as lines:
            found = [orjson.loads(line) for line in lines]
    if code or [row["id"] for row in found] != [f"post-{at}" for at in range(options.posts)]:
        print(f"FAILED: exit code {code}, {len(found):,} findings")
        return 1
    flagged = sum(bool(row["flags"]) for row in found) / len(found)
    ratio = scanning / parsing
    print(f"{options.posts:,} posts, median {chars[len(chars) // 2]} characters, {flagged:.1%} flagged")
    print(f"parse with orjson      {parsing:>12,.0f} posts/s")
    print(f"read and check         {reading:>12,.0f} posts/s")
    print(f"seawall scan, {options.workers} workers {scanning:>11,.0f} posts/s, start of workers included")
    print(f"scan : parse           {ratio:>12.4f}   (least {LEAST_RATIO})")
    fast = scanning >= LEAST_SPEED or parsing < FAST_PARSER
    print(f"least speed            {LEAST_SPEED:>12,} posts/s: {'held' if scanning >= LEAST_SPEED else 'not held'}")
    if ratio < LEAST_RATIO or not fast:
        print("FAILED: slower than the threshold")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
