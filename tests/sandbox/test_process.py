"""The sandbox as a process: starts, stops, is killed, comes back with everything it knew."""

import datetime as dt
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from tests.channels.samples import SENT_AT
from tests.sandbox.support import document_with, post_of

from seawall.channels import HttpChannel
from seawall.outbound import Outbound
from seawall.sandbox import SandboxError, SandboxProcess


def gone(port: int, within: float = 10) -> bool:
    """Wait until nobody listens on `port`."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[SandboxProcess]:
    with SandboxProcess(tmp_path / "state") as running:
        yield running


@pytest.mark.kill
def test_killed_sandbox_comes_back_with_all_it_had_answered(sandbox: SandboxProcess) -> None:
    made = document_with("harbour", "actioned")
    later = document_with("harbour", "actioned")
    sandbox.control.seed([post_of(made), post_of(later)])
    sandbox.control.set_clock(SENT_AT)
    addresses = sandbox.control.addresses()
    with Outbound(sandbox.allow) as outbound:
        channel = HttpChannel(outbound)
        first = channel.send(addresses["harbour"], made, idempotency_key="k1", at=SENT_AT)
        sandbox.control.set_clock(SENT_AT + dt.timedelta(days=31))
        answers = channel.answers(addresses["harbour"], first.reference)
        pending = channel.send(addresses["harbour"], later, idempotency_key="k2", at=SENT_AT + dt.timedelta(days=31))

        port = sandbox.port
        os.kill(sandbox.pid, signal.SIGKILL)
        assert gone(port), "the worker outlived its master"
        sandbox.stop()
        sandbox.start()

        assert sandbox.port == port, "the addresses of posts stay good"
        assert sandbox.control.addresses() == addresses
        assert channel.answers(addresses["harbour"], first.reference) == answers
        again = channel.send(addresses["harbour"], later, idempotency_key="k2", at=SENT_AT + dt.timedelta(days=31))
        assert again == pending
        with httpx.Client(trust_env=False) as client:
            assert client.get(sandbox.control.post_url("harbour", made.content.native_id)).status_code == 410
            assert client.get(sandbox.control.post_url("harbour", later.content.native_id)).status_code == 200
            sandbox.control.set_clock(SENT_AT + dt.timedelta(days=62))
            assert client.get(sandbox.control.post_url("harbour", later.content.native_id)).status_code == 410


@pytest.mark.kill
def test_sandbox_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from seawall.sandbox import SandboxProcess\n"
        "sandbox = SandboxProcess(Path(sys.argv[1])); sandbox.start()\n"
        "print(sandbox.port, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "state")],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        parent.kill()
    assert gone(port)


def test_stopping_frees_the_port_and_may_be_done_twice(tmp_path: Path) -> None:
    sandbox = SandboxProcess(tmp_path / "state")
    sandbox.start()
    port, log = sandbox.port, sandbox.log
    with pytest.raises(SandboxError, match="running already"):
        sandbox.start()
    sandbox.stop()
    sandbox.stop()
    assert gone(port, within=1)
    assert log.read_text() == ""
    for name in ("port", "pid", "control", "base_url"):
        with pytest.raises(SandboxError, match="not running"):
            getattr(sandbox, name)


def test_state_is_for_its_owner_alone(sandbox: SandboxProcess) -> None:
    assert sandbox.state.stat().st_mode & 0o077 == 0
    assert (sandbox.state / "sandbox.sqlite3").stat().st_mode & 0o077 == 0
    command = Path(f"/proc/{sandbox.pid}/cmdline")
    if command.exists():
        assert sandbox.control_token.encode() not in command.read_bytes()


def test_port_that_is_taken_is_said_to_be(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SandboxError, match=f"Port {port} on 127.0.0.1 cannot be used: .* --port 0"):
            SandboxProcess(tmp_path / "state", port).start()


def test_last_port_that_is_taken_by_now_is_replaced(tmp_path: Path) -> None:
    with SandboxProcess(tmp_path / "state") as sandbox:
        port = sandbox.port
    with socket.create_server(("127.0.0.1", port)), SandboxProcess(tmp_path / "state") as sandbox:
        assert sandbox.port != port
        assert sandbox.control.state()


def test_second_sandbox_on_the_same_folder_is_refused(sandbox: SandboxProcess) -> None:
    with pytest.raises(SandboxError, match=r"Another sandbox is using .* --state"):
        SandboxProcess(sandbox.state).start()
    assert sandbox.control.state(), "the first one is none the worse"


def test_folder_that_cannot_be_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(SandboxError, match="cannot keep its state in"):
        SandboxProcess(tmp_path / "file" / "state").start()
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "sandbox.sqlite3").write_bytes(b"not a database at all" * 100)
    with pytest.raises(SandboxError, match=r"cannot keep its state in .* not a database"):
        SandboxProcess(tmp_path / "state").start()


def test_program_prints_one_line_when_ready_and_stops_cleanly(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "seawall.sandbox", "--port", "0", "--state", str(tmp_path / "state")]
    with subprocess.Popen(
        [*command, "--control-token", "t", "--ready-file", str(ready)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as program:
        assert program.stdout is not None
        told = json.loads(program.stdout.readline())
        assert told["pid"] == program.pid
        assert json.loads(ready.read_text()) == told
        state = httpx.get(f"{told['base_url']}/control/state", headers={"Authorization": "Bearer t"}, trust_env=False)
        assert state.status_code == 200
        program.terminate()
        rest, errors = program.communicate(timeout=10)
    assert (program.returncode, rest, errors) == (0, b"", b"")


def test_real_clock_runs_and_due_steps_are_done_at_the_next_request(sandbox: SandboxProcess) -> None:
    assert sandbox.control.state()["simulated"] is False
    present = dt.datetime.now(dt.UTC)
    sandbox.control.set_clock(present - dt.timedelta(days=40))
    made = document_with("harbour", "actioned", sent_at=present - dt.timedelta(days=40))
    sandbox.control.seed([post_of(made)])
    with Outbound(sandbox.allow) as outbound:
        channel, address = HttpChannel(outbound), sandbox.control.addresses()["harbour"]
        receipt = channel.send(address, made, idempotency_key=str(uuid4()), at=present)
        assert [answer.status for answer in channel.answers(address, receipt.reference)] == ["QUEUED"]
        assert sandbox.control.real_clock() >= present
        assert [answer.status for answer in channel.answers(address, receipt.reference)][-1] == "COMPLETED"
    sandbox.control.set_clock(present + dt.timedelta(days=1))
    assert sandbox.control.real_clock() == present + dt.timedelta(days=1), "waits for the system's clock to catch up"


def test_three_thousand_posts_go_up_in_one_call(sandbox: SandboxProcess) -> None:
    posts = [{**post_of(document_with("harbour", "actioned")), "native_id": f"n{number}"} for number in range(6_000)]
    assert sandbox.control.seed(posts) == {"received": 6_000, "added": 6_000, "edited": 0, "unchanged": 0}
    assert sandbox.control.state()["platforms"]["harbour"]["posts"] == {"up": 6_000}
