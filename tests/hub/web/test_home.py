"""The home page of each role."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import resolve, reverse
from tests.support.hub import PEOPLE, SmallHub
from tests.support.staff import SignedIn, asked, body, received

from seawall.hub import moment
from seawall.hub.access import may_open
from seawall.hub.casework import services as casework
from seawall.hub.directory.roles import CASEWORKERS
from seawall.hub.referrals.models import (
    ClockEvent,
)


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


def test_a_second_reviewers_home_shows_what_waits_for_them(hub: SmallHub, as_: SignedIn) -> None:
    decision = hub.decided(hub.referral_form())
    assert "For your second word" in body(as_("reviewer").get(reverse("home")))
    assert decision.case.reference in body(as_("reviewer").get(reverse("home")))
    assert "For your second word" not in body(as_("analyst").get(reverse("home")))
