"""What should be on its way to a platform, whether or not a job for it is left: for the sweep, and for whoever asks if all is well."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from seawall.hub.casework.models import CaseState, Decision, Outcome
from seawall.hub.referrals.models import Information, Referral, ReferralState, Withdrawal


def unprepared() -> list[UUID]:
    """Decisions in force that ask for a referral and have none, oldest first: none is left once the jobs are done."""
    found = Decision.objects.filter(
        outcome=Outcome.REFER, voided_at=None, referral=None, case__state=CaseState.CLOSED
    ).order_by("decided_at")
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
