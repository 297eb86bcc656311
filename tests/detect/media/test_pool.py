"""Decoding processes die, hang and lie; the pool goes on, and nothing of it reaches the caller but an error."""

from __future__ import annotations

import gc
import os
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.detect.media.drawings import encoded, filmed, scene

from seawall.detect.media import Limits, MediaError, MediaReader, pool
from seawall.detect.media.child import wire

GOOD = encoded(scene(1, (64, 48)), "PNG")


def workers(reader: MediaReader) -> list[pool.Worker]:
    return reader._pools["image"]._idle


def test_the_walls_stand(reader: MediaReader) -> None:
    standing = set(reader.walls())
    assert {"descriptors", "files", "processor"} <= standing
    if sys.platform == "linux":
        assert "memory" in standing
        assert ("nobody" in standing) == (os.geteuid() == 0)


INSIDE = """
import ctypes, os, socket, subprocess, sys, threading
sys.path.insert(0, sys.argv[1].rpartition("/child/")[0])
from child import walls, wire
answers = os.fdopen(os.dup(1), "wb")
standing = walls.raise_walls(memory=200 << 20, seconds=5, jobs=1)
tried = {}
def attempt(name, do):
    try:
        do()
        tried[name] = "done"
    except (OSError, MemoryError, RuntimeError, subprocess.SubprocessError) as error:
        tried[name] = type(error).__name__
attempt("read a file", lambda: open("/etc/hostname"))
attempt("write a file", lambda: open("/tmp/seawall-should-not-be", "w"))
attempt("make a socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
attempt("start a program", lambda: os.execv("/bin/true", ["true"]))
attempt("fork", os.fork)
attempt("signal the parent", lambda: os.kill(os.getppid(), 0))
attempt("a gigabyte", lambda: bytearray(1 << 30))
os.close(0)  # and with a descriptor free again
attempt("read a file, one closed", lambda: open("/etc/hostname"))
attempt("make a socket, one closed", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
wire.send_note(answers, wire.READY, walls=[f"{name}: {how}" for name, how in tried.items()])
"""


def test_nothing_can_be_done_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_START", INSIDE)
    with MediaReader() as reader:
        tried = dict(one.split(": ") for one in reader.walls())
    assert len(tried) == 9
    if sys.platform == "linux":
        assert "done" not in tried.values()


def test_a_death_between_files_is_not_noticed() -> None:
    with MediaReader() as reader:
        reader.picture(GOOD)
        (first,) = workers(reader)
        os.kill(first.pid, signal.SIGKILL)
        first._process.wait()
        assert reader.picture(GOOD).width == 64
        assert workers(reader)[0].pid != first.pid


def test_a_death_during_a_file_is_an_error_of_that_file_alone() -> None:
    class Slow:
        """A stream during whose reading the process is killed."""

        def __init__(self) -> None:
            self.left = [GOOD[:1024], GOOD[1024:] + bytes(2_000_000), b""]

        def read(self, _size: int = -1, /) -> bytes:
            if len(self.left) == 2:
                (worker,) = reader._pools["image"]._busy
                os.kill(worker.pid, signal.SIGSEGV)
            return self.left.pop(0)

    with MediaReader() as reader:
        with pytest.raises(MediaError, match="SIGSEGV") as caught:
            reader.picture(Slow())  # type: ignore[arg-type]
        assert caught.value.kind == "crashed"
        assert reader.picture(GOOD).width == 64


def test_a_process_is_replaced_after_its_files() -> None:
    with MediaReader(files_per_worker=2) as reader:
        pids = []
        for _ in range(5):
            reader.picture(GOOD)
            pids.extend(worker.pid for worker in workers(reader))
        assert len(pids) == 3  # after every second file none waits
        assert len(set(pids)) == 3


def test_a_refusal_costs_no_process(reader: MediaReader) -> None:
    reader.picture(GOOD)
    (before,) = workers(reader)
    with pytest.raises(MediaError):
        reader.picture(GOOD[:-40])
    assert workers(reader) == [before]


def test_frames_that_nobody_takes_free_the_process() -> None:
    film = filmed([scene(1), scene(2)])
    with MediaReader(workers=1) as reader:
        with reader.frames(film, every=0.1) as frames:
            next(iter(frames))
        assert frames.told is None
        frames = reader.frames(film, every=0.1)
        next(iter(frames))
        del frames
        gc.collect()
        with reader.frames(film) as frames:
            assert len(list(frames)) == 2


def test_threads_share_a_reader() -> None:
    found, failed = [], []

    def work() -> None:
        try:
            found.extend(reader.picture(GOOD).width for _ in range(4))
        except MediaError as error:
            failed.append(error)

    with MediaReader(workers=2) as reader:
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(workers(reader)) <= 2
    assert failed == []
    assert found == [64] * 24


def test_a_closed_reader_says_so_and_leaves_no_process() -> None:
    reader = MediaReader()
    reader.picture(GOOD)
    (worker,) = workers(reader)
    reader.close()
    assert worker._process.returncode is not None
    with pytest.raises(MediaError) as caught:
        reader.picture(GOOD)
    assert caught.value.kind == "closed"


def test_a_process_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        f"import sys, time; sys.path[:0] = {[p for p in sys.path if p]!r}\n"
        "from seawall.detect.media import MediaReader\n"
        "reader = MediaReader(); reader.walls(); print(reader._pools['image']._idle[0].pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.kill()
    for _ in range(200):
        if not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text():
            return
        time.sleep(0.02)
    pytest.fail("the decoding process outlived its parent")


