"""Processes that end with the one that started them, however that one ended: none is left over to hold a port or do its work twice."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
from typing import Any

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> None:
    """Send this process SIGTERM when its standard input closes.

    The parent holds the other end of that pipe and nobody else does, so the kernel closes it whenever the parent ends, a SIGKILL included.
    """
    threading.Thread(target=_watch, name="watch-stdin", daemon=True).start()


def _watch() -> None:
    while os.read(0, 1_024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def die_with_master(server: Any, worker: Any) -> None:
    """gunicorn's `post_fork`: end a worker at once when its master is killed, so that the port is free again (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server.pid:
            os._exit(1)
