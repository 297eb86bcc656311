"""What is shared, what others say of it, and every change of it in order."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from seawall.hub.casework.models import Decision
from seawall.hub.directory.models import Organisation, Person
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models.community import Community, Tlp
from seawall.hub.identifiers import new_id


class SignalState(models.TextChoices):
    ACTIVE = "active", "Shared"
    DISPUTED = "disputed", "Disputed: not to be acted on until it is settled"
    WITHDRAWN = "withdrawn", "Withdrawn"
    EXPIRED = "expired", "Expired"


class Reason(models.TextChoices):
    """Why a signal is not to be used any more."""

    MISTAKE = "mistake", "It was a mistake"
    APPEAL = "appeal", "An appeal was upheld"
    REFERRAL = "referral", "The referral that it came from was withdrawn"
    DISPUTE = "dispute", "Others hold that it is wrong"
    EXPIRED = "expired", "Its time was over"
    LEFT = "left", "Whoever shared it has left"


class SignalQuerySet(models.QuerySet["Signal"]):
    def in_use(self) -> SignalQuerySet:
        """Those that may be acted on."""
        return self.filter(state=SignalState.ACTIVE)


class Signal(models.Model):
    """One signal in one community. It says of content, an address, an account or a term what was decided about it; never of a person."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    number = models.BigIntegerField(unique=True, db_comment="Its key in the search index, never used again")
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="signals")
    kind = models.CharField(max_length=20, choices=[(kind.value, kind.words) for kind in SignalKind])
    value = models.TextField(db_comment="Canonical (exchange.kinds)")
    value_sha256 = models.CharField(max_length=64)
    harm = models.CharField(max_length=40)
    severity = models.PositiveSmallIntegerField()
    confidence = models.PositiveSmallIntegerField(db_comment="0 to 100, as STIX 2.1 counts it")
    tlp = models.CharField(max_length=20, choices=Tlp)
    decision = models.ForeignKey(
        Decision,
        on_delete=models.PROTECT,
        null=True,
        related_name="signals",
        db_comment="Of this hub, where it decided",
    )
    decision_reference = models.CharField(max_length=200, blank=True, db_comment="Of the member who decided")
    appeal_url = models.URLField(max_length=500, blank=True, db_comment="Where the decision can be appealed")
    shared_by = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="signals_shared")
    shared_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=20, choices=SignalState, default=SignalState.ACTIVE)
    first_change = models.BigIntegerField(db_comment="The community's number of its publication")
    last_change = models.BigIntegerField(db_comment="The community's number of what happened to it last")
    changed_at = models.DateTimeField()
    demonstration = models.BooleanField(default=False)

    objects = SignalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["community", "kind", "value_sha256"],
                condition=Q(state__in=["active", "disputed"]),
                name="a_signal_once_in_a_community",
            ),
            models.CheckConstraint(condition=Q(confidence__lte=100), name="confidence_to_100"),
            models.CheckConstraint(condition=Q(expires_at__gt=F("shared_at")), name="a_signal_lasts"),
            models.CheckConstraint(condition=~Q(kind="account") | ~Q(appeal_url=""), name="an_account_can_be_appealed"),
        ]
        indexes = [
            models.Index(fields=["community", "last_change"], name="exchange_feed"),
            models.Index(fields=["expires_at"], condition=Q(state__in=["active", "disputed"]), name="exchange_expiry"),
            models.Index(fields=["value_sha256"], name="exchange_value"),
            models.Index(
                fields=["community", "first_change"],
                include=["kind", "state", "last_change", "changed_at"],
                name="exchange_block",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


class Change(models.Model):
    """Something that happened to a signal: published, disputed, settled, withdrawn, expired. Numbered without gaps in its community."""

    id = models.BigAutoField(primary_key=True)
    community = models.ForeignKey(Community, on_delete=models.PROTECT, related_name="changes")
    number = models.BigIntegerField()
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="changes")
    state = models.CharField(max_length=20, choices=SignalState)
    reason = models.CharField(max_length=20, choices=Reason, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["community", "number"], name="a_change_has_its_number")]
        indexes = [
            models.Index(
                fields=["community", "number"],
                condition=Q(state__in=["withdrawn", "expired", "disputed"]),
                name="exchange_owed",
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}: {self.state}"


class OpinionKind(models.TextChoices):
    """What another member says of a signal."""

    SEEN = "seen", "Seen here too, and harmful"
    NOT_HERE = "not_harmful_here", "Seen here, and not harmful here"
    DISAGREE = "disagree", "Wrong: it should not be shared"


class Opinion(models.Model):
    """A member's word on a signal; its latest one counts."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    signal = models.ForeignKey(Signal, on_delete=models.CASCADE, related_name="opinions")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="opinions")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    opinion = models.CharField(max_length=20, choices=OpinionKind)
    note = models.TextField(blank=True)
    given_at = models.DateTimeField()

    class Meta:
        ordering = ["-given_at"]
        constraints = [models.UniqueConstraint(fields=["signal", "organisation"], name="one_opinion_an_organisation")]

    def __str__(self) -> str:
        return f"{self.opinion}: {self.signal_id}"
