"""Installations to run the real commands in: each a home and a database of its own, made from one that was migrated once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql

ROOT = Path(__file__).resolve().parents[2]
MAKE_HUB = "from tests.support.hub import small_hub; small_hub()"


@dataclass(frozen=True)
class Installation:
    """A hub's home and database, and the commands run on it as somebody at a shell would."""

    home: Path
    url: str

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("SEAWALL_", "DJANGO_"))}
        return kept | {"SEAWALL_HOME": str(self.home), "DATABASE_URL": self.url, "PYTHONUNBUFFERED": "1"}

    def start(self, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "seawall", *arguments],
            cwd=ROOT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, code: int = 0, **environment: str) -> tuple[str, str]:
        """What the command said on standard output and error; it must end with this exit code."""
        process = self.start(*arguments, **environment)
        try:
            said, complained = process.communicate(timeout=120)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == code, (process.returncode, said, complained)
        assert "Traceback" not in complained
        return said, complained

    def sql(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask the database, as its owner."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query, values)  # type: ignore[call-overload]  # tests write their own SQL
            return cursor.fetchall() if cursor.description else []


def _server() -> str:
    return os.environ.get("SEAWALL_EMBEDDED_URL") or os.environ["DATABASE_URL"]


def _named(url: str, database: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{database}"))


def _on_server(statement: str, *names: str) -> None:
    with psycopg.connect(_named(_server(), "postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


@pytest.fixture(scope="session")
def pattern(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with the small hub in it, which others are copied from."""
    name = f"pattern_{uuid4().hex[:12]}"
    _on_server("CREATE DATABASE {}", name)
    try:
        made = Installation(tmp_path_factory.mktemp("pattern"), _named(_server(), name))
        made.run("migrate")
        made.run("manage", "shell", "--no-imports", "-c", MAKE_HUB)
        yield name
    finally:
        _on_server("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Make installations, from the pattern that is named or empty."""
    made: list[str] = []

    def make(like: str = "template0") -> Installation:
        made.append(f"hub_{uuid4().hex[:12]}")
        _on_server("CREATE DATABASE {} TEMPLATE {}", made[-1], like)
        return Installation(tmp_path / made[-1], _named(_server(), made[-1]))

    yield make
    for name in made:
        _on_server("DROP DATABASE {} WITH (FORCE)", name)


@pytest.fixture
def hub_home(install: Callable[..., Installation], pattern: str) -> Installation:
    """An installation with the small hub of tests/support/hub.py in it."""
    return install(pattern)


@pytest.fixture
def empty_home(install: Callable[..., Installation]) -> Installation:
    """An installation whose database is empty."""
    return install()