SPIN = """
import os, sys
sys.path.insert(0, sys.argv[1].rpartition("/child/")[0])
from child import walls, wire
answers = os.fdopen(os.dup(1), "wb")
walls.raise_walls(memory=1 << 28, seconds=1, jobs=1)
wire.send_note(answers, wire.READY, walls=[])
walls.spend(1)
while True:
    pass
"""


def test_a_decoder_that_spins_is_ended_by_its_processor_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_START", SPIN)
    with MediaReader(Limits(seconds=1)) as reader, pytest.raises(MediaError) as caught:
        reader.picture(GOOD)
    assert caught.value.kind == "too_slow"


def test_a_decoder_that_hangs_is_ended_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        pool, "_START", SPIN.replace("    pass", "    time.sleep(1)").replace("os, sys", "os, sys, time")
    )
    with MediaReader(Limits(seconds=0.3)) as reader:
        with pytest.raises(MediaError, match=r"longer than 0\.3 seconds") as caught:
            reader.picture(GOOD)
        assert caught.value.kind == "too_slow"
        assert workers(reader) == []


def answer(
    what: int,
    *,
    channels: int = 3,
    height: int = 2,
    width: int = 2,
    seconds: float = 0.0,
    body: bytes = bytes(12),
    length: int = -1,
) -> bytes:
    length = len(body) if length < 0 else length
    return wire.ANSWER.pack(wire.MAGIC, what, channels, 0, height, width, seconds, length) + body


PICTURE = answer(wire.PICTURE)
END = answer(wire.END, body=b"{}")
LIES = {
    "noise": bytes(range(64)) * 4,
    "another magic": b"SwM2" + PICTURE[4:],
    "nothing": b"",
    "half a head": PICTURE[:9],
    "half a picture": PICTURE[:-3],
    "no picture": END,
    "no height": answer(wire.PICTURE, height=0, body=b""),
    "a length that is not the size": answer(wire.PICTURE, height=3),
    "four channels": answer(wire.PICTURE, channels=4, body=bytes(16)),
    "more pixels than asked for": answer(wire.PICTURE, height=1 << 16, width=1 << 16, length=3 << 32),
    "a size that wraps round": answer(wire.PICTURE, height=(1 << 32) - 1, width=(1 << 32) - 1, length=3),
    "too many pictures": PICTURE * 3 + END,
    "a time before the last": answer(wire.PICTURE, seconds=-1.0),
    "a time that is no number": answer(wire.PICTURE, seconds=float("nan")),
    "an endless note": PICTURE + answer(wire.END, body=b"", length=1 << 40),
    "a note that is no JSON": PICTURE + answer(wire.END, body=b"\xff\xfe"),
    "a note nested without end": PICTURE + answer(wire.END, body=b"[" * 20_000),
    "a note that is a list": PICTURE + answer(wire.END, body=b"[]"),
    "a refusal of no kind": answer(wire.REFUSAL, body=b'{"kind": "closed", "words": "x"}'),
    "ready twice": answer(wire.READY, body=b"{}"),
    "what is not known": answer(9),
}
LIAR = """
import os, sys
sys.path.insert(0, sys.argv[1].rpartition("/child/")[0])
from child import wire
answers = os.fdopen(os.dup(1), "wb")
wire.send_note(answers, wire.READY, walls=[])
source = os.fdopen(0, "rb", buffering=0)
wire.next_job(source)
for piece in wire.pieces(source):
    pass
answers.write(bytes.fromhex("LIE"))
answers.flush()
"""


@pytest.fixture
def liar(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[MediaReader]:
    monkeypatch.setattr(pool, "_START", LIAR.replace("LIE", request.param.hex()))
    with MediaReader() as made:
        yield made


@pytest.mark.parametrize("liar", LIES.values(), ids=LIES.keys(), indirect=True)
def test_what_a_process_answers_is_not_believed(liar: MediaReader) -> None:
    with pytest.raises(MediaError) as caught:
        liar.picture(GOOD)
    assert caught.value.kind == "crashed"
    assert workers(liar) == []


@pytest.mark.parametrize(
    "liar", [answer(wire.REFUSAL, body=b'{"kind": "malformed", "words": "a\\u001b[31m\\nb"}')], indirect=True
)
def test_what_a_process_says_is_made_harmless(liar: MediaReader) -> None:
    with pytest.raises(MediaError) as caught:
        liar.picture(GOOD)
    assert str(caught.value) == "The file is damaged: a [31m b."


def test_a_process_that_does_not_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_START", "raise SystemExit(3)")
    with MediaReader() as reader, pytest.raises(MediaError, match=r"did not start: .*code 3") as caught:
        reader.picture(GOOD)
    assert caught.value.kind == "crashed"


@pytest.mark.parametrize(
    ("task", "package", "extra"), [("image", "Pillow", "media"), ("video", "av", "media"), ("words", "rapidocr", "ocr")]
)
def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, task: pool.Task, package: str, extra: str
) -> None:
    start = "import sys\nfor name in ('PIL', 'av', 'rapidocr', 'cv2'): sys.modules[name] = None\n" + pool._START
    monkeypatch.setattr(pool, "_START", start)
    with MediaReader() as reader, pytest.raises(MediaError) as caught:
        reader.walls(task)
    assert caught.value.kind == "missing"
    assert package in str(caught.value)
    assert f"pip install 'seawall[{extra}]'" in str(caught.value)


def test_the_head_has_no_hidden_bytes() -> None:
    assert wire.ANSWER.size == struct.calcsize("<4sBBBxIIdQ") == 32
