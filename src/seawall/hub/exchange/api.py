"""The exchange for software: read and confirm a community's signals, share, withdraw, say what one thinks, ask for matches.

JSON; a key in `Authorization: Bearer`. Described in docs/reference/exchange-api.md. Whoever is no member finds nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from seawall.channels.base import stamp
from seawall.detect.media import MediaError
from seawall.hub.access import organisation_of
from seawall.hub.exchange import matching, pictures, recipients, signals
from seawall.hub.exchange.kinds import MOST_OF_VIDEO, SignalInvalid, SignalKind
from seawall.hub.exchange.models import Member, OpinionKind, Part, Reason, Recipient, Signal, Surface, Tlp
from seawall.hub.exchange.queries import actor_of
from seawall.hub.exchange.recipients import ConfirmationInvalid, Paused
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.exchange.signals import Draft
from seawall.hub.web.software import Refused, body_of, bytes_of, json_errors, json_response, text, whole_number
from seawall.index import HashError

MAX_SHARED = 8_000_000  # bytes of signals at once
MAX_PICTURE = 32 << 20  # bytes of a picture that is asked about
MAX_ASKED = 1_000  # hashes and values in one question
OWN_REASONS = (Reason.MISTAKE, Reason.APPEAL)


def _member(request: HttpRequest, slug: str, *, observers: bool = False) -> Member:
    found = (
        Member.objects.current()
        .select_related("community", "organisation")
        .filter(organisation=organisation_of(request), community__slug=slug)
        .first()
    )
    if found is None or (found.part == Part.OBSERVER and not observers):
        raise Refused(404, "community", "Your organisation receives no signals in a community of this name.")
    return found


def _recipient(member: Member, named: Any) -> Recipient:
    try:
        return member.recipients.get(pk=UUID(str(named)), ended_at=None)
    except (ValueError, Recipient.DoesNotExist) as missing:
        raise Refused(
            404, "recipient", "Your organisation has no such recipient here. Register one first.", "recipient"
        ) from missing


@json_errors
@require_http_methods(["GET", "HEAD"])
def communities(request: HttpRequest) -> HttpResponse:
    """The communities that the organisation takes part in, or is asked into, with their rules."""
    members = (
        Member.objects.filter(organisation=organisation_of(request), left_at=None)
        .select_related("community", "agreement")
        .order_by("community__slug")
    )
    return json_response(
        {
            "communities": [
                {
                    "slug": member.community.slug,
                    "name": member.community.name,
                    "purpose": member.community.purpose,
                    "harms": member.community.harms,
                    "kinds": member.community.kinds,
                    "tlp_ceiling": member.community.tlp_ceiling,
                    "retention_days": member.community.retention.days,
                    "state_bodies": member.community.state_bodies,
                    "platforms_only": member.community.platforms_only,
                    "labels_published": member.community.labels_published,
                    "part": member.part,
                    "accepted_at": stamp(member.accepted_at) if member.accepted_at else None,
                    "agreement_version": member.agreement.version if member.agreement else None,
                    "latest_change": member.community.next_change - 1,
                    "recipients": [_place(place) for place in member.recipients.filter(ended_at=None)],
                }
                for member in members
            ]
        }
    )


@json_errors
@require_http_methods(["POST"])
def register(request: HttpRequest, slug: str) -> HttpResponse:
    """Name a place where signals are kept; the same name again is the same place."""
    member, value = _member(request, slug), body_of(request)
    try:
        made = recipients.register(
            member=member,
            surface=Surface.API,
            name=text(value.get("name"), "name", least=1, most=100),
            public_key=text(value.get("public_key", ""), "public_key", most=100),
            actor=actor_of(member),
        )
    except NotAllowed as problem:
        raise Refused(422, "fields", str(problem), "public_key") from problem
    return json_response(_place(made), status=201)


@json_errors
@require_http_methods(["GET", "HEAD", "POST"])
def feed(request: HttpRequest, slug: str) -> HttpResponse:
    """GET: what changed after a cursor, for a recipient. POST: share signals."""
    member = _member(request, slug)
    if request.method == "POST":
        return _share(request, member)
    place = _recipient(member, request.GET.get("recipient", ""))
    after = whole_number(request.GET.get("after", "0"), "after")
    most = whole_number(request.GET.get("limit", "1000"), "limit", least=1, most=recipients.MOST_A_PAGE)
    try:
        page = recipients.serve(recipient=place, after=after, most=most)
    except Paused as problem:
        raise Refused(409, "paused", str(problem)) from problem
    except NotAllowed as problem:
        raise Refused(404, "recipient", str(problem), "recipient") from problem
    return json_response(
        {
            "signals": [_told(signal) for signal in page.signals],
            "cursor": page.cursor,
            "confirm_until": page.until,
            "more": page.more,
        }
    )


def _share(request: HttpRequest, member: Member) -> HttpResponse:
    given = body_of(request, most=MAX_SHARED).get("signals")
    if not isinstance(given, list) or not 1 <= len(given) <= signals.MOST_AT_ONCE:
        raise Refused(422, "fields", f"signals must be a list of 1 to {signals.MOST_AT_ONCE:,}.", "signals")
    drafts = [_draft(value, f"signals[{place}]") for place, value in enumerate(given)]
    try:
        made = signals.share_many(
            community=member.community, organisation=member.organisation, drafts=drafts, actor=actor_of(member)
        )
    except (NotAllowed, SignalInvalid) as problem:
        raise Refused(422, "signals", str(problem), "signals") from problem
    return json_response({"signals": [{"id": str(signal.pk), "state": signal.state} for signal in made]}, status=201)


def _draft(value: Any, field: str) -> Draft:
    if not isinstance(value, dict):
        raise Refused(422, "fields", f"{field} must be an object.", field)
    try:
        kind, tlp = SignalKind(str(value.get("kind"))), Tlp(str(value.get("tlp")))
    except ValueError as problem:
        raise Refused(
            422,
            "fields",
            f"{field}: kind is one of {', '.join(SignalKind)}, and tlp one of {', '.join(Tlp)}.",
            field,
        ) from problem
    days = value.get("days")
    return Draft(
        kind=kind,
        value=text(value.get("value"), f"{field}.value", least=1, most=MOST_OF_VIDEO),
        harm=text(value.get("harm"), f"{field}.harm", least=1, most=40),
        severity=whole_number(value.get("severity"), f"{field}.severity", least=1, most=5),
        confidence=whole_number(value.get("confidence"), f"{field}.confidence", most=100),
        tlp=tlp,
        decision_reference=text(value.get("decision"), f"{field}.decision", least=1, most=200),
        appeal_url=text(value.get("appeal_url", ""), f"{field}.appeal_url", most=500),
        lasts=None if days is None else timedelta(days=whole_number(days, f"{field}.days", least=1, most=2_000)),
    )


@json_errors
@require_http_methods(["POST"])
def confirm(request: HttpRequest, slug: str) -> HttpResponse:
    """A recipient acted on everything up to a change."""
    member, value = _member(request, slug), body_of(request)
    statement = value.get("statement")
    if statement is not None and not isinstance(statement, dict):
        raise Refused(422, "fields", "statement must be an object.", "statement")
    try:
        kept = recipients.confirm(
            recipient=_recipient(member, value.get("recipient")),
            until=whole_number(value.get("until"), "until"),
            statement=statement,
            actor=actor_of(member),
        )
    except ConfirmationInvalid as problem:
        raise Refused(422, "confirmation", str(problem), "statement" if statement else "until") from problem
    return json_response(_place(kept))


@json_errors
@require_http_methods(["POST"])
def opinion(request: HttpRequest, slug: str, signal_id: UUID) -> HttpResponse:
    """What the organisation thinks of another's signal."""
    member, value = _member(request, slug), body_of(request)
    try:
        said = OpinionKind(str(value.get("opinion")))
    except ValueError as problem:
        raise Refused(422, "fields", f"opinion is one of {', '.join(OpinionKind)}.", "opinion") from problem
    found = _signal(member, signal_id)
    try:
        signals.give_opinion(
            signal=found,
            organisation=member.organisation,
            opinion=said,
            note=text(value.get("note", ""), "note"),
            actor=actor_of(member),
        )
    except NotAllowed as problem:
        raise Refused(409, "opinion", str(problem)) from problem
    found.refresh_from_db()
    return json_response(_told(found))


