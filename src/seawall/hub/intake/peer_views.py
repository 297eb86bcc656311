"""What platforms' servers post here, signed by them: events after Standard Webhooks, and activities for the hub's inbox."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from seawall.channels import activitypub
from seawall.channels.document import MAX_DOCUMENT_BYTES
from seawall.channels.xarf_report import ReportInvalid, json_of
from seawall.channels.xarf_server import Refused
from seawall.hub.intake import activities, actor, replies, webhooks
from seawall.hub.intake.http import body_of, typed

JSON = frozenset({"application/json"})
ACTIVITIES = frozenset({activitypub.MEDIA_TYPE, "application/ld+json"})
MOST_ACTIVITY = 262_144  # bytes


@typed
@require_POST
def webhook(request: HttpRequest, slug: str) -> HttpResponse:
    """Take a platform's answer in, by the platform's own address and secret."""
    platform = webhooks.platform_calling(slug)
    body = body_of(request, most=MAX_DOCUMENT_BYTES, types=JSON)
    taken = webhooks.take(platform=platform, headers=dict(request.headers), body=body)
    return JsonResponse({"referral": taken.reference, "taken": True, "repeated": taken.repeated})


@typed
@require_safe
def webfinger(request: HttpRequest) -> HttpResponse:
    """Lead from the hub's name in the network to its actor."""
    resource = request.GET.get("resource", "")
    if not resource:
        raise Refused(400, "resource", "Say whom you look for, as ?resource=acct:name@host.")
    found = actor.finger(_actor(), resource)
    if found is None:
        raise Refused(404, "resource", "Nobody here has that name.")
    return JsonResponse(found, content_type="application/jrd+json", headers={"Access-Control-Allow-Origin": "*"})


@typed
@require_safe
def actor_document(request: HttpRequest) -> HttpResponse:
    """Who the hub is in the network, and its public key."""
    return JsonResponse(actor.document(_actor()), content_type=activitypub.MEDIA_TYPE)


@typed
@require_safe
def outbox(request: HttpRequest) -> HttpResponse:
    """Empty: reports are not published."""
    where = f"{_actor()}/outbox"
    empty = {
        "@context": activitypub.CONTEXT,
        "id": where,
        "type": "OrderedCollection",
        "totalItems": 0,
        "orderedItems": [],
    }
    return JsonResponse(empty, content_type=activitypub.MEDIA_TYPE)


@typed
@require_POST
def inbox(request: HttpRequest) -> HttpResponse:
    """Take in what answers a report of ours, signed by the server that the report went to; whatever else comes is let go.

    202 in both cases, so that nobody learns here what the hub has reported.
    """
    own = _actor()
    body = body_of(request, most=MOST_ACTIVITY, types=ACTIVITIES)
    try:
        about = activities.read(json_of(body))
    except ReportInvalid as error:
        raise Refused(400, "json", f"The body {error.problems[0].problem}.") from error
    except activities.ActivityInvalid as error:
        raise Refused(400, "activity", str(error)) from error
    referral = replies.referral_of(about.flag) if about is not None else None
    if about is None or referral is None:
        return HttpResponse(status=202)
    owner = actor.signed_by(
        actor=own,
        path=request.get_full_path(),
        headers=dict(request.headers),
        body=body,
        hosts=replies.hosts_of(referral),
    )
    if owner != about.actor:
        raise Refused(401, "actor", "The activity is not by the actor whose key signed it.")
    replies.receive(referral=referral, about=about)
    return HttpResponse(status=202)


def _actor() -> str:
    found = actor.address()
    if found is None:
        raise Refused(404, "actor", "This hub takes no part in the ActivityPub network.")
    return found
