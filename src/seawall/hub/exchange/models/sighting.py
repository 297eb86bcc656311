"""That a signal was seen somewhere, and who says so."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from seawall.hub.casework.models import Case
from seawall.hub.content.models import Content
from seawall.hub.directory.models import Organisation, Person, Platform
from seawall.hub.exchange.models.signal import Signal
from seawall.hub.identifiers import new_id


class How(models.TextChoices):
    """How it became known that a signal was seen."""

    REPORTED = "reported", "A member says so"
    OPINION = "opinion", "A platform said that it saw the signal too"
    MATCHED = "matched", "The hub took in a post that fits it"


class SightingQuerySet(models.QuerySet["Sighting"]):
    def standing(self) -> SightingQuerySet:
        """Those that nobody has taken back."""
        return self.filter(withdrawn_at=None)


class Sighting(models.Model):
    """A signal was seen on a platform. Of who posted it nothing is kept.

    `organisation` is the member who says so, None where the hub's own intake met it. The same word twice is one sighting: `place_sha256`
    is taken of the address, of the hub's own post where it has none, or of nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, related_name="sightings")
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="+")
    how = models.CharField(max_length=20, choices=How)
    seen_at = models.DateTimeField(db_comment="When it was seen there, as whoever says so tells it")
    recorded_at = models.DateTimeField()
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, null=True, related_name="+")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    url = models.CharField(max_length=2048, blank=True, db_comment="Where exactly, if it was told")
    place_sha256 = models.CharField(max_length=64)
    content = models.ForeignKey(Content, on_delete=models.PROTECT, null=True, related_name="sightings")
    case = models.ForeignKey(
        Case, on_delete=models.PROTECT, null=True, related_name="sightings", db_comment="The case it opened or joined"
    )

    withdrawn_at = models.DateTimeField(null=True, db_comment="When whoever said so took it back")

    objects = SightingQuerySet.as_manager()

    class Meta:
        ordering = ["-seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["signal", "platform", "organisation", "place_sha256"],
                condition=Q(withdrawn_at=None),
                name="a_sighting_once",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(how="matched", organisation=None, content__isnull=False)
                | (~Q(how="matched") & Q(organisation__isnull=False)),
                name="somebody_says_that_it_was_seen",
            ),
            models.CheckConstraint(condition=Q(case=None) | Q(content__isnull=False), name="a_case_is_about_a_post"),
        ]
        indexes = [
            models.Index(fields=["organisation", "recorded_at"], name="exchange_sighting_rate"),
            models.Index(fields=["seen_at"], name="exchange_sighting_seen"),
        ]

    def __str__(self) -> str:
        return f"{self.signal_id} on {self.platform_id}"