@json_errors
@require_http_methods(["POST"])
def withdraw(request: HttpRequest, slug: str, signal_id: UUID) -> HttpResponse:
    """Withdraw one's own signal."""
    member, value = _member(request, slug), body_of(request)
    found = _signal(member, signal_id)
    if found.shared_by_id != member.organisation_id:
        raise Refused(
            403, "not_yours", "Only who shared a signal withdraws it. You can say that it is wrong (opinion)."
        )
    if value.get("reason") not in OWN_REASONS:
        raise Refused(422, "fields", f"reason is one of {', '.join(OWN_REASONS)}.", "reason")
    signals.withdraw(signals=[found], reason=Reason(value["reason"]), actor=actor_of(member))
    found.refresh_from_db()
    return json_response(_told(found))


@json_errors
@require_http_methods(["POST"])
def match(request: HttpRequest) -> HttpResponse:
    """What the organisation's communities know: PDQ hashes are matched though some bits differ, everything else as a whole."""
    value = body_of(request)
    hashes, others = value.get("pdq", []), value.get("values", [])
    if not isinstance(hashes, list) or not isinstance(others, list) or not 1 <= len(hashes) + len(others) <= MAX_ASKED:
        raise Refused(422, "fields", f"Give pdq and values as lists, 1 to {MAX_ASKED:,} entries together.", "pdq")
    wanted = []
    for place, other in enumerate(others):
        field = f"values[{place}]"
        if not isinstance(other, dict) or other.get("kind") not in list(SignalKind):
            raise Refused(422, "fields", f"{field} needs a kind, one of {', '.join(SignalKind)}, and a value.", field)
        wanted.append((SignalKind(other["kind"]), text(other.get("value"), field, least=1, most=MOST_OF_VIDEO)))
    try:
        near, same = matching.match(
            organisation=organisation_of(request),
            hashes=[text(each, f"pdq[{place}]", least=64, most=64) for place, each in enumerate(hashes)],
            values=wanted,
            radius=whole_number(value.get("radius", 31), "radius", most=31),
        )
    except (SignalInvalid, HashError) as problem:
        raise Refused(422, "fields", str(problem), "pdq" if hashes else "values") from problem

    def told(hits: list[matching.Hit]) -> list[dict[str, Any]]:
        return [
            {"distance": hit.distance, "share": round(hit.share, 3), "signal": _told(hit.signal, community=True)}
            for hit in hits
        ]

    return json_response({"pdq": [told(hits) for hits in near], "values": [told(hits) for hits in same]})


