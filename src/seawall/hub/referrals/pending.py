"""What should be on its way to a platform, whether or not a job for it is left: for the sweep, and for whoever asks if all is well."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from seawall.hub import moment
from seawall.hub.casework.models import CaseState, Decision, Outcome
from seawall.hub.referrals import additions
from seawall.hub.referrals.models import (
    Information,
    NoticeDelay,
    Objection,
    Referral,
    ReferralState,
    UserNotice,
    Withdrawal,
)


def unprepared() -> list[UUID]:
    """Decisions in force that ask for a referral and have none, oldest first: none is left once the jobs are done.

    Those that wait for an officer are not among them.
    """
    found = Decision.objects.filter(
        outcome=Outcome.REFER, voided_at=None, referral=None, case__state=CaseState.CLOSED
    ).order_by("decided_at")
    if waiting := additions.in_hand():
        found = found.exclude(pk__in=waiting)
    return list(found.values_list("pk", flat=True))


def undelivered() -> list[UUID]:
    """Referrals that no platform has confirmed and that are not given up."""
    return list(Referral.objects.filter(state=ReferralState.QUEUED).order_by("pk").values_list("pk", flat=True))


def undelivered_information() -> list[UUID]:
    """What a person wrote for a platform that asked, still waits, and has not got it."""
    found = (
        Information.objects.filter(delivered_at=None).exclude(referral__state=ReferralState.WITHDRAWN).order_by("pk")
    )
    return list(found.values_list("pk", flat=True))


def untold_withdrawals() -> list[UUID]:
    """Withdrawals that the platform has not confirmed, and that need no person's hand."""
    found = Withdrawal.objects.filter(acknowledged_at=None, by_hand=False)
    told = found.filter(Q(referral__received_at__isnull=False) | Q(referral__attempts__gt=0))
    return list(told.order_by("pk").values_list("pk", flat=True))


def delays_over() -> list[UUID]:
    """Notices whose delay is over and that the platform may not show yet. One that never left, and never will, is left alone."""
    never_sent = Q(referral__state=ReferralState.WITHDRAWN, referral__received_at=None)
    running = NoticeDelay.objects.filter(notice=OuterRef("pk"), until__gt=moment.now(), ended_at=None)
    found = UserNotice.objects.filter(released_at=None, left_out="").exclude(never_sent).exclude(Exists(running))
    return list(found.order_by("pk").values_list("pk", flat=True))


def undelivered_user_notices() -> list[UUID]:
    """Notices that a platform has a referral for and not yet the words, or not yet the new end of their delay."""
    prolonged = NoticeDelay.objects.filter(notice=OuterRef("pk"), approved=True, ended_at=None, told_at=None)
    found = UserNotice.objects.filter(
        Q(released_at__isnull=False, reached_at=None, by_hand=False) | Q(Exists(prolonged), released_at=None),
        left_out="",
        referral__received_at__isnull=False,
    )
    return list(found.order_by("pk").values_list("pk", flat=True))


def unmailed_objections() -> list[UUID]:
    """Answered objections whose writer left a mail address and has not been mailed."""
    found = Objection.objects.filter(answered_at__isnull=False).exclude(mail="")
    return list(found.order_by("pk").values_list("pk", flat=True))
