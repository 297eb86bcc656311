"""Reads of notifications: a person's own, and nobody else's."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser

from seawall.hub.directory.models import Person
from seawall.hub.notifications.models import Notification, NotificationQuerySet, Preference


def notifications_for(person: Person | AnonymousUser) -> NotificationQuerySet:
    """What the person was told, the newest first."""
    return Notification.objects.visible_to(person).order_by("-made_at", "-id")


def unread(person: Person | AnonymousUser) -> int:
    """How many of them the person has not seen yet."""
    return notifications_for(person).filter(read_at=None).count()


def by_mail(person: Person) -> bool:
    """Whether the person wants mail as well; they do until they say otherwise."""
    found = Preference.objects.filter(person=person).values_list("by_mail", flat=True).first()
    return True if found is None else found
