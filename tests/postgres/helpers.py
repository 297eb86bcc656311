"""What the tests of the embedded server share: copies of a home, and other programs that use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from seawall.postgres import EmbeddedPostgres
from seawall.postgres.account import Account

IS_ROOT = os.geteuid() == 0


def copy_home(source: Path, target: Path) -> None:
    """Copy a home whose server is stopped, owners and modes included."""
    subprocess.run(["cp", "-a", str(source), str(target)], check=True)


def open_server(home: Path, **more: Any) -> EmbeddedPostgres:
    """A server for tests: no waiting for the disk."""
    return EmbeddedPostgres(home=home, **{"durable": False} | more)


class Program:
    """A running `program.py`."""

    def __init__(self, **wanted: Any) -> None:
        here = Path(__file__)
        environment = os.environ | {"PYTHONPATH": str(here.parents[2] / "src")}
        self.process = subprocess.Popen(
            [sys.executable, str(here.with_name("program.py")), json.dumps(wanted)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )

    def said(self) -> dict[str, Any]:
        """Wait for the next thing it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"the program ended with {self.process.wait()} and said nothing"
        answer: dict[str, Any] = json.loads(line)
        return answer

    def leave(self) -> dict[str, Any]:
        """Let it release the server, and wait for its end."""
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        answer = self.said()
        assert self.process.wait(30) == 0
        return answer

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        """End it however it is."""
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            assert stream is not None
            stream.close()


def as_ordinary(account: Account) -> dict[str, int]:
    """What to tell a program so that it becomes the account."""
    return {"uid": account.uid, "gid": account.gid} if account.dropped else {}
