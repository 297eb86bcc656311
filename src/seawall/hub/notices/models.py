"""Notices and orders that officers give under a statute, their reviews, and what follows an order."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from seawall.hub.casework.models import Decision
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Role
from seawall.hub.identifiers import new_id
from seawall.hub.practice.models import Power, PowerKind
from seawall.hub.referrals.models import PlatformAnswer, Referral


class OfficerProfile(models.Model):
    """How an authorising officer is named in what they give, and by what they are authorised. Kept by the officer."""

    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="officer_profile")
    name = models.CharField(max_length=300)
    rank = models.CharField(max_length=300)
    force = models.CharField(max_length=300)
    email = models.CharField(max_length=254)
    phone = models.CharField(max_length=40)
    authorisation = models.CharField(max_length=300, db_comment="Reference of the authorisation")
    authorised_on = models.DateField()
    kept_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.rank} {self.name}"


class NoticeState(models.TextChoices):
    DRAFT = "draft", "Waits for an officer"
    GIVEN = "given", "Given"
    DECLINED = "declined", "Declined; the desk settles what becomes of it"
    REQUESTED = "requested", "Declined; sent as a request"
    CLOSED = "closed", "Declined; nothing sent"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def visible_to(self, person: Person | AnonymousUser) -> NoticeQuerySet:
        """The desk's own; one that a platform wants reviewed, to the officers of the same organisation; every given one to the overseer.

        A platform sees what it was given on the referral's page, never here.
        """
        if not isinstance(person, Person):
            return self.none()
        seen = Q(decision__case__desk__in=person.desk_ids())
        seen |= Q(
            Exists(Review.objects.filter(notice=OuterRef("pk"))),
            decision__case__desk__organisation__in=person.organisation_ids(Role.AUTHORISING_OFFICER),
        )
        if Role.OVERSEER in person.roles():
            seen |= Q(given_at__isnull=False)
        return self.filter(seen)


class Notice(models.Model):
    """A decision that makes no referral before an officer has given a notice or an order, or declined to."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="notice")
    power = models.ForeignKey(Power, on_delete=models.PROTECT, related_name="notices")
    kind = models.CharField(max_length=30, choices=PowerKind)
    state = models.CharField(max_length=20, choices=NoticeState, default=NoticeState.DRAFT)
    drafted_at = models.DateTimeField()
    parts = models.JSONField(default=dict, db_comment="What officers wrote so far, by the form's fields")
    written_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="notices_written")
    written_at = models.DateTimeField(null=True)
    given_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="notices_given")
    given_at = models.DateTimeField(null=True)
    referral = models.OneToOneField(Referral, on_delete=models.PROTECT, null=True, related_name="notice")
    declined_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="notices_declined")
    declined_at = models.DateTimeField(null=True)
    declined_because = models.TextField(blank=True)
    settled_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="notices_settled")
    settled_at = models.DateTimeField(null=True)
    keep_told_at = models.DateTimeField(
        null=True, db_comment="When the platform was told until when to keep what it removed"
    )
    keep_ended_told_at = models.DateTimeField(null=True, db_comment="When it was told that this time is over")

    objects = NoticeQuerySet.as_manager()

    class Meta:
        ordering = ["-drafted_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="given") | Q(given_at__isnull=False, given_by__isnull=False, referral__isnull=False),
                name="a_given_notice_has_an_officer_and_a_referral",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "given"]) | ~Q(declined_because=""),
                name="a_declined_notice_has_reasons",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_state_display()}: {self.decision_id}"


class ReviewOutcome(models.TextChoices):
    STANDS = "stands", "It stands"
    QUASHED = "quashed", "It is quashed"


class Review(models.Model):
    """A platform asked for a review. An officer of the same organisation decides it who had no part in the notice."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    notice = models.ForeignKey(Notice, on_delete=models.PROTECT, related_name="reviews")
    answer = models.OneToOneField(PlatformAnswer, on_delete=models.PROTECT, related_name="review")
    asked_at = models.DateTimeField()
    outcome = models.CharField(max_length=20, choices=ReviewOutcome, blank=True)
    reasons = models.TextField(blank=True)
    decided_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="notice_reviews")
    decided_at = models.DateTimeField(null=True)
    late_told_at = models.DateTimeField(null=True, db_comment="When officers and overseer were told that it is late")

    class Meta:
        ordering = ["asked_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(outcome="", decided_at=None, decided_by=None)
                | (~Q(outcome="") & ~Q(reasons="") & Q(decided_at__isnull=False, decided_by__isnull=False)),
                name="a_decided_review_has_reasons",
            )
        ]

    def __str__(self) -> str:
        return self.outcome or "open"


class Finding(models.TextChoices):
    NO_OBJECTION = "no_objection", "No objection"
    INFRINGES = "infringes", "The order infringes the Regulation or fundamental rights"


class Scrutiny(models.Model):
    """The copy of an order that went to the authority of the host's member state, and what that authority found."""

    notice = models.OneToOneField(Notice, on_delete=models.PROTECT, related_name="scrutiny")
    authority = models.CharField(max_length=300)
    sent_at = models.DateTimeField()
    sent_how = models.CharField(max_length=1_000)
    received_at = models.DateTimeField(
        null=True, db_comment="When the authority received it: its 72 hours run from then"
    )
    noted_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="copies_noted")
    noted_at = models.DateTimeField()
    finding = models.CharField(max_length=20, choices=Finding, blank=True)
    reasons = models.TextField(blank=True)
    found_at = models.DateTimeField(null=True, db_comment="When the authority said so")
    found_noted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="findings_noted")

    class Meta:
        verbose_name_plural = "scrutinies"

    def __str__(self) -> str:
        return f"{self.authority}: {self.finding or 'open'}"
