"""File locks that the kernel drops when their holder dies, however it dies.

These are ``flock`` locks: they belong to the opening of the file, not to the process, so a forked child shares its
parent's, two openings in one process exclude each other, and a child that is given the descriptor goes on holding the
lock when its parent is gone. A lock is given up by closing, never by ``LOCK_UN``: that would take it from the children.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seawall.postgres import errors

PAUSE = 0.02
"""Seconds between two looks at a lock; there is no blocking flock with a deadline."""


def open_lock(path: Path) -> int:
    """Open the lock file, made where missing and owned as its folder is; the caller closes it."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, flags)
    if os.geteuid() == 0:
        folder = path.parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def take(descriptor: int, *, shared: bool = False) -> bool:
    """Try to lock; whether that succeeded. Never waits."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def is_held(path: Path) -> bool:
    """Whether anybody holds the lock now. Looking takes it for a moment, so look only from inside the gate."""
    descriptor = open_lock(path)
    try:
        return not take(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def gate(path: Path, *, seconds: float) -> Iterator[None]:
    """Be the only one between here and the end of the block.

    Raises
    ------
    Busy
        Another program held it for longer than ``seconds``.
    """
    descriptor = open_lock(path)
    try:
        deadline = time.monotonic() + seconds
        while not take(descriptor):
            if time.monotonic() > deadline:
                raise errors.Busy(folder=path.parent, seconds=f"{seconds:g}")
            time.sleep(PAUSE)
        yield
    finally:
        os.close(descriptor)
