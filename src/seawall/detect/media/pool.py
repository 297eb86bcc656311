"""Processes that decode, one file after the other, and the pool that survives the death of any of them."""

from __future__ import annotations

import json
import math
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from seawall.detect.media.child import wire
from seawall.detect.media.errors import MediaError, MediaErrorKind

Task = Literal["image", "video", "words"]

_CHILD: Final = Path(__file__).with_name("child") / "__init__.py"
_START: Final = """
import importlib.util, sys
path, task, limits = sys.argv[1:]
name = "seawall_media_child"
spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=[path.rpartition("/")[0]])
package = importlib.util.module_from_spec(spec)
sys.modules[name] = package
spec.loader.exec_module(package)
from seawall_media_child.work import main
main(task, limits)
"""
_ENVIRONMENT: Final = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "LC_ALL": "C.UTF-8",
    "OPENCV_LOG_LEVEL": "SILENT",
}
_START_SECONDS: Final = 60.0
_PACKAGES: Final = {"image": ("Pillow", "media"), "video": ("av", "media"), "words": ("rapidocr", "ocr")}


@dataclass(frozen=True, slots=True)
class Frame:
    """A decoded picture: (height, width, 3) of uint8, and for a frame its seconds from the beginning and whether it is a key frame."""

    pixels: NDArray[np.uint8]
    seconds: float = 0.0
    key: bool = False


Reading = Generator[Frame, None, dict[str, Any]]
"""The pictures of a file as they come, and at the end what is told of it."""


class Readable(Protocol):
    """What a file is read from, forwards only."""

    def read(self, size: int, /) -> bytes:
        """Read on, at most `size` bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one process may use, and what its answers may be."""

    memory: int
    cpu_seconds: int
    seconds: float
    max_bytes: int
    keep_pixels: int
    max_frames: int
    files: int


class _Dead(Exception):
    """The process is gone or cannot be believed; `kind` and the sentence's end say why."""

    def __init__(self, kind: MediaErrorKind, words: str) -> None:
        super().__init__(words)
        self.kind: MediaErrorKind = kind


class Worker:
    """One decoding process and its two pipes. Used by one thread at a time."""

    def __init__(self, task: Task, bounds: Bounds) -> None:
        self.task, self.bounds, self.done = task, bounds, 0
        self.walls: tuple[str, ...] = ()
        limits = json.dumps({"memory": bounds.memory, "seconds": bounds.cpu_seconds, "jobs": bounds.files})
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-c", _START, str(_CHILD), task, limits],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
            bufsize=0,
        )
        assert self._process.stdin is not None  # noqa: S101
        assert self._process.stdout is not None  # noqa: S101
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._in, False)
        os.set_blocking(self._out, False)
        self._deadline = time.monotonic() + _START_SECONDS
        try:
            what, *_, length = self._answer()
            note = self._note(length)
            if what == wire.REFUSAL and note.get("kind") == "missing":
                package, extra = _PACKAGES[task]
                raise MediaError(
                    "missing",
                    f"Reading {'words in pictures' if task == 'words' else f'a {task}'} needs the package {package}, of which "
                    f"{str(note.get('words'))[:80]!r} cannot be imported. Install it with: pip install 'seawall[{extra}]'",
                )
            if what != wire.READY:
                raise _Dead("crashed", "it did not start")
            self.walls = tuple(str(wall) for wall in note.get("walls", ()))
        except _Dead as dead:
            self.kill()
            raise MediaError(dead.kind, f"The process that decodes did not start: {dead}.") from dead
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def run(self, job: dict[str, Any], head: bytes, rest: Readable | None) -> Reading:
        """Hand over a file (`head`, then what `rest` gives) and yield the pictures that come back; returns the end's note.

        Raises MediaError. When it raises, or is closed before its end, `usable` tells whether the process may go on.
        """
        self._deadline = time.monotonic() + self.bounds.seconds
        self.done += 1
        self._between = False
        try:
            text = json.dumps(job).encode()
            self._send(wire.JOB.pack(wire.MAGIC, len(text)) + text)
            self._send_file(head, rest)
            return (yield from self._answers(job))
        except _Dead as dead:
            raise self._told(dead) from dead

    _between = True

    @property
    def usable(self) -> bool:
        """Whether the last file came to its end and another may be handed over."""
        return self._between and self.done < self.bounds.files and self._process.poll() is None

    def end(self) -> None:
        """End the process; who waits for its answer sees it die. Safe from another thread."""
        self._process.kill()

    def kill(self) -> None:
        """End the process and close its pipes."""
        self._between = False
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    def _answers(self, job: dict[str, Any]) -> Reading:
        count, last = 0, 0.0
        most = 2 if job.get("want") == "picture" else 0 if self.task == "words" else self.bounds.max_frames
        while True:
            what, channels, key, height, width, seconds, length = self._answer()
            if what == wire.PICTURE:
                count += 1
                shaped = channels == 3 and height >= 1 and width >= 1 and length == height * width * 3
                if not shaped or height * width > self.bounds.keep_pixels or count > most:
                    raise _Dead("crashed", "its process answered with a picture of an impossible size")
                if not (math.isfinite(seconds) and last <= seconds < 1e7):
                    raise _Dead("crashed", "its process answered with a time that cannot be")
                last = seconds
                held = bytearray(length)
                self._read_into(memoryview(held))
                paused = time.monotonic()
                yield Frame(np.frombuffer(held, dtype=np.uint8).reshape(height, width, 3), seconds, bool(key))
                self._deadline += (
                    time.monotonic() - paused
                )  # the seconds are for the decoder, not for who takes the frame
                continue
            note = self._note(length)
            if what == wire.END and (count or self.task == "words"):
                self._between = True
                return note
            if what == wire.REFUSAL and note.get("kind") in wire.REFUSALS:
                self._between = note["kind"] != "memory"
                raise _refused(note)
            raise _Dead("crashed", "its process answered what is no answer")

    def _answer(self) -> tuple[int, int, int, int, int, float, int]:
        held = bytearray(wire.ANSWER.size)
        self._read_into(memoryview(held))
        magic, what, channels, key, height, width, seconds, length = wire.ANSWER.unpack(held)
        if magic != wire.MAGIC:
            raise _Dead("crashed", "its process answered what is no answer")
        return what, channels, key, height, width, seconds, length

    def _note(self, length: int) -> dict[str, Any]:
        if length > wire.LARGEST_NOTE:
            raise _Dead("crashed", "its process answered at impossible length")
        held = bytearray(length)
        self._read_into(memoryview(held))
        try:
            note = json.loads(held.decode("utf-8"))
        except (ValueError, RecursionError):
            raise _Dead("crashed", "its process answered what is no answer") from None
        if not isinstance(note, dict):
            raise _Dead("crashed", "its process answered what is no answer")
        return note

    def _send_file(self, head: bytes, rest: Readable | None) -> None:
        room = self.bounds.max_bytes
        part = head
        while part:
            room -= len(part)
            if room < 0:
                raise MediaError("too_large", f"The file has more than {self.bounds.max_bytes} bytes; reading stopped.")
            for start in range(0, len(part), wire.LARGEST_PIECE):
                piece = part[start : start + wire.LARGEST_PIECE]
                self._send(wire.PIECE.pack(len(piece)) + piece)
            part = rest.read(wire.LARGEST_PIECE) if rest is not None else b""
        self._send(wire.PIECE.pack(0))

    def _send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self._wait(self._in, selectors.EVENT_WRITE)
            try:
                view = view[os.write(self._in, view) :]
            except BlockingIOError:
                continue
            except BrokenPipeError:
                raise self._gone() from None

    def _read_into(self, view: memoryview) -> None:
        while view:
            self._wait(self._out, selectors.EVENT_READ)
            try:
                count = os.readv(self._out, [view[: 1 << 20]])
            except BlockingIOError:
                continue
            if not count:
                raise self._gone()
            view = view[count:]

    def _wait(self, descriptor: int, event: int) -> None:
        left = self._deadline - time.monotonic()
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if left <= 0 or not selector.select(left):
                raise _Dead("too_slow", f"decoding took longer than {self.bounds.seconds:g} seconds and was ended")

    def _gone(self) -> _Dead:
        try:
            code = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            return _Dead("crashed", "its process closed the pipe")
        if -code in (signal.SIGPROF, signal.SIGXCPU):
            return _Dead(
                "too_slow", f"decoding took more than {self.bounds.cpu_seconds} seconds of the processor and was ended"
            )
        name = signal.Signals(-code).name if code < 0 else f"code {code}"
        return _Dead("crashed", f"its process ended with {name}")

    def _told(self, dead: _Dead) -> MediaError:
        if dead.kind == "too_slow":
            return MediaError("too_slow", f"The file was not read: {dead}.")
        return MediaError(dead.kind, f"The decoder died of the file: {dead}. Treat the file as hostile.")


