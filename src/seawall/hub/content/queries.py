"""Reads of content, always through what a person may see."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from urllib.parse import unquote, urlsplit
from uuid import UUID

from django.contrib.auth.models import AnonymousUser

from seawall.hub import moment
from seawall.hub.content.models import Content, Finding, IngestBatch, Reveal, Revision
from seawall.hub.directory.models import Person, Platform
from seawall.sources.posts import MAX_ID_CHARS


def content_for(*, person: Person | AnonymousUser, content_id: UUID) -> Content:
    """Raises Content.DoesNotExist for what lies outside the person's desks, just as for what is not there."""
    return Content.objects.visible_to(person).select_related("platform", "account", "desk").get(pk=content_id)


def find_content(*, platform: Platform, native_id: str) -> Content | None:
    """A post by what its platform calls it, whoever may see it: for services that take in what they are told of, never for a page."""
    return Content.objects.filter(platform=platform, native_id=native_id).first()


def native_id_of(address: str, *, known: bool) -> str:
    """What a post is called as far as its address tells: the last part of its path where the platform is known, the whole of it elsewhere.

    The same for everybody who tells the hub of a post, so that all of them find the same one.
    """
    name = unquote(urlsplit(address).path.rstrip("/").rsplit("/", 1)[-1]).replace("\x00", "") if known else ""
    name = name or address
    return name if len(name) <= MAX_ID_CHARS else f"sha256-{sha256(name.encode()).hexdigest()}"


def findings_of(content: Content) -> list[Finding]:
    """What detectors said of the present version, the newest first."""
    return list(Finding.objects.filter(content=content, version=content.version).order_by("-assessed_at", "-id"))


def flagged_in(batch_id: UUID) -> list[Finding]:
    """The findings on what a batch brought, without the posts that the detector could not read: those say nothing."""
    return list(
        Finding.objects.filter(content__batch_id=batch_id, assessed=True)
        .select_related("content__platform", "content__desk", "content__batch")
        .order_by("id")
    )


def revisions_of(content: Content) -> list[Revision]:
    return list(content.revisions.order_by("version"))


def reveals_today(person: Person) -> int:
    """How many masked posts the person chose to see in the last 24 hours."""
    return Reveal.objects.filter(person=person, at__gte=moment.now() - timedelta(hours=24)).count()


def unassessed() -> int:
    """How many batches wait for the detector."""
    return IngestBatch.objects.filter(assessed_at=None).count()
