"""The life of a server: started by the first, shared, stopped by the last, its data kept."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.postgres.helpers import Program, copy_home, open_server

from seawall.postgres import EmbeddedPostgres, errors

Start = Callable[..., Program]


def ask(url: str, question: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute(question).fetchone()  # type: ignore[call-overload]
    assert row is not None
    return str(row[0])


def test_data_is_kept_over_a_stop_and_a_start(empty_home: Path) -> None:
    server = open_server(empty_home)
    with server, psycopg.connect(**server.connection_parameters()) as connection:
        connection.execute("CREATE TABLE kept (word text)")
        connection.execute("INSERT INTO kept VALUES ('tide'), ('élan')")
    assert server.status().state == "stopped"
    with open_server(empty_home) as again:
        assert ask(again.url(), "SELECT string_agg(word, ' ' ORDER BY word) FROM kept") == "tide élan"
        assert again.status().state == "running"
    assert not list(empty_home.glob("data.new-*"))


def test_the_cluster_is_private_and_the_same_on_every_machine(home: Path) -> None:
    with open_server(home) as server:
        url = server.url()
        assert ask(url, "SHOW listen_addresses") == ""
        if int(ask(url, "SHOW server_version_num")) >= 170000:
            order = "SELECT datlocprovider::text || ' ' || datlocale FROM pg_database WHERE datname = 'seawall'"
            assert ask(url, order) == "b C.UTF-8"
        else:
            assert ask(url, "SELECT datcollate FROM pg_database WHERE datname = 'seawall'") == "C.UTF-8"
        assert ask(url, "SHOW server_encoding") == "UTF8"
        assert ask(url, "SHOW data_checksums") == "on"
        assert ask(url, "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'seawall'") == "True"
        parameters = server.connection_parameters()
        assert stat.S_IMODE(os.stat(parameters["host"]).st_mode) == 0o700
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(**parameters | {"password": "wrong"})
    assert stat.S_IMODE((home / "password").stat().st_mode) == 0o600
    assert stat.S_IMODE((home / "data").stat().st_mode) == 0o700


def test_durability_and_further_settings(home: Path) -> None:
    names = ("fsync", "full_page_writes", "synchronous_commit", "work_mem")
    with EmbeddedPostgres(home=home, options={"work_mem": "7MB"}) as server:
        assert [ask(server.url(), f"SHOW {name}") for name in names] == ["on", "on", "on", "7MB"]
    with EmbeddedPostgres(home=home, durable=False) as server:
        assert [ask(server.url(), f"SHOW {name}") for name in names[:3]] == ["off", "off", "off"]


def test_a_second_database_beside_the_first(home: Path) -> None:
    name = 'an "odd" name/€'
    with open_server(home) as first, open_server(home, database=name) as second:
        assert ask(first.url(), "SELECT current_database()") == "seawall"
        assert ask(second.url(), "SELECT current_database()") == name


def test_each_acquisition_needs_its_own_release(home: Path) -> None:
    server = open_server(home)
    assert server.acquire() == server.acquire()
    server.release()
    assert server.status().state == "running"
    server.release()
    assert server.status().state == "stopped"
    server.release()  # one too many does nothing
    assert server.status().state == "stopped"


def test_the_first_to_leave_does_not_stop_it(home: Path, start_program: Start) -> None:
    first = start_program(home=str(home))
    started = first.said()
    second = start_program(home=str(home))
    joined = second.said()
    assert (joined["pid"], joined["started"]) == (started["pid"], started["started"])
    assert first.leave() == {"state": "running"}
    assert ask(joined["url"], "SELECT 1") == "1"
    assert second.leave() == {"state": "stopped"}


def test_programs_that_start_at_the_same_instant_share_one_server(empty_home: Path, start_program: Start) -> None:
    programs = [start_program(home=str(empty_home)) for _ in range(3)]
    answers = [program.said() for program in programs]
    assert len({(answer["pid"], answer["started"]) for answer in answers}) == 1
    assert [program.leave()["state"] for program in programs] == ["running", "running", "stopped"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")  # Python 3.12 warns where a test runner has threads
def test_a_forked_child_goes_on_using_it(home: Path) -> None:
    server = open_server(home)
    server.acquire()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(write)
        os.read(read, 1)
        os._exit(0)
    os.close(read)
    server.release()
    assert server.status().state == "running"
    assert server.status().in_use
    os.close(write)
    os.waitpid(child, 0)
    assert server.stop()
    assert server.status().state == "stopped"


def test_stop_asks_before_it_takes_the_server_from_others(home: Path) -> None:
    with open_server(home) as server:
        with pytest.raises(errors.StillInUse):
            open_server(home).stop()
        assert ask(server.url(), "SELECT 1") == "1"
        assert open_server(home).stop(force=True)
        assert server.status().state == "stopped"
        server.acquire()  # whoever needs it again starts it again
        assert ask(server.url(), "SELECT 1") == "1"
        server.release()
    assert not open_server(home).stop()


def test_looking_makes_nothing(empty_home: Path) -> None:
    server = open_server(empty_home)
    assert server.status().state == "stopped"
    assert not server.stop()
    with pytest.raises(errors.PostgresError, match="has not been acquired"):
        server.url()
    assert not empty_home.exists()


@pytest.mark.parametrize(
    ("name", "socket_inside"),
    [
        pytest.param("plain", True, id="short"),
        pytest.param("d" * 90, False, id="longer than a socket's path may be"),
        pytest.param("a,b", False, id="a comma would be two hosts"),
        pytest.param("sp ace 'q' \"dq\" %2F $x é", True, id="quotes, spaces, percent"),
    ],
)
def test_where_the_socket_lies(home: Path, name: str, socket_inside: bool) -> None:
    odd = home.parent / name
    home.rename(odd)
    with open_server(odd) as server:
        folder = Path(server.connection_parameters()["host"])
        assert ask(server.url(), "SELECT 1") == "1"
        assert (folder == odd / "socket") is socket_inside
        found = folder.lstat()
        assert stat.S_IMODE(found.st_mode) == 0o700
        assert found.st_uid == (odd / "data").stat().st_uid
    assert folder.exists() is socket_inside  # nothing stays in /tmp


@pytest.mark.parametrize("trap", ["link", "open"])
def test_a_socket_folder_that_another_laid_is_not_used(home: Path, trap: str) -> None:
    odd = home.parent / ("d" * 90)
    home.rename(odd)
    server = open_server(odd)
    with server:
        folder = Path(server.connection_parameters()["host"])
    target = odd.parent / "target"
    target.mkdir(mode=0o777)
    if trap == "link":
        folder.symlink_to(target)
    else:
        folder.mkdir()
        owner = (odd / "data").stat()
        os.chown(folder, owner.st_uid, owner.st_gid)
        folder.chmod(0o777)
    try:
        with pytest.raises(errors.UnsafeSocketFolder, match=r"it is a link|its mode is 0777"):
            server.acquire()
    finally:
        if folder.is_symlink():
            folder.unlink()
        else:
            folder.rmdir()
    assert not list(target.iterdir())
    with server:
        assert ask(server.url(), "SELECT 1") == "1"


def test_the_data_of_another_home_is_not_served_twice(home: Path, prepared: Path) -> None:
    other = home.parent / "other"
    copy_home(prepared, other)
    os.rename(other / "data", other / "data.own")
    (other / "data").symlink_to(home / "data")
    with open_server(home) as server:
        with pytest.raises(errors.OtherServer, match="its socket is in"):
            open_server(other).acquire()
        assert ask(server.url(), "SELECT 1") == "1"
        with pytest.raises(errors.OtherServer):
            open_server(other).stop(force=True)
    assert server.status().state == "stopped"
