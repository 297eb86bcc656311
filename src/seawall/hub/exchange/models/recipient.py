"""Who fetched what by which surface, and how far each has confirmed."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models.community import Member
from seawall.hub.exchange.models.signal import Signal
from seawall.hub.identifiers import new_id


class Surface(models.TextChoices):
    """The ways by which signals leave the hub to be held elsewhere. Asking the hub to match leaves nothing with the asker."""

    API = "api", "Feed of this hub"
    THREATEXCHANGE = "threatexchange", "ThreatExchange client"
    TAXII = "taxii", "TAXII 2.1"
    MISP = "misp", "MISP feed"
    LABELS = "labels", "AT Protocol labels"
    FILE = "file", "File that a person downloaded"


CARRIES = {
    Surface.THREATEXCHANGE.value: frozenset({SignalKind.PDQ, SignalKind.VIDEO_MD5, SignalKind.URL, SignalKind.TEXT}),
    Surface.MISP.value: frozenset(SignalKind) - {SignalKind.VPDQ},  # it compares whole values only, and short ones
    Surface.LABELS.value: frozenset({SignalKind.URL}),  # accounts stay between platforms, and labels are public
}
"""The kinds of signals that a surface can carry, where these are not all: a recipient holds none of the others."""


class Recipient(models.Model):
    """One place where a member keeps signals of a community.

    What it holds follows from three numbers: its first reading began after change `began`, it was handed everything up to change
    `served`, and has said that it acted on everything up to change `confirmed`. It may hold a signal that was withdrawn after it began,
    and whose publication is at most `served`; the withdrawal has landed there when it is at most `confirmed`. So who still holds a
    withdrawn signal costs one comparison a recipient, however many signals there are.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="recipients")
    surface = models.CharField(max_length=20, choices=Surface)
    name = models.CharField(max_length=100, db_comment="The member's own name for it")
    public_key = models.CharField(max_length=100, blank=True, db_comment="Ed25519, base64url: signs its confirmations")
    began = models.BigIntegerField(
        null=True, db_comment="The community's last change when it was first handed something"
    )
    served = models.BigIntegerField(default=0)
    served_at = models.DateTimeField(null=True)
    confirmed = models.BigIntegerField(default=0)
    confirmed_at = models.DateTimeField(null=True)
    held_from = models.BigIntegerField(
        null=True,
        db_comment="The change after which it was handed withdrawals only, where its protocol cannot tell it so",
    )
    held_asked = models.BigIntegerField(
        null=True, db_comment="The change after which it first asked when that was over"
    )
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, db_comment="When it was confirmed that nothing is kept there any more")

    class Meta:
        ordering = ["made_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["member", "surface", "name"], condition=Q(ended_at=None), name="a_recipient_has_a_name"
            ),
            models.CheckConstraint(condition=Q(confirmed__lte=models.F("served")), name="confirmed_is_served"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.surface})"

    def carries(self, kind: str) -> bool:
        """Whether signals of this kind are handed over by its surface at all."""
        return self.surface not in CARRIES or kind in CARRIES[self.surface]

    def may_hold(self, signal: Signal) -> bool:
        """Whether a signal that is in use no more may still be kept there."""
        return (
            self.ended_at is None
            and self.carries(signal.kind)
            and self.began is not None
            and self.began < signal.last_change
            and signal.first_change <= self.served
            and self.confirmed < signal.last_change
        )


class Acknowledgement(models.Model):
    """A recipient's word that it acted on everything up to a change, as it gave it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="acknowledgements")
    until = models.BigIntegerField()
    at = models.DateTimeField()
    proof = models.CharField(
        max_length=20, db_comment="How sure it is that the recipient said so (seawall.channels.Proof)"
    )
    statement = models.JSONField(db_comment="What it said, with its signature where it signs")

    class Meta:
        ordering = ["-at"]

    def __str__(self) -> str:
        return f"{self.recipient_id} until {self.until}"


class ReminderStep(models.TextChoices):
    CALLED = "called", "Its software was called again"
    CONTACT = "contact", "Its contact was told"
    OPERATOR = "operator", "The community’s operator was told"
    PAUSED = "paused", "It receives nothing new until it confirms"


class Reminder(models.Model):
    """A step taken because a recipient did not confirm a withdrawal."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    recipient = models.ForeignKey(Recipient, on_delete=models.CASCADE, related_name="reminders")
    change = models.BigIntegerField(db_comment="The oldest withdrawal that it had not confirmed")
    step = models.CharField(max_length=20, choices=ReminderStep)
    at = models.DateTimeField()

    class Meta:
        ordering = ["at"]
        constraints = [models.UniqueConstraint(fields=["recipient", "change", "step"], name="a_reminder_once")]

    def __str__(self) -> str:
        return f"{self.step}: {self.recipient_id}"
