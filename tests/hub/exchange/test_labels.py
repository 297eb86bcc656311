"""Labels of the AT Protocol: what is said in public, what never is, and how it is taken back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from tests.hub.exchange.conftest import HARM, Exchange, Founding
from tests.hub.exchange.labels_client import APPEAL, AUTHOR, DID, VAL, Labeled, post
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import SignedIn

from seawall.hub import moment
from seawall.hub.directory import services as directory
from seawall.hub.directory.roles import Role
from seawall.hub.exchange import communities, recipients, signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.labels import queries, services
from seawall.hub.exchange.labels.rules import VALUES, values_now
from seawall.hub.exchange.labels.subjects import subject_of
from seawall.hub.exchange.models import (
    Acknowledgement,
    Community,
    IssuedLabel,
    LabelGround,
    OpinionKind,
    Part,
    Reason,
    Recipient,
    Surface,
    Tlp,
)
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.ledger.models import Entry
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.vocabulary import Family, Shareable


@pytest.fixture(autouse=True)
def at_hub_example(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://hub.example"


@contextmanager
def later(**ahead: float) -> Iterator[datetime]:
    with pytest.MonkeyPatch.context() as patch:
        when = moment.now() + timedelta(**ahead)
        patch.setattr(moment, "now", lambda: when)
        yield when


Making = Callable[..., Labeled]


@pytest.fixture
def make(hub: SmallHub, found: Founding) -> Making:
    """A community of the hub's that publishes labels; the hub and beta write, alpha reads."""

    def made(**changes: Any) -> Labeled:
        exchange = Exchange(
            hub=hub, community=found(**{"slug": "labels", "labels_published": True, "harms": sorted(VALUES), **changes})
        )
        exchange.join("hub", Part.WRITER, "administrator")
        exchange.join("alpha", Part.READER, "alpha_contact")
        exchange.join("beta", Part.WRITER, "beta_contact")
        return Labeled(exchange)

    return made


@pytest.fixture
def labeled(make: Making) -> Labeled:
    return make()


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


@pytest.mark.parametrize(
    "change",
    [
        {"tlp": Tlp.GREEN},
        {"appeal_url": ""},
        {"appeal_url": "http://platform.example/appeals"},
        {"value": "https://bsky.app/profile/alice.example/post/3k1"},
        {"value": f"https://elsewhere.example/profile/{AUTHOR}/post/3k1"},
        {"value": "https://site.example/a"},
        {"value": f"https://bsky.app/profile/{AUTHOR}"},
        {"kind": SignalKind.SHA256, "value": "0" * 64},
        {"harm": "ssh-method"},
        {"harm": "ssh-encourage"},
        {"harm": "vio-weapon-sale"},
        {"harm": "cand-threat"},
    ],
)
def test_what_is_not_for_everybody_stays_unsaid(make: Making, change: dict[str, Any]) -> None:
    shareable = [harm.id for harm in current_code().harms if harm.shareable_signal is not Shareable.NONE]
    labeled = make(harms=shareable)
    labeled.share(**change)
    assert labeled.publish() == 0
    assert labeled.words() == []


def test_no_label_speaks_of_people_at_risk_or_of_what_may_not_be_shared() -> None:
    for harm in ("ssh-imminent", "ssh-recovery", "ssh-memorial", "ed-promote", "csea", "iia", "terror"):
        assert harm not in VALUES
    assert not any(harm.startswith(("ssh-", "ed-", "cand-")) for harm in VALUES)


def test_values_follow_the_code_of_practice(hub: SmallHub) -> None:
    code = current_code()
    assert set(values_now(code)) == set(VALUES)
    risky = {Family.SUICIDE_SELF_HARM, Family.AT_RISK, Family.EATING_DISORDER}
    for harm_id in VALUES:
        harm = code.harm(harm_id)
        assert not risky & {rule.family for rule in harm.opens_case}
        narrowed = harm.model_copy(update={"shareable_signal": Shareable.NONE})
        changed = code.model_copy(update={"harms": tuple(narrowed if each is harm else each for each in code.harms)})
        assert harm_id not in values_now(changed)


def test_what_the_code_narrows_later_is_taken_back(labeled: Labeled, monkeypatch: pytest.MonkeyPatch) -> None:
    labeled.share()
    labeled.share(post("3k2"), harm="vio-threat")
    labeled.publish()
    kept = {"vio-threat": VALUES["vio-threat"]}
    monkeypatch.setattr(services, "values_now", lambda: kept)
    labeled.publish()
    assert labeled.words() == [(post("3k2"), "threat-of-violence", False), (post(), VAL, True)]


def test_a_demonstration_says_nothing_in_public(labeled: Labeled) -> None:
    with moment.demonstration_at(moment.now()):
        labeled.share()
    assert labeled.publish() == 0


def test_a_community_that_did_not_ask_for_it_publishes_nothing(pool: Exchange) -> None:
    Labeled(pool).share()
    assert services.publish(community_id=pool.community.pk) == 0
    assert services.publish_all() == 0
    assert not LabelGround.objects.exists()


def test_a_hub_without_a_public_name_publishes_nothing(labeled: Labeled, settings: Settings) -> None:
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    labeled.share()
    assert labeled.publish() == 0
    assert labeled.ask().json() == {"labels": []}


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


def test_what_another_community_still_says_is_not_negated(make: Making) -> None:
    first, second = make(slug="first"), make(slug="second")
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
        assert "operator" in steps
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


