"""`seawall scan`: posts from files in, findings as JSON Lines out. Needs no database."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import BinaryIO, Final, cast

import click
import orjson

from seawall.commands.console import error_console, posts_progress
from seawall.commands.detectors import detector_for, thresholds_of
from seawall.detect import PROFILES, Detector, ModelError, Profile
from seawall.hub.practice.problems import CodeOfPracticeError
from seawall.sources import BadLine, FileError, check_file, read_posts

EXIT_FAILED: Final = 1
EXIT_FILE: Final = 2
EXIT_STRICT: Final = 3
BATCH_CHARS: Final = 400_000

Pairs = list[tuple[str, str]]


class _Stopped(BaseException):
    """A person or the system asked the scan to stop."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which detector reads: its profile, and the thresholds of the code of practice as pairs. Passed to workers."""

    profile: Profile = "full"
    gate_self_harm: bool = False
    model: str = ""
    calibration: str = ""
    thresholds: tuple[tuple[str, float], ...] = ()
    code: Path | None = None


@lru_cache(maxsize=1)
def _detector(choice: Choice) -> Detector:
    """This process's detector. A worker also begins to watch its parent, so that none outlives a killed scan."""
    parent = parent_process()
    if parent is not None:
        sentinel = parent.sentinel

        def watch() -> None:
            connection.wait([sentinel])
            os._exit(EXIT_FAILED)

        threading.Thread(target=watch, daemon=True, name="parent-watch").start()
    return detector_for(
        profile=choice.profile,
        gate_self_harm=choice.gate_self_harm,
        model=choice.model or None,
        calibration=Path(choice.calibration) if choice.calibration else None,
        thresholds=dict(choice.thresholds),
        code=choice.code,
    )


def render(choice: Choice, pairs: Pairs) -> bytes:
    """Findings for (id, text) pairs, as JSON Lines."""
    findings = _detector(choice).assess([text for _, text in pairs])
    rows = (
        orjson.dumps(
            {
                "id": given,
                "families": finding.families,
                "flags": finding.flags,
                "context": finding.context,
                "reasons": finding.reasons,
                "withheld": finding.withheld,
                "language": finding.language,
                "assessed": finding.assessed,
                "depth": finding.depth,
                "degraded": finding.degraded,
            }
        )
        for (given, _), finding in zip(pairs, findings, strict=True)
    )
    return b"\n".join(rows) + b"\n"


def _batches(files: Sequence[Path], size: int, report: Callable[[Path, BadLine], None]) -> Iterator[Pairs]:
    batch: Pairs = []
    chars = 0
    for path in files:
        for post in read_posts(path):
            if isinstance(post, BadLine):
                report(path, post)
                continue
            batch.append((post.id, post.text))
            chars += len(post.text)
            if len(batch) >= size or chars >= BATCH_CHARS:
                yield batch
                batch, chars = [], 0
    if batch:
        yield batch


def _in_order(batches: Iterator[Pairs], workers: int, choice: Choice) -> Iterator[tuple[int, bytes]]:
    """Findings of each batch, in order, with the number of posts; few batches are under way at once."""
    if workers == 1:
        for batch in batches:
            yield len(batch), render(choice, batch)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        # Workers start with Ctrl-C blocked: the terminal sends it to all of them, and only this process should answer.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            starting = [pool.submit(render, choice, [("", "")]) for _ in range(workers)]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for future in starting:
            future.result()
        under_way: deque[tuple[int, Future[bytes]]] = deque()
        try:
            for batch in batches:
                under_way.append((len(batch), pool.submit(render, choice, batch)))
                if len(under_way) > workers + 2:
                    count, future = under_way.popleft()
                    yield count, future.result()
            for count, future in under_way:
                yield count, future.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise


@contextlib.contextmanager
def _output(out: str) -> Iterator[BinaryIO]:
    """What to write to. A regular file appears under its name only when all has gone well."""
    if out == "-":
        stream = sys.stdout.buffer
        yield stream
        stream.flush()
        return
    path = Path(out)
    if path.exists() and not path.is_file():
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with path.open("wb") as special:  # a pipe or a device is written to, never replaced
            yield cast(BinaryIO, special)
        return
    number, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    try:
        with open(number, "wb") as partial:
            yield cast(BinaryIO, partial)
            partial.flush()
            os.fsync(partial.fileno())
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def _stop_signals() -> Iterator[None]:
    """While inside, Ctrl-C and the system's request to end raise `_Stopped`, so that what was begun is tidied."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, _frame: object) -> None:
        raise _Stopped(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _why(problem: OSError) -> str:
    remedies = {
        errno.ENOSPC: "the disk is full; make room or name another place",
        errno.EDQUOT: "your disk quota is used up; make room or name another place",
        errno.EACCES: "you may not write there; name another place",
        errno.EPERM: "you may not write there; name another place",
        errno.EROFS: "the disk is read-only; name another place",
        errno.ENOENT: "the folder is not there; make it first",
        errno.ENOTDIR: "the folder is not there; make it first",
        errno.EISDIR: "it is a folder; name a file in it",
        errno.EPIPE: "the program that read the output has gone away",
        errno.EFBIG: "the file would be larger than is allowed here; name another place",
    }
    return remedies.get(problem.errno or 0, f"{problem.strerror or problem}; check the disk and the name")


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", required=True, help="Where the findings go; - is standard output.")
@click.option("--strict", is_flag=True, help="End with exit code 3 if any line was broken.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=min(2, os.cpu_count() or 1),
    show_default=True,
    help="Processes that assess posts.",
)
@click.option(
    "--batch", type=click.IntRange(1, 10_000), default=512, show_default=True, help="Posts handed to a worker at once."
)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="full",
    show_default=True,
    help="How far posts are read: full; gated (the obvious is ruled out first); linear (for floods).",
)
@click.option("--gate-self-harm", is_flag=True, help="gated: rule out self-harm too at a measured loss; else never.")
@click.option("--model", default="", metavar="URI", help="Your own model; see docs/how-to/use-your-own-model.md.")
@click.option("--calibration", default="", metavar="FILE", help="What `seawall calibrate` wrote for --model.")
@click.option(
    "--code",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of the code of practice whose thresholds flag; without it the one that ships.",
)
def scan(
    files: tuple[Path, ...],
    out: str,
    strict: bool,
    workers: int,
    batch: int,
    profile: Profile,
    gate_self_harm: bool,
    model: str,
    calibration: str,
    code: Path | None,
) -> None:
    """Assess every post in FILES and write one finding a post, in order.

    FILES are JSON Lines (.jsonl, .ndjson) or CSV, each also gzipped (.gz), or Parquet, with the columns id and text and
    optionally url, platform, account, posted_at, lang and media. Findings are JSON Lines: id, families, flags, context,
    reasons, withheld, language, assessed (false: the language is not read, which is not the same as harmless), depth and
    degraded. No database is needed.

    A broken line is told on standard error as file:line: field: problem; remedy, is skipped, and is counted at the end.
    The findings are written to a hidden .partial file beside --out, readable by you alone, and take their name only
    when all is done: an interrupted scan leaves an earlier file as it was.

    \b
    Exit codes:
      0    done (broken lines, if any, were skipped)
      1    the findings could not be written, or the model not be loaded
      2    an option is wrong, or a file cannot be read at all
      3    done, but lines were broken and --strict was given
      130  stopped by Ctrl-C (143: by the system); nothing was written
    """
    try:
        thresholds = thresholds_of(code)
    except CodeOfPracticeError as problem:
        click.echo(f"{problem}\nNothing was written.", err=True)
        sys.exit(EXIT_FILE)
    choice = Choice(
        profile=profile,
        gate_self_harm=gate_self_harm,
        model=model,
        calibration=calibration,
        thresholds=tuple(sorted(thresholds.items())),
        code=code,
    )
    sys.exit(run(files, out=out, strict=strict, workers=workers, batch=batch, choice=choice))


def run(
    files: Sequence[Path], *, out: str, strict: bool, workers: int, batch: int, choice: Choice | None = None
) -> int:
    """What `seawall scan` does; gives the exit code."""
    console = error_console()
    broken = done = 0

    def report(path: Path, line: BadLine) -> None:
        nonlocal broken
        broken += 1
        console.print(f"{path}:{line}")

    progress = posts_progress(console)
    try:
        for path in files:
            check_file(path)
        with _stop_signals(), _output(out) as stream, progress:
            task = progress.add_task("Posts assessed", total=None)
            for count, lines in _in_order(_batches(files, batch, report), workers, choice or Choice()):
                stream.write(lines)
                done += count
                progress.update(task, completed=done)
    except FileError as problem:
        console.print(f"{problem}. Nothing was written.")
        return EXIT_FILE
    except ModelError as problem:
        console.print(f"{problem}. Nothing was written.")
        return EXIT_FAILED
    except BrokenProcessPool:
        console.print("A worker ended unexpectedly, perhaps for want of memory; try --workers 1. Nothing was written.")
        return EXIT_FAILED
    except OSError as problem:
        console.print(f"{out}: {_why(problem)}.")
        return EXIT_FAILED
    except _Stopped as stopped:
        console.print(f"Stopped after {done:,} posts; nothing was written. Run the same command to begin again.")
        return 128 + stopped.number
    skipped = f"; {broken:,} broken {'line was' if broken == 1 else 'lines were'} skipped" if broken else ""
    console.print(f"{done:,} {'post' if done == 1 else 'posts'} assessed{skipped}.")
    return EXIT_STRICT if broken and strict else 0
