"""`seawall serve`: pages and background work until it is asked to stop, and sentences when it cannot start."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest
from tests.commands.conftest import Installation

from seawall.commands.serve import check_port, keep_running
from seawall.postgres import EmbeddedPostgres

pytestmark = pytest.mark.kill


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(there: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not there():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def serving(home: Installation, *arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = home.start("serve", "--port", str(port), *arguments, SEAWALL_WEB_PROCESSES="1", SEAWALL_WEB_THREADS="2")

    try:
        until(lambda: answers(url), process)
        yield process, url
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


def test_it_serves_works_restarts_what_dies_and_stops_when_asked(hub_home: Installation) -> None:
    with serving(hub_home) as (process, url):
        assert httpx.get(f"{url}/").status_code == 200
        assert httpx.get(f"{url}/queue/").status_code == 302
        until(lambda: hub_home.sql("SELECT count(*) FROM ledger_pending") == [(0,)], process)
        children = psutil.Process(process.pid).children()
        assert len(children) == 2, "the web server and the worker"
        worker = next(child for child in children if "worker" in child.cmdline())
        worker.kill()
        until(
            lambda: any(
                "worker" in child.cmdline() and child.pid != worker.pid
                for child in psutil.Process(process.pid).children()
                if child.is_running() and child.status() != psutil.STATUS_ZOMBIE
            ),
            process,
        )
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        said, complained = process.communicate(timeout=60)
        assert process.returncode == 0
        assert said == f"Serving on {url} (Ctrl-C stops it).\nStopped.\n"
        assert f"The worker process ended with status {-signal.SIGKILL}; starting it again." in complained
        assert "Traceback" not in complained
        assert not psutil.wait_procs(family, timeout=10)[1], "nothing is left running"


def test_nothing_is_left_of_a_hub_whose_supervisor_was_killed(hub_home: Installation) -> None:
    with serving(hub_home) as (process, url):
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) == 3, "the web server, its worker and the background worker"
        process.kill()
        assert not psutil.wait_procs(family, timeout=30)[1], "they would hold the port, and work beside the next hub"
        check_port("127.0.0.1", int(url.rpartition(":")[2]))


def test_web_workers_end_with_their_master(hub_home: Installation) -> None:
    with serving(hub_home, "--web-only") as (process, url):
        (master,) = psutil.Process(process.pid).children()
        workers = master.children()
        assert workers
        master.kill()
        assert not psutil.wait_procs(workers, timeout=5)[1], "they would hold the port against the next master"
        until(lambda: answers(url), process)


def test_an_embedded_database_that_ended_is_started_again_and_stopped_at_the_end() -> None:
    with tempfile.TemporaryDirectory(prefix="seawall-serve-") as folder:
        Path(folder).chmod(0o755)  # as root, the database's own account must reach its folder in it
        database = EmbeddedPostgres(home=Path(folder) / "postgres", durable=False)
        with database:
            keep_running(database)
            first = database.status().pid
            assert first is not None
            psutil.Process(first).kill()
            until_it = time.monotonic() + 30
            while database.status().pid in (None, first) and time.monotonic() < until_it:
                keep_running(database)
            assert database.status().pid not in (None, first)
            with psycopg.connect(database.url()) as connection:
                assert connection.execute("SELECT 1").fetchone() == (1,)
        assert database.status().state == "stopped"


def test_web_only_starts_no_worker(hub_home: Installation) -> None:
    with serving(hub_home, "--web-only") as (process, _url):
        assert not [c for c in psutil.Process(process.pid).children(recursive=True) if "worker" in c.cmdline()]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 0


def test_a_port_that_is_taken_is_told_in_a_sentence(hub_home: Installation) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        _said, complained = hub_home.run("serve", "--port", str(port), code=1)
    assert complained == (
        f"Error: Port {port} on 127.0.0.1 cannot be used (Address already in use). Stop what uses it, or choose another: --port {port + 1}.\n"
    )


def test_a_port_that_is_no_port_is_refused(hub_home: Installation) -> None:
    assert "65535" in hub_home.run("serve", "--port", "70000", code=2)[1]


def test_a_database_that_is_not_migrated_is_not_served(empty_home: Installation) -> None:
    _said, complained = empty_home.run("serve", "--port", str(free_port()), code=1)
    assert complained == "Error: The database is not up to date. Run `seawall migrate` first.\n"


def test_what_a_demonstration_was_played_into_is_served_on_loopback_only(hub_home: Installation) -> None:
    hub_home.sql("SET session_replication_role = replica; UPDATE ledger_entry SET demonstration = true WHERE id = 2")
    _said, complained = hub_home.run("serve", "--host", "0.0.0.0", "--port", str(free_port()), code=1)
    assert complained == (
        "Error: This hub is a demonstration, and its passwords are public: it serves on loopback only.\n"
    )
    assert os.environ.get("SEAWALL_DEMONSTRATION") is None
