"""What came in by software: reports by organisations, platforms' signed events, replies by ActivityPub."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from seawall.hub.casework.models import Case
from seawall.hub.directory.models import Desk, Organisation, Person, Platform
from seawall.hub.directory.roles import Partition
from seawall.hub.identifiers import new_id, new_reference
from seawall.hub.referrals.models import PlatformAnswer, Referral


def report_reference() -> str:
    return new_reference("N")


class IncomingReportQuerySet(models.QuerySet["IncomingReport"]):
    def visible_to(self, person: Person | AnonymousUser) -> IncomingReportQuerySet:
        """What led to a case at the person's desks, or waits at one of them without a case.

        What came from behind the wall is not shown at a police desk, wherever its case may lie.
        """
        if not isinstance(person, Person):
            return self.none()
        desks = person.desk_ids()
        return self.filter(Q(case__desk__in=desks) | Q(case=None, desk__in=desks)).exclude(
            kept_from_police=True, case__desk__partition=Partition.POLICE
        )


class IncomingReport(models.Model):
    """A report that an organisation's software sent, as XARF. How it stands is read from its case, never kept here."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=20, unique=True, default=report_reference, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="incoming_reports")
    token = models.CharField(max_length=128, db_comment="The sender's idempotency key")
    body_sha256 = models.CharField(
        max_length=64, db_comment="Of the request: the same key with another body is refused"
    )
    correlation_id = models.CharField(max_length=256)
    report_id = models.UUIDField(db_comment="The sender's own id of the report")
    received_at = models.DateTimeField()
    category = models.CharField(max_length=40)
    type = models.CharField(max_length=64)
    reporter = models.CharField(max_length=200, db_comment="The organisation that complains, as the report names it")
    harm = models.CharField(
        max_length=40, blank=True, db_comment="The harm that the sender named, if the code knows it"
    )
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, null=True, related_name="incoming_reports")
    url = models.TextField(blank=True, db_comment="The address complained of, of whatever scheme")
    description = models.TextField(blank=True)
    evidence = models.JSONField(
        default=list, db_comment="What came along: type, size, digest; of text its words. Nothing else is kept"
    )
    document = models.JSONField(null=True, db_comment="The referral that it carries, schema seawall-referral/1")
    test = models.BooleanField(default=False, db_comment="Nobody is to act on it")
    kept_from_police = models.BooleanField(db_comment="It comes from behind the wall")
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, db_comment="Where it came in")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="incoming_reports")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawal = models.JSONField(null=True, db_comment="The withdrawal, schema seawall-withdrawal/1")
    withdrawal_token = models.CharField(max_length=128, blank=True)
    withdrawal_sha256 = models.CharField(max_length=64, blank=True, db_comment="Of the request that withdrew it")

    objects = IncomingReportQuerySet.as_manager()

    class Meta:
        ordering = ["received_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "token"], name="one_report_per_token"),
            models.UniqueConstraint(fields=["organisation", "report_id"], name="one_report_per_sender_and_id"),
        ]
        indexes = [models.Index(fields=["organisation", "received_at"], name="intake_report_rate")]

    def __str__(self) -> str:
        return self.reference


class IncomingInformation(models.Model):
    """More words about a report, sent after it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    report = models.ForeignKey(IncomingReport, on_delete=models.CASCADE, related_name="information")
    token = models.CharField(max_length=128)
    body_sha256 = models.CharField(max_length=64)
    text = models.TextField()
    received_at = models.DateTimeField()

    class Meta:
        ordering = ["received_at", "id"]
        constraints = [models.UniqueConstraint(fields=["report", "token"], name="one_information_per_token")]

    def __str__(self) -> str:
        return f"information for {self.report_id}"


class EventQuerySet(models.QuerySet["IncomingEvent"]):
    def visible_to(self, person: Person | AnonymousUser) -> EventQuerySet:
        """Events about referrals of the person's desks; none for anybody else."""
        if not isinstance(person, Person):
            return self.none()
        return self.filter(answer__referral__case__desk__in=person.desk_ids())


class IncomingEvent(models.Model):
    """A signed event that a platform posted and the hub took in: kept so that the same one counts once."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="incoming_events")
    message_id = models.CharField(max_length=200, db_comment="webhook-id: the same for every attempt")
    body_sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField()
    answer = models.ForeignKey(PlatformAnswer, on_delete=models.CASCADE, related_name="events")

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["platform", "message_id"], name="one_event_per_id")]

    def __str__(self) -> str:
        return self.message_id


class ReplyKind(models.TextChoices):
    """What a reply is."""

    ANSWER = "answer", "An answer that could be read"
    WORDS = "words", "Words that a person has to read"


class ReplyQuerySet(models.QuerySet["IncomingReply"]):
    def visible_to(self, person: Person | AnonymousUser) -> ReplyQuerySet:
        """Replies to referrals of the person's desks; none for anybody else."""
        if not isinstance(person, Person):
            return self.none()
        return self.filter(referral__case__desk__in=person.desk_ids())


class IncomingReply(models.Model):
    """What a server of the ActivityPub network said to a report that the hub had sent it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, related_name="replies")
    activity_id = models.CharField(max_length=2_048)
    digest = models.CharField(max_length=64, unique=True, db_comment="SHA-256 of sender and id: one is taken in once")
    activity = models.CharField(max_length=20, db_comment="Accept, Reject or Create")
    sender = models.CharField(max_length=2_048, db_comment="The actor that signed it")
    kind = models.CharField(max_length=20, choices=ReplyKind)
    text = models.TextField(blank=True)
    received_at = models.DateTimeField()
    answer = models.OneToOneField(PlatformAnswer, on_delete=models.PROTECT, null=True, related_name="reply")
    dealt_with_at = models.DateTimeField(null=True)
    dealt_with_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="replies_dealt_with")

    objects = ReplyQuerySet.as_manager()

    class Meta:
        ordering = ["received_at", "id"]

    def __str__(self) -> str:
        return f"{self.activity} for {self.referral_id}"
