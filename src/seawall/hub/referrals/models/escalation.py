"""What is done when a clock runs out."""

from __future__ import annotations

from django.db import models

from seawall.hub.identifiers import new_id
from seawall.hub.referrals.models.referral import Referral


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
