"""`seawall check` on an installation that is broken on purpose: each fault is found, named and told with its remedy."""

from __future__ import annotations

import re
from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from django.db import connection, transaction
from pytest_django.fixtures import Settings
from tests.support.hub import small_hub

from seawall.cli import cli
from seawall.commands import check as module
from seawall.detect.pipeline import Detector
from seawall.hub import moment
from seawall.hub.directory.models import Organisation, Route
from seawall.hub.exchange.labels import identity
from seawall.hub.exchange.models import Community
from seawall.hub.jobs import defer
from seawall.hub.ledger import services
from seawall.hub.ledger.models import Entry
from seawall.hub.practice.models import CodeVersion

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    small_hub()
    monkeypatch.setenv("SEAWALL_HOME", str(tmp_path))
    settings.LEDGER_KEY_FILE = tmp_path / "keys" / "ledger-ed25519.pem"
    settings.SECRET_KEY_FILE = tmp_path / "keys" / "secret-key"
    services.link_all_pending()
    services.sign_root()


def check(code: int) -> dict[str, str]:
    """What `seawall check` says of each thing it looks at; it must end with this exit code."""
    done = CliRunner().invoke(cli, ["check"])
    assert done.exit_code == code, done.output
    said = {}
    for line in done.stdout.splitlines():
        state, _, rest = line.partition(" ")
        what, _, note = rest.strip().partition(": ")
        said[what] = f"{state}: {note}"
    bad = sum(note.startswith("BAD") for note in said.values())
    assert bool(bad) == bool(code)
    assert done.stderr == (f"{bad} problem{'s' if bad > 1 else ''} found.\n" if bad else "")
    return said


def sql(statement: str, *values: object) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


@pytest.fixture
def unguarded() -> Iterator[None]:
    sql("SET session_replication_role = replica")
    yield
    if not connection.needs_rollback:
        sql("SET session_replication_role = DEFAULT")


def test_a_sound_installation_is_sound_in_every_respect() -> None:
    said = check(0)
    assert list(said) == ["Space", "Detector", "Database", *module.LOOKS]
    assert all(note.startswith("OK: ") for note in said.values())
    assert said["Ledger"] == f"OK: {Entry.objects.count()} entries and 1 signed roots hold"


@pytest.mark.usefixtures("unguarded")
def test_a_ledger_that_was_tampered_with_names_the_first_broken_entry() -> None:
    broken, later = Entry.objects.order_by("id")[3:5]
    sql("UPDATE ledger_entry SET payload = payload || '{\"x\": 1}' WHERE id IN (%s, %s)", broken.pk, later.pk)
    said = check(1)
    assert said["Ledger"] == (
        f"BAD: Entry 4 ({broken.verb}, {broken.uid}) does not match its digest: what it says was changed after it was recorded."
    )


def test_a_key_that_is_gone_or_damaged_is_told(tmp_path: Path) -> None:
    key = tmp_path / "keys" / "ledger-ed25519.pem"
    key.write_text("nothing")
    assert check(1)["Ledger"].startswith(f"BAD: The key that signs the ledger, {key}, cannot be used (")
    key.unlink()
    assert "which is not this hub's" in check(1)["Ledger"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("ALTER TABLE ledger_entry DISABLE TRIGGER ledger_entry_keep_rows", "ledger_entry_keep_rows"),
        ("ALTER TABLE ledger_link DISABLE TRIGGER USER", "ledger_link_keep_rows, ledger_link_keep"),
        ("ALTER TABLE ledger_checkpoint ENABLE REPLICA TRIGGER ledger_checkpoint_keep", "ledger_checkpoint_keep"),
        ("DROP TRIGGER ledger_entry_pending ON ledger_entry", "ledger_entry_pending"),
        (
            "CREATE OR REPLACE TRIGGER ledger_link_keep_rows BEFORE DELETE ON ledger_link EXECUTE FUNCTION ledger_refuse()",
            "ledger_link_keep_rows",
        ),
        (
            "CREATE OR REPLACE FUNCTION ledger_await_link() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
            "ledger_entry_pending",
        ),
    ],
)
def test_a_guard_that_is_off_gone_or_changed_is_named(change: str, named: str) -> None:
    sql("SET CONSTRAINTS ALL IMMEDIATE")
    sql(change)
    said = check(1)
    assert said["Append-only"].startswith(f"BAD: gone, off or changed: {named}. Somebody with database rights did that")
    assert said["Ledger"].startswith("OK"), "and the ledger is looked at all the same"


