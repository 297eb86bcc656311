"""The locks by which programs are counted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from seawall.postgres import errors, locks


def test_shared_locks_are_many_and_an_exclusive_one_is_alone(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    first, second = locks.open_lock(path), locks.open_lock(path)
    assert not locks.is_held(path)
    assert locks.take(first, shared=True)
    assert locks.take(second, shared=True)
    assert locks.is_held(path)
    os.close(first)
    assert locks.is_held(path)
    os.close(second)
    assert not locks.is_held(path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_gate_lets_one_through_and_opens_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with locks.gate(path, seconds=0), pytest.raises(errors.Busy), locks.gate(path, seconds=0):
        pytest.fail("two were inside")
    with pytest.raises(KeyError), locks.gate(path, seconds=0):
        raise KeyError
    with locks.gate(path, seconds=0):
        assert locks.is_held(path)


def test_a_lock_is_not_followed_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic links"):
        locks.open_lock(tmp_path / "lock")
    assert (tmp_path / "victim").read_text() == "kept"


def test_a_lock_is_not_inherited_by_programs(tmp_path: Path) -> None:
    descriptor = locks.open_lock(tmp_path / "lock")
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
