"""The suite's core once more, against a PostgreSQL that was started apart from this run and is named by DATABASE_URL.

Where the machine has PostgreSQL of its own (Debian keeps it under /usr/lib/postgresql), that one is used: another build than the wheel's.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from seawall.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
LEAST = 100  # tests; there are some hundreds


def other_binaries() -> Path | None:
    """The newest PostgreSQL of the machine's own that is new enough for the hub and whole."""
    found = [
        folder
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit()
        and int(folder.parent.name) >= 14
        and all((folder / program).is_file() for program in ("initdb", "postgres"))
    ]
    return max(found, key=lambda folder: int(folder.parent.name), default=None)


@pytest.mark.kill
def test_the_core_passes_on_another_postgresql() -> None:
    home = Path(
        tempfile.mkdtemp(prefix="seawall-second-")
    )  # pytest closes its own folders to the account that a server runs as
    home.chmod(0o755)
    server = EmbeddedPostgres(home=home / "postgres", binaries=other_binaries(), durable=False)
    url = server.acquire()
    try:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("SEAWALL_", "PYTEST_", "COV_"))
        }
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-m", "core", "-q", "-p", "no:cacheprovider", "tests"],
            cwd=ROOT,
            env=kept | {"DATABASE_URL": url},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        with psycopg.connect(url) as connection:
            version = connection.execute("SHOW server_version").fetchone()
            used = connection.execute("SELECT count(*) FROM pg_stat_database WHERE datname LIKE 'test_%'").fetchone()
    finally:
        server.release()
        shutil.rmtree(home, ignore_errors=True)
    assert done.returncode == 0, f"on PostgreSQL {version}:\n{done.stdout[-8000:]}\n{done.stderr[-2000:]}"
    summary = re.search(r"(\d+) passed", done.stdout)
    assert summary is not None
    assert int(summary.group(1)) >= LEAST
    assert used == (0,), "the run took its database away again"