def test_without_its_operator_a_community_publishes_nothing(hub: SmallHub, found: Founding) -> None:
    labeled = Labeled(Exchange(hub=hub, community=found(slug="labels", labels_published=True)))
    labeled.exchange.join("beta", Part.WRITER, "beta_contact")
    labeled.share(by="beta")
    assert labeled.publish() == 0


def test_an_account_is_labelled_by_platforms_among_themselves(hub: SmallHub, found: Founding) -> None:
    platform, person = hub.organisations["alpha"], hub.people["alpha_contact"]
    directory.give_role(person=person, role=Role.ADMINISTRATOR, organisation=platform, desk=None, actor=ACTOR)
    made = communities.found(
        person=person,
        operator=platform,
        slug="accounts",
        name="Accounts",
        purpose="So that it does not move next door.",
        harms=[HARM],
        kinds=[SignalKind.ACCOUNT],
        tlp_ceiling=Tlp.AMBER,
        retention=timedelta(days=30),
        agreement="We act on withdrawals.",
        platforms_only=True,
        labels_published=True,
    )
    hub.people["administrator"], theirs = person, hub.people["administrator"]
    labeled = Labeled(Exchange(hub=hub, community=made))
    labeled.exchange.join("alpha", Part.WRITER, "alpha_contact")
    hub.people["administrator"] = theirs
    signal = labeled.share(f"bluesky:{AUTHOR}", by="alpha", kind=SignalKind.ACCOUNT)
    labeled.share("bluesky:alice.example", by="alpha", kind=SignalKind.ACCOUNT)
    assert labeled.publish() == 1
    assert labeled.words() == [(AUTHOR, VAL, False)]
    signals.withdraw(signals=[signal], reason=Reason.APPEAL, actor=ACTOR)
    labeled.publish()
    assert labeled.words() == [(AUTHOR, VAL, True)]


@pytest.mark.parametrize(
    ("kind", "value", "subject"),
    [
        (SignalKind.URL, post(), post()),
        (SignalKind.URL, f"at://{AUTHOR}/app.bsky.feed.generator/x", f"at://{AUTHOR}/app.bsky.feed.generator/x"),
        (SignalKind.URL, f"https://bsky.app/profile/{AUTHOR}/post/3k1", post()),
        (SignalKind.URL, "https://bsky.app/profile/did:web:a.example/post/3k1", post(did="did:web:a.example")),
        (SignalKind.URL, "https://bsky.app/profile/did:example:a/post/3k1", None),
        (SignalKind.URL, "https://bsky.app/profile/alice.example/post/3k1", None),
        (SignalKind.ACCOUNT, AUTHOR, AUTHOR),
        (SignalKind.ACCOUNT, f"bluesky:{AUTHOR}", AUTHOR),
        (SignalKind.ACCOUNT, "bluesky:did:plc:short", None),
        (SignalKind.ACCOUNT, "example:12345", None),
        (SignalKind.TEXT, post(), None),
    ],
)
def test_what_a_signal_is_the_label_of(kind: SignalKind, value: str, subject: str | None) -> None:
    assert subject_of(kind, value) == subject


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kinds": [SignalKind.SHA256]}, "Only addresses and accounts"),
        ({"harms": ["ssh-method"]}, "Labels are published of hate-stirring, vio-threat only"),
    ],
)
def test_a_community_that_could_publish_nothing_is_not_founded(
    found: Founding, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotAllowed, match=said):
        found(labels_published=True, **change)


def test_it_is_chosen_on_the_page_and_shown(hub: SmallHub, as_: SignedIn) -> None:
    rules = {
        "name": "Labels",
        "slug": "labels",
        "purpose": "For readers.",
        "harms": [HARM],
        "kinds": ["url"],
        "tlp_ceiling": "amber",
        "retention": "30",
        "who": "others",
        "agreement": "Act on it.",
        "operator": str(hub.organisations["hub"].pk),
        "labels_published": "on",
    }
    page = as_("administrator").post("/communities/found/", rules, follow=True).content.decode()
    made = Community.objects.get()
    assert made.labels_published
    assert "Labels are published while Hub takes part itself" in page
    exchange = Exchange(hub=hub, community=made)
    exchange.join("hub", Part.WRITER, "administrator")
    page = as_("administrator").get("/communities/labels/").content.decode()
    assert "as labels of the AT Protocol that everybody can read" in page


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
    assert services.LabelStream.objects.get().forgotten == 3


def test_under_a_new_identity_everything_is_said_again(labeled: Labeled, settings: Settings) -> None:
    labeled.share()
    labeled.publish()
    settings.LABELER_DID = "did:plc:" + "b" * 24
    assert services.publish_all() == 1
    (label,) = labeled.ask().json()["labels"]
    assert label["src"] == settings.LABELER_DID
    assert services.publish_all() == 0


def test_appeal_addresses_are_on_a_page_for_everybody(labeled: Labeled) -> None:
    signal = labeled.share()
    labeled.publish()

    def page(address: str, status: int = 200) -> str:
        answer = labeled.client.get("/labels/", {"address": address})
        assert answer.status_code == status
        return str(answer.content.decode())

    assert APPEAL in page(post())
    assert APPEAL in page(f"https://bsky.app/profile/{AUTHOR}/post/3k1")
    assert "No label of this hub holds here" in page(post("other"))
    assert "no address with a DID" in page("https://bsky.app/profile/alice.example/post/3k1", 422)
    assert "no address with a DID" in page("<script>", 422)
    signals.withdraw(signals=[signal], reason=Reason.APPEAL, actor=ACTOR)
    labeled.publish()
    assert "No label of this hub holds here" in page(post())