def test_a_function_that_refuses_nothing_makes_every_guard_suspect() -> None:
    sql("CREATE OR REPLACE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
    assert check(1)["Append-only"].count("_keep") == 6


def test_a_migration_that_is_missing_is_told_and_nothing_more_is_asked() -> None:
    sql("DELETE FROM django_migrations WHERE app = 'redress'")
    said = check(1)
    assert re.fullmatch(r"BAD: \d+ migrations? ha(s|ve) not been applied\. Run `seawall migrate`\.", said["Database"])
    assert list(said) == ["Space", "Detector", "Database"]


def test_little_space_is_told_and_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _path: usage(10**12, 10**12, 3 * 1024**2))
    said = check(1)
    assert said["Space"] == f"BAD: only 0.0 GiB free in {tmp_path}. Make room, or move SEAWALL_HOME."
    assert said["Ledger"].startswith("OK")


@pytest.mark.parametrize("name", ["ledger-ed25519.pem", "secret-key"])
def test_a_key_that_others_can_read_is_told(tmp_path: Path, name: str) -> None:
    key = tmp_path / "keys" / name
    check(0)
    key.chmod(0o640)
    assert check(1)["Keys"] == f"BAD: {key} can be read by others. Run: chmod 600 {key}"


def test_a_list_of_signers_that_others_can_write_is_told(tmp_path: Path) -> None:
    others = tmp_path / "keys" / "ledger-other-keys"
    others.write_text("")
    others.chmod(0o666)
    assert check(1)["Keys"] == f"BAD: {others} can be written by others. Run: chmod 600 {others}"


def test_a_channel_without_an_adapter_names_the_platform() -> None:
    Route.objects.filter(platform__slug="beta").update(channel="pigeon")
    assert check(1)["Routes"] == "BAD: no adapter for the channel of Beta (pigeon). Install it, or set another route."


def test_jobs_that_failed_for_good_are_counted() -> None:
    with transaction.atomic():
        defer("content.assess_batch", batch_id="b1")
        defer("content.assess_batch", batch_id="b2")
    sql("UPDATE procrastinate_jobs SET status = 'failed' WHERE args->>'batch_id' = 'b1'")
    said = check(1)["Background work"]
    assert said.startswith("BAD: 1 job")
    assert "failed for good" in said


def test_no_code_of_practice_is_told() -> None:
    CodeVersion.objects.all().delete()
    assert check(1)["Code of practice"].startswith("BAD: ")


def test_a_detector_that_cannot_be_loaded_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Detector:
        raise OSError("the model is cut off")

    monkeypatch.setattr(Detector, "load", refuse)
    said = check(1)
    assert said["Detector"] == "BAD: cannot be loaded (the model is cut off). Install Seawall again."
    assert said["Ledger"].startswith("OK")


def test_what_cannot_be_looked_at_hides_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import DatabaseError

    def refuse() -> tuple[str | None, str]:
        raise DatabaseError("could not read block 3\nCONTEXT: more")

    monkeypatch.setitem(module.LOOKS, "Routes", refuse)
    said = check(1)
    assert said["Routes"] == "BAD: cannot be looked at (could not read block 3)."
    assert said["Ledger"].startswith("OK")


def test_labels_that_are_not_published_are_told(settings: Settings) -> None:
    assert check(0)["Labels"] == "OK: no community publishes any"
    hub = Organisation.objects.get(slug="hub")
    Community.objects.create(
        slug="labels",
        harms=[],
        kinds=[],
        retention=timedelta(days=1),
        operator=hub,
        founded_at=moment.now(),
        labels_published=True,
    )
    assert check(1)["Labels"].startswith("BAD: SEAWALL_PUBLIC_URL is no https address")
    settings.PUBLIC_URL = "https://hub.example"
    assert check(0)["Labels"] == "OK: published as did:web:hub.example"
    settings.LEDGER_KEY_FILE.with_name("labels-secp256k1.pem").write_text("nonsense")
    identity._key.cache_clear()
    assert "labels-secp256k1.pem cannot be used" in check(1)["Labels"]


def test_a_home_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv("SEAWALL_HOME", str(file / "below"))
    done = CliRunner().invoke(cli, ["check"])
    assert done.exit_code == 1
    assert done.stderr.endswith(
        f"Error: Seawall cannot write in its home, {file / 'below'} (Not a directory). Make the folder writable, or name another one in "
        "SEAWALL_HOME.\n"
    )
