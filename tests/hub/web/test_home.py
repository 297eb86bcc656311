"""The home page of each role."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.urls import resolve, reverse
from tests.support.hub import ACTOR, PEOPLE, SmallHub
from tests.support.staff import SignedIn, asked, body, received

from seawall.hub import moment
from seawall.hub.access import may_open
from seawall.hub.casework import services as casework
from seawall.hub.directory import services as directory
from seawall.hub.directory.roles import CASEWORKERS, Role
from seawall.hub.referrals import objections
from seawall.hub.referrals import user_notice_delays as delays
from seawall.hub.referrals.models import ClockEvent, UserNotice


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_everybody_has_a_home_that_leads_only_where_they_may_go(hub: SmallHub, as_: SignedIn, name: str) -> None:
    page = body(as_(name).get(reverse("home")))
    main = page.partition("<main")[2].partition("</main>")[0]
    for link in {part.partition('"')[0] for part in main.split(' href="')[1:]}:
        view = resolve(link.partition("?")[0]).view_name
        assert may_open(view_name=view, roles=hub.people[name].roles()), link
    assert ("Looking after yourself" in page) == (PEOPLE[name][0] in CASEWORKERS)
    assert ("Consultations cannot be held here yet" in page) == (name == "panel")


def test_a_platforms_home_shows_what_waits_the_first_due_first(hub: SmallHub, as_: SignedIn) -> None:
    later, sooner = received(hub), received(hub)
    ClockEvent.objects.filter(referral=sooner).update(at=moment.now() - timedelta(hours=20))
    other = received(hub, platform="beta")
    page = body(as_("alpha_contact").get(reverse("home")))
    assert page.index(sooner.reference) < page.index(later.reference)
    assert other.reference not in page
    assert "2 referrals wait for you" in page
    assert reverse("scorecard", args=["alpha"]) in page


def test_an_analysts_home_shows_what_they_hold_and_what_platforms_asked(hub: SmallHub, as_: SignedIn) -> None:
    referral, case = asked(hub), hub.case()
    casework.claim(case=case, person=hub.people["analyst"])
    page = body(as_("analyst").get(reverse("home")))
    assert case.reference in page
    assert referral.reference in page
    assert "Platforms that asked something" in page
    assert "Platforms that asked something" not in body(as_("officer").get(reverse("home")))


def test_who_said_that_a_referral_was_wrong_is_shown_to_who_may_answer(hub: SmallHub, as_: SignedIn) -> None:
    referral = received(hub)
    made = objections.object_to(notice=UserNotice.objects.get(referral=referral), text="It is a line of a song.")
    link = reverse("objection_answer", args=[made.pk])
    assert link not in body(as_("analyst").get(reverse("home")))  # decided it
    assert link not in body(as_("officer").get(reverse("home")))  # of another desk
    new = directory.add_person(email="new@hub.example", name="New Person", password="a long enough word", actor=ACTOR)
    directory.give_role(
        person=new, role=Role.ANALYST, organisation=hub.organisations["hub"], desk=referral.case.desk, actor=ACTOR
    )
    TOTP.activate(new, generate_totp_secret())
    hub.people["new"] = new
    client = as_("new")
    page = body(client.get(reverse("home")))
    assert link in page
    assert "It is a line of a song." not in page
    assert client.get(link).status_code == 200


def test_who_may_approve_that_somebody_is_told_later_sees_it(hub: SmallHub, as_: SignedIn) -> None:
    case = casework.claim(case=hub.case(), person=hub.people["analyst"])
    made = delays.ask(case=case, person=hub.people["analyst"], reason="life", words="A life is at risk here.", days=7)
    link = reverse("notice_delay_answer", args=[made.pk])
    assert link in body(as_("reviewer").get(reverse("home")))
    for other in ("analyst", "officer"):  # who asked; another desk
        assert link not in body(as_(other).get(reverse("home")))
    delays.answer(delay=made, person=hub.people["reviewer"], approve=True)
    assert link not in body(as_("reviewer").get(reverse("home")))


def test_a_second_reviewers_home_shows_what_waits_for_them(hub: SmallHub, as_: SignedIn) -> None:
    decision = hub.decided(hub.referral_form())
    assert "For your second word" in body(as_("reviewer").get(reverse("home")))
    assert decision.case.reference in body(as_("reviewer").get(reverse("home")))
    assert "For your second word" not in body(as_("analyst").get(reverse("home")))
