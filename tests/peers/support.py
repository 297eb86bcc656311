"""Software that nobody here wrote: installed once, started for a test, stopped with it.

A peer that cannot be had fails the test with a sentence that says what to install; nothing here skips. Packages are kept in
the folder that ``SEAWALL_PEERS`` names (default ``~/.cache/seawall-peers``), each beside a stamp of the versions that are
pinned for it, and are installed anew when the pins change.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NoReturn, TypeVar

import pytest

from seawall.postgres import EmbeddedPostgres, PostgresError

T = TypeVar("T")

INSTALL_SECONDS = 900.0
READY_SECONDS = 180.0
STOP_SECONDS = 20.0
SETTLE_SECONDS = 30.0
TAIL_BYTES = 6_000
STAMP = "installed.json"
_PAUSE = 0.05


def fail(message: str) -> NoReturn:
    """Fail the test that needs a peer, saying what to do; never skip it."""
    pytest.fail(message, pytrace=False)


def program(name: str, *, how: str) -> str:
    """Return the path of a program of the system, or fail with `how` to install it."""
    found = shutil.which(name)
    if found is None:
        fail(f"The program {name} is not on the PATH and a peer needs it. {how}")
    return found


def run_command(
    arguments: Sequence[str],
    *,
    folder: Path,
    timeout: float = INSTALL_SECONDS,
    environment: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and return what it printed; fail with its last words when it does not succeed."""
    try:
        done = subprocess.run(
            list(arguments),
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        fail(
            f"{' '.join(arguments)} did not end within {timeout:g} s in {folder}:\n{_text(error.stdout)[-TAIL_BYTES:]}"
        )
    except OSError as error:
        fail(f"{arguments[0]} could not be run: {error}.")
    if done.returncode != 0:
        fail(f"{' '.join(arguments)} ended with code {done.returncode} in {folder}:\n{done.stdout[-TAIL_BYTES:]}")
    return done.stdout


def peers_home() -> Path:
    """Return the folder that installed peers are kept in between runs."""
    setting = os.environ.get("SEAWALL_PEERS")
    return Path(setting).absolute() if setting else Path.home() / ".cache" / "seawall-peers"


def peer_folder(name: str, *, pinned: Mapping[str, str], install: Callable[[Path], None]) -> Path:
    """Return the folder of the peer `name`, in which `install` has succeeded for exactly the versions `pinned`.

    `install` gets the empty folder at its final path (an environment may be made in it that knows its own path). A
    folder of other versions, or of an attempt that failed, is removed first. Processes that ask at the same moment wait
    for the one that installs.
    """
    home = peers_home()
    home.mkdir(parents=True, exist_ok=True)
    folder, stamp = home / name, json.dumps(dict(pinned), sort_keys=True, indent=1)
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = folder / STAMP
        if mark.is_file() and mark.read_text(encoding="utf-8") == stamp:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        install(folder)
        mark.write_text(stamp, encoding="utf-8")
    return folder


@dataclass
class Peer:
    """A peer that runs; `ready` is what its start was waited for."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready: Any = field(default=None)

    def said(self) -> str:
        """Return everything that it has printed so far, both streams together."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def running(self) -> bool:
        """Tell whether it still runs."""
        return self.process.poll() is None

    def fail(self, message: str) -> NoReturn:
        """Fail the test with `message` and the peer's last words."""
        fail(f"The peer {self.name} {message} It said last:\n{self.said()[-TAIL_BYTES:]}")


@contextlib.contextmanager
def run_peer(
    name: str,
    arguments: Sequence[str],
    *,
    log: Path,
    ready: Callable[[Peer], T | None],
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    timeout: float = READY_SECONDS,
) -> Iterator[Peer]:
    """Start a peer, wait until it is ready, and stop it and all that it started on the way out.

    `ready` is asked again and again and returns None until the peer can be used; what it returns then is ``Peer.ready``
    (see :func:`printed` and :func:`answers`). Fails with the peer's output when it ends before that or takes longer than
    `timeout` seconds. When this process ends in any way, the peer's standard input closes, and on Linux it gets a SIGTERM.
    """
    with log.open("wb") as output:
        try:
            process = subprocess.Popen(
                list(arguments),
                cwd=folder,
                env={**os.environ, **(environment or {})},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            fail(f"The peer {name} could not be started: {error}.")
    peer = Peer(name, process, log)
    try:
        deadline = time.monotonic() + timeout
        while (found := ready(peer)) is None:
            if not peer.running():
                peer.fail(f"ended with code {process.returncode} before it was ready.")
            if time.monotonic() > deadline:
                peer.fail(f"was not ready within {timeout:g} s.")
            time.sleep(_PAUSE)
        peer.ready = found
        yield peer
    finally:
        _stop(process)


def printed(start: str) -> Callable[[Peer], str | None]:
    """Wait for a whole line that begins with `start`; what is ready is the rest of that line."""

    def look(peer: Peer) -> str | None:
        for line in peer.said().splitlines(keepends=True):
            if line.startswith(start) and line.endswith("\n"):
                return line[len(start) :].strip()
        return None

    return look


def answers(port: int) -> Callable[[Peer], int | None]:
    """Wait until something takes connections at a port of 127.0.0.1; what is ready is the port.

    Whatever listens there counts: where a peer can say itself that it is ready, wait for that.
    """

    def look(peer: Peer) -> int | None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return port
        except OSError:
            return None

    return look


def eventually(look: Callable[[], T], good: Callable[[T], bool], *, what: str, within: float = SETTLE_SECONDS) -> T:
    """Look again and again until what is seen is `good`, and return that; fail with the last that was seen.

    For what a peer does in its own time. `what` says in words what is waited for.
    """
    deadline = time.monotonic() + within
    while not good(seen := look()):
        if time.monotonic() > deadline:
            fail(f"Waited {within:g} s for {what}; last seen: {seen!r}")
        time.sleep(_PAUSE)
    return seen


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on at this moment, for peers that cannot choose one themselves."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextlib.contextmanager
def redis_server(folder: Path) -> Iterator[int]:
    """Run a Redis that keeps nothing, on 127.0.0.1 only, and give its port."""
    server = program("redis-server", how="On Debian and Ubuntu: apt-get install redis-server.")
    port = free_port()
    arguments = [server, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]

    def ready(peer: Peer) -> int | None:
        return port if "Ready to accept connections" in peer.said() else None

    with run_peer("redis", arguments, log=folder / "redis.log", ready=ready, folder=folder, timeout=30):
        yield port


@contextlib.contextmanager
def postgres_server(database: str) -> Iterator[str]:
    """Run an embedded PostgreSQL of the test's own, on a socket and no port, and give the URL of `database`."""
    home = Path(tempfile.mkdtemp(prefix="seawall-peer-"))
    home.chmod(0o755)  # root hands the server to another account, which has to get here
    server = EmbeddedPostgres(home=home / "postgres", database=database, durable=False)
    try:
        url = server.acquire()
    except PostgresError as error:
        shutil.rmtree(home, ignore_errors=True)
        fail(f"The PostgreSQL that a peer needs did not start: {error}")
    try:
        yield url
    finally:
        server.release()
        shutil.rmtree(home, ignore_errors=True)


def _end_with_parent() -> None:
    """Ask the kernel, in the new process, for a SIGTERM when the process that started it is gone."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End a peer politely, then by force with everything in its process group."""
    pipe: IO[bytes] | None = process.stdin
    if pipe is not None:
        with contextlib.suppress(OSError):
            pipe.close()
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _text(said: bytes | str | None) -> str:
    return said.decode(errors="replace") if isinstance(said, bytes) else said or ""
