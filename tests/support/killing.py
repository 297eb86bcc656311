"""A hub whose processes are killed again and again while referrals flow, and whether everybody agrees afterwards.

    python -m tests.support.killing --kills 100 --seed 7 --home FOLDER

A program of its own, since its hub has a home and an embedded PostgreSQL of its own, which is killed like the rest. Whoever runs a hub has
something that starts `seawall serve` again when it ended; here that is this program. Prints what it killed and ends with exit code 1 when
decisions, referrals, clocks, ledger, outbox and the platforms' records do not agree, or `seawall check` finds anything.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

if TYPE_CHECKING:
    from seawall.hub.casework.models import Decision
    from seawall.postgres import EmbeddedPostgres
    from seawall.sandbox import SandboxProcess
    from tests.support.hub import SmallHub

FAULTS = ("500", "timeout", "cut", "duplicate", "wrong_receipt", "wrong_text", "bad_signature")
A_KILL = 4  # decisions for each
SETTLE = 240.0  # seconds after the last kill
SEAWALL = [sys.executable, "-m", "seawall"]


class Hub:
    """`seawall serve` on one port, started again whenever it ended."""

    def __init__(self, home: Path) -> None:
        self._log = home / "serve.log"
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None
        self.started = 0

    def keep_running(self) -> None:
        if self.process is None or self.process.poll() is not None:
            with self._log.open("ab") as log:
                self.process = subprocess.Popen(
                    [*SEAWALL, "serve", "--port", str(self._port)], stdout=log, stderr=log, start_new_session=True
                )
            self.started += 1

    def stop(self) -> None:
        """Ask it to stop, as an operator does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def parts(self) -> dict[str, list[int]]:
        """The numbers of its processes that live now, by what they are."""
        found: dict[str, list[int]] = {}
        if self.process is None or self.process.poll() is not None:
            return found
        found["supervisor"] = [self.process.pid]
        with suppress(psutil.Error):
            for child in psutil.Process(self.process.pid).children():
                words = child.cmdline()
                if "seawall.hub.server" in words:
                    found["web"] = [child.pid]
                    found["web worker"] = [one.pid for one in child.children()]
                elif "worker" in words:
                    found["worker"] = [child.pid]
        return found


class Killer:
    """Kills one process after another; what and when is drawn from `chance`."""

    def __init__(self, hub: Hub, database: EmbeddedPostgres, chance: random.Random) -> None:
        self.hub, self.database, self.chance = hub, database, chance
        self.killed: Counter[str] = Counter()
        self._targets: dict[str, Callable[[], None]] = {
            "worker": lambda: self._kill("worker"),
            "web server": lambda: self._kill("web"),
            "web worker": lambda: self._kill("web worker"),
            "supervisor": lambda: self._kill("supervisor"),
            "PostgreSQL": self._kill_postgres,
            "PostgreSQL process": self._kill_backend,
            "database session": lambda: self._end_session("true"),
            "sequencer's session": lambda: self._end_session("application_name = 'seawall sequencer'"),
        }

    def kill(self) -> None:
        """Wait a moment, then kill something that lives."""
        if self.chance.random() < 0.6:
            self._wait_for_worker()
        time.sleep(self.chance.random() * 1.5)
        while True:
            self.hub.keep_running()
            name = self.chance.choice(sorted(self._targets))
            with suppress(LookupError, psycopg.Error, OSError):
                self._targets[name]()
                self.killed[name] += 1
                return
            time.sleep(0.05)

    def _wait_for_worker(self) -> None:
        deadline = time.monotonic() + 10
        while "worker" not in self.hub.parts() and time.monotonic() < deadline:
            self.hub.keep_running()
            time.sleep(0.05)
        time.sleep(1.5)  # until it works

    def _kill(self, part: str) -> None:
        os.kill(self.chance.choice(self.hub.parts()[part]), signal.SIGKILL)

    def _kill_postgres(self) -> None:
        os.kill(self._postmaster().pid, signal.SIGKILL)

    def _kill_backend(self) -> None:
        os.kill(self.chance.choice(self._postmaster().children()).pid, signal.SIGKILL)

    def _postmaster(self) -> psutil.Process:
        pid = self.database.status().pid
        if pid is None:
            raise LookupError("no server")
        return psutil.Process(pid)

    def _end_session(self, which: str) -> None:
        with psycopg.connect(self.database.url(), autocommit=True, connect_timeout=2) as connection:
            rows = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
                f"AND {which} ORDER BY pid"  # type: ignore[arg-type]  # one of our own two
            ).fetchall()
            connection.execute("SELECT pg_terminate_backend(%s)", [self.chance.choice(rows)[0]])


