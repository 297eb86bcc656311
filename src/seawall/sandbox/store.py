"""The sandbox's memory: one SQLite file, so that it survives being stopped or killed."""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from seawall.channels import signing
from seawall.channels.base import parse_stamp, stamp
from seawall.sandbox.profiles import PROFILES


class Store:
    """Opens one connection a thread to ``sandbox.sqlite3`` in `folder`; writers take turns.

    Write-ahead logging with ``synchronous=NORMAL``: what was answered survives the process being killed.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "sandbox.sqlite3"
        self._local = threading.local()
        self._writing = threading.Lock()
        self._keys: dict[str, Ed25519PrivateKey] = {}

    @classmethod
    def prepare(cls, folder: Path) -> None:
        """Make the folder, the file and the platforms' keys and tokens, readable by their owner alone."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = cls(folder)
        os.close(os.open(store.path, os.O_CREAT | os.O_RDWR, 0o600))
        connection = store._connection()
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(files("seawall.sandbox").joinpath("schema.sql").read_text("utf-8"))
        with store.transaction() as db:
            for name in PROFILES:
                key = Ed25519PrivateKey.generate().private_bytes_raw()
                db.execute("INSERT OR IGNORE INTO platform VALUES (?, ?, ?)", (name, secrets.token_urlsafe(32), key))
        store.close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self.path, timeout=30, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute("PRAGMA foreign_keys=ON")
            self._local.connection = connection
        return connection

    def close(self) -> None:
        """Close this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    @property
    def reader(self) -> sqlite3.Connection:
        """This thread's connection, for reading."""
        return self._connection()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the right to write; commit at the end, roll back on any exception."""
        connection = self._connection()
        with self._writing:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    # -- settings and time --

    def setting(self, name: str) -> Any:
        """Return a setting's JSON value, or None."""
        row = self.reader.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return None if row is None else json.loads(row["value"])

    def set(self, name: str, value: Any) -> None:
        """Keep a setting; call inside a transaction."""
        self.reader.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(value)))

    def now(self) -> dt.datetime:
        """Return the sandbox's time: the simulated one while set, else the system's; it never runs backwards."""
        simulated = self.setting("clock")
        if simulated is not None:
            return parse_stamp(simulated)
        real = dt.datetime.now(dt.UTC)
        latest = self.setting("latest")
        return real if latest is None else max(real, parse_stamp(latest))

    def happened(self, at: dt.datetime) -> None:
        """Note that something happened at `at`; call inside a transaction."""
        self.reader.execute(
            "INSERT INTO setting VALUES ('latest', ?1) ON CONFLICT DO UPDATE SET value = max(value, ?1)",
            (json.dumps(stamp(at)),),
        )

    # -- platforms --

    def key(self, platform: str) -> Ed25519PrivateKey:
        """Return the platform's signing key."""
        if platform not in self._keys:
            row = self.reader.execute("SELECT private_key FROM platform WHERE name = ?", (platform,)).fetchone()
            self._keys[platform] = Ed25519PrivateKey.from_private_bytes(row["private_key"])
        return self._keys[platform]

    def public_key(self, platform: str) -> str:
        """Return the platform's public key in base64url."""
        return signing.encode(self.key(platform).public_key().public_bytes_raw())

    def token(self, platform: str) -> str:
        """Return the token that the platform gave the hub."""
        row = self.reader.execute("SELECT token FROM platform WHERE name = ?", (platform,)).fetchone()
        return str(row["token"])
