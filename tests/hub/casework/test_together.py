"""Casework with several people at once: races have one winner, and whatever is done in whatever order, the record stays sound."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from tests.hub.casework.test_services import NOTHING, fresh, trail
from tests.support.hub import ACTOR, SmallHub, small_hub

from seawall.hub.casework import services
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.models import Case, CaseState, Decision, Origin, Outcome, Review
from seawall.hub.ledger.models import Entry
from seawall.hub.referrals.pending import unprepared


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Do things at the same moment, each on a database connection of its own; what each returned or raised."""
    ready, outcomes = threading.Barrier(len(works)), [None] * len(works)

    def run(number: int, work: Callable[[], Any]) -> None:
        try:
            connection.ensure_connection()
            ready.wait(10)
            outcomes[number] = work()
        except Exception as error:  # handed back to the test, which says what it expects
            outcomes[number] = error  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n, work)) for n, work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


# At the same moment


@pytest.fixture
def committed(transactional_db: None) -> SmallHub:
    return small_hub()


@pytest.mark.core
def test_two_openings_at_once_make_one_case(committed: SmallHub) -> None:
    post = committed.post()

    def work() -> Any:
        return services.open_case(content=post, harm="vio-threat", origin=Origin.REPORT, actor=ACTOR)

    outcomes = at_once(*[work] * 4)
    assert sorted(new for _case, new in outcomes) == [False, False, False, True]
    assert len({case.pk for case, _new in outcomes}) == 1
    assert Entry.objects.filter(verb="case.opened").count() == 1


@pytest.mark.core
def test_races_for_a_case_and_for_the_second_word_have_one_winner(committed: SmallHub) -> None:
    case, reviewer = committed.case(), committed.people["reviewer"]
    people = [committed.people["analyst"], reviewer]
    outcomes = at_once(*[lambda person=person: services.claim(case=case, person=person) for person in people])  # type: ignore[misc]
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Case", "CaseUnavailable"]
    assert trail(case) == ["case.opened", "case.claimed"]

    decision = committed.decided(committed.referral_form())
    reasons = "I read it the same way."
    outcomes = at_once(
        *[
            lambda concurs=concurs: services.review(
                decision=decision, person=reviewer, concurs=concurs, reasons=reasons
            )  # type: ignore[misc]
            for concurs in (True, False, True)
        ]
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CaseUnavailable", "CaseUnavailable", "Review"]
    assert trail(decision.case).count("case.decision_reviewed") == 1
    assert (Decision.objects.get().voided_at is None) == (fresh(decision.case).state == CaseState.CLOSED)


# Anything in any order

WALKERS = ["analyst", "reviewer", "welfare", "officer", "inspector", "candidate_analyst", "candidate_reviewer"]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_people_do_the_record_stays_sound(hub: SmallHub, seed: int) -> None:
    """A random walk over every verb by everybody: what is refused changes nothing, and what stands always fits together."""
    chance = random.Random(seed)
    harms = ["abuse-harassment", "ssh-imminent", "cand-harassment", "terror", "vio-threat", "vio-weapon-sale"]
    posts = [hub.post() for _ in range(3)]
    for post in posts:
        services.open_case(content=post, harm=chance.choice(harms), origin=Origin.REPORT, actor=ACTOR)
    allowed = (PermissionError, services.CaseUnavailable, FormIncomplete)
    done = 0
    for _ in range(150):
        person = hub.people[chance.choice(WALKERS)]
        case = Case.objects.filter(content=chance.choice(posts)).latest("opened_at")
        harm = chance.choice(harms)
        verb = chance.choice(
            ["claim", "claim", "release", "transfer", "decide", "decide", "review", "review", "open", "bring_forward"]
        )
        before = Entry.objects.count()
        try:
            match verb:
                case "claim":
                    services.claim(case=case, person=person)
                case "release":
                    services.release(case=case, person=person)
                case "transfer":
                    services.transfer(case=case, person=person, harm=harm, reasons="It belongs with the other desk.")
                case "decide":
                    form = NOTHING if chance.random() < 0.3 else hub.referral_form(case.harm, on_terms=False)
                    services.decide(case=case, person=person, form=form)
                case "review":
                    if (waiting := case.decisions.filter(voided_at=None).last()) is not None:
                        services.review(
                            decision=waiting,
                            person=person,
                            concurs=chance.random() < 0.5,
                            reasons="I have read it twice.",
                        )
                case "open":
                    services.open_case(content=case.content, harm=harm, origin=Origin.REPORT, actor=ACTOR)
                case "bring_forward":
                    if chance.random() < 0.1:
                        services.bring_forward(case=case, harm="ssh-imminent", note="A life.", actor=ACTOR)
        except allowed:
            assert Entry.objects.count() == before
        except IndexError:
            assert verb == "decide"  # the harm has no offence that a form could rest on
        else:
            done += 1
        sound(hub)
    assert done > 20


def sound(hub: SmallHub) -> None:
    """What holds at any moment, whatever was done."""
    cases = list(Case.objects.select_related("desk", "content"))
    open_ones = [case for case in cases if case.state != CaseState.CLOSED]
    assert len({case.content_id for case in open_ones}) == len(open_ones)
    for case in cases:
        assert (case.closed_at is not None) == (case.state == CaseState.CLOSED) == bool(case.outcome)
        assert (case.claimed_by_id is not None) or case.state in (
            CaseState.OPEN,
            CaseState.CLOSED,
            CaseState.SECOND_REVIEW,
        )
        verbs = trail(case)
        assert verbs.count("case.opened") == 1
        assert verbs.count("case.closed") == (case.state == CaseState.CLOSED)
        assert verbs.count("case.decided") == case.decisions.count()
    for case in open_ones:
        assert case.content.desk_id == case.desk_id
    to_be_referred = set()
    for decision in Decision.objects.select_related("case", "decided_by"):
        reviews = list(Review.objects.filter(decision=decision))
        assert all(review.reviewed_by_id != decision.decided_by_id for review in reviews)
        in_force = decision.voided_at is None
        if decision.second_review_needed and in_force and decision.case.state == CaseState.CLOSED:
            assert [review.concurs for review in reviews] == [True]
        if in_force and decision.case.state == CaseState.CLOSED and decision.outcome == Outcome.REFER:
            to_be_referred.add(decision.pk)
        assert decision.role in {str(membership.role) for membership in decision.decided_by.current_memberships()}
    assert set(unprepared()) == to_be_referred
    for content_id in {case.content_id for case in cases}:
        assert (
            Decision.objects.filter(
                case__content=content_id, voided_at=None, case__state=CaseState.SECOND_REVIEW
            ).count()
            <= 1
        )
