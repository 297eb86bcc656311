"""Casework's pages: who sees what, the queue, and what a case's page tells."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape
from tests.support.hub import PEOPLE, SmallHub
from tests.support.staff import HARM, NASTY, SECRET, SignedIn, body, claimed, with_text

from seawall.hub import moment
from seawall.hub.casework import services
from seawall.hub.casework.models import Case, CaseState
from seawall.hub.content.models import Reveal
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import CASEWORKERS
from seawall.hub.practice.queries import current_code
from seawall.hub.redress.models import About, AgeBand, ForWhom, Report, ReportKind

# Who sees what


@pytest.mark.parametrize("name", sorted(PEOPLE))
def test_the_queue_is_for_caseworkers_alone(hub: SmallHub, as_: SignedIn, name: str) -> None:
    expected = 200 if PEOPLE[name][0] in CASEWORKERS else 403
    assert as_(name).get(reverse("queue")).status_code == expected


PAGES = ["case", "case_decide", "case_review", "case_transfer"]
ACTS = ["case_claim", "case_release", "case_decide", "case_review", "case_transfer"]


@pytest.mark.parametrize("name", ["candidate_analyst", "welfare", "officer", "inspector", "candidate_reviewer"])
def test_what_lies_at_another_desk_is_not_there(hub: SmallHub, as_: SignedIn, name: str) -> None:
    case, client = claimed(hub), as_(name)
    for view in PAGES:
        assert client.get(reverse(view, args=[case.pk])).status_code == 404, view
    for view in ACTS:
        assert client.post(reverse(view, args=[case.pk]), {"step": "record"}).status_code == 404, view
    assert client.post(reverse("content_reveal", args=[case.content_id])).status_code == 404
    assert case.reference not in body(client.get(reverse("queue")))
    assert not Reveal.objects.exists()


@pytest.mark.parametrize("name", [name for name, part in PEOPLE.items() if part[0] not in CASEWORKERS])
def test_others_may_not_open_a_case_at_all(hub: SmallHub, as_: SignedIn, name: str) -> None:
    case, client = hub.case(), as_(name)
    assert client.get(reverse("case", args=[case.pk])).status_code == 403
    assert client.post(reverse("content_reveal", args=[case.content_id])).status_code == 403


def test_each_desk_sees_its_own_case(hub: SmallHub, as_: SignedIn) -> None:
    for name, harm, desk in (
        ("analyst", HARM, "general"),
        ("welfare", "ssh-imminent", "welfare"),
        ("candidate_analyst", "cand-hate", "candidates"),
        ("officer", "vio-weapon-sale", "police"),
    ):
        case = hub.case(harm, desk=desk)
        page = as_(name).get(reverse("case", args=[case.pk]))
        assert page.status_code == 200
        assert case.reference in body(page)


@pytest.mark.parametrize("view", ["case_claim", "case_release", "content_reveal"])
def test_what_changes_something_is_never_a_link(hub: SmallHub, as_: SignedIn, view: str) -> None:
    case = hub.case()
    target = case.content_id if view == "content_reveal" else case.pk
    assert as_("analyst").get(reverse(view, args=[target])).status_code == 405
    assert Case.objects.get(pk=case.pk).state == CaseState.OPEN


# The queue


def test_the_queue_shows_what_it_may_be_but_no_word_of_a_post(hub: SmallHub, as_: SignedIn) -> None:
    grave, mild = hub.case("vio-threat"), hub.case(HARM)
    with_text(grave, SECRET)
    page = body(as_("analyst").get(reverse("queue")))
    assert SECRET not in page
    assert page.index(grave.reference) < page.index(mild.reference)
    assert current_code().harm("vio-threat").title in page
    assert "In the queue" in page
    assert "Due in" in page


def test_a_late_case_says_so_in_words(hub: SmallHub, as_: SignedIn) -> None:
    case = hub.case()
    Case.objects.filter(pk=case.pk).update(opened_at=moment.now() - timedelta(days=3))
    assert "Overdue by 48 hours" in body(as_("analyst").get(reverse("queue")))


def test_the_filter_narrows_the_queue(hub: SmallHub, as_: SignedIn) -> None:
    alpha, beta, mine = hub.case(), hub.case(platform="beta"), claimed(hub)
    threat = hub.case("vio-threat")
    everything = {case.reference for case in (alpha, beta, mine, threat)}

    def shown(query: str) -> set[str]:
        page = body(as_("analyst").get(f"{reverse('queue')}?{query}"))
        return {reference for reference in everything if reference in page}

    assert shown("") == everything
    assert shown("platform=beta") == {beta.reference}
    assert shown("harm=vio-threat") == {threat.reference}
    assert shown("mine=on") == {mine.reference}
    assert shown("state=claimed") == {mine.reference}
    assert shown("state=open&platform=alpha&harm=abuse-harassment") == {alpha.reference}
    assert shown("state=closed") == set()
    assert shown("state=nonsense&platform=%00") == everything


def test_an_empty_queue_says_that_this_is_all_right(hub: SmallHub, as_: SignedIn) -> None:
    assert "No cases are waiting" in body(as_("analyst").get(reverse("queue")))
    assert "No case fits" in body(as_("analyst").get(reverse("queue") + "?mine=on"))


def test_pages_of_the_queue_are_of_25_and_a_page_beyond_the_last_is_the_last(hub: SmallHub, as_: SignedIn) -> None:
    for _ in range(27):
        hub.case()
    client = as_("analyst")
    first, last = body(client.get(reverse("queue"))), body(client.get(reverse("queue") + "?page=99"))
    assert len(re.findall(r"sw-table__link", first)) == 25
    assert len(re.findall(r"sw-table__link", last)) == 2
    assert "Showing 26 to 27 of 27 cases" in last


@pytest.mark.parametrize("view", ["queue", "home"])
def test_more_cases_take_no_more_queries(hub: SmallHub, as_: SignedIn, view: str) -> None:
    client = as_("reviewer")

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as counted:
            assert client.get(reverse(view)).status_code == 200
        return len(counted)

    claimed(hub)
    hub.case()
    few = queries()
    for number in range(8):
        case = claimed(hub) if number % 2 else hub.case("vio-threat", platform="beta")
        assert case.pk
    assert queries() <= few
    assert few < 25


def test_take_up_the_next_case_takes_the_gravest_that_is_free(hub: SmallHub, as_: SignedIn) -> None:
    mild, grave, graver = hub.case(HARM), hub.case("hate-stirring"), hub.case("vio-threat")
    services.claim(case=graver, person=hub.people["reviewer"])
    answer = as_("analyst").post(reverse("queue"))
    assert answer["Location"] == reverse("case", args=[grave.pk])
    assert Case.objects.get(pk=grave.pk).claimed_by == hub.people["analyst"]
    assert Case.objects.get(pk=mild.pk).state == CaseState.OPEN


def test_the_next_case_keeps_to_the_filter(hub: SmallHub, as_: SignedIn) -> None:
    hub.case("vio-threat")
    beta = hub.case(platform="beta")
    answer = as_("analyst").post(reverse("queue") + "?platform=beta")
    assert answer["Location"] == reverse("case", args=[beta.pk])
    again = as_("analyst").post(reverse("queue") + "?platform=beta", follow=True)
    assert "No case that fits is free" in body(again)


def test_two_people_who_ask_for_the_next_case_get_different_ones(
    hub: SmallHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = hub.case(), hub.case()
    found = Case.objects.in_queue_order()
    really = services.claim

    def while_another_is_quicker(*, case: Case, person: Person) -> Case:
        if case.pk == first.pk:
            really(case=case, person=hub.people["reviewer"])
        return really(case=case, person=person)

    monkeypatch.setattr(services, "claim", while_another_is_quicker)
    taken = services.claim_next(among=found, person=hub.people["analyst"])
    assert taken is not None
    assert taken.pk == second.pk
    assert Case.objects.get(pk=first.pk).claimed_by == hub.people["reviewer"]


def test_whoever_comes_second_is_told(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub, "reviewer")
    page = as_("analyst").post(reverse("case_claim", args=[case.pk]), follow=True)
    assert "is not in the queue any more" in body(page)
    assert Case.objects.get(pk=case.pk).claimed_by == hub.people["reviewer"]


def test_claim_and_put_back(hub: SmallHub, as_: SignedIn) -> None:
    case, client = hub.case(), as_("analyst")
    page = body(client.post(reverse("case_claim", args=[case.pk]), follow=True))
    assert "Put it back" in page
    assert reverse("case_decide", args=[case.pk]) in page
    page = body(client.post(reverse("case_release", args=[case.pk]), follow=True))
    assert "is back in the queue" in page
    again = client.post(reverse("case_release", args=[case.pk]), follow=True)
    assert "is not with you" in body(again)


# What the case's page tells


def test_reports_are_told_without_the_reporter(hub: SmallHub, as_: SignedIn) -> None:
    case = hub.case()
    for number, (note, danger) in enumerate(((NASTY, True), ("", False))):
        Report.objects.create(
            secret_sha256=f"{number}" * 64,
            kind=ReportKind.LINK,
            about=About.THREAT,
            for_whom=ForWhom.SOMEBODY,
            age_band=AgeBand.TEENAGER,
            danger_now=danger,
            note=note,
            case=case,
            received_at=moment.now(),
        )
    page = body(as_("analyst").get(reverse("case", args=[case.pk])))
    assert "2 reports" in page
    assert "in danger now" in page
    assert escape(NASTY) in page
    assert "<script>alert" not in page
    assert "0" * 64 not in page


def test_the_history_comes_from_the_ledger_in_words(hub: SmallHub, as_: SignedIn) -> None:
    decision = hub.decided(hub.referral_form())
    services.review(decision=decision, person=hub.people["reviewer"], concurs=False, reasons="The rule is another one.")
    page = body(as_("analyst").get(reverse("case", args=[decision.case_id])))
    for words in (
        "A case was opened",
        "A person took up a case",
        "A person decided a case",
        "A second person reviewed a decision",
        "They dissented",
        "The rule is another one.",
        "Does not stand",
        "analyst, analyst",
        "reviewer, second reviewer",
        escape(decision.reasons),
    ):
        assert words in page, words


def test_a_transfer_note_is_shown_to_the_desk_that_has_the_case_now(hub: SmallHub, as_: SignedIn) -> None:
    case = claimed(hub)
    services.transfer(
        case=case, person=hub.people["analyst"], harm="ssh-imminent", reasons="Somebody may be in danger <now>."
    )
    page = body(as_("welfare").get(reverse("case", args=[case.pk])))
    assert "Somebody may be in danger &lt;now&gt;." in page
    assert as_("analyst").get(reverse("case", args=[case.pk])).status_code == 404