@json_errors
@require_http_methods(["POST"])
def match_picture(request: HttpRequest) -> HttpResponse:
    """What the organisation's communities know of a picture, which is decoded behind walls, compared and forgotten."""
    if not (request.content_type or "").startswith("image/"):
        raise Refused(415, "media_type", "Send the picture itself, with its own media type, such as image/png.")
    data = bytes_of(request, most=MAX_PICTURE)
    try:
        found, hits = pictures.match(organisation=organisation_of(request), data=data)
    except MediaError as problem:
        ours = problem.kind in ("missing", "closed")
        raise Refused(503 if ours else 422, f"picture_{problem.kind}", str(problem)) from problem
    return json_response(
        {
            "sha256": found.file.sha256,
            "pdq": {"value": found.pdq.hex, "quality": found.pdq.quality, "used": pictures.tells_enough(found)},
            "matches": [
                {"as": hit.kind, "distance": hit.distance, "signal": _told(hit.signal, community=True)} for hit in hits
            ],
        }
    )


def _signal(member: Member, signal_id: UUID) -> Signal:
    try:
        return Signal.objects.select_related("community", "shared_by").get(pk=signal_id, community=member.community)
    except Signal.DoesNotExist as missing:
        raise Refused(404, "signal", "There is no such signal in this community.") from missing


def _told(signal: Signal, *, community: bool = False) -> dict[str, Any]:
    """A signal as members read it. Of one that is in use no more they are told what they need to find and undo it."""
    told = {
        "id": str(signal.pk),
        "kind": signal.kind,
        "value": signal.value,
        "state": signal.state,
        "change": signal.last_change,
        "changed_at": stamp(signal.changed_at),
        "harm": signal.harm,
        "severity": signal.severity,
        "confidence": signal.confidence,
        "tlp": signal.tlp,
        "shared_at": stamp(signal.shared_at),
        "expires_at": stamp(signal.expires_at),
        "appeal_url": signal.appeal_url or None,
        "demonstration": signal.demonstration,
    }
    return {**told, "community": signal.community.slug} if community else told


def _place(place: Recipient) -> dict[str, Any]:
    return {
        "id": str(place.pk),
        "name": place.name,
        "surface": place.surface,
        "served": place.served,
        "confirmed": place.confirmed,
        "signs": bool(place.public_key),
    }
