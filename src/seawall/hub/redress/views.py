from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def done(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def follow(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def new(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def start(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def withdraw(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404
