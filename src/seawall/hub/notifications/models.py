"""What people and organisations are told, and how they want to be told."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Q

from seawall.hub.directory.models import Organisation, Person
from seawall.hub.identifiers import new_id


class NotificationQuerySet(models.QuerySet["Notification"]):
    def visible_to(self, person: Person | AnonymousUser) -> NotificationQuerySet:
        """A person's own, and nobody else's."""
        if not isinstance(person, Person):
            return self.none()
        return self.filter(person=person)


class Notification(models.Model):
    """One thing that one person is told. Its words name no post and no member of the public: mail is not a safe place."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="notifications")
    kind = models.CharField(max_length=40)
    text = models.CharField(max_length=300)
    link = models.CharField(max_length=200, db_comment="Path of the page that it is about")
    about = models.CharField(max_length=120, db_comment="What happened, so that nobody is told twice")
    made_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    objects = NotificationQuerySet.as_manager()

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["person", "about"], name="told_once")]
        indexes = [
            models.Index(fields=["person", "made_at"], condition=Q(read_at=None), name="notifications_unread"),
            models.Index(fields=["made_at"], condition=Q(mailed_at=None), name="notifications_unmailed"),
        ]

    def __str__(self) -> str:
        return self.text


class Preference(models.Model):
    """How a person wants to be told, besides in the hub."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, primary_key=True, related_name="preference")
    by_mail = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.person}: {'mail' if self.by_mail else 'no mail'}"


class Subscription(models.Model):
    """An organisation's own address that is called when something happens that it is told of (Standard Webhooks)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="subscriptions")
    url = models.URLField(max_length=500)
    secret = models.CharField(max_length=200, db_comment="whsec_...; the former one follows a comma while both hold")
    kinds = models.JSONField(default=list, db_comment="Kinds of happenings; empty: all")
    made_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["organisation", "made_at"]

    def __str__(self) -> str:
        return f"{self.organisation}: {self.url}"


class Call(models.Model):
    """One message to a subscription: what was sent, kept so that it can be sent again as it was."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subscription = models.ForeignKey(Subscription, on_delete=models.CASCADE, related_name="calls")
    kind = models.CharField(max_length=40)
    about = models.CharField(max_length=120)
    body = models.JSONField()
    made_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True)
    given_up_at = models.DateTimeField(null=True)
    problem = models.TextField(blank=True)

    class Meta:
        ordering = ["-made_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["subscription", "about"], name="called_once")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.subscription}"
