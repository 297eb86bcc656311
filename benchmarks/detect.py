"""How fast each profile of the detector reads, what one post costs, and what a process of it weighs.

    python benchmarks/detect.py [--posts 4000]

Posts are those of the functional suite and of the fairness set. Speeds are told in posts per second of one core and
beside a plain piece of work measured in the same run, a product of two matrices of 512 x 512 numbers, since absolute
figures say more about the machine. Ends with exit code 1 when a threshold is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
SOURCE = Path(__file__).resolve().parent.parent / "src"
sys.path.insert(0, str(SOURCE))

import numpy as np  # noqa: E402 (threads are limited first)
import orjson  # noqa: E402

from seawall.commands.scan import Choice, run  # noqa: E402
from seawall.detect import Detector, Profile  # noqa: E402
from seawall.detect.bundle import SHIPPED  # noqa: E402
from seawall.detect.suite import fairness, shipped, told  # noqa: E402

#: Work of the `full` profile on one post, in products of matrices, at the most.
MOST_WORK = 6.0
#: The middle cost of one post alone, beside its share of a batch, at the most.
MOST_ALONE = 4.0
#: How many times faster than `full` the other profiles are, at the least. The harmless posts here are chosen to tempt a
#: filter, so that the gate rules out fewer of them than of a real feed.
LEAST_GATED, LEAST_LINEAR = 1.2, 12.0
MOST_START_SECONDS = 3.0
MOST_MEMORY_MB = 250
MOST_WEIGHTS_MB = 40
#: One post in so many of the feed is a harmful case of the suite; the others are harmless.
HARMFUL_ONE_IN = 50


def feed(count: int) -> list[str]:
    """A feed that is mostly ordinary."""
    chance = random.Random(5)
    cases = [next(told(case)) for case in shipped("held_out")]
    harmful = [case.text for case in cases if case.families]
    ordinary = [case.text for case in fairness()]
    return [chance.choice(harmful if at % HARMFUL_ONE_IN == 0 else ordinary) + f" {at}" for at in range(count)]


def matrix_product() -> float:
    """Seconds that one product of two 512 x 512 matrices takes: the middle of many."""
    left = np.random.default_rng(1).random((512, 512), np.float32)
    taken = []
    for _ in range(60):
        began = time.perf_counter()
        left @ left
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def seconds(work: Callable[[], object], rounds: int = 3) -> float:
    """The least time of a few rounds: other work on the machine only ever adds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def fresh_process() -> tuple[float, float]:
    """Seconds from a new interpreter to its first finding, and the megabytes that it then holds."""
    program = (
        "import time, json; began = time.perf_counter()\n"
        "from seawall.detect import Detector\n"
        "Detector.load().assess(['A quiet day by the sea.'])\n"
        "taken = time.perf_counter() - began\n"
        # The kernel's own peak: that of `resource` would count the parent's memory from before the program was loaded.
        "peak = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))\n"
        "print(json.dumps([taken, int(peak.split()[1]) / 1024]))"
    )
    told_back = []
    for _ in range(3):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
            capture_output=True,
            check=True,
        )
        told_back.append(json.loads(done.stdout))
    return min(taken for taken, _ in told_back), statistics.median(size for _, size in told_back)


def from_file(posts: list[str], profile: Profile) -> float:
    """Posts per second of `seawall scan` with two workers, its start included."""
    with tempfile.TemporaryDirectory() as folder:
        path, out = Path(folder) / "posts.jsonl", Path(folder) / "findings.jsonl"
        path.write_bytes(b"".join(orjson.dumps({"id": str(at), "text": text}) + b"\n" for at, text in enumerate(posts)))
        began = time.perf_counter()
        if run([path], out=str(out), strict=True, workers=2, batch=512, choice=Choice(profile=profile)):
            sys.exit("the scan failed")
        return len(posts) / (time.perf_counter() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--posts", type=int, default=4000)
    posts = feed(parser.parse_args().posts)
    unit = matrix_product()
    speeds: dict[str, float] = {}
    profiles: tuple[Profile, ...] = ("full", "gated", "linear")
    for profile in profiles:
        detector = Detector.load(profile=profile)
        detector.assess(posts[:200])
        speeds[profile] = len(posts) / seconds(lambda engine=detector: engine.assess(posts))  # type: ignore[misc]
        print(f"{profile:7s} {speeds[profile]:9,.0f} posts/s on one core")
    detector = Detector.load()
    alone = []
    for text in posts[:300]:
        began = time.perf_counter()
        detector.odds([text])
        alone.append(time.perf_counter() - began)
    one = statistics.median(alone)
    start, memory = fresh_process()
    weights = sum(path.stat().st_size for path in SHIPPED.parent.iterdir() if ".metrics" not in path.name) / 1e6
    many = posts * 10
    print(f"full    {one * 1000:9.1f} ms for one post alone (median)")
    print(f"gated   {from_file(posts, 'gated'):9,.0f} posts/s from a file, two workers, start included")
    print(f"linear  {from_file(many, 'linear'):9,.0f} posts/s from a file, two workers, start included")
    print(f"start   {start:9.2f} s to the first finding; memory {memory:.0f} MB; model files {weights:.1f} MB")
    work = 1 / speeds["full"] / unit
    alone_beside = one * speeds["full"]
    gated, linear = (speeds[name] / speeds["full"] for name in ("gated", "linear"))
    checks = [
        (f"full: {work:.2f} products of 512 x 512 matrices a post", work <= MOST_WORK, f"at most {MOST_WORK}"),
        (f"one post alone: {alone_beside:.2f} times its share", alone_beside <= MOST_ALONE, f"at most {MOST_ALONE}"),
        (f"gated: {gated:.2f} times full", gated >= LEAST_GATED, f"at least {LEAST_GATED}"),
        (f"linear: {linear:.1f} times full", linear >= LEAST_LINEAR, f"at least {LEAST_LINEAR}"),
        (f"start: {start:.2f} s", start <= MOST_START_SECONDS, f"at most {MOST_START_SECONDS}"),
        (f"memory: {memory:.0f} MB", memory <= MOST_MEMORY_MB, f"at most {MOST_MEMORY_MB}"),
        (f"model files: {weights:.1f} MB", weights <= MOST_WEIGHTS_MB, f"at most {MOST_WEIGHTS_MB}"),
    ]
    for what, good, bar in checks:
        print(f"{'holds' if good else 'MISSED'}: {what} ({bar})")
    return 0 if all(good for _, good, _ in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
