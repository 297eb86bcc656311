from dataclasses import asdict
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from seawall.hub.web.health import health as look


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """What this is, for whom, and the three doors of the public."""
    return render(request, "web/front.html")


@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """The hub's health as JSON: 503 when the database cannot be reached, 200 otherwise, also when background work is behind."""
    found = look()
    response = JsonResponse(asdict(found), status=503 if found.status == "down" else 200)
    response["Cache-Control"] = "no-store"
    return response


def home(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404
