"""Labels of the AT Protocol: what is said in public, what never is, and how it is taken back."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from tests.hub.exchange.conftest import Exchange
from tests.hub.exchange.labels_client import AUTHOR, DID, VAL, Labeled, later, post, publishing
from tests.support.hub import ACTOR, SmallHub

from seawall.hub import moment
from seawall.hub.exchange import communities, recipients, signals, tasks
from seawall.hub.exchange.labels import queries, services
from seawall.hub.exchange.models import (
    Acknowledgement,
    IssuedLabel,
    LabelStream,
    OpinionKind,
    Part,
    Reason,
    Recipient,
    Surface,
)
from seawall.hub.ledger.models import Entry


@pytest.fixture(autouse=True)
def at_hub_example(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://hub.example"


@pytest.fixture
def labeled(hub: SmallHub) -> Labeled:
    return publishing(hub)


def everybody() -> Recipient:
    return Recipient.objects.get(surface=Surface.LABELS)


def test_a_post_is_labelled_and_the_label_is_signed_and_ends(labeled: Labeled) -> None:
    signal = labeled.share()
    assert labeled.publish() == 1
    (label,) = labeled.said(post())
    assert (label.uri, label.val, label.neg, label.cid) == (post(), VAL, False, None)
    assert label.exp is not None
    assert abs(label.exp - signal.expires_at) < timedelta(milliseconds=1)
    assert labeled.publish() == 0


def test_a_label_is_written_as_the_protocol_says(labeled: Labeled) -> None:
    labeled.share()
    labeled.publish()
    (label,) = labeled.ask().json()["labels"]
    assert set(label) == {"ver", "src", "uri", "val", "cts", "exp", "sig"}
    assert (label["ver"], label["src"]) == (1, DID)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", label["cts"])
    assert re.fullmatch(r"[A-Za-z0-9+/]{86}", label["sig"]["$bytes"])


@pytest.mark.parametrize("reason", [Reason.MISTAKE, Reason.APPEAL, Reason.EXPIRED])
def test_what_is_withdrawn_is_negated(labeled: Labeled, reason: Reason) -> None:
    signal = labeled.share()
    labeled.publish()
    signals.withdraw(signals=[signal], reason=reason, actor=ACTOR)
    assert labeled.publish() == 1
    (label,) = labeled.said()
    assert (label.uri, label.val, label.neg, label.exp) == (post(), VAL, True, None)
    assert labeled.holding(moment.now()) == []


def test_a_label_ends_by_itself_and_is_negated_when_the_hub_looks(labeled: Labeled) -> None:
    labeled.share(lasts=timedelta(days=1))
    labeled.publish()
    with later(days=2) as when:
        assert labeled.holding(when) == []
        assert [label.neg for label in labeled.said()] == [False]
        signals.expire_due()
        labeled.publish()
        assert [label.neg for label in labeled.said()] == [True]


def test_a_dispute_suspends_a_label_until_it_is_settled(labeled: Labeled, hub: SmallHub) -> None:
    exchange = labeled.exchange
    signal = labeled.share(by="beta")
    labeled.publish()
    for name in ("alpha", "hub"):
        signals.give_opinion(
            signal=signal, organisation=hub.organisations[name], opinion=OpinionKind.DISAGREE, actor=ACTOR
        )
    labeled.publish()
    assert labeled.words() == [(post(), VAL, True)]
    signals.settle(signal=signal, person=hub.people["administrator"], stands=True, reasons="It does stir up hatred.")
    labeled.publish()
    assert labeled.words() == [(post(), VAL, False)]
    assert exchange.community.signals.count() == 1


def test_two_signals_of_one_post_are_one_label_until_both_are_gone(labeled: Labeled) -> None:
    by_address = labeled.share(lasts=timedelta(days=10))
    labeled.publish()
    by_page = labeled.share(
        f"https://bsky.app/profile/{AUTHOR}/post/3k1?ref_src=x", by="beta", lasts=timedelta(days=20)
    )
    labeled.publish()
    (label,) = labeled.said()
    assert label.exp is not None
    assert abs(label.exp - by_page.expires_at) < timedelta(milliseconds=1)
    signals.withdraw(signals=[by_page], reason=Reason.MISTAKE, actor=ACTOR)
    labeled.publish()
    (label,) = labeled.said()
    assert not label.neg
    assert label.exp is not None
    assert abs(label.exp - by_address.expires_at) < timedelta(milliseconds=1)
    signals.withdraw(signals=[by_address], reason=Reason.MISTAKE, actor=ACTOR)
    labeled.publish()
    assert labeled.words() == [(post(), VAL, True)]


def test_what_another_community_still_says_is_not_negated(hub: SmallHub) -> None:
    first, second = publishing(hub, slug="first"), publishing(hub, slug="second")
    signal = first.share()
    second.share()
    first.publish()
    second.publish()
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    first.publish()
    assert first.words() == [(post(), VAL, False)]


def test_what_came_and_went_unpublished_is_never_named(labeled: Labeled) -> None:
    labeled.publish()
    signal = labeled.share()
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    labeled.publish()
    assert labeled.words() == []


def test_a_later_word_is_never_older_than_the_one_it_replaces(labeled: Labeled) -> None:
    signal = labeled.share()
    labeled.publish()
    (first,) = labeled.said()
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    with later(hours=-1):
        labeled.publish()
    (second,) = labeled.said()
    assert second.neg
    assert second.cts > first.cts


def test_everybody_is_one_recipient_whose_negation_is_the_hub_s_own_word(labeled: Labeled) -> None:
    signal = labeled.share()
    labeled.publish()
    signals.withdraw(signals=[signal], reason=Reason.APPEAL, actor=ACTOR)
    signal.refresh_from_db()
    assert recipients.holders(signal) == [everybody()]
    labeled.publish()
    assert recipients.holders(signal) == []
    (word,) = Acknowledgement.objects.filter(recipient=everybody())
    assert (word.proof, word.until) == ("published", signal.last_change)
    assert word.statement == {"labels": "published", "until_seq": 2}
    entries = Entry.objects.filter(verb="community.labels_published").order_by("pk")
    assert [(entry.payload["issued"], entry.payload["taken_back"]) for entry in entries] == [(1, 0), (0, 1)]


def test_nobody_is_called_about_what_the_hub_publishes_itself(labeled: Labeled) -> None:
    labeled.publish()
    labeled.share()
    assert recipients.announce(community_id=labeled.exchange.community.pk) == 0


def test_labels_that_cannot_be_negated_are_owed_and_then_land(labeled: Labeled) -> None:
    signal = labeled.share()
    labeled.publish()
    signals.withdraw(signals=[signal], reason=Reason.MISTAKE, actor=ACTOR)
    assert queries.unpublished() == []
    with later(hours=30):
        assert queries.unpublished() == ["labels"]
        steps = {reminder.step for reminder in recipients.remind_due()}
        assert steps == {"called", "contact", "operator"}
        labeled.share(post("3k2"))
        labeled.publish()
    assert labeled.words() == [(post(), VAL, True), (post("3k2"), VAL, False)]
    assert recipients.oldest_owed(everybody()) is None


def test_when_the_operator_leaves_everything_is_taken_back(labeled: Labeled, hub: SmallHub) -> None:
    labeled.share(by="beta")
    labeled.share(post("3k2"), by="beta")
    labeled.publish()
    communities.leave(
        member=labeled.exchange.members["hub"], person=hub.people["administrator"], because="We close it."
    )
    services.publish_all()
    assert labeled.words() == [(post(), VAL, True), (post("3k2"), VAL, True)]
    assert everybody().ended_at is not None
    labeled.exchange.join("hub", Part.READER, "administrator")
    services.publish_all()
    assert labeled.words() == [(post(), VAL, False), (post("3k2"), VAL, False)]


def test_pages_of_changes_are_followed_to_the_end(labeled: Labeled, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "MOST_A_PAGE", 2)
    made = [labeled.share(post(f"k{number}")) for number in range(5)]
    assert labeled.publish() == 5
    signals.withdraw(signals=made, reason=Reason.MISTAKE, actor=ACTOR)
    assert labeled.publish() == 5
    assert {neg for _uri, _val, neg in labeled.words()} == {True}
    assert [label.seq for label in IssuedLabel.objects.all()] == [6, 7, 8, 9, 10]


def test_issuing_costs_the_same_number_of_statements(
    labeled: Labeled, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    labeled.publish()
    for number in range(40):
        labeled.share(post(f"k{number}"))
    with django_assert_max_num_queries(60):
        assert labeled.publish() == 40


def test_negations_are_forgotten_after_a_while(labeled: Labeled) -> None:
    gone, _kept = labeled.share(), labeled.share(post("3k2"))
    labeled.publish()
    signals.withdraw(signals=[gone], reason=Reason.MISTAKE, actor=ACTOR)
    labeled.publish()
    assert services.forget() == 0
    with later(days=181):
        assert services.forget() == 1
        assert services.forget() == 0
    assert labeled.words() == [(post("3k2"), VAL, False)]
    assert LabelStream.objects.get().forgotten == 3


def test_under_a_new_identity_everything_is_said_again(labeled: Labeled, settings: Settings) -> None:
    labeled.share()
    labeled.publish()
    settings.LABELER_DID = "did:plc:" + "b" * 24
    assert services.publish_all() == 1
    (label,) = labeled.ask().json()["labels"]
    assert label["src"] == settings.LABELER_DID
    assert services.publish_all() == 0


def test_background_work_publishes_what_was_shared(labeled: Labeled) -> None:
    labeled.share()
    (job,) = ProcrastinateJob.objects.filter(task_name="exchange.labels")
    tasks.publish_labels(**job.args)
    assert labeled.words() == [(post(), VAL, False)]
    with later(days=400):
        signals.expire_due()
        tasks.labels_tick(0)
        assert labeled.words() == [(post(), VAL, True)]
    with later(days=600):
        tasks.labels_tick(0)
        assert labeled.words() == []


def test_no_job_is_queued_for_a_community_that_publishes_nothing(pool: Exchange) -> None:
    pool.share()
    assert not ProcrastinateJob.objects.filter(task_name="exchange.labels").exists()
