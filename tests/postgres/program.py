"""A program that uses the embedded server, for tests that need several: acquires, says what it found, waits, leaves.

It is told all in one JSON argument: ``home``, and optionally ``uid``, the account to become after everything is
imported (an interpreter in a closed folder could not be started by that account). It prints one JSON line when it
has acquired or failed, leaves when it reads a line, and prints another.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psycopg

from seawall.postgres import EmbeddedPostgres, PostgresError


def main() -> None:
    wanted = json.loads(sys.argv[1])
    if "uid" in wanted:
        os.setgroups([])
        os.setgid(wanted["gid"])
        os.setuid(wanted["uid"])
    server = EmbeddedPostgres(home=Path(wanted["home"]), durable=wanted.get("durable", False))
    try:
        url = server.acquire()
    except PostgresError as error:
        print(json.dumps({"error": type(error).__name__, "sentence": str(error)}), flush=True)
        return
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT pg_postmaster_start_time()::text").fetchone()
    said = {"url": url, "pid": server.status().pid, "started": row and row[0], "uid": os.getuid()}
    print(json.dumps(said), flush=True)
    sys.stdin.readline()
    server.release()
    print(json.dumps({"state": server.status().state}), flush=True)


if __name__ == "__main__":
    main()
