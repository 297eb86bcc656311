"""Reads of notices, always through what a person may see; and what time brings, for the background work."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Q

from seawall.hub import moment
from seawall.hub.directory.models import Person
from seawall.hub.notices import reviews
from seawall.hub.notices.models import Notice, NoticeQuerySet, NoticeState, Review
from seawall.hub.practice.models import PowerKind
from seawall.hub.referrals.models import NOTICES, PlatformAnswer, Referral, ReferralState


def notices_for(person: Person | AnonymousUser) -> NoticeQuerySet:
    """What the person may see, the newest first."""
    return (
        Notice.objects.visible_to(person)
        .select_related(
            "decision__case__desk__organisation",
            "decision__case__content__platform",
            "decision__decided_by",
            "decision__review__reviewed_by",
            "decision__term",
            "power",
            "given_by",
            "declined_by",
            "settled_by",
            "referral__platform",
        )
        .prefetch_related("reviews__answer", "reviews__decided_by")
        .order_by("-drafted_at", "-id")
    )


def notice_for(*, person: Person | AnonymousUser, notice_id: UUID) -> Notice:
    """Raises Notice.DoesNotExist for what the person may not see, just as for what is not there."""
    return notices_for(person).get(pk=notice_id)


def review_for(*, person: Person | AnonymousUser, review_id: UUID) -> Review:
    """Raises Review.DoesNotExist for one of a notice that the person may not see."""
    return Review.objects.select_related("answer", "notice").get(
        pk=review_id, notice__in=Notice.objects.visible_to(person).values("pk")
    )


def of_case(case_id: UUID) -> list[Notice]:
    """The drafts and notices that a case's decisions led to, oldest first."""
    return list(Notice.objects.filter(decision__case=case_id).select_related("referral").order_by("drafted_at"))


def in_hand() -> list[UUID]:
    """The decisions that wait for an officer, or for the desk after an officer declined."""
    waiting = Notice.objects.filter(state__in=[NoticeState.DRAFT, NoticeState.DECLINED])
    return list(waiting.values_list("decision_id", flat=True))


def unopened() -> list[UUID]:
    """Platforms' requests for a review of a notice that have no review yet."""
    found = PlatformAnswer.objects.filter(
        status="APPEALED", review=None, referral__kind__in=NOTICES, referral__notice__isnull=False
    ).exclude(referral__state=ReferralState.WITHDRAWN)
    return list(found.values_list("pk", flat=True))


def late() -> list[UUID]:
    """Reviews whose time has run out, and of which nobody was told yet."""
    found = Review.objects.filter(outcome="", late_told_at=None, asked_at__lt=moment.now() - reviews.WITHIN)
    return list(found.exclude(notice__referral__state=ReferralState.WITHDRAWN).values_list("pk", flat=True))


def to_tell_of_keeping() -> list[Notice]:
    """Orders whose platform has answered and may not know yet until when to keep what it removed, or that this is over."""
    return list(
        Notice.objects.filter(kind=PowerKind.REMOVAL_ORDER, referral__answered_at__isnull=False)
        .filter(Q(keep_told_at=None) | Q(keep_ended_told_at=None))
        .filter(referral__answers__reason_code="ACTIONED")
        .exclude(referral__state=ReferralState.WITHDRAWN)
        .distinct()
    )


def of_referral(referral: Referral) -> Notice | None:
    """The notice that a referral is; None for a request. Whoever may see the referral may be told of it."""
    if referral.kind not in NOTICES:
        return None
    return (
        Notice.objects.select_related(
            "decision__case__desk__organisation", "decision__review", "scrutiny", "given_by", "power"
        )
        .prefetch_related("reviews__answer", "reviews__decided_by")
        .filter(referral=referral)
        .first()
    )
