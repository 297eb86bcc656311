"""What follows a notice: confirmation, a review by somebody who had no part in it, and for an order its keeping and scrutiny."""

from __future__ import annotations

from datetime import timedelta

import pytest
from procrastinate.contrib.django.models import ProcrastinateJob
from tests.hub.notices.conftest import BEGIN, NoticeDesk, at
from tests.hub.notices.test_giving import told, trail
from tests.hub.referrals.conftest import ToldPlatform
from tests.support.hub import ACTOR

from seawall.clock import State
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory import services as directory
from seawall.hub.directory.models import OrganisationKind
from seawall.hub.directory.roles import Partition
from seawall.hub.ledger.models import Entry
from seawall.hub.notices import orders as order_services
from seawall.hub.notices import queries, reviews, tasks
from seawall.hub.notices.models import Finding, Notice, Review, ReviewOutcome, Scrutiny
from seawall.hub.notices.services import NoticeUnavailable
from seawall.hub.notifications.models import Notification
from seawall.hub.referrals import portal, readings, withdrawals
from seawall.hub.referrals import queries as referral_queries
from seawall.hub.referrals import services as referrals
from seawall.hub.referrals.models import Information, Opinion, Referral, ReferralState, Withdrawal

pytestmark = pytest.mark.django_db
ACTED = portal.Saying(says="actioned", puid="p-1", actions=("removed",))
APPEAL = portal.Saying(says="appeal", detail="It is a museum piece, not for sale.")


def says(desk: NoticeDesk, referral: Referral, saying: portal.Saying) -> portal.Outcome:
    fresh = Referral.objects.get(pk=referral.pk)
    (outcome,) = portal.answer_by_person(referrals=[fresh], person=desk.person("alpha_contact"), saying=saying)
    return outcome


def appealed(desk: NoticeDesk) -> Review:
    """A notice on which the platform asks for a review, opened by the background work's round."""
    desk.power()
    referral = desk.received()
    assert says(desk, referral, APPEAL).taken
    tasks.tick(0)
    return Review.objects.get()


# Confirming


@pytest.mark.parametrize("saying", [ACTED, portal.Saying(says="gone")])
def test_an_answer_that_it_is_down_confirms_a_notice_once(
    desk: NoticeDesk, platform: ToldPlatform, saying: portal.Saying
) -> None:
    with at():
        desk.power()
        referral = desk.received()
    with at(hours=3):
        assert says(desk, referral, portal.Saying(says="received")).taken
        assert Referral.objects.get().confirmed_at is None
        assert says(desk, referral, saying).taken
        assert not says(desk, referral, ACTED).taken
    assert Referral.objects.get().confirmed_at == BEGIN + timedelta(hours=3)
    assert Entry.objects.filter(verb="referral.confirmed").count() == 1


def test_leaving_it_up_does_not_confirm(desk: NoticeDesk, platform: ToldPlatform) -> None:
    desk.power()
    referral = desk.received()
    assert says(desk, referral, portal.Saying(says="no_action", detail="It is lawful.")).taken
    assert Referral.objects.get().confirmed_at is None


# Reviews


@pytest.mark.core
def test_a_review_that_quashes_withdraws_the_notice_and_everybody_is_told(
    desk: NoticeDesk, platform: ToldPlatform
) -> None:
    with at():
        review = appealed(desk)
    assert reviews.clock_of(review).due() == BEGIN + timedelta(hours=48)
    assert "notice.review" in told(desk, "superintendent")
    assert "notice.review" not in [*told(desk, "sergeant"), *told(desk, "overseer")]
    with at(hours=5):
        reviews.decide_review(
            review=review,
            person=desk.person("superintendent"),
            outcome=ReviewOutcome.QUASHED,
            reasons="The listing is an antique in a glass case.",
        )
        made = Withdrawal.objects.get()
        withdrawals.deliver_withdrawal(withdrawal_id=made.pk)
    made.refresh_from_db()
    assert (made.by, made.restore, made.person) == ("appeal", True, desk.person("superintendent"))
    assert made.acknowledged_at == BEGIN + timedelta(hours=5)
    assert Referral.objects.get().state == ReferralState.WITHDRAWN
    assert trail(Notice.objects.get())[-2:] == ["review_asked", "review_decided"]
    platform_told = Notification.objects.filter(person=desk.person("alpha_contact")).values_list("kind", flat=True)
    assert {"referral.withdrawn", "referral.review_decided"} <= set(platform_told)
    assert "notice.review_decided" in told(desk, "officer")
    with pytest.raises(NoticeUnavailable, match="before"):
        reviews.decide_review(
            review=review, person=desk.person("superintendent"), outcome=ReviewOutcome.STANDS, reasons="No."
        )


def test_a_review_that_lets_it_stand_answers_the_platform_by_its_channel(
    desk: NoticeDesk, platform: ToldPlatform
) -> None:
    with at():
        review = appealed(desk)
    assert referral_queries.question_of(review.answer.referral) is None  # no caseworker answers it
    assert not referral_queries.asked_of(desk.person("officer")).exists()
    with at(hours=5):
        reviews.decide_review(
            review=review, person=desk.person("superintendent"), outcome=ReviewOutcome.STANDS, reasons="It has a price."
        )
        given = Information.objects.get()
        referrals.deliver_information(information_id=given.pk)
    assert [text for _key, text in platform.informed] == [given.text]
    assert "It has a price." in given.text
    referral = Referral.objects.get()
    assert (referral.state, Withdrawal.objects.count()) == (ReferralState.AWAITING, 0)
    assert referral.clock().state(BEGIN + timedelta(hours=6)) == State.RUNNING


def test_a_request_for_a_review_is_handed_over_at_once(desk: NoticeDesk, platform: ToldPlatform) -> None:
    desk.power()
    assert says(desk, desk.received(), APPEAL).taken
    (job,) = ProcrastinateJob.objects.filter(task_name="notices.open_review")
    for _again in range(2):
        tasks.open_review(**job.args)
    assert Review.objects.get().answer.status == "APPEALED"


def test_the_outcome_of_a_review_answers_no_other_question(desk: NoticeDesk, platform: ToldPlatform) -> None:
    review = appealed(desk)
    assert says(desk, review.notice.referral, portal.Saying(says="ask", detail="Which picture?")).taken  # type: ignore[arg-type]
    reviews.decide_review(
        review=review, person=desk.person("superintendent"), outcome=ReviewOutcome.STANDS, reasons="It has a price."
    )
    referrals.deliver_information(information_id=Information.objects.get().pk)
    assert Referral.objects.get().state == ReferralState.ASKED


@pytest.mark.parametrize("name", ["officer", "inspector", "sergeant", "analyst", "overseer", "alpha_contact"])
def test_nobody_reviews_what_they_had_a_part_in(desk: NoticeDesk, platform: ToldPlatform, name: str) -> None:
    review = appealed(desk)
    with pytest.raises(PermissionError):
        reviews.decide_review(
            review=review, person=desk.person(name), outcome=ReviewOutcome.STANDS, reasons="It stands."
        )
    with pytest.raises(FormIncomplete):
        reviews.decide_review(
            review=review, person=desk.person("superintendent"), outcome=ReviewOutcome.STANDS, reasons=" "
        )
    assert Review.objects.get().outcome == ""


def test_an_officer_of_another_desk_of_the_organisation_reviews_and_one_of_another_force_does_not(
    desk: NoticeDesk, platform: ToldPlatform
) -> None:
    hub = desk.hub
    other = directory.register_organisation(
        slug="other", name="Other", kind=OrganisationKind.POLICE, state_body=True, actor=ACTOR
    )
    for slug, organisation in (("second", hub.organisations["police"]), ("foreign", other)):
        hub.desks[slug] = directory.open_desk(
            organisation=organisation, slug=slug, name=slug, partition=Partition.POLICE, actor=ACTOR
        )
        desk.add_officer(f"{slug}_officer", desk=slug)
    review = appealed(desk)
    assert not queries.notices_for(desk.person("foreign_officer")).exists()
    with pytest.raises(PermissionError):
        reviews.decide_review(
            review=review, person=desk.person("foreign_officer"), outcome=ReviewOutcome.STANDS, reasons="No."
        )
    assert queries.notices_for(desk.person("second_officer")).exists()
    reviews.decide_review(
        review=review, person=desk.person("second_officer"), outcome=ReviewOutcome.STANDS, reasons="It has a price."
    )


def test_where_nobody_is_independent_the_overseer_is_told(desk: NoticeDesk, platform: ToldPlatform) -> None:
    directory.withdraw_role(membership=desk.person("superintendent").current_memberships()[0], actor=ACTOR)
    review = appealed(desk)
    assert "notice.review" in told(desk, "overseer")
    entry = Entry.objects.get(verb="notice.review_asked")
    assert entry.payload["independent"] == 0
    assert reviews.open_review(answer_id=review.answer_id) == review
    assert Entry.objects.filter(verb="notice.review_asked").count() == 1


def test_a_review_whose_job_was_lost_is_opened_and_a_late_one_is_told_once(
    desk: NoticeDesk, platform: ToldPlatform
) -> None:
    with at():
        desk.power()
        referral = desk.received()
        assert says(desk, referral, APPEAL).taken
    with at(hours=47):
        tasks.tick(0)
    assert Review.objects.get().asked_at == BEGIN
    assert "notice.review" not in told(desk, "overseer")
    with at(hours=49):
        tasks.tick(0)
        tasks.tick(0)
    assert told(desk, "overseer") == ["notice.review"]
    assert told(desk, "superintendent").count("notice.review") == 2  # asked for, then late


def test_quashing_decides_every_open_review_and_a_withdrawn_notice_has_none(
    desk: NoticeDesk, platform: ToldPlatform
) -> None:
    review = appealed(desk)
    referral = Referral.objects.get()
    assert says(desk, referral, portal.Saying(says="appeal", detail="And it is in another country.")).taken
    tasks.tick(0)
    assert Review.objects.count() == 2
    reviews.decide_review(
        review=review, person=desk.person("superintendent"), outcome=ReviewOutcome.QUASHED, reasons="An antique."
    )
    assert set(Review.objects.values_list("outcome", flat=True)) == {"quashed"}
    assert queries.late() == []


def test_a_review_of_what_was_withdrawn_meanwhile_cannot_be_decided(desk: NoticeDesk, platform: ToldPlatform) -> None:
    review = appealed(desk)
    withdrawals.withdraw_by_person(
        referral=Referral.objects.get(), person=desk.person("sergeant"), reasons="Given in error."
    )
    with pytest.raises(NoticeUnavailable, match="withdrawn"):
        reviews.decide_review(
            review=review, person=desk.person("superintendent"), outcome=ReviewOutcome.QUASHED, reasons="Late."
        )


# Withdrawing


def test_only_an_officer_takes_a_notice_back(desk: NoticeDesk, platform: ToldPlatform) -> None:
    desk.power()
    referral = desk.received()
    for name in ("officer", "analyst", "overseer"):
        with pytest.raises(PermissionError):
            withdrawals.withdraw_by_person(referral=referral, person=desk.person(name), reasons="Mine to take back?")
    readings.read(
        referral=referral, person=desk.person("overseer"), opinion=Opinion.WITHDRAW, reasons="It is an antique."
    )
    with pytest.raises(PermissionError, match="officer"):
        readings.answer_recommendation(referral=referral, person=desk.person("officer"), follow=True, answer="")
    made = withdrawals.withdraw_by_person(referral=referral, person=desk.person("inspector"), reasons="An antique.")
    assert made.by == "officer"
    assert Entry.objects.get(verb="referral.withdrawn").actor_role == "authorising_officer"


# Orders


def test_what_an_order_removed_is_kept_for_six_months_and_the_platform_is_told(
    orders: NoticeDesk, platform: ToldPlatform
) -> None:
    with at():
        referral = orders.received()
        tasks.tick(0)
        assert says(orders, referral, ACTED).taken
        for _again in range(2):
            tasks.tick(0)
    referral = Referral.objects.get()
    until = order_services.kept_until(referral)
    assert until is not None
    assert (until.day, (until.year - BEGIN.year) * 12 + until.month - BEGIN.month) == (min(BEGIN.day, until.day), 6)
    kinds = Notification.objects.filter(person=orders.person("alpha_contact")).values_list("kind", flat=True)
    assert list(kinds).count("referral.keep") == 1
    assert "referral.keep_ended" not in kinds
    Referral.objects.update(answered_at=BEGIN - timedelta(days=200))
    for _again in range(2):
        tasks.tick(0)
    kinds = Notification.objects.filter(person=orders.person("alpha_contact")).values_list("kind", flat=True)
    assert list(kinds).count("referral.keep_ended") == 1
    assert queries.to_tell_of_keeping() == []


