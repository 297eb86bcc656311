"""What cannot work is refused with a sentence that says what was wrong, where, and what to do."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.postgres.helpers import IS_ROOT, Program, as_ordinary, copy_home, open_server

from seawall.postgres import cluster, errors
from seawall.postgres.account import Account
from seawall.postgres.binaries import find

Start = Callable[..., Program]


def test_the_data_of_another_version_is_left_alone(home: Path) -> None:
    (home / "data" / "PG_VERSION").write_text("13\n")
    before = sorted(path.name for path in (home / "data").iterdir())
    with pytest.raises(errors.WrongVersion) as caught:
        open_server(home).acquire()
    sentence = str(caught.value)
    assert "was made by PostgreSQL 13 but the programs in" in sentence
    assert str(home / "data") in sentence
    assert "pg_dump" in sentence
    assert "move the folder away to begin anew" in sentence
    assert sorted(path.name for path in (home / "data").iterdir()) == before


@pytest.mark.parametrize("named_by", ["argument", "setting"])
def test_missing_programs(empty_home: Path, monkeypatch: pytest.MonkeyPatch, named_by: str) -> None:
    nowhere = empty_home.parent / "nowhere"
    monkeypatch.setenv("SEAWALL_POSTGRES_BIN", str(nowhere) if named_by == "setting" else "/bin")
    server = open_server(empty_home, **({"binaries": nowhere} if named_by == "argument" else {}))
    with pytest.raises(errors.BinariesMissing, match=rf"not found in {nowhere} \(postgres is missing\): install"):
        server.acquire()


def test_programs_of_another_kind_of_machine(empty_home: Path) -> None:
    folder = empty_home.parent / "programs"
    folder.mkdir()
    for name in ("postgres", "initdb"):
        (folder / name).write_bytes(b"\x7fELF not for this machine")
        (folder / name).chmod(0o755)
    with pytest.raises(errors.BinariesUnusable, match="cannot be run by the account"):
        open_server(empty_home, binaries=folder).acquire()


def test_a_folder_that_is_something_else(empty_home: Path) -> None:
    (empty_home / "data").mkdir(parents=True)
    (empty_home / "data" / "letters.txt").write_text("mine")
    if IS_ROOT:
        shutil.chown(empty_home / "data", "nobody")
    with pytest.raises(errors.NotADataFolder, match="move it away"):
        open_server(empty_home).acquire()
    assert (empty_home / "data" / "letters.txt").read_text() == "mine"


def test_an_empty_data_folder_is_filled(empty_home: Path) -> None:
    (empty_home / "data").mkdir(parents=True)
    with open_server(empty_home) as server:
        assert server.status().state == "running"


@pytest.mark.parametrize("content", [None, "", "\n"], ids=["missing", "empty", "blank"])
def test_a_lost_password(home: Path, content: str | None) -> None:
    (home / "password").unlink()
    if content is not None:
        (home / "password").write_text(content)
    with pytest.raises(errors.PasswordMissing, match="put the file back from a backup"):
        open_server(home).acquire()


def test_a_changed_password_is_not_taken_for_our_server(home: Path) -> None:
    with open_server(home) as server:
        right = (home / "password").read_text()
        (home / "password").write_text("another\n")
        with pytest.raises(errors.OtherServer, match="refuses this home's password"):
            open_server(home).acquire()
        assert server.status().state == "running"
        (home / "password").write_text(right)


def test_a_setting_that_the_server_refuses(home: Path) -> None:
    with pytest.raises(errors.DidNotStart) as caught:
        open_server(home, options={"shared_bufers": "1GB"}).acquire()
    assert "ended while it was starting" in str(caught.value)
    assert 'unrecognized configuration parameter "shared_bufers"' in str(caught.value)
    assert str(home / "log") in str(caught.value)
    with open_server(home) as server:
        assert server.status().state == "running"


def test_a_folder_without_permission(empty_home: Path, ordinary: Account, start_program: Start) -> None:
    empty_home.mkdir()
    empty_home.chmod(0o555)  # as root the folder is root's own, and the program below is nobody's
    answer = start_program(home=str(empty_home), **as_ordinary(ordinary)).said()
    assert answer["error"] == "NoPermission"
    assert f"{empty_home}/lock cannot be used by the account {ordinary.name} (Permission denied)" in answer["sentence"]
    assert not list(empty_home.iterdir())


def test_a_home_that_is_a_file(empty_home: Path) -> None:
    empty_home.write_text("not a folder")
    with pytest.raises(errors.NoPermission, match="Not a directory"):
        open_server(empty_home).acquire()


def test_the_data_of_another_account(home: Path, ordinary: Account, start_program: Start) -> None:
    if IS_ROOT:
        subprocess.run(["chown", "-R", "daemon:", str(home / "data")], check=True)
        answer = start_program(home=str(home), **as_ordinary(ordinary)).said()
        assert answer["error"] == "WrongAccount"
        assert f"belongs to the account daemon but PostgreSQL would run as {ordinary.name}" in answer["sentence"]
    else:
        shutil.rmtree(home / "data")
        (home / "data").symlink_to("/usr")  # root's
        with pytest.raises(errors.WrongAccount, match="belongs to the account root but"):
            open_server(home).acquire()


def test_a_disk_with_too_little_room_for_a_new_database(empty_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(empty_home.parent)
    scarce = os.statvfs_result((real.f_bsize, 4096, 10**9, 25_000, 25_000, *real[5:]))
    with monkeypatch.context() as patch:
        patch.setattr(os, "statvfs", lambda path: scarce)
        with pytest.raises(errors.NoSpace, match=r"\(102 MB are free, a new database needs 200 MB\): free some space"):
            open_server(empty_home).acquire()
    assert not (empty_home / "data").exists()
    with open_server(empty_home) as server:
        assert server.status().state == "running"


@pytest.fixture
def small_disk(empty_home: Path) -> Iterator[Path | None]:
    """A disk of 60 MB, where this account may mount one."""
    folder = empty_home.parent / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60m,mode=755", "none", str(folder)]
    if not IS_ROOT or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Write to the disk until it takes no more."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 4096)
    assert os.statvfs(folder).f_bavail == 0
    return filler


def test_a_disk_that_fills_while_the_database_is_made(
    small_disk: Path | None, empty_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "NEEDED_MB", 10)
    home = (small_disk or empty_home.parent) / "home"
    programs = find()
    if small_disk is None:
        programs = empty_home.parent / "programs"
        programs.mkdir()
        (programs / "postgres").symlink_to(find() / "postgres")
        (programs / "initdb").write_text(
            f'#!/bin/sh\n[ "$1" = --version ] && exec {find()}/initdb --version\n'
            'echo "initdb: error: could not write file: No space left on device" >&2; exit 1\n'
        )
        (programs / "initdb").chmod(0o755)
    else:
        (small_disk / "ballast").write_bytes(b"\0" * 30_000_000)
    with pytest.raises(errors.NoSpace, match="is full or nearly so"):
        open_server(home, binaries=programs).acquire()
    assert not (home / "data").exists()
    assert not list(home.glob("data.new-*"))
    if small_disk is not None:
        (small_disk / "ballast").unlink()
        with open_server(home) as server:
            assert server.status().state == "running"


def test_a_disk_that_is_full_when_the_server_starts(
    small_disk: Path | None, prepared: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if small_disk is not None:
        copy_home(prepared, small_disk / "home")
        filler = fill(small_disk)
        with pytest.raises(errors.NoSpace, match="is full or nearly so"):
            open_server(small_disk / "home").acquire()
        filler.unlink()
        with open_server(small_disk / "home") as server:
            assert server.status().state == "running"
        return
    # Without a disk to fill, the server is made to end as it would there: it cannot write its own pid file.
    programs = home.parent / "programs"
    programs.mkdir()
    (programs / "initdb").symlink_to(find() / "initdb")
    (programs / "postgres").write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && exec {find()}/postgres --version\n'
        'echo "FATAL:  could not write lock file \\"postmaster.pid\\": No space left on device" >&2; exit 1\n'
    )
    (programs / "postgres").chmod(0o755)
    with pytest.raises(errors.NoSpace, match="is full or nearly so"):
        open_server(home, binaries=programs).acquire()


def test_every_sentence_is_one_sentence_and_ends_as_it_should() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    assert len(kinds) > 15
    for kind in kinds:
        sentence = " ".join((kind.__doc__ or "").split())
        assert sentence.rstrip(".:").count(". ") == 0, kind
        assert sentence.endswith("were:") or (sentence.endswith(".") and ":" in sentence), kind
