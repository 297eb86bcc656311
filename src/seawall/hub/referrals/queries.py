"""Reads of referrals, always through what a person may see."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from seawall.hub import moment
from seawall.hub.directory.models import Person
from seawall.hub.referrals.models import Checkpoint, Probe, Referral, ReferralState
from seawall.hub.referrals.services import LADDER, PROBE_AFTER

OPEN = [ReferralState.AWAITING, ReferralState.ASKED]
POLL_EVERY = timedelta(minutes=5)


def referrals_for(person: Person | AnonymousUser) -> QuerySet[Referral]:
    """What the person may see, newest first."""
    return (
        Referral.objects.visible_to(person)
        .select_related("platform", "case__desk")
        .prefetch_related("clock_events")
        .order_by("-prepared_at", "-id")
    )


def referral_for(*, person: Person | AnonymousUser, referral_id: UUID) -> Referral:
    """Raises Referral.DoesNotExist for what the person may not see, just as for what is not there."""
    return referrals_for(person).select_related("case__content", "decision").get(pk=referral_id)


def referrals_of_case(case_id: UUID) -> list[Referral]:
    return list(
        Referral.objects.filter(case=case_id)
        .select_related("platform")
        .prefetch_related("clock_events", "answers__information", "probes", "escalations")
    )


def to_poll() -> list[UUID]:
    """Referrals whose platform is to be asked for an answer now: every five minutes at most."""
    since = moment.now() - POLL_EVERY
    return list(
        Referral.objects.filter(state__in=OPEN)
        .filter(Q(last_polled_at=None) | Q(last_polled_at__lte=since))
        .order_by(F("last_polled_at").asc(nulls_first=True))
        .values_list("pk", flat=True)[:2_000]
    )


def due_probes() -> list[tuple[UUID, Checkpoint]]:
    """The fixed checkpoints that have come and were not looked at yet, computed from when the platform answered."""
    now = moment.now()
    due: list[tuple[UUID, Checkpoint]] = []
    for checkpoint, after in PROBE_AFTER.items():
        looked = Probe.objects.filter(referral=OuterRef("pk"), checkpoint=checkpoint)
        found = Referral.objects.filter(state=ReferralState.ANSWERED, answered_at__lte=now - after).exclude(
            Exists(looked)
        )
        due += [(pk, checkpoint) for pk in found.order_by("answered_at").values_list("pk", flat=True)[:2_000]]
    return due


def out_of_time() -> list[UUID]:
    """Open referrals whose clock has run out and that have a step of the ladder still before them."""
    now = moment.now()
    steps = len(LADDER)
    found = Referral.objects.filter(state__in=OPEN).prefetch_related("clock_events", "escalations")
    return [
        referral.pk
        for referral in found.iterator(chunk_size=500)
        if len(referral.escalations.all()) < steps and referral.clock().breached(now)
    ]
