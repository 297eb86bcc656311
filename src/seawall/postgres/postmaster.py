"""The server's processes: finding, starting and ending them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from seawall.postgres import cluster, errors, locks
from seawall.postgres.binaries import Binaries
from seawall.postgres.places import SOCKET_FILE, Place

LOG_LIMIT = 10_000_000
"""Bytes; a larger log is put aside as ``log.1`` at the next start."""


def find(place: Place) -> psutil.Process | None:
    """The postmaster that serves the data folder, by its pid file; None where that file is missing or out of date.

    A pid file that outlived its server may name a process that has since been given the same number, so the process
    counts only when it is a postgres that serves this folder.
    """
    lines = _pid_file(place)
    try:
        process = psutil.Process(int(lines[0]))
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        command = process.cmdline()
        if not command or not os.path.basename(command[0]).startswith("postgres"):
            return None
        return process if _serves(process, command, place.data) else None
    except (IndexError, ValueError, OverflowError, psutil.NoSuchProcess, psutil.ZombieProcess):
        return None


def socket_folder(place: Place) -> str | None:
    """Where the running server says that its socket is."""
    lines = _pid_file(place)
    return lines[4].strip() if len(lines) > 4 else None


def find_leftovers(place: Place) -> list[psutil.Process]:
    """Processes of PostgreSQL that hold the server's lock: a postmaster, and what it or a killed initdb left behind."""
    held = os.stat(place.alive)
    found = []
    for process in psutil.process_iter(["name", "uids"]):
        uids = process.info["uids"]
        if uids is None or uids.effective != place.account.uid or process.info["name"] not in ("postgres", "initdb"):
            continue
        with contextlib.suppress(psutil.Error, OSError):
            paths = [file.path for file in process.open_files()]
            if any(os.path.samestat(os.stat(path), held) for path in paths if os.path.exists(path)):
                found.append(process)
    return found


def kill_leftovers(place: Place) -> None:
    """End by force what is left of a server that has lost its postmaster; its data is safe, as after a power cut."""
    for process in find_leftovers(place):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)


def forget(place: Place) -> None:
    """Remove the pid files of a server that is gone; the caller holds the server's lock, so none is alive.

    PostgreSQL believes each of the two, the data folder's and the socket's, when its number is any living process's,
    and refuses to start.
    """
    (place.data / "postmaster.pid").unlink(missing_ok=True)
    (place.socket_folder / f"{SOCKET_FILE}.lock").unlink(missing_ok=True)


def start(place: Place, binaries: Binaries, *, durable: bool, options: Mapping[str, str], alive: int) -> int:
    """Start the server and return where its part of the log begins; the caller waits until it answers.

    It gets its own session, so that Ctrl-C in a terminal does not reach it, and is left to init by a shell that ends
    at once: it is nobody's child, so no program finds a child that it did not start, and none leaves a zombie. It
    inherits the descriptor ``alive`` with its lock; the kernel drops that when the server's last process ends.
    """
    place.make_private_folder(place.socket_folder)
    if place.log.is_file() and place.log.stat().st_size > LOG_LIMIT:
        place.log.replace(place.log.with_name("log.1"))
    command = [binaries.program("postgres"), "-D", str(place.data)]
    for name, value in cluster.settings(place, durable=durable, options=options).items():
        command += ["-c", f"{name}={value}"]
    log = os.open(place.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        place.account.take(log)
        begins = os.fstat(log).st_size
        # An asynchronous command of a shell ignores SIGINT until it sets its own handler, as postgres does.
        subprocess.run(  # noqa: S603 - our own command
            ["/bin/sh", "-c", '"$@" &', "sh", *command],
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(alive,),
            check=True,
            **place.account.process_arguments(),
        )
    finally:
        os.close(log)
    return begins


def stop(place: Place, *, seconds: float) -> bool:
    """Stop the server, if one runs, and return whether one did: politely, then at once, then by force.

    Fast shutdown (SIGINT) ends the sessions and writes everything to disk. Only when that takes longer than
    ``seconds`` does SIGQUIT follow, after which the next start replays the write-ahead log, and at last SIGKILL.

    Raises
    ------
    DidNotStop
    """
    process = find(place)
    if process is None:
        if not locks.is_held(place.alive):
            return False
        kill_leftovers(place)
        if not _wait_for_end(place, None, 10):
            left = ", ".join(str(process.pid) for process in find_leftovers(place)) or "that cannot be seen from here"
            raise errors.DidNotStop(folder=place.data, pid=left, seconds="10", log=place.log)
        return True
    for step, patience in ((signal.SIGINT, seconds), (signal.SIGQUIT, 10.0)):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(step)
        if _wait_for_end(place, process, patience):
            break
    else:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
        kill_leftovers(place)
        if not _wait_for_end(place, process, 10):
            raise errors.DidNotStop(folder=place.data, pid=process.pid, seconds=f"{seconds + 20:g}", log=place.log)
    if place.socket_folder.parent != place.folder:
        with contextlib.suppress(OSError):
            place.socket_folder.rmdir()
    return True


def log_lines(place: Place, *, begins: int = 0, count: int = 8) -> list[str]:
    """The log's last lines that were written at or after the byte ``begins``."""
    try:
        with place.log.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(min(size, max(begins, size - 8000)))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []


def _wait_for_end(place: Place, process: psutil.Process | None, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        if not locks.is_held(place.alive) and (process is None or not _lives(process)):
            return True
        if time.monotonic() > deadline:
            return False
        time.sleep(locks.PAUSE)


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _serves(process: psutil.Process, command: list[str], data: Path) -> bool:
    folders = [command[at + 1] for at, word in enumerate(command[:-1]) if word == "-D"]
    with contextlib.suppress(psutil.AccessDenied):
        folders.append(process.cwd())
    for folder in folders:
        with contextlib.suppress(OSError):
            if os.path.samefile(folder, data):
                return True
    return False


def _pid_file(place: Place) -> list[str]:
    try:
        return (place.data / "postmaster.pid").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []
