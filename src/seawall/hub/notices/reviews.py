"""A platform asks for a review of a notice: who decides it, and what follows."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from seawall.clock import Basis, Clock, Event, EventKind, Limit, Start
from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import record
from seawall.hub.notices import officers, telling
from seawall.hub.notices.models import Notice, Review, ReviewOutcome
from seawall.hub.notices.parts import noun
from seawall.hub.notices.services import MAX_REASONS, NOTICES, NoticeUnavailable
from seawall.hub.referrals import answers, withdrawals
from seawall.hub.referrals.models import PlatformAnswer, ReferralState, WithdrawnBy
from seawall.hub.referrals.telling import tell_platform

WITHIN = timedelta(hours=48)
LIMIT = Limit(
    length=WITHIN,
    basis=Basis.PROPOSAL,
    citation="Proposed by this hub for the review of a notice; no statute sets it",
    starts=Start.COMPLAINT_RECEIVED,
)
"""How long a review may take."""


def clock_of(review: Review) -> Clock:
    """The clock of the review, from the platform's request to the decision."""
    events = [Event(review.asked_at, EventKind.STARTED)]
    if review.decided_at is not None:
        events.append(Event(max(review.decided_at, review.asked_at), EventKind.STOPPED))
    return Clock(LIMIT, events)


@transaction.atomic
def open_review(*, answer_id: UUID | str) -> Review | None:
    """Open the review that a platform's answer asks for; one request opens one, however often this runs.

    None for an answer that asks for none, one to a referral that is no notice, and one that is withdrawn.
    """
    answer = PlatformAnswer.objects.select_related("referral__platform").filter(pk=answer_id, status="APPEALED").first()
    notice = _of(answer)
    if answer is None or notice is None or answer.referral.state == ReferralState.WITHDRAWN:
        return None
    made, new = Review.objects.get_or_create(
        answer=answer, defaults={"notice": notice, "asked_at": min(answer.answered_at, answer.collected_at)}
    )
    if not new:
        return made
    record(
        event=ledger.NoticeReviewAsked(
            platform=answer.referral.platform.slug,
            referral=str(answer.referral_id),
            asked_at=made.asked_at,
            independent=len(officers.who_may_review(notice)),
        ),
        subject=notice,
        actor=NOTICES,
    )
    telling.tell_of_review(made)
    return made


def _of(answer: PlatformAnswer | None) -> Notice | None:
    if answer is None:
        return None
    return (
        Notice.objects.select_for_update(of=("self",))
        .select_related("decision__case__desk__organisation", "referral__platform")
        .filter(referral=answer.referral_id)
        .first()
    )


def may_decide(review: Review, person: Person) -> bool:
    """Whether the person is an officer of the organisation that gave the notice, and had no part in it."""
    organisation = review.notice.decision.case.desk.organisation_id
    return organisation in person.organisation_ids(Role.AUTHORISING_OFFICER) and person.pk not in officers.had_part(
        review.notice
    )


@transaction.atomic
def decide_review(*, review: Review, person: Person, outcome: ReviewOutcome, reasons: str) -> Review:
    """Decide a review. A notice that is quashed is withdrawn, and the platform is asked to undo what it did; it is told either way.

    Quashing it decides every other open review of it too. Raises PermissionError for anybody who decided, gave the second word, wrote or
    gave the notice and for whoever is no officer of the organisation, NoticeUnavailable, FormIncomplete without reasons.
    """
    review = Review.objects.select_related("answer").get(pk=review.pk)
    notice = _of(review.answer)
    review = (
        Review.objects.select_for_update(of=("self",)).select_related("answer__referral__platform").get(pk=review.pk)
    )
    if notice is None or notice.referral is None:
        raise NoticeUnavailable("This notice was not given.")
    review.notice = notice
    if not may_decide(review, person):
        raise PermissionError(
            "A review is decided by an authorising officer of the same organisation who neither decided the case, gave the second word, "
            "wrote the notice nor gave it."
        )
    referral = notice.referral
    if review.outcome:
        raise NoticeUnavailable(f"This review was decided before: {review.get_outcome_display().lower()}.")
    if referral.state == ReferralState.WITHDRAWN:
        raise NoticeUnavailable(f"{referral.reference} is withdrawn, so there is nothing left to review.")
    reasons = reasons.strip()
    if not reasons or len(reasons) > MAX_REASONS or "\x00" in reasons:
        raise FormIncomplete.one("reasons", f"Say why, in {MAX_REASONS:,} characters at most. The platform reads it.")
    actor = acting_as(person, Role.AUTHORISING_OFFICER)
    also = notice.reviews.filter(outcome="").exclude(pk=review.pk) if outcome == ReviewOutcome.QUASHED else ()
    for each in (review, *also):
        each.outcome, each.reasons, each.decided_by, each.decided_at = outcome, reasons, person, moment.now()
        each.save(update_fields=["outcome", "reasons", "decided_by", "decided_at"])
        record(
            event=ledger.NoticeReviewDecided(
                platform=referral.platform.slug, referral=str(referral.pk), outcome=str(outcome)
            ),
            subject=notice,
            actor=actor,
        )
    what = noun(notice.kind)
    if outcome == ReviewOutcome.QUASHED:
        withdrawals.withdraw(
            referral_id=referral.pk, by=WithdrawnBy.APPEAL, reasons=reasons, restore=True, actor=actor, person=person
        )
        said = f"The review of {referral.reference} is decided: the {what} is quashed and withdrawn."
    else:
        said = f"The review of {referral.reference} is decided: the {what} stands. The reasons are on its page."
        answers.tell_of_review(
            answer=review.answer,
            person=person,
            text=f"You asked for a review of {referral.reference}. An officer who had no part in it has decided: the {what} stands.\n\n"
            f"{reasons}",
            actor=actor,
        )
    tell_platform(referral=referral, kind="review_decided", about=str(review.pk), text=said)
    telling.tell_decider(notice, kind="review_decided", about=f"review_decided-{review.pk}", text=said)
    return review


@transaction.atomic
def remind_of_review(*, review_id: UUID) -> None:
    """Say once that a review is late: to the officers who may decide it, and to the overseer."""
    review = (
        Review.objects.select_for_update(of=("self",)).select_related("notice__decision__case__desk").get(pk=review_id)
    )
    if review.late_told_at is not None or review.outcome:
        return
    review.late_told_at = moment.now()
    review.save(update_fields=["late_told_at"])
    telling.tell_late(review)
