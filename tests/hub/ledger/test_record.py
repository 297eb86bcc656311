"""Recording an event: in the change's own transaction, never changed afterwards, and naming nobody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.hub import SmallHub

from seawall.hub import moment
from seawall.hub.ledger import queries, services
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.models import ActorKind, Entry, Pending
from seawall.hub.ledger.services import Actor, LedgerError, record

pytestmark = [pytest.mark.core, pytest.mark.django_db]

EVENT = ledger.PlatformRulesRecorded(rules=3)
ACTOR = Actor.machine("test")


def test_a_hub_is_recorded_and_verified(hub: SmallHub) -> None:
    services.link_all_pending()
    services.sign_root()
    found = queries.verify()
    assert found.whole
    assert found.entries == Entry.objects.count() > 40
    assert (found.roots, found.pending) == (1, 0)


@pytest.mark.parametrize("table", ["ledger_entry", "ledger_link", "ledger_checkpoint"])
@pytest.mark.parametrize("sql", ["UPDATE {} SET {} = {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_database_refuses_to_change_what_was_recorded(
    write: Callable[[int], list[Entry]], table: str, sql: str
) -> None:
    write(2)
    services.link_all_pending()
    services.sign_root()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # so that nothing but the guard stands in the way of TRUNCATE
    column = {"ledger_entry": "verb", "ledger_link": "hash", "ledger_checkpoint": "root"}[table]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.format(table, column, column))


def test_what_is_rolled_back_leaves_nothing() -> None:
    with transaction.atomic():
        record(event=EVENT, subject=("platform", "p"), actor=ACTOR)
        transaction.set_rollback(True)
    assert not Entry.objects.exists()
    assert not Pending.objects.exists()
    assert services.link_all_pending() == 0


@pytest.mark.django_db(transaction=True)
def test_an_event_outside_a_transaction_is_refused() -> None:
    with pytest.raises(LedgerError) as refused:
        record(event=EVENT, subject=("platform", "p"), actor=ACTOR)
    assert str(refused.value) == (
        "directory.platform_rules_recorded was to be recorded outside a transaction. Make the change and the record in one "
        "transaction.atomic()."
    )
    assert not Entry.objects.exists()


def test_a_verb_that_is_not_in_the_vocabulary_is_refused() -> None:
    class Unheard(ledger.Event):
        verb = "directory.unheard"
        means = "Nobody declared it"

    with pytest.raises(LedgerError, match=r"directory\.unheard is not in the ledger's vocabulary"):
        record(event=Unheard(), subject=("platform", "p"), actor=ACTOR)


def test_an_event_that_borrows_a_verb_is_refused() -> None:
    class Borrowed(ledger.Event):
        verb = "directory.person_added"
        means = "It says more than the vocabulary allows"
        note: str = "a free text"

    with pytest.raises(LedgerError, match="not in the ledger's vocabulary"):
        record(event=Borrowed(), subject=("platform", "p"), actor=ACTOR)


NOT_IDENTIFIERS = ["", " ", "Mary Example", "mary@hub.example", "a\nb", "a\n", "\0", "é", "-a", "x" * 81, "<b>", "a/b"]


@pytest.mark.parametrize("value", NOT_IDENTIFIERS)
@pytest.mark.parametrize("part", ["subject's kind", "subject's id", "actor's id", "actor's role"])
def test_subject_and_actor_are_named_by_identifiers_only(part: str, value: str) -> None:
    subject = (value if part == "subject's kind" else "platform", value if part == "subject's id" else "p")
    actor = Actor(
        kind=ActorKind.PERSON,
        id=value if part == "actor's id" else "a1",
        role=value if part == "actor's role" else "analyst",
    )
    with pytest.raises(LedgerError, match=f"the {part} is not an identifier"):
        record(event=EVENT, subject=subject, actor=actor)
    assert not Entry.objects.exists()


def test_recording_tells_the_real_time_though_a_demonstration_plays_another() -> None:
    played = moment.now().replace(year=2025)
    with moment.demonstration_at(played):
        entry = record(event=EVENT, subject=("platform", "p"), actor=ACTOR)
    entry.refresh_from_db()
    assert entry.occurred_at == played
    assert entry.recorded_at.year >= 2026
    assert entry.demonstration


@settings(deadline=None, max_examples=60)
@given(
    count=st.integers(0, 2**53 - 1),
    codes=st.dictionaries(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.,:/+()-]{0,119}", fullmatch=True), st.integers(0, 2**53 - 1), max_size=5
    ),
)
def test_what_is_recorded_reads_back_to_the_same_bytes(count: int, codes: dict[str, int]) -> None:
    """The digest is taken over canonical JSON; a trip through the database's own JSON must not change one byte of it."""
    with transaction.atomic():
        entry = record(
            event=ledger.BatchAssessed(
                batch="b1", detector="d-1", assessed=count, flagged=count, by_family=codes, merkle_root="0" * 64
            ),
            subject=("ingestbatch", "b1"),
            actor=ACTOR,
        )
        before = services.canonical(entry)
        assert services.canonical(Entry.objects.get(pk=entry.pk)) == before
        transaction.set_rollback(True)
