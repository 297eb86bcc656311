"""The loop of the decoding process: prepare, raise the walls, and answer one file after the other."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable
from io import BytesIO
from typing import Any, BinaryIO

from . import walls, wire
from .refusal import Refusal

Answer = Callable[[BinaryIO, BytesIO, dict[str, Any]], dict[str, Any]]


def main(task: str, limits: str) -> None:
    """Serve `task` ("image", "video" or "words") until the parent closes the pipe. `limits` is JSON: memory, seconds, jobs."""
    source = os.fdopen(0, "rb", buffering=0, closefd=False)
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 1)  # what a library prints must not reach the parent as an answer
    os.dup2(nothing, 2)
    try:
        answer = _prepared(task)
    except ImportError as error:
        wire.send_note(answers, wire.REFUSAL, kind="missing", words=str(error.name or error))
        return
    given = json.loads(limits)
    standing = walls.raise_walls(memory=given["memory"], seconds=given["seconds"], jobs=given["jobs"])
    wire.send_note(answers, wire.READY, walls=standing)
    try:
        while True:
            job = wire.next_job(source)
            walls.spend(given["seconds"])
            _one(answer, source, answers, job)
            walls.spend(0)
    except wire.Cut:
        return


def _one(answer: Answer, source: BinaryIO, answers: BinaryIO, job: dict[str, Any]) -> None:
    data = BytesIO()
    try:
        for piece in wire.pieces(source):
            data.write(piece)
        data.seek(0)
        told = answer(answers, data, job)
    except Refusal as refusal:
        wire.send_note(answers, wire.REFUSAL, kind=refusal.kind, words=str(refusal)[:300])
    except MemoryError:
        del data
        gc.collect()
        wire.send_note(answers, wire.REFUSAL, kind="memory", words="")
        sys.exit(
            0
        )  # the rest of the file may be in the pipe, and the memory in pieces: the parent starts another process
    except wire.Cut:
        raise
    except Exception as error:
        wire.send_note(answers, wire.REFUSAL, kind="malformed", words=f"{type(error).__name__}: {error}"[:300])
    else:
        wire.send_note(answers, wire.END, **told)


def _prepared(task: str) -> Answer:
    if task == "image":
        from . import images

        images.prepare()
        return _image
    if task == "video":
        from . import videos

        videos.prepare()
        return videos.answer
    from . import words

    words.prepare()
    return words.answer


def _image(answers: BinaryIO, data: BytesIO, job: dict[str, Any]) -> dict[str, Any]:
    from . import images

    if job["want"] == "picture":
        shown, told = images.first(data, job["format"], job)
        for image in shown:
            wire.send_picture(answers, image.height, image.width, image.tobytes())
        return told
    count, last, spacing, complete = 0, -1.0, float(job["every"]), True
    for image, seconds in images.frames(data, job["format"], job):
        if last >= 0 and seconds - last < spacing:
            continue
        if count == job["max_frames"]:
            complete = False
            break
        wire.send_picture(answers, image.height, image.width, image.tobytes(), seconds=seconds, key=True)
        count, last = count + 1, seconds
    return {"complete": complete, "sampling": "animation", "duration": last + spacing if complete else None}
