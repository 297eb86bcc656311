"""Serving the sandbox: one gunicorn worker with threads, on a socket that is bound before anything else starts."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sqlite3
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gunicorn.app.base import BaseApplication

from seawall.family import die_with_master, end_with_parent
from seawall.sandbox.app import Application
from seawall.sandbox.store import Store

HOST = "127.0.0.1"
THREADS = 16
_LOCK_WAIT = 2.0


class CannotServe(Exception):
    """The sandbox cannot start; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`port` 0 means the port used last time with this folder if it is free, else any free one."""

    port: int
    folder: Path
    control_token: str
    ready_file: Path | None
    watch_stdin: bool


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotServe when that is impossible."""
    try:
        Store.prepare(settings.folder)
        lock = _lock(settings.folder)
        listener = _bind(settings.port, settings.folder / "port")
        port = listener.getsockname()[1]
        (settings.folder / "port").write_text(f"{port}\n", encoding="ascii")
    except (OSError, sqlite3.Error) as error:
        raise CannotServe(f"The sandbox cannot keep its state in {settings.folder}: {error}.") from error
    try:
        if settings.watch_stdin:
            end_with_parent()
        _Server(settings, listener, f"http://{HOST}:{port}").run()
    finally:
        os.close(lock)


def _lock(folder: Path) -> int:
    """Hold the state folder; a worker that outlives its killed master gives it back within moments."""
    held = os.open(folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
    deadline = time.monotonic() + _LOCK_WAIT
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(held)
                raise CannotServe(
                    f"Another sandbox is using {folder}. Stop it, or give this one another folder with --state."
                ) from error
            time.sleep(0.05)
        else:
            return held


def _bind(port: int, last: Path) -> socket.socket:
    if port == 0 and last.exists():
        text = last.read_text("ascii", errors="replace").strip()
        if text.isdigit() and 0 < int(text) < 65_536:
            try:
                return _listen(int(text))
            except OSError:
                return _listen(0)
    try:
        return _listen(port)
    except (OSError, OverflowError) as error:
        raise CannotServe(
            f"Port {port} on {HOST} cannot be used: {error}. Choose another, or --port 0 for any free port."
        ) from error


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(512)
    except BaseException:
        listener.close()
        raise
    return listener


class _Server(BaseApplication):  # type: ignore[misc]
    def __init__(self, settings: Settings, listener: socket.socket, base_url: str) -> None:
        self._settings = settings
        self._listener = listener
        self._base_url = base_url
        super().__init__()

    def load_config(self) -> None:
        for name, value in {
            "bind": f"fd://{self._listener.detach()}",
            "worker_class": "gthread",
            "workers": 1,
            "threads": THREADS,
            "keepalive": 15,
            "graceful_timeout": 2,
            "timeout": 120,
            "loglevel": "warning",
            "control_socket_disable": True,
            "limit_request_line": 8_190,
            "when_ready": self._ready,
            "post_fork": die_with_master,
            "proc_name": "seawall-sandbox",
        }.items():
            self.cfg.set(name, value)

    def load(self) -> Application:
        return Application(self._settings.folder, control_token=self._settings.control_token, base_url=self._base_url)

    def _ready(self, server: Any) -> None:
        told = json.dumps(
            {"port": int(self._base_url.rpartition(":")[2]), "base_url": self._base_url, "pid": os.getpid()}
        )
        if self._settings.ready_file is not None:
            draft = self._settings.ready_file.with_suffix(".part")
            draft.write_text(told, encoding="ascii")
            draft.replace(self._settings.ready_file)
        sys.stdout.write(told + "\n")
        sys.stdout.flush()
