from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def case(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def claim(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def decide(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def queue(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def release(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def reveal(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def review(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def transfer(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404
