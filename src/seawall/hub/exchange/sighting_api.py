"""Sightings for members' software: say that a signal was seen on a platform, and read what was said of one's own."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from seawall.channels.base import stamp
from seawall.hub.directory.models import Platform
from seawall.hub.exchange import sightings
from seawall.hub.exchange.models import Member, Sighting, Signal
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.exchange.software import member_for
from seawall.hub.ledger.services import Actor
from seawall.hub.web.software import Refused, body_of, json_errors, json_response, text

MAX_BODY = 10_000  # bytes
LATEST = 1_000


@json_errors
@require_http_methods(["GET", "HEAD", "POST"])
def of_signal(request: HttpRequest, slug: str, signal_id: UUID) -> HttpResponse:
    """POST: the organisation saw the signal on a platform. GET: who saw it where, for who shared it; for others how often it was seen."""
    member = member_for(request, slug)
    signal = (
        Signal.objects.select_related("community", "shared_by").filter(pk=signal_id, community=member.community).first()
    )
    if signal is None:
        raise Refused(404, "signal", "There is no such signal in this community.")
    return _report(request, member, signal) if request.method == "POST" else _told(member, signal)


@json_errors
@require_http_methods(["POST"])
def withdraw(request: HttpRequest, slug: str, signal_id: UUID, sighting_id: UUID) -> HttpResponse:
    """The organisation takes back a sighting of its own."""
    member = member_for(request, slug)
    found = (
        Sighting.objects.select_related("platform", "signal")
        .filter(pk=sighting_id, signal=signal_id, signal__community=member.community, organisation=member.organisation)
        .first()
    )
    if found is None:
        raise Refused(404, "sighting", "Your organisation has told of no such sighting.")
    made = sightings.withdraw(sighting=found, actor=Actor.platform(member.organisation.slug))
    return json_response(_sighting(made))


def _report(request: HttpRequest, member: Member, signal: Signal) -> HttpResponse:
    value = body_of(request, most=MAX_BODY)
    try:
        made, new = sightings.report(
            signal=signal,
            organisation=member.organisation,
            platform=_platform(member, value.get("platform")),
            seen_at=_moment(value.get("seen_at")),
            url=text(value.get("url") or "", "url", most=sightings.MAX_URL),
            actor=Actor.platform(member.organisation.slug),
        )
    except NotAllowed as problem:
        raise Refused(422, "sighting", str(problem)) from problem
    except sightings.TooManySightings as problem:
        raise Refused(429, "rate", str(problem)) from problem
    return json_response(_sighting(made), status=201 if new else 200)


def _platform(member: Member, named: Any) -> Platform:
    """The platform that is named; the organisation's own where none is."""
    if named is None:
        own = Platform.objects.filter(organisation=member.organisation).first()
        if own is None:
            raise Refused(422, "fields", "Name the platform where it was seen: your organisation is none.", "platform")
        return own
    found = Platform.objects.filter(slug=text(named, "platform", least=1, most=50)).first()
    if found is None:
        slugs = ", ".join(Platform.objects.order_by("slug").values_list("slug", flat=True))
        raise Refused(422, "fields", f"This hub knows no such platform. It knows: {slugs}.", "platform")
    return found


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        return datetime.fromisoformat(text(value, "seen_at", most=40))
    except ValueError as problem:
        raise Refused(
            422, "fields", "seen_at is a time in ISO 8601 with its offset, such as 2026-11-23T14:05:00Z.", "seen_at"
        ) from problem


def _told(member: Member, signal: Signal) -> HttpResponse:
    said = signal.sightings.filter(withdrawn_at=None).select_related("platform", "organisation")
    own = signal.shared_by_id == member.organisation_id
    return json_response(
        {
            "signal": str(signal.pk),
            "count": said.count(),
            "sightings": [_sighting(each, by=True) for each in said[:LATEST]] if own else None,
        }
    )


def _sighting(made: Sighting, *, by: bool = False) -> dict[str, Any]:
    told = {
        "id": str(made.pk),
        "signal": str(made.signal_id),
        "platform": made.platform.slug,
        "how": made.how,
        "seen_at": stamp(made.seen_at),
        "recorded_at": stamp(made.recorded_at),
        "url": made.url or None,
        "withdrawn_at": stamp(made.withdrawn_at) if made.withdrawn_at else None,
    }
    return {**told, "organisation": made.organisation.slug if made.organisation else None} if by else told
