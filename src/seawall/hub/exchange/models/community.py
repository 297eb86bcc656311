"""Who shares with whom, under which rules."""

from __future__ import annotations

from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from seawall.hub.directory.models import Organisation, Person
from seawall.hub.directory.roles import Role
from seawall.hub.identifiers import new_id


class Tlp(models.TextChoices):
    """Traffic Light Protocol 2.0 (FIRST, August 2022): how far what is shared may travel, from the widest to the narrowest."""

    CLEAR = "clear", "TLP:CLEAR, no limit"
    GREEN = "green", "TLP:GREEN, within the wider community"
    AMBER = "amber", "TLP:AMBER, the recipient’s organisation and its clients, as they need to know"
    AMBER_STRICT = "amber+strict", "TLP:AMBER+STRICT, the recipient’s organisation only"
    RED = "red", "TLP:RED, the named recipients only"


WIDEST_FIRST = tuple(Tlp)
"""The order of the labels: what may travel furthest comes first."""


class CommunityQuerySet(models.QuerySet["Community"]):
    def visible_to(self, person: Person | AnonymousUser) -> CommunityQuerySet:
        """Those that the person's organisations take part in, or are asked to; all for the administrator and the auditor."""
        if not isinstance(person, Person):
            return self.none()
        if person.roles() & {Role.ADMINISTRATOR, Role.AUDITOR}:
            return self
        own = {membership.organisation_id for membership in person.current_memberships()}
        return self.filter(members__organisation__in=own, members__left_at=None).distinct()


class Community(models.Model):
    """Organisations that share signals of certain harms and kinds.

    `next_change` numbers what happens in it: whoever writes holds the row, so that numbers are given in the order in which they are
    committed and a reader who asks for what came after a number misses nothing.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    purpose = models.TextField()
    harms = models.JSONField(db_comment="Identifiers of the harms that may be shared")
    kinds = models.JSONField(db_comment="Kinds of signals that may be shared (exchange.kinds.SignalKind)")
    tlp_ceiling = models.CharField(
        max_length=20, choices=Tlp, db_comment="No signal in it may travel less far than this"
    )
    retention = models.DurationField(db_comment="A signal expires after this time at the latest")
    state_bodies = models.BooleanField(
        default=False, db_comment="Whether bodies of the state may share or receive signals"
    )
    platforms_only = models.BooleanField(
        default=False, db_comment="Platform to platform: accounts may be shared in no other"
    )
    labels_published = models.BooleanField(
        default=False,
        db_comment="Whether what is TLP:CLEAR in it is published as labels of the AT Protocol, to everybody",
    )
    operator = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="communities_run")
    founded_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    next_change = models.BigIntegerField(default=1)

    objects = CommunityQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "communities"

    def __str__(self) -> str:
        return self.name


class Agreement(models.Model):
    """The text that members accept, word for word. A new version is a new row; the old one stays."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="agreements")
    version = models.PositiveIntegerField()
    text = models.TextField()
    text_sha256 = models.CharField(max_length=64)
    published_at = models.DateTimeField()

    class Meta:
        ordering = ["-version"]
        constraints = [models.UniqueConstraint(fields=["community", "version"], name="one_agreement_per_version")]

    def __str__(self) -> str:
        return f"agreement {self.version} of {self.community_id}"


class Part(models.TextChoices):
    """What an organisation does in a community."""

    READER = "reader", "Receives signals"
    WRITER = "writer", "Receives and shares signals"
    OBSERVER = "observer", "Sees counts, and no signal"


class MemberQuerySet(models.QuerySet["Member"]):
    def current(self) -> MemberQuerySet:
        """Those who have accepted the agreement and have not left."""
        return self.filter(accepted_at__isnull=False, left_at=None)

    def receiving(self) -> MemberQuerySet:
        """Those who are handed signals: current members who are no observers."""
        return self.current().exclude(part=Part.OBSERVER)

    def of(self, organisation_ids: frozenset[UUID]) -> MemberQuerySet:
        return self.filter(organisation__in=organisation_ids)


class Member(models.Model):
    """An organisation in a community: asked in, then bound by the agreement that it accepted."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    community = models.ForeignKey(Community, on_delete=models.CASCADE, related_name="members")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="communities")
    part = models.CharField(max_length=20, choices=Part)
    invited_at = models.DateTimeField()
    invited_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, null=True, related_name="members")
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, related_name="+")
    left_at = models.DateTimeField(null=True)
    left_because = models.TextField(blank=True)

    objects = MemberQuerySet.as_manager()

    class Meta:
        ordering = ["invited_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["community", "organisation"], condition=Q(left_at=None), name="a_member_once_at_a_time"
            ),
            models.CheckConstraint(
                condition=Q(accepted_at=None, agreement=None, accepted_by=None)
                | Q(accepted_at__isnull=False, agreement__isnull=False, accepted_by__isnull=False),
                name="who_accepts_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} in {self.community_id}"