def _refused(note: dict[str, Any]) -> MediaError:
    kind = cast(MediaErrorKind, note["kind"])
    words = (
        "".join(one if one.isprintable() else " " for one in str(note.get("words", ""))[:300]).strip()
        or "no reason was given"
    )
    return MediaError(
        kind,
        {
            "too_large": f"The picture is too large: {words}.",
            "truncated": f"The file is cut short: {words}.",
            "no_picture": f"The file shows nothing: {words}.",
            "memory": "Decoding the file needs more memory than is allowed.",
        }.get(kind, f"The file is damaged: {words}."),
    )


class Pool:
    """At most `size` workers of one task, started when needed. Safe to share between threads."""

    def __init__(self, task: Task, bounds: Bounds, size: int) -> None:
        self._task, self._bounds = task, bounds
        self._free = threading.BoundedSemaphore(size)
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._lock = threading.Lock()
        self._closed = threading.Event()

    def run(self, job: dict[str, Any], head: bytes, rest: Readable | None) -> Reading:
        """Decode one file; yields its pictures and returns the end's note. Raises MediaError."""
        with self._free:
            worker = self._take()
            try:
                return (yield from worker.run(job, head, rest))
            finally:
                self._put_back(worker)

    def walls(self) -> tuple[str, ...]:
        """Which walls stand around a worker of this pool (starting one if there is none)."""
        with self._free:
            worker = self._take()
            self._put_back(worker)
            return worker.walls

    def close(self) -> None:
        """End every worker; files that are being decoded end with an error."""
        with self._lock:
            self._closed.set()
            idle, busy = [*self._idle], [*self._busy]
            self._idle.clear()
        for worker in idle:
            worker.kill()
        for worker in busy:
            worker.end()

    def _take(self) -> Worker:
        with self._lock:
            if self._closed.is_set():
                raise MediaError("closed", "The reader of media was closed.")
            while self._idle:
                worker = self._idle.pop()
                if worker.usable:
                    self._busy.add(worker)
                    return worker
                worker.kill()
        worker = Worker(self._task, self._bounds)
        with self._lock:
            self._busy.add(worker)
            if self._closed.is_set():
                worker.end()
        return worker

    def _put_back(self, worker: Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            if worker.usable and not self._closed.is_set():
                self._idle.append(worker)
                return
        worker.kill()
