"""`seawall migrate`, and what every command says of a database or a home that it cannot use."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from tests.commands.conftest import Installation

pytestmark = pytest.mark.kill


def test_migrating_makes_an_empty_database_ready_and_again_changes_nothing(empty_home: Installation) -> None:
    refused = empty_home.run("figures", code=1)[1]
    assert refused == "Error: The database is not up to date. Run `seawall migrate` first.\n"
    checked, _ = empty_home.run("check", code=1)
    assert "migrations have not been applied. Run `seawall migrate`." in checked

    said, complained = empty_home.run("migrate")
    assert "Code of practice in force: uk-2026, version " in said
    assert complained == ""
    keys = empty_home.home / "keys"
    assert stat.S_IMODE((keys / "secret-key").stat().st_mode) == 0o600
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700

    def state() -> list[object]:
        return [
            empty_home.sql("SELECT app, name FROM django_migrations ORDER BY id"),
            empty_home.sql("SELECT * FROM ledger_entry ORDER BY id"),
            empty_home.sql("SELECT count(*) FROM practice_codeversion"),
            (keys / "secret-key").read_text(),
        ]

    before = state()
    assert empty_home.sql("SELECT verb FROM ledger_entry") == [("practice.code_adopted",)]
    said, _ = empty_home.run("migrate")
    assert "No migrations to apply." in said
    assert state() == before
    checked, _ = empty_home.run("check")
    assert "BAD" not in checked


def with_url(url: str, tmp_path: Path) -> str:
    """What a command says, in one sentence, of such a DATABASE_URL."""
    _said, complained = Installation(tmp_path / "home", url).run("figures", code=1)
    assert complained.startswith("Error: ")
    assert complained.count("\n") == 1
    return complained.removeprefix("Error: ").strip()


def test_a_database_that_cannot_be_used_is_told_in_a_sentence(tmp_path: Path, hub_home: Installation) -> None:
    nobody = with_url("postgresql://nobody:pw@127.0.0.1:1/none", tmp_path)
    assert nobody.startswith("The database cannot be reached (")
    assert "Connection refused" in nobody
    assert nobody.endswith("Check DATABASE_URL, or unset it to use the embedded one.")

    absent = with_url(hub_home.url.replace("/hub_", "/no_hub_"), tmp_path)
    assert "does not exist" in absent
    assert absent.startswith("The database cannot be reached (")

    other = with_url("mysql://127.0.0.1/none", tmp_path)
    assert other == (
        "DATABASE_URL must begin with postgresql:// and begins with mysql://. Write it as postgresql://user:password@host:port/name."
    )
    port = with_url("postgresql://127.0.0.1:port/none", tmp_path)
    assert port == (
        "DATABASE_URL cannot be read (Port could not be cast to integer value as 'port'). Write it as "
        "postgresql://user:password@host:port/name."
    )
    assert with_url(f"{hub_home.url}&no_such_option=1", tmp_path).startswith("The database cannot be reached (")


def test_a_password_is_not_repeated_in_the_message(tmp_path: Path) -> None:
    assert "s3cret-word" not in with_url("postgresql://nobody:s3cret-word@127.0.0.1:1/none", tmp_path)


def test_a_home_that_cannot_be_written_is_told_in_a_sentence(tmp_path: Path, hub_home: Installation) -> None:
    (tmp_path / "file").write_text("")
    below = Installation(tmp_path / "file" / "home", hub_home.url)
    assert below.run("migrate", code=1)[1] == (
        f"Error: Seawall cannot write in its home, {below.home} (Not a directory). Make the folder writable, or name another one in "
        "SEAWALL_HOME.\n"
    )


def test_a_secret_key_that_was_cut_off_is_made_anew(hub_home: Installation) -> None:
    """As after a kill at the very first start: an empty key would keep every later command from starting."""
    keys = hub_home.home / "keys"
    keys.mkdir(parents=True)
    (keys / "secret-key").write_text("")
    hub_home.run("figures")
    assert len((keys / "secret-key").read_text()) > 40
    assert [file.name for file in keys.iterdir()] == ["secret-key"]


def test_programs_that_start_together_in_a_new_home_agree_on_its_key(hub_home: Installation) -> None:
    started = [hub_home.start("figures", "--format", "json") for _ in range(3)]
    for process in started:
        _said, complained = process.communicate(timeout=60)
        assert (process.returncode, complained) == (0, "")
    assert [file.name for file in (hub_home.home / "keys").iterdir()] == ["secret-key"]


def test_the_models_and_the_migrations_say_the_same(hub_home: Installation) -> None:
    hub_home.run("manage", "makemigrations", "--check", "--dry-run")
