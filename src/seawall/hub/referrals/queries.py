"""Reads of referrals, always through what a person may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import rfc8785
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, DateTimeField, DurationField, Exists, ExpressionWrapper, F, OuterRef, Q, QuerySet
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from seawall import channels
from seawall.channels.base import HANDOVER_SCHEMA
from seawall.channels.manual import Instructions, instructions
from seawall.hub import moment
from seawall.hub.directory.models import Person
from seawall.hub.referrals.answers import question_of
from seawall.hub.referrals.models import (
    NOTICES,
    Checkpoint,
    Opinion,
    PlatformAnswer,
    Probe,
    Reading,
    Referral,
    ReferralState,
)
from seawall.hub.referrals.reach import address_of
from seawall.hub.referrals.services import LADDER, PROBE_AFTER, due_steps

__all__ = ["question_of"]

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
    objections = PlatformAnswer.objects.filter(
        referral=OuterRef("pk"), status__in=("DISPUTED", "APPEALED"), information=None
    ).exclude(status="APPEALED", referral__kind__in=NOTICES)
    waiting = referrals_for(person).filter(
        Q(state=ReferralState.ASKED) | (Q(Exists(objections)) & ~Q(state=ReferralState.WITHDRAWN)),
        case__desk__in=person.desk_ids(),
    )
    return waiting.order_by("prepared_at", "id")


def referral_for(*, person: Person | AnonymousUser, referral_id: UUID) -> Referral:
    """Raises Referral.DoesNotExist for what the person may not see, just as for what is not there."""
    return (
        referrals_for(person)
        .select_related(
            "user_notice",
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


def document_of(referral: Referral) -> channels.ReferralDocument:
    """What was sent, as the typed document."""
    return channels.ReferralDocument.model_validate_json(rfc8785.dumps(referral.document))


def steps_by_hand(referral: Referral) -> Instructions:
    """What a person has to paste where. Raises ChannelError when the platform's guide cannot be used, LookupError without a route."""
    route = referral.platform.route
    return instructions(
        document_of(referral),
        address_of(route),
        reference=referral.reference,
        hub_url=settings.PUBLIC_URL,
        contact=settings.HUB_CONTACT,
    )


def recommendation_of(referral: Referral) -> Reading | None:
    """The overseer's recommendation to withdraw that the desk has not answered yet; None when there is none."""
    return Reading.objects.filter(referral=referral, opinion=Opinion.WITHDRAW, answered_at=None).first()


def to_read(person: Person) -> QuerySet[Referral]:
    """What the overseer has not read yet, those by bodies of the state first, the oldest first."""
    return (
        Referral.objects.visible_to(person)
        .filter(reading=None, received_at__isnull=False)
        .filter(Q(state_body=True) | Q(sampled=True))
        .select_related("platform", "case__desk")
        .prefetch_related("clock_events")
        .order_by("-state_body", "prepared_at", "id")
    )


@dataclass(frozen=True, kw_only=True)
class ReceiptCheck:
    """Whether a kept receipt still proves itself: signed by the platform's key, for exactly the document that was sent.

    `holds` is None for a receipt that nobody signed: it is worth what its proof says, and cannot be checked again.
    """

    holds: bool | None
    problem: str = ""


def receipt_check(referral: Referral) -> ReceiptCheck | None:
    """Check the receipt once more, from what is kept; None when there is none yet. Costs one signature."""
    if referral.receipt is None:
        return None
    if referral.receipt.get("schema") == HANDOVER_SCHEMA:
        return ReceiptCheck(holds=None)
    route = getattr(referral.platform, "route", None)
    if route is None:
        return ReceiptCheck(holds=False, problem="The directory no longer knows the platform’s key.")
    address = address_of(route)
    try:
        document = channels.ReferralDocument.model_validate_json(rfc8785.dumps(referral.document))
        channels.Receipt.verified(referral.receipt, address=address, document=document)
    except (channels.ReceiptInvalid, ValueError) as error:
        return ReceiptCheck(holds=False, problem=str(error))
    return ReceiptCheck(holds=True)


def platforms_to_poll() -> list[str]:
    """The slugs of the platforms that are to be asked for answers now."""
    return list(_to_poll().order_by("platform__slug").values_list("platform__slug", flat=True).distinct())


def to_poll(*, platform: str) -> list[UUID]:
    """Referrals on which the platform is to be asked for an answer now: every five minutes at most, 2,000 at a time."""
    found = _to_poll().filter(platform__slug=platform).order_by(F("last_polled_at").asc(nulls_first=True))
    return list(found.values_list("pk", flat=True)[:2_000])


def _to_poll() -> QuerySet[Referral]:
    """Those whose answers come by themselves are left out."""
    since = moment.now() - POLL_EVERY
    polled = [name for name in channels.names() if channels.get(name).answering == "polled"]
    return Referral.objects.filter(
        Q(last_polled_at=None) | Q(last_polled_at__lte=since), state__in=OPEN, channel__in=polled
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
    """Open referrals on which a step of the ladder is due: the clock has run out, long enough ago for a step that was not taken.

    The database leaves out those prepared too recently to be late whatever happened since: pauses only make a clock run longer. Its
    clock is read for each of the rest, so the cost grows with the open referrals that are older than their limit.
    """
    now = moment.now()
    length = Cast(KeyTextTransform("length", "limit"), DurationField())
    found = (
        Referral.objects.filter(state__in=OPEN)
        .annotate(soonest=ExpressionWrapper(F("prepared_at") + length, DateTimeField()), taken=Count("escalations"))
        .filter(soonest__lte=now, taken__lt=len(LADDER))
        .prefetch_related("clock_events", "escalations")
    )
    return [referral.pk for referral in found.iterator(chunk_size=500) if due_steps(referral, now)]
