"""What every folder of tests has: the browser, and a database that a test with a live server may leave full."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase

pytest_plugins = ["tests.support.browser"]

GUARDED = ("ledger_entry", "ledger_link", "ledger_checkpoint")


@pytest.fixture(scope="session", autouse=True)
def _emptied_between_tests() -> Iterator[None]:
    """Let a transactional test be emptied: the ledger's guards stand aside for that moment, and waiting jobs go too."""
    before = TransactionTestCase._fixture_teardown

    def teardown(self: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE procrastinate_jobs CASCADE")
            cursor.execute("; ".join(f"ALTER TABLE {table} DISABLE TRIGGER USER" for table in GUARDED))
        try:
            before(self)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("; ".join(f"ALTER TABLE {table} ENABLE TRIGGER USER" for table in GUARDED))
            cache.clear()

    patched = pytest.MonkeyPatch()
    patched.setattr(TransactionTestCase, "_fixture_teardown", teardown)
    yield
    patched.undo()
