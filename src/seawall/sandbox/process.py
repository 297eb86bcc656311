"""Starting and stopping the sandbox as a child process."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import seawall
from seawall.sandbox.control import SandboxControl, SandboxRefusal

_START_WITHIN = 30.0
_STOP_WITHIN = 10.0


class SandboxError(Exception):
    """The sandbox did not start; the message says why."""


class SandboxProcess:
    """A sandbox in a process of its own, with its state in the folder `state`.

    It ends when :meth:`stop` is called or the context is left, and also when this process ends in any way: it watches
    a pipe that only this process holds. With `port` 0 it takes the port that it had last time if that is free, so the
    addresses of posts stay good over a restart.
    """

    def __init__(self, state: Path, port: int = 0) -> None:
        self.state = state
        self.control_token = secrets.token_urlsafe(32)
        self._wanted_port = port
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._logged = 0
        self._control: SandboxControl | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port that it serves on. Raises SandboxError while it is not running."""
        if not self._port:
            raise SandboxError("The sandbox is not running; start it first.")
        return self._port

    @property
    def base_url(self) -> str:
        """``http://127.0.0.1:port``."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def allow(self) -> frozenset[str]:
        """The exception that an ``Outbound`` needs to reach it."""
        return frozenset({f"127.0.0.1:{self.port}"})

    @property
    def pid(self) -> int:
        """The process id of its master. Raises SandboxError while it is not running."""
        if self._process is None:
            raise SandboxError("The sandbox is not running; start it first.")
        return self._process.pid

    @property
    def control(self) -> SandboxControl:
        """The client of its control desk. Raises SandboxError while it is not running."""
        if self._control is None:
            raise SandboxError("The sandbox is not running; start it first.")
        return self._control

    @property
    def log(self) -> Path:
        """Where it writes what goes wrong."""
        return self.state / "sandbox.log"

    def start(self) -> None:
        """Start it and return once it answers. Raises SandboxError saying why when it does not."""
        if self._process is not None:
            raise SandboxError(f"The sandbox is running already, on port {self._port}.")
        try:
            self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
            ready = self.state / "ready.json"
            ready.unlink(missing_ok=True)
            errors = self.log.open("ab")
            self._logged = errors.tell()
        except OSError as error:
            raise SandboxError(f"The sandbox cannot keep its state in {self.state}: {error}.") from error
        source = str(Path(seawall.__file__).resolve().parent.parent)
        path = os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))
        options = ["--port", str(self._wanted_port), "--state", str(self.state), "--ready-file", str(ready)]
        with errors:
            self._process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
                [sys.executable, "-m", "seawall.sandbox", *options, "--watch-stdin"],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": path, "SEAWALL_SANDBOX_TOKEN": self.control_token},
                start_new_session=True,
            )
        try:
            self._wait_until_ready(ready)
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self, ready: Path) -> None:
        process = self._process
        assert process is not None  # noqa: S101  (start made it)
        deadline = time.monotonic() + _START_WITHIN
        while not ready.exists():
            if process.poll() is not None:
                said = self.log.read_bytes()[self._logged :].decode("utf-8", errors="replace").strip().splitlines()
                raise SandboxError(said[-1] if said else f"The sandbox ended at once with status {process.returncode}.")
            if time.monotonic() > deadline:
                raise SandboxError(f"The sandbox was not ready within {_START_WITHIN:g} seconds; see {self.log}.")
            time.sleep(0.01)
        self._port = int(json.loads(ready.read_text("ascii"))["port"])
        self._control = SandboxControl(self.base_url, self.control_token)
        try:
            self._control.state()
        except SandboxRefusal as error:
            raise SandboxError(f"The sandbox started and does not answer: {error} See {self.log}.") from error

    def stop(self) -> None:
        """Stop it and wait for its end; does nothing when it is not running."""
        if self._control is not None:
            self._control.close()
        process, self._process, self._port, self._control = self._process, None, 0, None
        if process is None:
            return
        assert process.stdin is not None  # noqa: S101  (started with a pipe)
        process.terminate()
        process.stdin.close()
        try:
            process.wait(_STOP_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
