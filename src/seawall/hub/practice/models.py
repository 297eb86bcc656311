"""The versions of the code of practice that were adopted here, each whole, and the operator's calendar."""

from django.db import models
from django.db.models import F, Q

from seawall.hub.identifiers import new_id


class CodeVersion(models.Model):
    """A version of a code, as it was adopted. Never changed: a decision cites it for ever."""

    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=60)
    version = models.CharField(max_length=40, unique=True)
    digest = models.CharField(max_length=64, db_comment="SHA-256 of the whole code as canonical JSON")
    document = models.JSONField(db_comment="The whole code (seawall.hub.practice.schema.Code)")
    adopted_at = models.DateTimeField()

    class Meta:
        ordering = ["adopted_at", "id"]

    def __str__(self) -> str:
        return f"{self.code} {self.version}"


class ElectionPeriod(models.Model):
    """Days in which the times that the code of practice marks so are halved. Entered by the operator; dates in UTC, both included."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    title = models.CharField(max_length=200)
    area = models.CharField(max_length=200, db_comment="Where the election is held, in words")
    begins = models.DateField()
    ends = models.DateField()
    entered_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["begins", "ends"]
        constraints = [models.CheckConstraint(condition=Q(ends__gte=F("begins")), name="election_ends_after_it_begins")]

    def __str__(self) -> str:
        return f"{self.title} ({self.begins} to {self.ends})"
