"""Programs and servers that die without a word: nothing is lost, and the next program goes on."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.postgres.helpers import Program, copy_home, open_server

from seawall.postgres import EmbeddedPostgres, errors
from seawall.postgres import server as server_module

pytestmark = pytest.mark.kill

Start = Callable[..., Program]


def postmaster_of(home: Path) -> int:
    return int((home / "data" / "postmaster.pid").read_text().splitlines()[0])


def is_gone(pid: int) -> bool:
    """Ended, whether or not init has yet taken note of it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def wait_until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain until {what}"
        time.sleep(0.005)


def test_a_server_whose_only_program_was_killed_is_adopted_and_then_stopped(home: Path, start_program: Start) -> None:
    program = start_program(home=str(home))
    left = program.said()
    program.kill()
    server = open_server(home)
    found = server.status()
    assert (found.state, found.pid, found.in_use) == ("running", left["pid"], False)
    with server:
        assert postmaster_of(home) == left["pid"]
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT pg_postmaster_start_time()::text").fetchone() == (left["started"],)
    assert is_gone(left["pid"])
    assert server.status().state == "stopped"


def test_one_killed_program_of_two_leaves_the_right_count(home: Path, start_program: Start) -> None:
    killed, living = start_program(home=str(home)), start_program(home=str(home))
    killed.said()
    living.said()
    killed.kill()
    assert living.leave() == {"state": "stopped"}


def test_an_interrupt_from_the_terminal_does_not_reach_the_server(home: Path) -> None:
    with open_server(home) as server:
        pid = server.status().pid
        assert pid is not None
        assert os.getsid(pid) != os.getsid(0)
        assert os.getpgid(pid) != os.getpgid(0)
        assert psutil.Process(pid).ppid() != os.getpid()


def test_a_killed_server_comes_back_with_what_was_committed(home: Path) -> None:
    server = EmbeddedPostgres(home=home)
    with server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE TABLE kept AS SELECT generate_series(1, 5000) AS n")
        first = postmaster_of(home)
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: is_gone(first), "the server is gone")
        server.acquire()  # the same program may ask again, and so may any other
        assert postmaster_of(home) != first
        with psycopg.connect(server.url()) as connection:
            assert connection.execute("SELECT sum(n) FROM kept").fetchone() == (5000 * 5001 // 2,)
        server.release()
        assert server.status().state == "running"
    assert server.status().state == "stopped"


@pytest.mark.parametrize("also_stop", [False, True], ids=["start", "stop"])
def test_backends_that_outlive_their_server_are_ended(
    home: Path, monkeypatch: pytest.MonkeyPatch, also_stop: bool
) -> None:
    monkeypatch.setattr(server_module, "LEFTOVERS_SECONDS", 0.2)
    server = open_server(home)
    with server:
        with psycopg.connect(server.url()) as connection:
            stuck = connection.info.backend_pid
            os.kill(stuck, signal.SIGSTOP)  # cannot see that its postmaster has died, as one deep in a long sort
            wait_until(lambda: psutil.Process(stuck).status() == psutil.STATUS_STOPPED, "it has stopped")
            killed = postmaster_of(home)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: is_gone(killed), "the server is gone")
            assert psutil.Process(stuck).status() == psutil.STATUS_STOPPED
            if also_stop:
                assert server.stop(force=True)
            else:
                server.acquire()
            wait_until(lambda: is_gone(stuck), "the backend has been ended")
        if not also_stop:
            with psycopg.connect(server.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
            server.release()
    assert server.status().state == "stopped"


@pytest.mark.parametrize("owner_of_the_number", ["another program", "another home's server"])
def test_a_pid_file_whose_number_was_given_to_another(home: Path, prepared: Path, owner_of_the_number: str) -> None:
    with open_server(home):
        lines = (home / "data" / "postmaster.pid").read_text().splitlines()
    other = open_server(home.parent / "other")
    copy_home(prepared, other.home)
    with other, subprocess.Popen(["sleep", "600"]) as sleeping:
        number = sleeping.pid if owner_of_the_number == "another program" else other.status().pid
        (home / "data" / "postmaster.pid").write_text("\n".join([str(number), *lines[1:]]) + "\n")
        assert open_server(home).status().state == "stopped"
        assert not open_server(home).stop()
        with open_server(home) as server:
            assert postmaster_of(home) not in (sleeping.pid, other.status().pid)
            assert server.status().state == "running"
        assert sleeping.poll() is None
        assert other.status().state == "running"
        sleeping.kill()


@pytest.mark.parametrize("text", ["", "\n", "not a number\n", "-5\n", "99999999999999999999\n", "1\n"])
def test_a_broken_pid_file_is_no_server(home: Path, text: str) -> None:
    (home / "data" / "postmaster.pid").write_text(text)
    assert open_server(home).status().state == "stopped"
    with open_server(home) as server:
        assert server.status().state == "running"


@pytest.mark.parametrize("also_initdb", [False, True], ids=["program killed", "initdb killed with it"])
def test_a_kill_while_the_data_folder_is_made_leaves_nothing_half_made(
    empty_home: Path, start_program: Start, also_initdb: bool
) -> None:
    for _ in range(20):
        program = start_program(home=str(empty_home), durable=True)
        wait_until(lambda: list(empty_home.glob("data*/global")), "initdb is at work")
        program.kill()
        if not (empty_home / "data").exists():
            break
        open_server(empty_home).stop(force=True)  # on a busy machine we looked too late: again
        shutil.rmtree(empty_home)
    assert not (empty_home / "data").exists()
    assert list(empty_home.glob("data.new-*"))
    if also_initdb:
        for process in psutil.process_iter(["cmdline"]):
            if any(str(empty_home) in word for word in process.info["cmdline"] or []):
                process.kill()
    with open_server(empty_home) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not list(empty_home.glob("data.new-*"))
    assert not list(empty_home.glob("password.*"))


def test_a_program_killed_while_it_waits_for_the_server_leaves_one_to_adopt(home: Path, start_program: Start) -> None:
    program = start_program(home=str(home))
    wait_until((home / "data" / "postmaster.pid").exists, "the server is starting")
    program.kill()
    with open_server(home) as server:
        assert server.status().state == "running"
    assert server.status().state == "stopped"


def test_a_home_deleted_under_the_server_does_not_hurt_the_leaving(home: Path) -> None:
    server = open_server(home)
    server.acquire()
    pid = server.status().pid
    assert pid is not None
    shutil.rmtree(home)
    server.release()
    psutil.Process(pid).kill()  # it would end by itself within a minute
    wait_until(lambda: is_gone(pid), "the server is gone")


def test_a_server_that_is_slow_to_stop_is_made_to(home: Path) -> None:
    server = open_server(home, stop_seconds=0.2)
    with server:
        with psycopg.connect(server.url()) as connection:
            os.kill(connection.info.backend_pid, signal.SIGSTOP)  # a fast shutdown would wait for it for ever
            assert server.stop(force=True)
        with open_server(home) as again:
            assert again.status().state == "running"


def test_a_program_that_holds_the_gate_for_too_long_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "RECOVERY_FACTOR", 0)
    server = open_server(home, start_seconds=0.1, stop_seconds=-59.9)
    with server_module.locks.gate(home / "lock", seconds=1):
        assert server.status().state == "busy"
        with pytest.raises(errors.Busy, match="starting or stopping PostgreSQL"):
            server.acquire()
