"""Referrals' pages: who sees which, what stays inside, and what is done about one."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from tests.support.hub import PEOPLE, SmallHub
from tests.support.staff import NASTY, SECRET, SignedIn, asked, body, by_police, prepared, received

from seawall import channels, probes
from seawall.channels import signing
from seawall.hub import moment
from seawall.hub.directory.models import Person, Route
from seawall.hub.directory.roles import CASEWORKERS, Role
from seawall.hub.directory.services import give_role
from seawall.hub.ledger.services import Actor
from seawall.hub.referrals import services
from seawall.hub.referrals.models import (
    Checkpoint,
    ClockEvent,
    Escalation,
    Information,
    Probe,
    Referral,
    ReferralState,
    Step,
)


def url_of(referral: Referral, view: str = "referral") -> str:
    return reverse(view, args=[referral.pk])


# Who sees which


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_the_list_is_for_those_whom_it_concerns(hub: SmallHub, as_: SignedIn, name: str) -> None:
    may = PEOPLE[name][0] in CASEWORKERS | {Role.PLATFORM_CONTACT, Role.OVERSEER}
    assert as_(name).get(reverse("referrals")).status_code == (200 if may else 403)


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        ("analyst", True),
        ("reviewer", True),
        ("alpha_contact", True),
        ("beta_contact", False),
        ("overseer", False),
        ("welfare", False),
        ("candidate_analyst", False),
        ("officer", False),
    ],
)
def test_each_sees_what_is_theirs(hub: SmallHub, as_: SignedIn, name: str, sees: bool) -> None:
    referral, client = received(hub), as_(name)
    assert (referral.reference in body(client.get(reverse("referrals")))) == sees
    assert client.get(url_of(referral)).status_code == (200 if sees else 404)


def test_a_platform_sees_nothing_before_it_has_it(hub: SmallHub, as_: SignedIn) -> None:
    referral, client = prepared(hub), as_("alpha_contact")
    assert client.get(url_of(referral)).status_code == 404
    assert referral.reference not in body(client.get(reverse("referrals")))


def test_a_platform_sees_nothing_of_the_inside(hub: SmallHub, as_: SignedIn) -> None:
    referral = received(hub, on_terms=False, harm="vio-threat")
    Person.objects.filter(pk=hub.people["analyst"].pk).update(name="Name of the analyst")
    Person.objects.filter(pk=hub.people["reviewer"].pk).update(name="Name of the reviewer")
    Referral.objects.filter(pk=referral.pk).update(problem="an internal note")
    page = body(as_("alpha_contact").get(url_of(referral)))
    for inside in (
        referral.case.reference,
        str(referral.case_id),
        "Name of the analyst",
        "Name of the reviewer",
        "Read it, and I see the same.",
        SECRET,
        "General desk",
        "an internal note",
        "Look now",
        "Answer them",
    ):
        assert inside not in page, inside
    assert "Made out" in page
    assert escape(referral.document["explanation"]) in page
    assert referral.document["content"]["url"] in page


@pytest.mark.parametrize("view", ["referral_inform", "referral_probe", "referral_redeliver"])
@pytest.mark.parametrize(
    ("name", "status"), [("alpha_contact", 403), ("overseer", 403), ("officer", 404), ("welfare", 404)]
)
def test_only_the_desk_acts_on_it(hub: SmallHub, as_: SignedIn, name: str, status: int, view: str) -> None:
    referral = asked(hub)
    assert as_(name).post(url_of(referral, view), {"text": "Something or other."}).status_code == status
    assert not Probe.objects.exists()
    assert not Information.objects.exists()


def test_seeing_a_referral_for_another_reason_is_no_leave_to_act_on_it(
    hub: SmallHub, as_: SignedIn, actor: Actor
) -> None:
    give_role(
        person=hub.people["welfare"],
        role=Role.PLATFORM_CONTACT,
        organisation=hub.organisations["alpha"],
        desk=None,
        actor=actor,
    )
    referral, client = asked(hub), as_("welfare")
    page = body(client.get(url_of(referral)))
    assert referral.reference in page
    assert "Look now" not in page
    assert referral.case.reference not in page
    for view in ("referral_inform", "referral_probe", "referral_redeliver"):
        assert client.post(url_of(referral, view), {"text": "Something or other."}).status_code == 404, view


def test_the_overseer_reads_what_the_state_refers_with_its_reasons(hub: SmallHub, as_: SignedIn) -> None:
    referral, others = by_police(hub), received(hub)
    Person.objects.filter(pk=hub.people["officer"].pk).update(name="Name of the officer")
    client = as_("overseer")
    listed = body(client.get(reverse("referrals")))
    assert referral.reference in listed
    assert others.reference not in listed
    page = body(client.get(url_of(referral)))
    for words in (
        "By a body of the state",
        escape(referral.decision.reasons),
        "somebody in the role police user",
        "Read it, and I see the same.",
    ):
        assert words in page, words
    assert "Name of the officer" not in page
    assert referral.case.reference not in page
    home = body(client.get(reverse("home")))
    assert referral.reference in home
    assert others.reference not in home


# The list


def test_the_filter_and_the_clock(hub: SmallHub, as_: SignedIn) -> None:
    waiting, queued = received(hub), prepared(hub, platform="beta")
    late = received(hub)
    ClockEvent.objects.filter(referral=late).update(at=moment.now() - timedelta(days=5))
    client = as_("analyst")

    def shown(query: str) -> set[str]:
        page = body(client.get(f"{reverse('referrals')}?{query}"))
        return {one.reference for one in (waiting, queued, late) if one.reference in page}

    assert shown("") == {waiting.reference, queued.reference, late.reference}
    assert shown("state=queued") == {queued.reference}
    assert shown("platform=alpha") == {waiting.reference, late.reference}
    assert shown("state=failed") == set()
    assert shown("state=nonsense") == shown("")
    page = body(client.get(reverse("referrals")))
    assert "Overdue by 4 days" in page
    assert "Due in 2" in page
    assert "Clock not started" in page
    assert 'name="platform"' not in body(as_("alpha_contact").get(reverse("referrals")))


@pytest.mark.parametrize(("name", "view"), [("analyst", "referrals"), ("alpha_contact", "home")])
def test_more_referrals_take_no_more_queries(hub: SmallHub, as_: SignedIn, name: str, view: str) -> None:
    client = as_(name)

    def queries() -> int:
        with CaptureQueriesContext(connection) as counted:
            assert client.get(reverse(view)).status_code == 200
        return len(counted)

    received(hub)
    few = queries()
    for _ in range(4):
        received(hub)
    assert queries() <= few
    assert few < 20


def test_an_empty_list_says_so(hub: SmallHub, as_: SignedIn) -> None:
    assert "No referrals yet" in body(as_("analyst").get(reverse("referrals")))
    assert "No referral fits" in body(as_("analyst").get(reverse("referrals") + "?state=failed"))


# One referral


def test_the_page_tells_the_whole_course(hub: SmallHub, as_: SignedIn) -> None:
    referral = asked(hub)
    services.inform(referral=referral, person=hub.people["analyst"], text="It is the second post on the page.")
    now = moment.now()
    for checkpoint, state in ((Checkpoint.ANSWER, "up"), (Checkpoint.DAY, "unreachable")):
        Probe.objects.create(referral=referral, checkpoint=checkpoint, at=now, state=state, detail=NASTY)
    Escalation.objects.create(referral=referral, step=Step.REGULATOR, at=now)
    page = body(as_("analyst").get(url_of(referral)))
    for words in (
        "Asked for more information",
        escape(NASTY),
        "It is the second post on the page.",
        "On its way to them",
        "Still up",
        "Could not be reached: nothing concluded",
        "The regulator&#x27;s list",
        "Paused: information requested",
        "24 hours",
        referral.case.reference,
        "The platform’s own rule",
        referral.document_sha256,
    ):
        assert words in page, words
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert SECRET not in page


def test_a_receipt_is_checked_each_time_it_is_shown(hub: SmallHub, as_: SignedIn) -> None:
    referral = received(hub)
    assert "Does not prove itself" in body(as_("analyst").get(url_of(referral)))


def test_a_signed_receipt_holds_until_the_document_is_touched(hub: SmallHub, as_: SignedIn) -> None:
    referral = received(hub)
    key = Ed25519PrivateKey.generate()
    public = urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    Route.objects.filter(platform=referral.platform).update(public_key=public)
    assert referral.receipt is not None
    unsigned = {name: value for name, value in referral.receipt.items() if name != "signature"}
    unsigned["received_at"] = channels.base.stamp(moment.now())
    signature = urlsafe_b64encode(key.sign(signing.canonical(unsigned))).rstrip(b"=").decode()
    Referral.objects.filter(pk=referral.pk).update(receipt={**unsigned, "signature": signature})
    client = as_("analyst")
    assert "Signature checked now: it holds" in body(client.get(url_of(referral)))
    Referral.objects.filter(pk=referral.pk).update(document={**referral.document, "explanation": "Something else."})
    page = body(client.get(url_of(referral)))
    assert "Does not prove itself" in page
    assert "is for another text" in page


def test_answering_a_platform(hub: SmallHub, as_: SignedIn) -> None:
    referral, client = asked(hub), as_("analyst")
    assert url_of(referral, "referral_inform") in body(client.get(url_of(referral)))
    page = body(client.get(url_of(referral, "referral_inform")))
    assert escape(NASTY) in page
    empty = client.post(url_of(referral, "referral_inform"), {"text": "  "})
    assert empty.status_code == 422
    assert "Write what the platform asked for" in body(empty)
    done = client.post(url_of(referral, "referral_inform"), {"text": "It is the second post."}, follow=True)
    assert "receives your answer next" in body(done)
    assert Information.objects.get().text == "It is the second post."
    for again in (
        client.post(url_of(referral, "referral_inform"), {"text": "It is the second post."}, follow=True),
        client.get(url_of(referral, "referral_inform"), follow=True),
    ):
        assert "is not waiting for information" in body(again)
    assert Information.objects.count() == 1


def test_looking_now(hub: SmallHub, as_: SignedIn, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []

    def look(url: str, **given: Any) -> probes.Observation:
        looked.append(url)
        return probes.Observation(
            state="removed",
            http_status=410,
            final_url=url,
            body_sha256=None,
            checked_at=given["at"],
            detail="The platform answers 410: the post is gone.",
            matched="status",
        )

    monkeypatch.setattr(probes, "get", lambda _name: look)
    referral, client = received(hub), as_("analyst")
    done = client.post(url_of(referral, "referral_probe"), follow=True)
    assert looked == [referral.document["content"]["url"]]
    assert "We looked just now. Gone." in body(done)
    assert "The platform answers 410" in body(done)
    assert Probe.objects.get().checkpoint == Checkpoint.ON_DEMAND
    assert client.get(url_of(referral, "referral_probe")).status_code == 405


def test_there_is_nothing_to_look_for_before_delivery(hub: SmallHub, as_: SignedIn) -> None:
    referral, client = prepared(hub), as_("analyst")
    assert "Look now" not in body(client.get(url_of(referral)))
    assert "Nothing has been delivered yet" in body(client.post(url_of(referral, "referral_probe"), follow=True))
    assert not Probe.objects.exists()


def test_a_failed_delivery_is_tried_again_on_a_persons_word(hub: SmallHub, as_: SignedIn) -> None:
    referral, client = prepared(hub), as_("analyst")
    again = client.post(url_of(referral, "referral_redeliver"), follow=True)
    assert "is not one that failed" in body(again)
    Referral.objects.filter(pk=referral.pk).update(
        state=ReferralState.FAILED, problem="The platform said no: <b>403</b>."
    )
    page = body(client.get(url_of(referral)))
    assert "The platform said no: &lt;b&gt;403&lt;/b&gt;." in page
    assert "Try to deliver it again" in page
    done = client.post(url_of(referral, "referral_redeliver"), follow=True)
    assert "is on its way to Alpha again" in body(done)
    assert Referral.objects.get(pk=referral.pk).state == ReferralState.QUEUED


def test_a_case_shows_its_referral(hub: SmallHub, as_: SignedIn) -> None:
    referral = received(hub)
    page = body(as_("analyst").get(reverse("case", args=[referral.case_id])))
    assert referral.reference in page
    assert "Waiting for the platform" in page
    assert url_of(referral) in page
