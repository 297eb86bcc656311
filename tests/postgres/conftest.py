"""Real servers in short folders under /tmp, with the prepared data of one initdb copied for each test."""

from __future__ import annotations

import pwd
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.postgres.helpers import IS_ROOT, Program, copy_home

from seawall.postgres import EmbeddedPostgres
from seawall.postgres.account import Account, choose
from seawall.postgres.binaries import find, usable_by


@pytest.fixture(scope="session")
def ground() -> Iterator[Path]:
    """A folder that every account may enter (pytest's own is closed, and too long for some sockets)."""
    folder = Path(tempfile.mkdtemp(prefix="seawall-pg-", dir="/tmp"))
    folder.chmod(0o755)
    (folder / "state").mkdir(mode=0o755)
    yield folder
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in word for word in process.info["cmdline"] or []):
            process.kill()
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, ground: Path) -> None:
    """What root keeps elsewhere goes to the test's own folder, in this process and in the programs it starts."""
    monkeypatch.setenv("SEAWALL_POSTGRES_STATE", str(ground / "state"))
    monkeypatch.delenv("SEAWALL_POSTGRES_USER", raising=False)


@pytest.fixture(scope="session")
def prepared(ground: Path) -> Path:
    """A home whose data folder was made once; never served itself, only copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEAWALL_POSTGRES_STATE", str(ground / "state"))
        patch.delenv("SEAWALL_POSTGRES_USER", raising=False)
        with EmbeddedPostgres(home=ground / "prepared", durable=False):
            pass
    return ground / "prepared"


@pytest.fixture
def empty_home(ground: Path) -> Iterator[Path]:
    """A home in which nothing is yet; its server, if the test leaves one, is ended."""
    folder = Path(tempfile.mkdtemp(prefix="t", dir=ground))
    folder.chmod(0o755)
    home = folder / "home"
    yield home
    if (home / "data" / "postmaster.pid").exists():
        EmbeddedPostgres(home=home).stop(force=True)
    shutil.rmtree(folder)


@pytest.fixture
def home(empty_home: Path, prepared: Path) -> Path:
    """A home with data."""
    copy_home(prepared, empty_home)
    return empty_home


@pytest.fixture
def start_program() -> Iterator[Callable[..., Program]]:
    """Start programs that are ended with the test."""
    programs: list[Program] = []

    def start(**wanted: Any) -> Program:
        programs.append(Program(**wanted))
        return programs[-1]

    yield start
    for program in programs:
        program.close()


@pytest.fixture
def ordinary(ground: Path, monkeypatch: pytest.MonkeyPatch) -> Account:
    """An ordinary account that can run the server's programs: our own, or as root ``nobody``."""
    if not IS_ROOT:
        return choose(home=ground, folder=ground)
    entry = pwd.getpwnam("nobody")
    account = Account(name="nobody", uid=entry.pw_uid, gid=entry.pw_gid, dropped=True)
    programs = usable_by(account, find(), shelf=ground / "state" / "binaries")
    monkeypatch.setenv("SEAWALL_POSTGRES_BIN", str(programs.folder))
    return account
