"""Many writers and one sequencer: nobody waits for anybody, and nothing that was committed is left out of the chain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, transaction
from tests.hub.ledger.conftest import Write

from seawall.hub.ledger import queries, services
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.models import Entry, Link, Pending
from seawall.hub.ledger.services import Actor, record

pytestmark = [pytest.mark.core, pytest.mark.django_db(transaction=True)]

WRITERS, EACH = 8, 40


def write_one(number: int) -> Entry:
    return record(
        event=ledger.PlatformRulesRecorded(rules=number),
        subject=("platform", f"p{number}"),
        actor=Actor.machine("test"),
    )


def in_thread(work: Callable[[], Any]) -> Any:
    """Do the work on a database connection of its own; a wait for a lock ends it with an error instead of hanging the test."""

    def run() -> Any:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '10s'")
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=30)


@contextmanager
def open_writer(number: int) -> Iterator[Callable[[], None]]:
    """A writer that has recorded an entry and not committed yet; what is yielded makes it commit."""
    written, commit, done = threading.Event(), threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                write_one(number)
                written.set()
                assert commit.wait(30)
        finally:
            connection.close()
            done.set()

    thread = threading.Thread(target=run)
    thread.start()
    assert written.wait(30)

    def finish() -> None:
        commit.set()
        assert done.wait(30)

    try:
        yield finish
    finally:
        commit.set()
        thread.join()


def chain() -> list[int]:
    return [link.entry.payload["rules"] for link in Link.objects.order_by("sequence").select_related("entry")]


def test_an_open_transaction_makes_nobody_wait_and_its_late_commit_is_linked(write: Write) -> None:
    with open_writer(100) as commit:
        assert in_thread(lambda: [entry.payload["rules"] for entry in write(2)]) == [1, 2], "other writers go on"
        assert in_thread(services.link_all_pending) == 2, "so does the sequencer"
        assert in_thread(services.sign_root).size == 2, "and the signing"
        assert chain() == [1, 2]
        commit()
    assert Pending.objects.count() == 1
    assert services.link_all_pending() == 1
    assert chain() == [1, 2, 100], "its number is older than theirs, and its place in the chain is later"
    assert Entry.objects.order_by("id").first() == Link.objects.get(sequence=3).entry
    services.sign_root()
    assert queries.verify().whole


def test_an_entry_whose_transaction_fails_late_leaves_no_gap(write: Write) -> None:
    with transaction.atomic():
        write_one(50)
        transaction.set_rollback(True)
    write(1)
    services.link_all_pending()
    assert list(Link.objects.values_list("sequence", flat=True)) == [1]
    assert queries.verify().whole


def test_a_second_sequencer_stands_aside(write: Write) -> None:
    write(3)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [services.SEQUENCER_LOCK])
        assert in_thread(services.link_pending) == 0
        assert in_thread(lambda: write(1)[0].pk) > 0, "writers do not ask for the lock"
    assert not Link.objects.exists()
    assert services.link_all_pending() == 4


def test_a_long_backlog_is_linked_in_steps(write: Write) -> None:
    write(25)
    assert services.link_pending(most=10) == 10
    assert queries.verify().pending == 15
    assert services.link_all_pending() == 15
    assert chain() == list(range(1, 26))
    assert queries.verify().whole


def test_eight_writers_and_two_sequencers_at_once() -> None:
    """Every committed entry is linked exactly once, in a chain without gaps, while roots are signed in between."""
    writing = threading.Event()
    writing.set()
    linked: list[int] = []

    def writer(first: int) -> int:
        kept = 0
        try:
            for number in range(first, first + EACH):
                with transaction.atomic():
                    write_one(number)
                    if number % 7 == 0:
                        transaction.set_rollback(True)
                    else:
                        kept += 1
            return kept
        finally:
            connection.close()

    def sequencer(signs: bool) -> int:
        total = 0
        try:
            while writing.is_set():
                total += services.link_pending(most=50)
                if signs:
                    services.sign_root()
            return total
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS + 2) as pool:
        sequencers = [pool.submit(sequencer, signs) for signs in (True, False)]
        writers = [pool.submit(writer, at * 1_000) for at in range(1, WRITERS + 1)]
        kept = sum(done.result(timeout=60) for done in writers)
        writing.clear()
        linked = [done.result(timeout=60) for done in sequencers]
    rest = services.link_all_pending()
    services.sign_root()
    assert kept == Entry.objects.count() == Link.objects.count() == sum(linked) + rest
    assert list(Link.objects.order_by("sequence").values_list("sequence", flat=True)) == list(range(1, kept + 1))
    assert not Pending.objects.exists()
    found = queries.verify()
    assert (found.problem, found.entries) == (None, kept)
    assert found.roots >= 1
    numbers = chain()
    for at in range(1, WRITERS + 1):
        own = [number for number in numbers if number // 1_000 == at]
        assert own == sorted(own), "what one writer committed in order is linked in order"


def test_verifying_is_not_misled_by_what_happens_meanwhile(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole ledger is whole while others write, link and sign: it is read in one snapshot."""
    write(5)
    services.link_all_pending()
    services.sign_root()
    original = queries._entry_problem

    def interrupted(entry: Entry) -> str | None:
        if not Entry.objects.filter(payload__rules=6).exists():
            in_thread(lambda: (write(1), services.link_all_pending(), services.sign_root()))
        return original(entry)

    monkeypatch.setattr(queries, "_entry_problem", interrupted)
    found = queries.verify()
    assert (found.problem, found.entries, found.roots) == (None, 5, 1)
    monkeypatch.undo()
    assert queries.verify().entries > 5
