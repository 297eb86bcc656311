"""Those who refer are held to account: quotas, warnings, suspensions, and the shorter times of an election."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from tests.support.hub import ACTOR, SmallHub

from seawall.hub import moment
from seawall.hub.casework import measures
from seawall.hub.casework.form import Form, FormIncomplete
from seawall.hub.casework.models import CaseState, Decision, Measure, Outcome
from seawall.hub.directory.models import Desk
from seawall.hub.ledger.models import Entry
from seawall.hub.practice import services as practice
from seawall.hub.referrals.conduct import Conduct, conduct_of, lower

pytestmark = pytest.mark.django_db

WORDS = {
    "gravity": "Songs were taken down.",
    "intent": "Nothing is known of it.",
    "reasons": "Nine of ten were refused.",
}
FIGURES = {"referred": 40, "refused": 36, "overturned": 2}


def warned(hub: SmallHub) -> Measure:
    return measures.warn(desk=hub.desks["general"], person=hub.people["overseer"], figures=FIGURES, **WORDS)


def suspended(hub: SmallHub, days: int = 7) -> Measure:
    return measures.suspend(
        desk=hub.desks["general"], person=hub.people["overseer"], figures=FIGURES, days=days, **WORDS
    )


def test_a_suspension_needs_a_warning_and_keeps_the_desk_from_referring_only(hub: SmallHub) -> None:
    with pytest.raises(measures.NoWarning):
        suspended(hub)
    warned(hub)
    made = suspended(hub)
    with pytest.raises(FormIncomplete, match="may not refer until"):
        hub.decided(hub.referral_form())
    closed = hub.decided(
        Form(outcome=Outcome.NO_ACTION, harm="abuse-harassment", reasons="It is a quotation of somebody else.")
    )
    assert closed.outcome == Outcome.NO_ACTION
    measures.lift(measure=made, person=hub.people["overseer"], because="They trained their people.")
    assert hub.decided(hub.referral_form()).outcome == Outcome.REFER
    assert list(Entry.objects.filter(verb__startswith="desk.").order_by("id").values_list("verb", flat=True)) == [
        "desk.warned", "desk.suspended", "desk.suspension_lifted",
    ]  # fmt: skip


def test_a_suspension_ends_by_itself_and_an_old_warning_counts_no_more(hub: SmallHub) -> None:
    warned(hub)
    suspended(hub)
    Measure.objects.filter(kind="suspension").update(until=moment.now() - timedelta(seconds=1))
    assert measures.suspension_of(hub.desks["general"]) is None
    Measure.objects.filter(kind="warning").update(taken_at=moment.now() - timedelta(days=366))
    with pytest.raises(measures.NoWarning):
        suspended(hub)


def test_only_the_overseer_takes_measures_and_says_why(hub: SmallHub) -> None:
    for name in ("analyst", "regulator", "administrator", "ombudsman"):
        with pytest.raises(PermissionError):
            measures.warn(desk=hub.desks["general"], person=hub.people[name], figures=FIGURES, **WORDS)
    for missing in WORDS:
        with pytest.raises(FormIncomplete):
            measures.warn(
                desk=hub.desks["general"],
                person=hub.people["overseer"],
                figures=FIGURES,
                **{**WORDS, missing: " "},
            )
    warned(hub)
    for days in (0, 91):
        with pytest.raises(FormIncomplete):
            suspended(hub, days)


def test_beyond_its_quota_a_desk_needs_a_second_person_for_each_referral(hub: SmallHub, settings: Any) -> None:
    settings.REFERRALS_A_DAY = 1
    offence = hub.referral_form("cand-harassment", on_terms=False)
    assert not measures.quota_reached(hub.desks["general"])
    first = hub.decided(hub.referral_form())
    assert measures.quota_reached(hub.desks["general"])
    assert offence.outcome == Outcome.REFER
    second = hub.decided(hub.referral_form("abuse-harassment", on_terms=False))
    assert second.second_review_needed
    assert second.case.state == CaseState.SECOND_REVIEW
    assert not measures.quota_reached(hub.desks["police"])
    Decision.objects.filter(pk__in=[first.pk, second.pk]).update(decided_at=moment.now() - timedelta(days=2))
    assert not measures.quota_reached(hub.desks["general"])
    third = hub.decided(hub.referral_form("abuse-harassment", on_terms=False))
    assert not third.second_review_needed


def test_the_desk_has_half_the_time_in_an_election_where_the_code_says_so(hub: SmallHub) -> None:
    usual, other = hub.case("cand-harassment", desk="candidates"), hub.case("abuse-harassment")
    today = moment.now().date()
    practice.enter_election_period(title="E", area="A", begins=today, ends=today, actor=ACTOR)
    hurried, same = hub.case("cand-harassment", desk="candidates"), hub.case("abuse-harassment")
    assert usual.decision_within is not None
    assert hurried.decision_within == usual.decision_within / 2
    assert same.decision_within == other.decision_within


def test_the_lower_end_of_the_interval_is_wilsons() -> None:
    assert lower(0, 0) == 0
    assert lower(0, 50) == 0
    assert lower(9, 10) == pytest.approx(0.5958, abs=1e-4)  # Wilson (1927), as in published tables
    assert lower(50, 100) == pytest.approx(0.4038, abs=1e-4)


@pytest.mark.parametrize(
    ("answered", "refused", "overturned", "calls"),
    [
        (19, 19, 0, False),
        (20, 20, 0, True),
        (40, 20, 0, False),
        (40, 30, 0, True),
        (40, 0, 5, False),
        (40, 0, 12, True),
    ],
)
def test_what_calls_for_a_look(answered: int, refused: int, overturned: int, calls: bool) -> None:
    made = Conduct(
        referred=answered,
        answered=answered,
        acted=answered - refused,
        refused=refused,
        withdrawn=0,
        overturned=overturned,
    )
    assert made.calls_for_a_look is calls
    assert (made.refusal_rate is None) == (answered < 20)


def test_a_desk_without_referrals_has_figures_of_nought(hub: SmallHub) -> None:
    desks = list(Desk.objects.all())
    assert set(conduct_of(desks)) == set(desks)
    assert {found.referred for found in conduct_of(desks).values()} == {0}


def test_the_pages(hub: SmallHub) -> None:
    overseer = Client()
    overseer.force_login(hub.people["overseer"])
    assert "General desk" in overseer.get(reverse("conduct")).content.decode()
    url = reverse("conduct_measure", args=[hub.desks["general"].pk])
    assert overseer.post(url, {}).status_code == 422
    early = overseer.post(url, {**WORDS, "kind": "suspension", "days": "7"})
    assert early.status_code == 422
    assert "Warn it first" in early.content.decode()
    assert overseer.post(url, {**WORDS, "kind": "warning"}).status_code == 302
    assert overseer.post(url, {**WORDS, "kind": "suspension"}).status_code == 422
    assert overseer.post(url, {**WORDS, "kind": "suspension", "days": "7"}).status_code == 302
    standing = Measure.objects.get(kind="suspension")
    assert overseer.post(reverse("conduct_lift", args=[standing.pk]), {}).status_code == 422
    assert overseer.post(reverse("conduct_lift", args=[standing.pk]), {"because": "Done."}).status_code == 302
    regulator = Client()
    regulator.force_login(hub.people["regulator"])
    page = regulator.get(reverse("conduct"))
    assert page.status_code == 200
    assert "Warn or suspend" not in page.content.decode()
    assert regulator.get(url).status_code == 403
