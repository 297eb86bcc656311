"""The endpoints of the StopNCII protocol for each community. Described in docs/reference/exchange/threatexchange.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from seawall.hub.exchange.hashfeed import services
from seawall.hub.exchange.hashfeed.records import FEEDBACK
from seawall.hub.exchange.kinds import MOST_CHARACTERS
from seawall.hub.exchange.models import Member, Recipient
from seawall.hub.exchange.recipients import MOST_A_PAGE, ConfirmationInvalid, Paused
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.exchange.software import member_for
from seawall.hub.web.software import Refused, body_of, json_response

USUAL = 800  # records on a page when the client does not say, as the stock client asks
MOST_TOKEN = 500  # characters
MOST_FEEDBACK = 200  # hashes in one SubmitFeedback
MOST_BODY = 1_000_000  # bytes of it
MOST_TAGS = 20
MOST_TAG = 100  # characters
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,63}")
_WHOLE = re.compile(r"[0-9]{1,15}")

View = Callable[..., HttpResponse]


def endpoint(*methods: str) -> Callable[[View], View]:
    """Answer errors as the gateway of the protocol does: `{"statusCode", "message"}` (the stock client reads the status only)."""

    def wrap(view: View) -> View:
        @csrf_exempt  # nothing here goes by a cookie
        @wraps(view)
        def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
            try:
                if request.method not in methods:
                    raise Refused(405, "method", f"This endpoint answers {' and '.join(methods)}.")
                return view(request, *args, **named)
            except Refused as refused:
                return error(refused.status, str(refused))

        return answered

    return wrap


def error(status: int, message: str) -> HttpResponse:
    """An error of the protocol."""
    return HttpResponse(
        orjson.dumps({"statusCode": status, "message": message}), status=status, content_type="application/json"
    )


@endpoint("GET")
def fetch_hashes(request: HttpRequest, slug: str) -> HttpResponse:
    """FetchHashes: a page of what changed."""
    member = member_for(request, slug)
    place = _place(request, member)
    token = request.GET.get("nextPageToken", "")
    if len(token) > MOST_TOKEN:
        raise Refused(400, "token", "nextPageToken is none of this hub.")
    try:
        batch = services.fetch(
            member=member,
            place=place,
            start=_whole(request, "startTimestamp", services.BEGINNING),
            token=token,
            most=min(_whole(request, "pageSize", USUAL, least=1), MOST_A_PAGE),
            acted=_whole(request, "actedUntil", 0) if "actedUntil" in request.GET else None,
        )
    except (services.TokenInvalid, ConfirmationInvalid) as problem:
        raise Refused(400, "request", str(problem)) from problem
    except (Paused, NotAllowed) as problem:
        raise Refused(403, "refused", str(problem)) from problem
    return json_response(
        {
            "count": len(batch.records),
            "nextPageToken": batch.token,
            "nextSetTimestamp": batch.checkpoint,
            "hasMoreRecords": batch.token is not None,
            "hashRecords": batch.records,
            "cursor": batch.cursor,
        }
    )


@endpoint("POST")
def submit_feedback(request: HttpRequest, slug: str) -> HttpResponse:
    """SubmitFeedback: what the organisation thinks of signals."""
    member = member_for(request, slug)
    given = body_of(request, most=MOST_BODY).get("hashFeedbacks")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_FEEDBACK:
        raise Refused(400, "fields", f"hashFeedbacks must be a list of 1 to {MOST_FEEDBACK}.")
    feedback = [_feedback(each, f"hashFeedbacks[{place}]") for place, each in enumerate(given)]
    try:
        kept = services.take_feedback(member=member, given=feedback)
    except services.UnknownHash as problem:
        raise Refused(404, "hash", str(problem)) from problem
    except NotAllowed as problem:
        raise Refused(403, "refused", str(problem)) from problem
    return json_response({"count": len(feedback), "opinions": kept})


@endpoint("POST")
def submit_hashes(request: HttpRequest, slug: str) -> HttpResponse:
    """SubmitHashes is refused: it has no place for the decision that every signal stands on."""
    member_for(request, slug)
    raise Refused(403, "read_only", "Share signals by the hub's own interface: they need a decision and a harm.")


def _place(request: HttpRequest, member: Member) -> Recipient:
    """The client, by the name that it gives in the header for function keys. A key is no name: it would be kept in clear."""
    name = request.headers.get("x-functions-key", "")
    if not _NAME.fullmatch(name):
        raise Refused(401, "name", "Put a name of this client in x-functions-key: letters, digits, hyphens and dots.")
    try:
        return services.place_of(member=member, name=name)
    except NotAllowed as problem:
        raise Refused(403, "refused", str(problem)) from problem


def _whole(request: HttpRequest, field: str, usual: int, *, least: int = 0) -> int:
    given = request.GET.get(field, str(usual))
    if not _WHOLE.fullmatch(given) or int(given) < least:
        raise Refused(400, "fields", f"{field} must be a whole number from {least} on.")
    return int(given)


def _feedback(value: Any, field: str) -> services.Feedback:
    if not isinstance(value, dict):
        raise Refused(400, "fields", f"{field} must be an object.")
    named, said, tags = value.get("hashValue"), value.get("feedbackValue"), value.get("tags", [])
    if not isinstance(named, str) or not 1 <= len(named) <= MOST_CHARACTERS:
        raise Refused(400, "fields", f"{field}.hashValue must be a text of 1 to {MOST_CHARACTERS:,} characters.")
    if not isinstance(said, str) or said not in FEEDBACK:
        raise Refused(400, "fields", f"{field}.feedbackValue is one of {', '.join(sorted(FEEDBACK))}.")
    if not isinstance(tags, list) or len(tags) > MOST_TAGS or not all(_is_tag(tag) for tag in tags):
        raise Refused(400, "fields", f"{field}.tags is a list of at most {MOST_TAGS} texts of {MOST_TAG} characters.")
    return services.Feedback(value=named, said=said, tags=frozenset(tags))


def _is_tag(tag: Any) -> bool:
    return isinstance(tag, str) and len(tag) <= MOST_TAG and "\x00" not in tag
