"""What platforms say, what they are told, and the mail that brings it."""

from __future__ import annotations

from django.db import models

from seawall.hub.directory.models import Person
from seawall.hub.identifiers import new_id
from seawall.hub.referrals.models.referral import Referral


class AnswerWay(models.TextChoices):
    """By which way an answer came."""

    CHANNEL = "channel", "By the channel that the referral went by"
    PORTAL = "portal", "By a member of the platform’s staff, here"
    API = "api", "By the platform’s software"
    MAIL = "mail", "By email"
    NOTED = "noted", "Noted by a caseworker"


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
    proof = models.CharField(max_length=20, default="signed", db_comment="How sure it is that the platform said so")
    way = models.CharField(
        max_length=20, default="channel", choices=AnswerWay, db_comment="By which way it came to the hub"
    )
    given_by = models.ForeignKey(
        Person, on_delete=models.PROTECT, null=True, related_name="answers_given", db_comment="Who wrote it down"
    )

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


class MailKind(models.TextChoices):
    """What a mail that came in is."""

    ANSWER = "answer", "An answer that could be read"
    WORDS = "words", "Words that a person has to read"
    AUTO_REPLY = "auto_reply", "An automatic reply"
    BOUNCE = "bounce", "Could not be delivered"
    UNMATCHED = "unmatched", "Belongs to no referral"


class IncomingMail(models.Model):
    """A mail that came in for the hub's referrals: kept for the people who have to read it. The raw mail is not kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.ForeignKey(Referral, on_delete=models.CASCADE, null=True, related_name="mails")
    kind = models.CharField(max_length=20, choices=MailKind)
    sender = models.CharField(max_length=320, blank=True)
    subject = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True)
    digest = models.CharField(max_length=64, unique=True, db_comment="SHA-256 of the raw mail: one is taken in once")
    received_at = models.DateTimeField()
    answer = models.OneToOneField(PlatformAnswer, on_delete=models.PROTECT, null=True, related_name="mail")
    dealt_with_at = models.DateTimeField(null=True)
    dealt_with_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="mails_dealt_with")

    class Meta:
        ordering = ["received_at", "id"]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"
