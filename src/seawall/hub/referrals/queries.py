"""Reads of referrals, always through what a person may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import rfc8785
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from seawall import channels
from seawall.hub import moment
from seawall.hub.directory.models import Person
from seawall.hub.referrals.models import Checkpoint, PlatformAnswer, Probe, Referral, ReferralState
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


def listed(
    *, person: Person | AnonymousUser, states: Sequence[str] = (), platforms: Sequence[str] = ()
) -> QuerySet[Referral]:
    """What the person may see, newest first; filtered by state and platform where any are named."""
    found = referrals_for(person)
    if states:
        found = found.filter(state__in=states)
    return found.filter(platform__slug__in=platforms) if platforms else found


def by_state_bodies(person: Person | AnonymousUser) -> QuerySet[Referral]:
    """Those of the referrals that the person may see which a body of the state made, newest first."""
    return referrals_for(person).filter(state_body=True)


def asked_of(person: Person) -> QuerySet[Referral]:
    """Referrals of the person's desks on which a platform waits for the hub, the longest first."""
    waiting = referrals_for(person).filter(state=ReferralState.ASKED, case__desk__in=person.desk_ids())
    return waiting.order_by("prepared_at", "id")


def referral_for(*, person: Person | AnonymousUser, referral_id: UUID) -> Referral:
    """Raises Referral.DoesNotExist for what the person may not see, just as for what is not there."""
    return (
        referrals_for(person)
        .select_related(
            "case__content",
            "decision__decided_by",
            "decision__term",
            "decision__review__reviewed_by",
            "platform__route",
        )
        .get(pk=referral_id)
    )


def referrals_of_case(case_id: UUID) -> list[Referral]:
    return list(
        Referral.objects.filter(case=case_id)
        .select_related("platform")
        .prefetch_related("clock_events", "answers__information", "probes", "escalations")
    )


def question_of(referral: Referral) -> PlatformAnswer | None:
    """What the platform asked and was not told yet; None when it asked nothing, or was told."""
    if referral.state != ReferralState.ASKED:
        return None
    return (
        referral.answers.filter(reason_code="NEED_MORE_INFORMATION", information=None).order_by("-answered_at").first()
    )


@dataclass(frozen=True, kw_only=True)
class ReceiptCheck:
    """Whether a kept receipt still proves itself: signed by the platform's key, for exactly the document that was sent."""

    holds: bool
    problem: str = ""


def receipt_check(referral: Referral) -> ReceiptCheck | None:
    """Check the receipt once more, from what is kept; None when there is none yet. Costs one signature."""
    if referral.receipt is None:
        return None
    route = getattr(referral.platform, "route", None)
    if route is None:
        return ReceiptCheck(holds=False, problem="The directory no longer knows the platform’s key.")
    address = channels.Address(endpoint=route.endpoint, public_key=route.public_key, token=route.token)
    try:
        document = channels.ReferralDocument.model_validate_json(rfc8785.dumps(referral.document))
        channels.Receipt.verified(referral.receipt, address=address, document=document)
    except (channels.ReceiptInvalid, ValueError) as error:
        return ReceiptCheck(holds=False, problem=str(error))
    return ReceiptCheck(holds=True)


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
