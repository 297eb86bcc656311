from typing import Any

from django.http import Http404, HttpRequest, HttpResponse


def front(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def health(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404


def home(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    raise Http404
