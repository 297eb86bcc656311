"""What the person whose post was referred is told, and when that may wait."""

from __future__ import annotations

from django.db import models

from seawall.hub.directory.models import Person
from seawall.hub.identifiers import new_id
from seawall.hub.referrals.models.referral import Referral


class UserNotice(models.Model):
    """The words that the platform is asked to show to the affected user. They name the type of referrer, never a person.

    It goes out with the referral unless it is held back; holding back needs a reason, somebody else's approval and an end.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    referral = models.OneToOneField(Referral, on_delete=models.CASCADE, related_name="user_notice")
    text = models.TextField()
    held_back_because = models.TextField(blank=True)
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="delays_asked")
    approved_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="delays_approved")
    held_back_until = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(held_back_until=None)
                | (
                    ~models.Q(held_back_because="")
                    & models.Q(approved_by__isnull=False)
                    & models.Q(asked_by__isnull=False)
                    & ~models.Q(approved_by=models.F("asked_by"))
                ),
                name="a_delay_has_reason_and_approver",
            )
        ]

    def __str__(self) -> str:
        return f"notice for {self.referral_id}"
