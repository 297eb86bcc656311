"""A platform's software: what was referred to it, and its answers. JSON; a key in `Authorization: Bearer`.

Described in docs/reference/platform-api.md. The access table lets in whoever shows a key; what they find is their own platform's alone.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from seawall.channels.base import parse_stamp, stamp
from seawall.hub import moment
from seawall.hub.access import organisation_of
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.ledger.services import Actor
from seawall.hub.notifications import sending
from seawall.hub.notifications import services as notifications
from seawall.hub.notifications.models import Subscription
from seawall.hub.referrals import additions, portal, user_notice_queries, withdrawals
from seawall.hub.referrals.models import Referral, ReferralState, Withdrawal

PAGE = 100
MAX_BODY = 2_000_000  # bytes


class Refused(Exception):
    """A request that cannot be answered: status, a short word for software, a sentence for people, and the field."""

    def __init__(self, status: int, code: str, message: str, field: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.field = status, code, field


def _json_errors(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @csrf_exempt  # nothing here goes by a cookie
    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        try:
            return view(request, *args, **named)
        except Refused as refused:
            fields = [{"field": refused.field, "problem": str(refused)}] if refused.field else []
            error = {"code": refused.code, "message": str(refused), "fields": fields}
            return JsonResponse({"error": error}, status=refused.status)

    return answered


def _body(request: HttpRequest) -> Any:
    if request.content_type != "application/json":
        raise Refused(415, "media_type", "Send application/json.")
    if len(request.body) > MAX_BODY:
        raise Refused(413, "too_large", f"Send at most {MAX_BODY:,} bytes at once.")
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as problem:
        raise Refused(400, "json", f"This is not JSON: {problem}.") from problem


@_json_errors
@require_http_methods(["GET", "HEAD"])
def listing(request: HttpRequest) -> HttpResponse:
    """What was referred to the platform, the oldest first, a page at a time; `state` and `after` (an id) narrow it down."""
    found = portal.addressed_to(organisation_of(request))
    if state := request.GET.get("state"):
        if state not in ReferralState.values:
            raise Refused(
                400,
                "state",
                f"There is no state {state[:40]!r}; the states are: {', '.join(ReferralState.values)}.",
                "state",
            )
        found = found.filter(state=state)
    if after := request.GET.get("after"):
        try:
            last = portal.addressed_to(organisation_of(request)).get(pk=UUID(after))
        except (ValueError, Referral.DoesNotExist) as problem:
            raise Refused(400, "after", "“after” must be the id of a referral to your platform.", "after") from problem
        found = found.filter(received_at__gte=last.received_at).exclude(received_at=last.received_at, id__lte=last.pk)
    rows = list(found[: PAGE + 1])
    return JsonResponse({"referrals": [_told(row) for row in rows[:PAGE]], "more": len(rows) > PAGE})


@_json_errors
@require_http_methods(["GET", "HEAD"])
def one(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """One referral, with the document and every answer."""
    referral = _own(request, referral_id)
    return JsonResponse(
        {
            **_told(referral),
            "document": referral.document,
            "answers": [_answer(each) for each in referral.answers.all()],
        }
    )


@_json_errors
@require_http_methods(["POST"])
def answers(request: HttpRequest) -> HttpResponse:
    """Take in up to 500 answers; says of each whether it was taken in, and if not, why."""
    value = _body(request)
    given = value.get("answers") if isinstance(value, dict) else None
    try:
        outcomes = portal.answer_by_software(organisation=organisation_of(request), values=given)
    except FormIncomplete as problem:
        raise Refused(422, "answers", str(problem), "answers") from problem
    told = [
        {"referral": each.referral, "taken": each.taken, **({} if each.taken else {"problem": each.problem})}
        for each in outcomes
    ]
    return JsonResponse({"answers": told}, status=200 if all(each.taken for each in outcomes) else 207)


@_json_errors
@require_http_methods(["POST"])
def confirm_withdrawal(request: HttpRequest, referral_id: UUID) -> HttpResponse:
    """The platform has read that a referral is withdrawn."""
    referral = _own(request, referral_id)
    try:
        made = withdrawals.acknowledge_at_portal(referral=referral, person=None)
    except Withdrawal.DoesNotExist as missing:
        raise Refused(409, "not_withdrawn", f"{referral.reference} is not withdrawn.") from missing
    return JsonResponse({"referral": str(referral.pk), "acknowledged_at": _time(made.acknowledged_at)})


@_json_errors
@require_http_methods(["GET", "HEAD", "POST"])
def subscriptions(request: HttpRequest) -> HttpResponse:
    """The addresses that are called when something happens (Standard Webhooks); POST adds one and returns its secret this once."""
    organisation = organisation_of(request)
    if request.method != "POST":
        found = organisation.subscriptions.filter(ended_at=None)
        return JsonResponse({"subscriptions": [_subscription(each) for each in found]})
    value = _body(request)
    url, kinds = (value.get("url"), value.get("kinds", [])) if isinstance(value, dict) else (None, [])
    if not isinstance(url, str):
        raise Refused(422, "fields", "Give the address that is to be called.", "url")
    if not isinstance(kinds, list) or not all(isinstance(kind, str) for kind in kinds):
        raise Refused(422, "fields", "The kinds must be a list of words; leave it out for all.", "kinds")
    try:
        made = notifications.subscribe(
            organisation=organisation, url=url, kinds=kinds, actor=Actor.platform(organisation.slug)
        )
    except notifications.SubscriptionRefused as problem:
        raise Refused(422, "fields", str(problem), "url") from problem
    return JsonResponse({**_subscription(made), "secret": made.secret}, status=201)


@_json_errors
@require_http_methods(["DELETE"])
def subscription(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """End one."""
    organisation = organisation_of(request)
    found = organisation.subscriptions.filter(pk=subscription_id).first()
    if found is None:
        raise Refused(404, "subscription", "Your organisation has no such subscription.")
    notifications.end_subscription(subscription=found, actor=Actor.platform(organisation.slug))
    return HttpResponse(status=204)


@_json_errors
@require_http_methods(["POST"])
def replay(request: HttpRequest, subscription_id: UUID) -> HttpResponse:
    """Call again, as it was, what was called since the moment `since`: at most 1,000 of the oldest."""
    organisation = organisation_of(request)
    found = organisation.subscriptions.filter(pk=subscription_id, ended_at=None).first()
    if found is None:
        raise Refused(404, "subscription", "Your organisation has no such subscription.")
    value = _body(request)
    try:
        since = parse_stamp(str(value["since"]))
    except (KeyError, TypeError, ValueError) as problem:
        raise Refused(
            422, "fields", "Give since as a time with a zone, such as 2026-11-01T00:00:00Z.", "since"
        ) from problem
    again = list(found.calls.filter(made_at__gte=since).order_by("made_at", "id").values_list("pk", flat=True)[:1_000])
    for call_id in again:
        sending.replay(call_id=call_id)
    return JsonResponse({"replayed": len(again)}, status=202)


def _subscription(found: Subscription) -> dict[str, Any]:
    return {"id": str(found.pk), "url": found.url, "kinds": found.kinds, "problem": found.problem or None}


def _own(request: HttpRequest, referral_id: UUID) -> Referral:
    try:
        found: Referral = portal.addressed_to(organisation_of(request)).get(pk=referral_id)
    except Referral.DoesNotExist as missing:
        raise Refused(404, "referral", "There is no such referral to your platform.") from missing
    return found


def _told(referral: Referral) -> dict[str, Any]:
    clock, now = referral.clock(), moment.now()
    return {
        "id": str(referral.pk),
        "reference": referral.reference,
        "kind": referral.kind,
        "harm": referral.harm,
        "state_body": referral.state_body,
        "state": str(referral.state),
        "url": referral.document["content"]["url"],
        "requested_action": referral.document["requested_action"],
        "received_at": _time(referral.received_at),
        "clock": {
            "state": clock.state(now).value,
            "due": _time(clock.due()),
            "basis": clock.limit.basis.value,
            "citation": clock.limit.citation,
        },
        "says": portal.sayings_for([referral]),
        "information": [
            {"given_at": _time(given.given_at), "text": given.text}
            for given in referral.information.order_by("given_at")
        ],
        "user_notice": user_notice_queries.for_platform(referral),
        "document_sha256": referral.document_sha256,
        **additions.told(referral),
    }


def _answer(answer: Any) -> dict[str, Any]:
    return {
        "answered_at": _time(answer.answered_at),
        "status": answer.status,
        "reason_code": answer.reason_code or None,
        "detail": answer.detail,
        "puid": answer.puid or None,
        "actions": answer.actions,
        "way": answer.way,
        "proof": answer.proof,
    }


def _time(at: dt.datetime | None) -> str | None:
    return stamp(at) if at is not None else None
