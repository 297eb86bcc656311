"""The hub's own looks at whether content is still up."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seawall.hub.identifiers import new_id
from seawall.hub.referrals.models.referral import Referral


class Checkpoint(models.TextChoices):
    """When the hub looks whether content is still up."""

    ANSWER = "answer", "At the answer"
    HOUR = "hour", "1 hour after the answer"
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
    views = models.JSONField(default=dict, db_comment="What each way of looking showed, where there is more than one")
    evidence = models.CharField(max_length=200, blank=True, db_comment="File of the requests and answers (WARC)")
    evidence_sha256 = models.CharField(max_length=64, blank=True)
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
