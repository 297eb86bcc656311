"""Who takes part: organisations and their desks, people and their roles, platforms and how to reach them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from seawall.hub.directory.roles import CASEWORKERS, Partition, Role
from seawall.hub.identifiers import new_id


class OrganisationKind(models.TextChoices):
    HUB = "hub", "The hub"
    POLICE = "police", "Police force"
    CHARITY = "charity", "Charity"
    PLATFORM = "platform", "Platform"
    REGULATOR = "regulator", "Regulator"
    OMBUDSMAN = "ombudsman", "Ombudsman"
    ELECTORAL = "electoral_authority", "Electoral authority"
    OVERSIGHT = "oversight", "Oversight body"


class Organisation(models.Model):
    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=30, choices=OrganisationKind)
    state_body = models.BooleanField(
        default=False, db_comment="A body of the state: its referrals are always marked as such"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DeskQuerySet(models.QuerySet["Desk"]):
    def visible_to(self, person: Person | AnonymousUser) -> DeskQuerySet:
        """The desks that the person works at; none for anybody else."""
        if not isinstance(person, Person):
            return self.none()
        return self.filter(pk__in=person.desk_ids())


class Desk(models.Model):
    """A team's own room: the content and cases in it are seen by the people of this desk and by nobody else."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="desks")
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)
    partition = models.CharField(max_length=30, choices=Partition)

    objects = DeskQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PersonManager(BaseUserManager["Person"]):
    def get_by_natural_key(self, username: str | None) -> Person:
        return self.get(email__iexact=username)


class Person(AbstractBaseUser):
    """Somebody who signs in. What they may do comes from their memberships alone."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=200)
    is_active = models.BooleanField(default=True)
    added_at = models.DateTimeField(auto_now_add=True)

    objects = PersonManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = ["name"]  # type: ignore[misc]  # the stubs call it a class variable

    class Meta:
        verbose_name_plural = "people"
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_full_name(self) -> str:
        return self.name

    def current_memberships(self) -> list[Membership]:
        """The memberships in force, read once for each object (a request makes one)."""
        cached: list[Membership] | None = self.__dict__.get("_memberships")
        if cached is None:
            cached = list(
                self.memberships.filter(withdrawn_at=None).select_related("organisation", "desk").order_by("given_at")
            )
            self.__dict__["_memberships"] = cached
        return cached

    def roles(self) -> frozenset[Role]:
        """Every role that the person holds somewhere."""
        return frozenset(Role(membership.role) for membership in self.current_memberships())

    def desk_ids(self) -> frozenset[UUID]:
        """The desks whose content the person sees: those where they hold a caseworker's role."""
        return frozenset(
            membership.desk_id
            for membership in self.current_memberships()
            if membership.desk_id is not None and membership.role in CASEWORKERS
        )

    def roles_at(self, desk: Desk) -> frozenset[Role]:
        """The roles that the person holds at this desk."""
        return frozenset(Role(m.role) for m in self.current_memberships() if m.desk_id == desk.pk)

    def organisation_ids(self, *roles: Role) -> frozenset[UUID]:
        """The organisations where the person holds one of `roles`."""
        return frozenset(m.organisation_id for m in self.current_memberships() if m.role in roles)

    def refresh_from_db(self, *args: Any, **kwargs: Any) -> None:
        self.__dict__.pop("_memberships", None)
        super().refresh_from_db(*args, **kwargs)


class Membership(models.Model):
    """A role that a person holds in an organisation, at a desk where the role is a caseworker's."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="memberships")
    desk = models.ForeignKey(Desk, on_delete=models.PROTECT, related_name="memberships", null=True, blank=True)
    role = models.CharField(max_length=30, choices=Role)
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "organisation", "desk", "role"],
                condition=Q(withdrawn_at=None),
                name="one_membership_in_force",
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                condition=Q(desk=None, role__in=sorted(set(Role) - CASEWORKERS))
                | Q(desk__isnull=False, role__in=sorted(CASEWORKERS)),
                name="caseworkers_have_a_desk",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.person}: {self.get_role_display()}"


class Platform(models.Model):
    """A service that carries content and can be asked to act on it."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.OneToOneField(Organisation, on_delete=models.PROTECT, related_name="platform")
    slug = models.SlugField(unique=True)
    name = models.CharField(max_length=200)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PlatformRule(models.Model):
    """A rule of a platform's own terms, as it stood on a date: the other thing that a referral can stand on."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="rules")
    code = models.SlugField()
    title = models.CharField(max_length=200)
    text = models.TextField()
    source_url = models.URLField(blank=True)
    dated = models.DateField(db_comment="The version of the terms that the rule was read in")
    last_checked = models.DateField()
    harms = models.JSONField(default=list, db_comment="Ids of the harms that the rule covers")

    class Meta:
        ordering = ["platform", "code"]
        constraints = [models.UniqueConstraint(fields=["platform", "code", "dated"], name="one_rule_per_date")]

    def __str__(self) -> str:
        return f"{self.title} ({self.dated})"


class Route(models.Model):
    """How a platform is reached: a channel, an address, and the key that its receipts are signed with."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    platform = models.OneToOneField(Platform, on_delete=models.PROTECT, related_name="route")
    channel = models.CharField(max_length=30)
    endpoint = models.CharField(max_length=500, db_comment="In the form that the channel asks for: https, mailto")
    public_key = models.CharField(max_length=100, blank=True, db_comment="Ed25519, base64url, where the platform signs")
    token = models.CharField(max_length=500, blank=True, db_comment="The secret of this route, where it has one")
    settings = models.JSONField(default=dict, db_comment="What else the channel must be told of the platform")
    probe = models.CharField(max_length=30, default="http", db_comment="How the hub looks whether a post is still up")

    def __str__(self) -> str:
        return f"{self.platform} by {self.channel}"


class ApiKey(models.Model):
    """Lets an organisation's own software in, in the place of a person. Only its digest is kept."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="api_keys")
    name = models.CharField(max_length=200, db_comment="What it is used for")
    digest = models.CharField(max_length=64, unique=True, db_comment="SHA-256 of the key, hex")
    given_at = models.DateTimeField()
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["organisation", "given_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.organisation})"
