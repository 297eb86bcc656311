"""Referrals and all that happens to them."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from seawall import clock as clocks
from seawall.hub.casework.models import Case, Decision
from seawall.hub.directory.models import Person, Platform
from seawall.hub.directory.roles import Role
from seawall.hub.identifiers import new_id, new_reference


def referral_reference() -> str:
    return new_reference("R")


class ReferralState(models.TextChoices):
    QUEUED = "queued", "Waiting to be delivered"
    AWAITING = "awaiting", "Waiting for the platform"
    ASKED = "asked", "The platform asked for more information"
    ANSWERED = "answered", "Answered"
    FAILED = "failed", "Could not be delivered"


class ReferralQuerySet(models.QuerySet["Referral"]):
    def visible_to(self, person: Person | AnonymousUser) -> ReferralQuerySet:
        """Caseworkers see those of their desks, a platform's contacts what that platform received, the overseer every one by a body of
        the state; nobody else any."""
        if not isinstance(person, Person):
            return self.none()
        seen = Q(case__desk__in=person.desk_ids())
        if Role.PLATFORM_CONTACT in person.roles():
            seen |= Q(
                platform__organisation__in=person.organisation_ids(Role.PLATFORM_CONTACT),
                state__in=[ReferralState.AWAITING, ReferralState.ASKED, ReferralState.ANSWERED],
            )
        if Role.OVERSEER in person.roles():
            seen |= Q(state_body=True)
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
    state = models.CharField(max_length=20, choices=ReferralState, default=ReferralState.QUEUED)
    document = models.JSONField(db_comment="What is sent, as it is sent")
    document_sha256 = models.CharField(max_length=64)
    limit = models.JSONField(db_comment="The clock's limit, with its basis and citation (seawall.clock.Limit)")
    channel = models.CharField(max_length=30)
    prepared_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    platform_reference = models.CharField(max_length=200, blank=True)
    receipt = models.JSONField(null=True, db_comment="The platform's signed receipt, whole")
    received_at = models.DateTimeField(null=True)
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


class PlatformAnswer(models.Model):
    """What a platform said, as it said it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="answers")
    answer_id = models.CharField(max_length=200)
    answered_at = models.DateTimeField()
    collected_at = models.DateTimeField()
    status = models.CharField(max_length=30)
    reason_code = models.CharField(max_length=40, blank=True)
    puid = models.CharField(max_length=500, blank=True, db_comment="Joins the answer to a DSA statement of reasons")
    detail = models.TextField(blank=True)
    actions = models.JSONField(default=list)

    class Meta:
        ordering = ["answered_at", "id"]
        constraints = [models.UniqueConstraint(fields=["referral", "answer_id"], name="one_answer_per_id")]

    def __str__(self) -> str:
        return f"{self.status} {self.reason_code}"


class Information(models.Model):
    """What the hub told a platform that had asked."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="information")
    answer = models.OneToOneField(PlatformAnswer, on_delete=models.PROTECT, related_name="information")
    given_by = models.ForeignKey(Person, on_delete=models.PROTECT)
    text = models.TextField()
    given_at = models.DateTimeField()
    delivered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"information for {self.referral_id}"


class Checkpoint(models.TextChoices):
    """When the hub looks whether content is still up."""

    ANSWER = "answer", "At the answer"
    DAY = "day", "24 hours after the answer"
    WEEK = "week", "7 days after the answer"
    ON_DEMAND = "on_demand", "On demand"


class Probe(models.Model):
    """What the hub saw when it looked whether the content was still up."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="probes")
    checkpoint = models.CharField(max_length=20, choices=Checkpoint)
    at = models.DateTimeField()
    state = models.CharField(max_length=20)
    http_status = models.PositiveSmallIntegerField(null=True)
    detail = models.TextField(blank=True)
    body_sha256 = models.CharField(max_length=64, blank=True)
    tries = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["referral", "checkpoint"], condition=~Q(checkpoint="on_demand"), name="one_probe_per_checkpoint"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} ({self.checkpoint})"


class Step(models.TextChoices):
    """The ladder that a referral climbs when its clock runs out."""

    SECOND_CONTACT = "second_contact", "Second contact at the platform"
    DESK_LEAD = "desk_lead", "Head of the desk"
    REGULATOR = "regulator", "The regulator's list"


class Escalation(models.Model):
    """A step of the ladder that was taken."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="escalations")
    step = models.CharField(max_length=20, choices=Step)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["referral", "step"], name="one_escalation_per_step")]

    def __str__(self) -> str:
        return self.step
