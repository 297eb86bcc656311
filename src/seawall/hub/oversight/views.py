from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def figures(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def figures_csv(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def figures_json(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def figures_platform(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def ledger(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def ledger_roots(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def scorecard(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def scorecards(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404