def copied(orders: NoticeDesk) -> Scrutiny:
    """The order's copy sent at once and received an hour later; half a day after the beginning."""
    return order_services.note_copy(
        notice=Notice.objects.get(),
        person=orders.person("sergeant"),
        authority="Samplonian Media Board",
        sent_at=BEGIN + timedelta(minutes=1),
        sent_how="By the authorities’ secure mail",
        received_at=BEGIN + timedelta(hours=1),
    )


@pytest.mark.core
def test_an_order_that_the_hosts_authority_finds_to_infringe_is_withdrawn(
    orders: NoticeDesk, platform: ToldPlatform
) -> None:
    with at():
        orders.received()
    with at(hours=12):
        clock = order_services.clock_of(copied(orders))
        assert clock.due() == BEGIN + timedelta(hours=73)
    with at(hours=20):
        order_services.note_finding(
            notice=Notice.objects.get(),
            person=orders.person("sergeant"),
            finding=Finding.INFRINGES,
            reasons="It is a news report.",
            found_at=BEGIN + timedelta(hours=19),
        )
    made = Withdrawal.objects.get()
    assert (made.by, made.restore) == ("officer", True)
    assert order_services.clock_of(Scrutiny.objects.get()).state(BEGIN + timedelta(days=9)) == State.MET
    assert trail(Notice.objects.get())[-2:] == ["copy_sent", "scrutiny_noted"]


def test_no_objection_changes_nothing_and_a_finding_stands(orders: NoticeDesk, platform: ToldPlatform) -> None:
    with at():
        orders.received()
    notice = Notice.objects.get()
    with at(hours=12):
        with pytest.raises(NoticeUnavailable, match="received"):
            order_services.note_finding(
                notice=notice,
                person=orders.person("sergeant"),
                finding=Finding.NO_OBJECTION,
                reasons="",
                found_at=BEGIN,
            )
        copied(orders)
        for name in ("officer", "overseer"):
            with pytest.raises(PermissionError):
                order_services.note_finding(
                    notice=notice, person=orders.person(name), finding=Finding.NO_OBJECTION, reasons="", found_at=BEGIN
                )
        order_services.note_finding(
            notice=notice,
            person=orders.person("sergeant"),
            finding=Finding.NO_OBJECTION,
            reasons="",
            found_at=BEGIN + timedelta(hours=2),
        )
        with pytest.raises(NoticeUnavailable):
            copied(orders)
    assert not Withdrawal.objects.exists()


@pytest.mark.parametrize(
    ("sent", "received", "field"),
    [(-60, None, "sent_at"), (800, None, "sent_at"), (10, 5, "received_at"), (10, 800, "received_at")],
)
def test_times_of_a_copy_that_cannot_be(
    orders: NoticeDesk, platform: ToldPlatform, sent: int, received: int | None, field: str
) -> None:
    with at():
        orders.received()
    with at(hours=12), pytest.raises(FormIncomplete) as refused:
        order_services.note_copy(
            notice=Notice.objects.get(),
            person=orders.person("sergeant"),
            authority="Board",
            sent_at=BEGIN + timedelta(minutes=sent),
            sent_how="Mail",
            received_at=None if received is None else BEGIN + timedelta(minutes=received),
        )
    assert [problem.field for problem in refused.value.problems] == [field]


def test_a_formal_notice_has_no_copy_and_nothing_is_kept_for_it(desk: NoticeDesk, platform: ToldPlatform) -> None:
    desk.power()
    referral = desk.received()
    assert says(desk, referral, ACTED).taken
    assert order_services.kept_until(Referral.objects.get()) is None
    with pytest.raises(NoticeUnavailable):
        copied(desk)