def persistently(work: Callable[..., Any], *arguments: Any) -> Any:
    """Do it again until the database is there; as a person would press again."""
    from django.db import Error, connection

    deadline = time.monotonic() + 120
    while True:
        try:
            return work(*arguments)
        except Error:
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def give_second_words(people: SmallHub, decisions: list[Decision], seconds: float, failed: list[BaseException]) -> None:
    """Concur with all of them, evenly over so many seconds."""
    from django.db import connection

    from seawall.hub.casework.services import CaseUnavailable
    from tests.support.flow import concur

    try:
        for decision in decisions:
            with suppress(CaseUnavailable):  # committed before the connection broke
                persistently(concur, people, decision)
            time.sleep(seconds / len(decisions))
    except BaseException as error:
        failed.append(error)
    finally:
        connection.close()


def settle(people: SmallHub, hub: Hub) -> None:
    """Let what is on its way arrive, and a person send again what waits for one."""
    from tests.support.flow import outbox, send_again, under_way

    deadline = time.monotonic() + SETTLE
    while time.monotonic() < deadline:
        hub.keep_running()
        persistently(send_again, people)
        if not persistently(under_way) and not persistently(outbox):
            return
        time.sleep(0.5)


def kill_and_look(options: argparse.Namespace, sandbox: SandboxProcess, database: EmbeddedPostgres) -> int:
    from tests.support.flow import decided, disagreements, hub_beside

    people = hub_beside(sandbox)
    decisions = decided(people, sandbox, A_KILL * options.kills, name="killed")
    sandbox.control.set_faults(0.3, FAULTS, delay_seconds=1.5)
    hub, failed = Hub(options.home), []
    hub.keep_running()
    killer = Killer(hub, database, random.Random(options.seed))
    feeder = threading.Thread(
        target=give_second_words, args=(people, decisions, 2.2 * options.kills, failed), daemon=True
    )
    feeder.start()
    began = time.monotonic()
    for _ in range(options.kills):
        killer.kill()
    took = time.monotonic() - began
    while feeder.is_alive():
        hub.keep_running()
        feeder.join(0.2)
    sandbox.control.set_faults(0)
    time.sleep(float(os.environ["SEAWALL_WORKER_DEAD_AFTER"]))
    hub.keep_running()
    hub.stop()  # the restart after which all must agree
    settle(people, hub)
    hub.stop()
    told = ", ".join(f"{name} {count}" for name, count in sorted(killer.killed.items()))
    print(
        f"seed {options.seed}: {killer.killed.total()} kills in {took:.0f} s ({told}); the hub was started {hub.started} times"
    )
    print(f"{len(decisions)} referrals; spoilt requests: {sandbox.control.state()['struck']}")
    found = [repr(error) for error in failed] + persistently(disagreements, sandbox)
    for problem in found[:20]:
        print(f"WRONG: {problem}")
    checked = subprocess.run([*SEAWALL, "check"], capture_output=True, text=True, check=False)
    if checked.returncode:
        print(f"WRONG: seawall check says\n{checked.stdout}{checked.stderr}")
    print(f"all agree: {not found and not checked.returncode}; {time.monotonic() - began:.0f} s in all")
    return int(bool(found) or checked.returncode != 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--home", type=Path, required=True, help="an empty folder")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    for name in [name for name in os.environ if name.startswith(("SEAWALL_", "DATABASE_URL", "DJANGO_"))]:
        del os.environ[name]
    os.environ |= {
        "SEAWALL_HOME": str(options.home),
        "SEAWALL_WORKER_DEAD_AFTER": "3",
        "SEAWALL_WEB_PROCESSES": "1",
        "SEAWALL_WEB_THREADS": "2",
    }
    from seawall.commands.bootstrap import hub
    from seawall.sandbox import SandboxProcess

    with SandboxProcess(options.home / "sandbox") as sandbox:
        os.environ["SEAWALL_OUTBOUND_ALLOW"] = ",".join(sandbox.allow)
        subprocess.run([*SEAWALL, "migrate"], check=True, stdout=subprocess.DEVNULL)
        with hub() as database:
            assert database is not None
            # The hub's own programs look for the server themselves, as after any restart.
            os.environ.pop("SEAWALL_EMBEDDED_URL")
            return kill_and_look(options, sandbox, database)


if __name__ == "__main__":
    sys.exit(main())
