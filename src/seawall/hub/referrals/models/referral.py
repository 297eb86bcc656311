"""A referral and its clock."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from seawall import clock as clocks
from seawall.hub.casework.models import Case, Decision
from seawall.hub.directory.models import Person, Platform
from seawall.hub.directory.roles import Role
from seawall.hub.identifiers import new_id, new_reference

NOTICES = frozenset({"formal_notice", "removal_order"})
"""The kinds that bind: an officer gives them under a statute."""


def referral_reference() -> str:
    return new_reference("R")


class ReferralState(models.TextChoices):
    QUEUED = "queued", "Waiting to be delivered"
    BY_HAND = "by_hand", "Waiting for a person to send it"
    AWAITING = "awaiting", "Waiting for the platform"
    ASKED = "asked", "The platform asked for more information"
    ANSWERED = "answered", "Answered"
    FAILED = "failed", "Could not be delivered"
    WITHDRAWN = "withdrawn", "Withdrawn"


class ReferralQuerySet(models.QuerySet["Referral"]):
    def visible_to(self, person: Person | AnonymousUser) -> ReferralQuerySet:
        """Caseworkers see those of their desks, a platform's contacts what that platform received, the overseer every one by a body of
        the state and a sample of the rest; nobody else any."""
        if not isinstance(person, Person):
            return self.none()
        seen = Q(case__desk__in=person.desk_ids())
        if Role.PLATFORM_CONTACT in person.roles():
            seen |= Q(
                platform__organisation__in=person.organisation_ids(Role.PLATFORM_CONTACT),
                received_at__isnull=False,
            )
        if Role.OVERSEER in person.roles():
            seen |= Q(state_body=True) | Q(sampled=True)
        return self.filter(seen)


class Referral(models.Model):
    """One request to one platform about one post. Advice: the platform decides."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=20, unique=True, default=referral_reference, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="referrals")
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="referral")
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="referrals")
    kind = models.CharField(max_length=30)
    harm = models.CharField(max_length=40)
    state_body = models.BooleanField(db_comment="A body of the state refers")
    sampled = models.BooleanField(default=False, db_comment="Drawn for the overseer to read")
    state = models.CharField(max_length=20, choices=ReferralState, default=ReferralState.QUEUED)
    document = models.JSONField(db_comment="What is sent, as it is sent")
    document_sha256 = models.CharField(max_length=64)
    limit = models.JSONField(db_comment="The clock's limit, with its basis and citation (seawall.clock.Limit)")
    channel = models.CharField(max_length=30)
    prepared_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    platform_reference = models.CharField(max_length=200, blank=True)
    receipt = models.JSONField(null=True, db_comment="The platform's receipt, whole")
    proof = models.CharField(
        max_length=20, blank=True, db_comment="How sure it is that the platform has it (seawall.channels.Proof)"
    )
    received_at = models.DateTimeField(null=True)
    confirmed_at = models.DateTimeField(null=True, db_comment="When the platform confirmed a formal notice")
    answered_at = models.DateTimeField(null=True)
    last_polled_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True, db_comment="Why it could not be delivered")

    objects = ReferralQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["state", "last_polled_at"], name="referrals_poll"),
            models.Index(fields=["platform", "state"], name="referrals_platform"),
        ]

    def __str__(self) -> str:
        return self.reference

    def clock(self) -> clocks.Clock:
        """The platform's clock, computed from what happened."""
        events = [
            clocks.Event(
                event.at, clocks.EventKind(event.kind), clocks.PauseReason(event.reason) if event.reason else None
            )
            for event in self.clock_events.all()
        ]
        return clocks.Clock(clocks.Limit.from_json(self.limit), events)


class ClockEvent(models.Model):
    """Something that started, paused, resumed or stopped a referral's clock."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="clock_events")
    at = models.DateTimeField()
    kind = models.CharField(max_length=20)
    reason = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"
