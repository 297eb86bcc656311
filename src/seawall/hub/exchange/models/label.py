"""What the hub says in public as a labeler of the AT Protocol, and on which signals each word stands."""

from __future__ import annotations

from django.db import models

from seawall.hub.exchange.models.signal import Signal


class LabelStream(models.Model):
    """The one row that numbers labels: whoever issues some holds it, so that numbers are given in the order of commits."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    next_seq = models.BigIntegerField(default=1)
    forgotten = models.BigIntegerField(
        default=0, db_comment="The highest number of a negation that is kept no more: who read less may have missed it"
    )
    began_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_stream_of_labels")]

    def __str__(self) -> str:
        return f"labels up to {self.next_seq - 1}"


class LabelGround(models.Model):
    """A signal in use on which a label stands. Several signals, also of several communities, may carry the same label."""

    signal = models.OneToOneField(Signal, on_delete=models.CASCADE, primary_key=True, related_name="label_ground")
    uri = models.CharField(max_length=2_000, db_comment="at:// address of a record, or the DID of an account")
    val = models.CharField(max_length=100)
    until = models.DateTimeField(db_comment="When the signal expires")

    class Meta:
        indexes = [models.Index(fields=["uri"], name="exchange_label_ground")]

    def __str__(self) -> str:
        return f"{self.val} on {self.uri}"


class IssuedLabel(models.Model):
    """What was said last of a subject under a value: a label, or its negation. An earlier word is kept no more."""

    seq = models.BigIntegerField(primary_key=True)
    src = models.CharField(max_length=300, db_comment="DID under which it was issued")
    uri = models.CharField(max_length=2_000)
    val = models.CharField(max_length=100)
    neg = models.BooleanField()
    cts = models.DateTimeField()
    exp = models.DateTimeField(null=True)
    sig = models.BinaryField(max_length=64)

    class Meta:
        ordering = ["seq"]
        constraints = [
            models.UniqueConstraint(fields=["src", "uri", "val"], name="one_word_on_a_subject"),
            models.CheckConstraint(
                condition=models.Q(neg=True, exp=None) | models.Q(neg=False, exp__isnull=False),
                name="a_label_ends_and_a_negation_does_not",
            ),
        ]
        indexes = [
            models.Index(fields=["uri"], name="exchange_label_uri", opclasses=["text_pattern_ops"]),
            models.Index(fields=["cts"], condition=models.Q(neg=True), name="exchange_label_negations"),
        ]

    def __str__(self) -> str:
        return f"{self.seq}: {'no ' if self.neg else ''}{self.val} on {self.uri}"
