from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def inform(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def probe(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def redeliver(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def referral(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def referrals(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404
