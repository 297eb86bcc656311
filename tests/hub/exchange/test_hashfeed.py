"""The feed in the StopNCII protocol: pages, checkpoints, withdrawals and confirmations."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from pytest_django import DjangoAssertNumQueries
from tests.hub.exchange.conftest import HARM, Exchange
from tests.hub.exchange.hashfeed_client import Reader, pdq
from tests.support.hub import ACTOR

from seawall.hub import moment
from seawall.hub.exchange import recipients, signals
from seawall.hub.exchange.hashfeed.records import TYPES
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Reason, Recipient, Signal, Surface
from seawall.hub.exchange.models.recipient import CARRIES
from seawall.hub.exchange.recipients import holders


@contextmanager
def at(when: datetime) -> Iterator[None]:
    """Let the hub's clock show a time to come."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moment, "now", lambda: when)
        yield


def values_of(some: list[Signal]) -> set[str]:
    return {signal.value for signal in some}


@pytest.fixture
def alpha(pool: Exchange) -> Reader:
    return Reader(pool)


def place() -> Recipient:
    return Recipient.objects.get(surface=Surface.THREATEXCHANGE)


def test_a_record_is_what_the_stock_client_parses(pool: Exchange, alpha: Reader) -> None:
    (signal,) = pdq(pool)
    (record,) = alpha.fetch()
    assert record == {
        "lastModtimestamp": int(signal.changed_at.timestamp()),
        "signalType": "ImagePDQ",
        "hashValue": signal.value,
        "hashStatus": "Active",
        "caseNumbers": {str(signal.pk): "Active"},
        "CSPFeedbacks": [
            {
                "source": "pool",
                "feedbackValue": "Blocked",
                "tags": [f"harm:{HARM}", "severity:3", "confidence:90", "tlp:amber"],
            }
        ],
    }


def test_kinds_that_the_protocol_cannot_carry_are_left_out_and_nobody_is_held_to_them(
    pool: Exchange, alpha: Reader
) -> None:
    assert set(TYPES) == CARRIES[Surface.THREATEXCHANGE]
    (digest,) = pool.share()
    (url,) = pool.share(kind=SignalKind.URL, value="https://a.example/x")
    assert [(r["signalType"], r["hashValue"]) for r in alpha.fetch()] == [("URL", url.value)]
    signals.withdraw(signals=[digest], reason=Reason.MISTAKE, actor=ACTOR)
    digest.refresh_from_db()
    assert holders(digest) == []
    assert not place().may_hold(digest)
    assert recipients.oldest_owed(place()) is None


def test_pages_are_cut_as_asked_and_hold_everything_once(pool: Exchange, alpha: Reader) -> None:
    made = pdq(pool, 25)
    records = alpha.fetch(size=10)
    assert [record["hashValue"] for record in records] == [signal.value for signal in made]


@pytest.mark.parametrize(("before", "after"), [(100_000, 400_000), (0, 0), (999_999, 999_999)])
def test_nothing_that_happens_in_the_second_of_a_checkpoint_is_lost(
    pool: Exchange, alpha: Reader, before: int, after: int
) -> None:
    second = moment.now().replace(microsecond=0) + timedelta(minutes=1)
    with at(second + timedelta(microseconds=before)):
        first = pdq(pool, 3)
        alpha.fetch()
    with at(second + timedelta(microseconds=after)):
        later = pdq(pool, 2)
        signals.withdraw(signals=first[:1], reason=Reason.MISTAKE, actor=ACTOR)
    alpha.fetch()
    assert alpha.checkpoint == int(second.timestamp())
    assert alpha.values == values_of(first[1:] + later)


def test_an_empty_community_leaves_the_checkpoint_at_the_beginning(pool: Exchange, alpha: Reader) -> None:
    assert alpha.fetch() == []
    assert alpha.checkpoint == 10
    made = pdq(pool, 2)
    alpha.fetch()
    assert alpha.values == values_of(made)


@pytest.mark.parametrize(
    ("reason", "status", "tag"),
    [
        (Reason.MISTAKE, "Withdrawn", "withdrawn"),
        (Reason.APPEAL, "Withdrawn", "withdrawn"),
        (Reason.EXPIRED, "Deleted", "expired"),
    ],
)
def test_what_is_gone_reaches_whoever_had_it(
    pool: Exchange, alpha: Reader, reason: Reason, status: str, tag: str
) -> None:
    wrong, right = pdq(pool, 2)
    alpha.fetch()
    later = Reader(pool, "beta")
    with at(moment.now() + timedelta(seconds=5)):
        signals.withdraw(signals=[wrong], reason=reason, actor=ACTOR)
        told = [record for record in alpha.fetch() if record["hashValue"] == wrong.value]
        later.fetch()
    assert [(record["hashStatus"], record["caseNumbers"]) for record in told] == [(status, {str(wrong.pk): status})]
    (feedback,) = told[0]["CSPFeedbacks"]
    assert (feedback["feedbackValue"], feedback["tags"][-1]) == ("NotBlocked", tag)
    assert alpha.values == later.values == {right.value}


