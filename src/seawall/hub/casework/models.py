"""Cases and the decisions taken on them."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q

from seawall.hub.content.models import Content
from seawall.hub.directory.models import Desk, Person, PlatformRule
from seawall.hub.identifiers import new_id, new_reference


def case_reference() -> str:
    return new_reference("C")


class Origin(models.TextChoices):
    DETECTOR = "detector", "Found by the detector"
    REPORT = "report", "Reported by a member of the public"
    ORGANISATION = "organisation", "Reported by an organisation"
    PERSON = "person", "Raised by a caseworker"
    SIGHTING = "sighting", "Shared by others, and seen again"


class CaseState(models.TextChoices):
    OPEN = "open", "In the queue"
    CLAIMED = "claimed", "Being worked on"
    SECOND_REVIEW = "second_review", "Waiting for a second reviewer"
    CLOSED = "closed", "Closed"


class Outcome(models.TextChoices):
    REFER = "refer", "Refer to the platform"
    SUPPORT = "support", "Offer support, no removal asked"
    HAND_OFF = "hand_off", "Hand over to the body in charge"
    NO_ACTION = "no_action", "No action"


class CaseQuerySet(models.QuerySet["Case"]):
    def visible_to(self, person: Person | AnonymousUser) -> CaseQuerySet:
        """Cases at the person's own desks; none for anybody else."""
        if not isinstance(person, Person):
            return self.none()
        return self.filter(desk__in=person.desk_ids())

    def in_queue_order(self) -> CaseQuerySet:
        """The gravest first, then what is due first; what has no clock comes last."""
        return self.annotate(due=F("opened_at") + F("decision_within")).order_by(
            "-severity", F("due").asc(nulls_last=True), "opened_at", "id"
        )


class Case(models.Model):
    """One post that a person is to decide on, at one desk."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=20, unique=True, default=case_reference, editable=False)
    content = models.ForeignKey(Content, on_delete=models.PROTECT, related_name="cases")
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="cases")
    origin = models.CharField(max_length=20, choices=Origin)
    harm = models.CharField(max_length=40, db_comment="What it may be; a person says what it is")
    code_version = models.CharField(max_length=40)
    severity = models.PositiveSmallIntegerField()
    decision_within = models.DurationField(
        null=True, db_comment="The time that the code of practice gave when it opened"
    )
    state = models.CharField(max_length=20, choices=CaseState, default=CaseState.OPEN)
    opened_at = models.DateTimeField()
    claimed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="claimed_cases")
    claimed_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=20, choices=Outcome, blank=True)
    transfer_note = models.TextField(blank=True, db_comment="Why another desk passed it on")

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["content"], condition=~Q(state="closed"), name="one_open_case_per_content"),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False) | (~Q(state="closed") & Q(closed_at=None)),
                name="a_closed_case_has_a_time",
            ),
            models.CheckConstraint(
                condition=~Q(state="claimed") | Q(claimed_by__isnull=False), name="a_claimed_case_has_a_person"
            ),
        ]
        indexes = [
            models.Index(fields=["desk", "-severity", "opened_at"], condition=~Q(state="closed"), name="casework_queue")
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def due_at(self) -> datetime | None:
        """When a decision is due, computed from when the case was opened; None when the code sets no time."""
        return self.opened_at + self.decision_within if self.decision_within is not None else None


class Basis(models.TextChoices):
    OFFENCE = "offence", "An offence, every element of it"
    TERM = "term", "A dated rule of the platform"
    NONE = "none", "None: nothing is asked of the platform"


class Part(models.TextChoices):
    """The part that an account played. Law and code ask for different steps for each."""

    UPLOADED = "uploaded", "Put it up"
    DISSEMINATED = "disseminated", "Passed it on"
    ENGAGED = "engaged", "Took part in it"
    UNKNOWN = "unknown", "Not known"


class SubjectType(models.TextChoices):
    """How the person behind the account stands to it: data-protection law asks for the difference, and victims are never shown as
    offenders."""

    SUSPECTED = "suspected", "Suspected of a breach"
    CONVICTED = "convicted", "Convicted of an offence to do with it"
    VICTIM = "victim", "Victim"
    WITNESS = "witness", "Witness or bystander"
    AT_RISK = "at_risk", "At risk"
    UNKNOWN = "unknown", "Not known"


class Decision(models.Model):
    """What one person decided on a case, with the whole form that they filled in."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    case = models.ForeignKey(Case, on_delete=models.PROTECT, related_name="decisions")
    content_version = models.PositiveIntegerField()
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="decisions")
    role = models.CharField(max_length=30)
    decided_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, choices=Outcome)
    harm = models.CharField(max_length=40)
    code_version = models.CharField(max_length=40)
    basis = models.CharField(max_length=10, choices=Basis)
    provision = models.CharField(max_length=120, blank=True, db_comment="Act and section, when the basis is an offence")
    elements = models.JSONField(default=list, db_comment="[{id, met, reasons}] for every element of the offence")
    defences = models.JSONField(default=list, db_comment="[{id, may_succeed, reasons}] for every defence")
    term = models.ForeignKey(PlatformRule, on_delete=models.PROTECT, null=True)
    exemptions = models.JSONField(default=dict, db_comment="Exemption to whether it applies")
    context = models.CharField(max_length=40, db_comment="The context that the person saw, or “none”")
    part = models.CharField(max_length=20, choices=Part)
    subject_type = models.CharField(max_length=20, choices=SubjectType)
    reasons = models.TextField()
    second_review_needed = models.BooleanField()
    voided_at = models.DateTimeField(null=True, db_comment="When a second reviewer dissented")

    class Meta:
        ordering = ["decided_at"]

    def __str__(self) -> str:
        return f"{self.case}: {self.get_outcome_display()}"


class Review(models.Model):
    """A second person's word on a decision: concur or dissent, and why."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="review")
    reviewed_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="reviews")
    role = models.CharField(max_length=30)
    reviewed_at = models.DateTimeField()
    concurs = models.BooleanField()
    reasons = models.TextField()

    def __str__(self) -> str:
        return "concurs" if self.concurs else "dissents"


class MeasureKind(models.TextChoices):
    """What is done about a desk that refers wrongly again and again."""

    WARNING = "warning", "Warning"
    SUSPENSION = "suspension", "Suspension"


class Measure(models.Model):
    """A warning to a desk, or a time in which it may not refer. Taken by a person, on figures that the desk has seen.

    The tests are those of Regulation (EU) 2022/2065 art. 23(3): number, share, gravity, and intent where it can be told.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="measures")
    kind = models.CharField(max_length=20, choices=MeasureKind)
    figures = models.JSONField(db_comment="The desk's figures on which it was taken")
    gravity = models.TextField()
    intent = models.TextField()
    reasons = models.TextField()
    taken_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="measures_taken")
    taken_at = models.DateTimeField()
    until = models.DateTimeField(null=True, blank=True, db_comment="End of a suspension")
    lifted_at = models.DateTimeField(null=True, blank=True)
    lifted_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, blank=True, related_name="measures_lifted"
    )
    lifted_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-taken_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="warning", until=None) | models.Q(kind="suspension", until__isnull=False),
                name="a_suspension_ends",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.desk}"
