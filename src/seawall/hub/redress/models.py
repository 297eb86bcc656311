"""Reports by members of the public: no account, as little as possible kept."""

from __future__ import annotations

from django.db import models

from seawall.hub.casework.models import Case
from seawall.hub.directory.models import Platform
from seawall.hub.identifiers import new_id, new_reference


def report_reference() -> str:
    return new_reference("S")


class ReportKind(models.TextChoices):
    LINK = "link", "A link to it"
    TEXT = "text", "The words themselves"


class About(models.TextChoices):
    """What the reporter says that it is, in their words; a caseworker says what it is."""

    SELF_HARM = "self_harm", "Suicide or self-harm"
    EATING = "eating", "Eating and body image"
    THREAT = "threat", "A threat or violence"
    WEAPONS = "weapons", "Knives, weapons or gangs"
    HATE = "hate", "Hate because of who somebody is"
    ABUSE = "abuse", "Bullying or abuse"
    CANDIDATE = "candidate", "Abuse of somebody standing for election"
    HEALTH = "health", "False health claims"
    OTHER = "other", "Something else"


class ForWhom(models.TextChoices):
    SELF = "self", "Me"
    SOMEBODY = "somebody", "Somebody I know"
    PUBLIC = "public", "Nobody in particular"


class AgeBand(models.TextChoices):
    UNDER_13 = "under_13", "Under 13"
    TEENAGER = "13_17", "13 to 17"
    ADULT = "adult", "18 or over"
    UNSAID = "unsaid", "I would rather not say"


class ReportState(models.TextChoices):
    RECEIVED = "received", "Received"
    LOOKED_AT = "looked_at", "Being looked at"
    CLOSED = "closed", "Answered"
    WITHDRAWN = "withdrawn", "Withdrawn by you"


class Report(models.Model):
    """What somebody reported. The secret link is kept as a digest only: nobody here can open the page in their place."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=20, unique=True, default=report_reference, editable=False)
    secret_sha256 = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=10, choices=ReportKind)
    about = models.CharField(max_length=20, choices=About)
    for_whom = models.CharField(max_length=20, choices=ForWhom)
    age_band = models.CharField(max_length=10, choices=AgeBand, db_comment="Of the person that it is about")
    danger_now = models.BooleanField()
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, null=True)
    note = models.TextField(blank=True, db_comment="What the reporter added, for the caseworker")
    case = models.ForeignKey(Case, on_delete=models.PROTECT, null=True, related_name="reports")
    received_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="redress_report_received")]

    def __str__(self) -> str:
        return self.reference


class FormUse(models.Model):
    """How often the form was sent in an hour from one network address, which is kept as a keyed digest that changes daily."""

    id = models.BigAutoField(primary_key=True)
    visitor = models.CharField(max_length=64)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["visitor", "at"], name="redress_form_use")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M}"
