"""A ledger to try things on: entries that say little, and a key of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.db import connection, transaction
from pytest_django.fixtures import Settings

from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.models import Entry
from seawall.hub.ledger.services import Actor, record

Write = Callable[[int], list[Entry]]


@pytest.fixture(autouse=True)
def own_key(tmp_path: Path, settings: Settings) -> Path:
    """Where this test's signing key lies."""
    settings.LEDGER_KEY_FILE = tmp_path / "keys" / "ledger-ed25519.pem"
    return tmp_path / "keys" / "ledger-ed25519.pem"


@pytest.fixture
def write() -> Write:
    """Record some entries, each in a transaction of its own; they say 1, 2, 3 and so on."""
    said = 0

    def more(entries: int) -> list[Entry]:
        nonlocal said
        made = []
        for _ in range(entries):
            said += 1
            with transaction.atomic():
                made.append(
                    record(
                        event=ledger.PlatformRulesRecorded(rules=said),
                        subject=("platform", f"p{said}"),
                        actor=Actor.machine("test"),
                    )
                )
        return made

    return more


@contextmanager
def _unguarded() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        yield
        cursor.execute("SET session_replication_role = DEFAULT")


@pytest.fixture
def unguarded() -> Callable[[], AbstractContextManager[None]]:
    """What somebody with all rights in the database can do: triggers do not fire inside the block."""
    return _unguarded
