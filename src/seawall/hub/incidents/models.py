"""An incident in a community, what is said in it, what was counted, and what its debrief leaves to people."""

from __future__ import annotations

from datetime import datetime

from django.db import models
from django.db.models import F, Q

from seawall.hub.directory.models import Organisation, Person
from seawall.hub.exchange.models import Community
from seawall.hub.identifiers import new_id, new_reference
from seawall.hub.practice.models import HurriedPeriod


def incident_reference() -> str:
    return new_reference("I")


class IncidentKind(models.TextChoices):
    LIVESTREAM = "livestream", "Livestreamed attack"
    CHALLENGE = "challenge", "Viral challenge"
    ELECTION = "election", "Election night"
    OTHER = "other", "Something else"


class Incident(models.Model):
    """A time in which a community works faster together. It ends by itself at `ends_at` unless a second person lets it last longer."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reference = models.CharField(max_length=20, unique=True, default=incident_reference, editable=False)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="incidents")
    kind = models.CharField(max_length=20, choices=IncidentKind)
    title = models.CharField(max_length=200, db_comment="What happens, in words that name no person")
    harms = models.JSONField(db_comment="Identifiers of the harms whose times are halved and which are counted")
    hurry = models.OneToOneField(HurriedPeriod, on_delete=models.PROTECT, related_name="incident")
    declared_at = models.DateTimeField()
    declared_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    ends_at = models.DateTimeField(db_comment="When it ends by itself")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    ended_because = models.TextField(blank=True)
    debrief = models.JSONField(null=True, db_comment="What happened, as it was put together at the end")
    debrief_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ["-declared_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["community"], condition=Q(ended_at=None), name="one_incident_at_a_time_in_a_community"
            ),
            models.CheckConstraint(condition=Q(ends_at__gt=F("declared_at")), name="an_incident_lasts"),
        ]

    def __str__(self) -> str:
        return self.reference

    def is_on(self, at: datetime) -> bool:
        return self.ended_at is None and at < self.ends_at

    @property
    def over_at(self) -> datetime:
        """The end as it stands: when it ended, else when it will end by itself."""
        return self.ended_at or self.ends_at


class Extension(models.Model):
    """An incident was given more time, by somebody else than who gave it time before."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="extensions")
    at = models.DateTimeField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    until = models.DateTimeField()
    reason = models.TextField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.incident_id} until {self.until:%Y-%m-%d %H:%M}"


class Message(models.Model):
    """Something said in the standing channel. Never changed and never removed: the database refuses (migrations)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="messages")
    number = models.PositiveIntegerField()
    at = models.DateTimeField()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    text = models.CharField(max_length=1_000)

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="a_message_has_its_number")]

    def __str__(self) -> str:
        return f"{self.number} in {self.incident_id}"


class Count(models.Model):
    """What was counted at the end of a quarter of an hour."""

    id = models.BigAutoField(primary_key=True)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="counts")
    until = models.DateTimeField(db_comment="The end of the quarter, or of the incident")
    counts = models.JSONField(db_comment="Name to number (incidents.counting.NAMES)")
    counted_at = models.DateTimeField()

    class Meta:
        ordering = ["until"]
        constraints = [models.UniqueConstraint(fields=["incident", "until"], name="a_quarter_once")]

    def __str__(self) -> str:
        return f"{self.incident_id} until {self.until:%Y-%m-%d %H:%M}"


class Question(models.TextChoices):
    """What a debrief leaves to people."""

    WORKED = "worked", "What went well, and is to be kept?"
    FAILED = "failed", "What went wrong or came too late, and why?"
    MISTAKES = "mistakes", "Who was wronged by a mistake, and what has been done for them?"
    HELD_OPEN = "held_open", "What is still up, still held somewhere or still undecided, and who sees to it?"
    CHANGE = "change", "What do we change before the next one, who does it, and by when?"


class Answer(models.Model):
    """A person's answer to a question of the debrief. A later one stands before it; none is removed."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="answers")
    question = models.CharField(max_length=20, choices=Question)
    text = models.TextField()
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.question}: {self.incident_id}"