def test_a_newcomer_is_told_of_no_withdrawn_signal(pool: Exchange, alpha: Reader) -> None:
    wrong, right = pdq(pool, 2)
    signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
    assert [record["hashValue"] for record in alpha.fetch()] == [right.value]


def test_a_withdrawal_between_two_pages_reaches_the_client(pool: Exchange, alpha: Reader) -> None:
    first, _second, third = pdq(pool, 3)
    page = alpha.get(startTimestamp=10, pageSize=2).json()
    signals.withdraw(signals=[first, third], reason=Reason.MISTAKE, actor=ACTOR)
    rest = alpha.get(startTimestamp=10, pageSize=2, nextPageToken=page["nextPageToken"]).json()
    assert [(r["hashValue"], r["hashStatus"]) for r in rest["hashRecords"]] == [(first.value, "Withdrawn")]
    assert not rest["hasMoreRecords"]


def test_a_value_shared_again_after_its_withdrawal_is_kept(pool: Exchange, alpha: Reader) -> None:
    (wrong,) = pdq(pool)
    alpha.fetch()
    with at(moment.now() + timedelta(seconds=5)):
        signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        pdq(pool, value=wrong.value)
        assert [record["hashStatus"] for record in alpha.fetch()] == ["Withdrawn", "Active"]
    assert alpha.values == {wrong.value}


class TestConfirming:
    def test_coming_back_with_a_checkpoint_confirms_nothing_since_the_stock_client_passes_over_withdrawals(
        self, pool: Exchange, alpha: Reader
    ) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        with at(moment.now() + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
            alpha.fetch()
            alpha.fetch()
        wrong.refresh_from_db()
        assert [held.member.organisation.slug for held in holders(wrong)] == ["alpha"]

    def test_our_client_confirms_with_its_next_fetch(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        with at(moment.now() + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
            alpha.fetch(actedUntil=alpha.cursor)
            wrong.refresh_from_db()
            assert place().may_hold(wrong)
            alpha.fetch(actedUntil=alpha.cursor)
        assert holders(wrong) == []
        kept = place().acknowledgements.latest("until")
        assert (kept.proof, kept.until) == ("acknowledged", wrong.last_change)

    def test_what_was_never_handed_over_cannot_be_confirmed(self, pool: Exchange, alpha: Reader) -> None:
        pdq(pool, 2)
        alpha.fetch()
        answer = alpha.get(startTimestamp=10, actedUntil=3)
        assert answer.status_code == 400
        assert place().confirmed == 0

    def test_reading_from_the_beginning_says_that_nothing_is_held(self, pool: Exchange, alpha: Reader) -> None:
        wrong, right = pdq(pool, 2)
        alpha.fetch()
        with at(moment.now() + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        wrong.refresh_from_db()
        assert place().may_hold(wrong)
        alpha.clear()
        assert [record["hashValue"] for record in alpha.fetch()] == [right.value]
        assert holders(wrong) == []
        assert place().acknowledgements.get().statement == {"began": "anew"}

    def test_the_silent_are_paused_lose_nothing_and_go_on_when_they_confirm(
        self, pool: Exchange, alpha: Reader
    ) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        begun = moment.now()
        with at(begun + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        with at(begun + timedelta(hours=30)):
            recipients.remind_due()
            new = pdq(pool, 2)
            again = pdq(pool, value="0f" * 32)
            signals.withdraw(signals=again, reason=Reason.MISTAKE, actor=ACTOR)
            before = alpha.checkpoint
            assert {record["hashStatus"] for record in alpha.fetch()} == {"Withdrawn"}
            assert alpha.checkpoint == before
            alpha.fetch(actedUntil=alpha.cursor)
        assert alpha.values == values_of(new)

    def test_the_stock_client_leaves_the_pause_by_beginning_anew(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        begun = moment.now()
        with at(begun + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
        with at(begun + timedelta(hours=30)):
            recipients.remind_due()
            assert recipients.is_paused(place())
            new = pdq(pool, 2)
            alpha.clear()
            alpha.fetch()
        assert alpha.values == values_of(new)
        assert not recipients.is_paused(place())

    def test_a_place_that_is_paused_and_has_all_withdrawals_is_refused(self, pool: Exchange, alpha: Reader) -> None:
        (wrong,) = pdq(pool)
        alpha.fetch()
        begun = moment.now()
        with at(begun + timedelta(seconds=5)):
            signals.withdraw(signals=[wrong], reason=Reason.MISTAKE, actor=ACTOR)
            alpha.fetch()
        with at(begun + timedelta(hours=30)):
            recipients.remind_due()
            answer = alpha.get(startTimestamp=alpha.checkpoint + 10)
        assert answer.status_code == 403
        assert "confirm" in answer.json()["message"]


def test_a_page_costs_the_same_whatever_its_length(
    pool: Exchange, alpha: Reader, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    pdq(pool, 40)
    alpha.fetch()
    with django_assert_num_queries(25, exact=False) as short:
        assert alpha.get(startTimestamp=11, pageSize=1).json()["count"] == 1
    with django_assert_num_queries(len(short)):
        assert alpha.get(startTimestamp=11, pageSize=40).json()["count"] == 40
