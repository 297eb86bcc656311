from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def directory(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def person(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def person_add(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def role_give(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def role_withdraw(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404
