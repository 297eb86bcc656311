"""The versions of the code of practice that were adopted here, each whole, the operator's calendar, and powers said to be in force."""

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


class HurriedPeriod(models.Model):
    """Hours in which the times for certain harms are halved because of a declared incident. Its end lies in it: nobody has to lift it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    harms = models.JSONField(db_comment="Identifiers of the harms")
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_comment="The first moment that is in it no more")

    class Meta:
        ordering = ["begins_at"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gte=F("begins_at")), name="hurry_ends_after_it_begins")
        ]

    def __str__(self) -> str:
        return f"hurried from {self.begins_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M}"


class PowerKind(models.TextChoices):
    """A statutory power to give a notice or an order that binds (docs/reference/kinds.md)."""

    FORMAL_NOTICE = "formal_notice", "Content removal notice: Crime and Policing Act 2026, section 21"
    REMOVAL_ORDER = "removal_order", "Removal order: Regulation (EU) 2021/784"


class Power(models.Model):
    """The operator's word that a statutory power is in force for an organisation, and on whose advice. The hub itself never says so."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey("directory.Organisation", on_delete=models.PROTECT, related_name="powers")
    kind = models.CharField(max_length=30, choices=PowerKind)
    source = models.TextField(db_comment="Where it was read that the power is in force for this body")
    read_on = models.DateField(db_comment="The day on which the source was read")
    advised_by = models.CharField(max_length=300, db_comment="Who advised that it is in force")
    recorded_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_because = models.TextField(blank=True)

    class Meta:
        ordering = ["-recorded_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "kind"], condition=Q(ended_at=None), name="one_power_of_a_kind_in_force"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.organisation}"
