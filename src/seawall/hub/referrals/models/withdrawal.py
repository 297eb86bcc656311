"""Taking a referral back, and the independent overseer's reading that may ask for it."""

from __future__ import annotations

from django.db import models

from seawall.hub.directory.models import Person
from seawall.hub.identifiers import new_id
from seawall.hub.referrals.models.referral import Referral


class Opinion(models.TextChoices):
    """What an overseer thinks of a referral."""

    SOUND = "sound", "It should stand"
    WITHDRAW = "withdraw", "It should be withdrawn"


class Reading(models.Model):
    """An overseer has read a referral. Where they recommend withdrawal, the desk answers, and both are published as counts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.OneToOneField(Referral, on_delete=models.CASCADE, related_name="reading")
    read_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="readings")
    read_at = models.DateTimeField()
    opinion = models.CharField(max_length=20, choices=Opinion)
    reasons = models.TextField(blank=True)
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="readings_answered")
    answered_at = models.DateTimeField(null=True)
    followed = models.BooleanField(null=True, db_comment="Whether the desk withdrew the referral")
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["-read_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(opinion="sound") | ~models.Q(reasons=""), name="a_recommendation_has_reasons"
            )
        ]

    def __str__(self) -> str:
        return f"{self.opinion}: {self.referral_id}"


class WithdrawnBy(models.TextChoices):
    """Why a referral was taken back."""

    REFERRER = "referrer", "The desk that made it"
    OVERSEER = "overseer", "The overseer’s recommendation"
    APPEAL = "appeal", "An appeal that was upheld"
    OFFICER = "officer", "The officer who gave the notice"


class Withdrawal(models.Model):
    """A referral that was taken back: what the platform is told, and its word that it has it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.OneToOneField(Referral, on_delete=models.CASCADE, related_name="withdrawal")
    by = models.CharField(max_length=20, choices=WithdrawnBy)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="withdrawals")
    reasons = models.TextField()
    restore = models.BooleanField(db_comment="The platform is asked to undo what it did because of the referral")
    document = models.JSONField(db_comment="What is sent (seawall.channels.Withdrawal)")
    document_sha256 = models.CharField(max_length=64)
    withdrawn_at = models.DateTimeField()
    never_sent = models.BooleanField(default=False, db_comment="The platform had not got the referral: nothing to undo")
    attempts = models.PositiveIntegerField(default=0)
    acknowledged_at = models.DateTimeField(null=True)
    receipt = models.JSONField(null=True)
    proof = models.CharField(max_length=20, blank=True)
    by_hand = models.BooleanField(default=False, db_comment="The channel cannot carry it: a person has to tell them")
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["-withdrawn_at"]
        indexes = [
            models.Index(fields=["withdrawn_at"], condition=models.Q(acknowledged_at=None), name="withdrawals_open")
        ]

    def __str__(self) -> str:
        return f"withdrawal of {self.referral_id}"
