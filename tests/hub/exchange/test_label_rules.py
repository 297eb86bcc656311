"""Labels of the AT Protocol: what may be said in public, and what never is."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django.fixtures import Settings
from tests.hub.exchange.conftest import HARM, Exchange, Founding
from tests.hub.exchange.labels_client import APPEAL, AUTHOR, VAL, Labeled, post, publishing
from tests.support.hub import ACTOR, SmallHub
from tests.support.staff import SignedIn

from seawall.hub import moment
from seawall.hub.exchange import signals
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.labels import services
from seawall.hub.exchange.labels.rules import VALUES, values_now
from seawall.hub.exchange.labels.subjects import subject_of
from seawall.hub.exchange.models import (
    Community,
    LabelGround,
    Part,
    Reason,
    Signal,
    Tlp,
)
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.vocabulary import Family, Shareable


@pytest.fixture(autouse=True)
def at_hub_example(settings: Settings) -> None:
    settings.PUBLIC_URL = "https://hub.example"


@pytest.fixture
def labeled(hub: SmallHub) -> Labeled:
    return publishing(hub)


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
def test_what_is_not_for_everybody_stays_unsaid(hub: SmallHub, change: dict[str, Any]) -> None:
    shareable = [harm.id for harm in current_code().harms if harm.shareable_signal is not Shareable.NONE]
    labeled = publishing(hub, harms=shareable)
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


def test_without_its_operator_a_community_publishes_nothing(hub: SmallHub, found: Founding) -> None:
    labeled = Labeled(Exchange(hub=hub, community=found(slug="labels", labels_published=True)))
    labeled.exchange.join("beta", Part.WRITER, "beta_contact")
    labeled.share(by="beta")
    assert labeled.publish() == 0


def test_an_account_is_never_labelled(labeled: Labeled) -> None:
    signal = labeled.share()
    Signal.objects.filter(pk=signal.pk).update(kind="account", value=f"bluesky:{AUTHOR}")
    assert labeled.publish() == 0


@pytest.mark.parametrize(
    ("kind", "value", "subject"),
    [
        (SignalKind.URL, post(), post()),
        (SignalKind.URL, f"at://{AUTHOR}/app.bsky.feed.generator/x", f"at://{AUTHOR}/app.bsky.feed.generator/x"),
        (SignalKind.URL, f"https://bsky.app/profile/{AUTHOR}/post/3k1", post()),
        (SignalKind.URL, "https://bsky.app/profile/did:web:a.example/post/3k1", post(did="did:web:a.example")),
        (SignalKind.URL, "https://bsky.app/profile/did:example:a/post/3k1", None),
        (SignalKind.URL, "https://bsky.app/profile/alice.example/post/3k1", None),
        (SignalKind.ACCOUNT, f"bluesky:{AUTHOR}", None),
        (SignalKind.TEXT, post(), None),
    ],
)
def test_what_a_signal_is_the_label_of(kind: SignalKind, value: str, subject: str | None) -> None:
    assert subject_of(kind, value) == subject


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kinds": [SignalKind.SHA256]}, "Only addresses become labels"),
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
