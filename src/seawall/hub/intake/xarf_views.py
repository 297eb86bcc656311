"""XARF v4 over HTTP, the receiving side: docs/reference/channels/xarf.md and intake.md. A key in `Authorization: Bearer`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_http_methods, require_POST

from seawall.channels import xarf_server
from seawall.hub.access import organisation_of
from seawall.hub.intake import progress, queries, services
from seawall.hub.intake.http import body_of, typed
from seawall.hub.intake.models import IncomingReport

JSON = frozenset({"application/json"})
MOST_WORDS = 262_144  # bytes of a body that carries information or a withdrawal


@typed
@require_POST
def reports(request: HttpRequest) -> HttpResponse:
    """Take a report in. 202, the first time and for every repetition with the same key and body."""
    raw = body_of(request, most=xarf_server.MAX_BODY_BYTES, types=JSON)
    taken = xarf_server.submission(raw, idempotency_key=request.headers.get("Idempotency-Key"))
    kept = services.receive(organisation=organisation_of(request), taken=taken)
    said = xarf_server.accepted(taken, report_id=str(kept.pk), submitted_at=kept.received_at, status="RECEIVED")
    return JsonResponse(said, status=202)


@typed
@require_http_methods(["GET", "HEAD"])
def report(request: HttpRequest, report_id: str) -> HttpResponse:
    """How a report stands, and how it came to that."""
    found = _own(request, report_id)
    said = xarf_server.state(
        report_id=str(found.pk),
        correlation_id=found.correlation_id,
        submitted_at=found.received_at,
        answers=progress.answers_for(found),
    )
    return JsonResponse(said, headers={"Cache-Control": "no-store"})


@typed
@require_POST
def information(request: HttpRequest, report_id: str) -> HttpResponse:
    """Take in more words about a report."""
    found = _own(request, report_id)
    raw = body_of(request, most=MOST_WORDS, types=JSON)
    services.inform(
        report=found, told=xarf_server.information(raw, idempotency_key=request.headers.get("Idempotency-Key"))
    )
    return JsonResponse(xarf_server.informed(report_id=str(found.pk)), status=202)


@typed
@require_POST
def withdrawal(request: HttpRequest, report_id: str) -> HttpResponse:
    """Take in that the sender takes a report back."""
    found = _own(request, report_id)
    raw = body_of(request, most=MOST_WORDS, types=JSON)
    taken = xarf_server.withdrawal(raw, idempotency_key=request.headers.get("Idempotency-Key"))
    kept = services.withdraw(report=found, taken=taken)
    assert kept.withdrawn_at is not None  # noqa: S101  (the verb has just seen to it)
    said = xarf_server.withdrawn(taken, report_id=str(kept.pk), withdrawn_at=kept.withdrawn_at)
    return JsonResponse(said, status=202)


def _own(request: HttpRequest, report_id: str) -> IncomingReport:
    try:
        return queries.own_report(organisation=organisation_of(request), report_id=report_id)
    except IncomingReport.DoesNotExist as missing:
        raise xarf_server.unknown() from missing
