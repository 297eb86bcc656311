"""What the staff's views share: who asks, and what becomes of a service's refusal."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

from seawall.hub.directory.models import Person

P = ParamSpec("P")
R = TypeVar("R", bound=HttpResponseBase)
View = Callable[Concatenate[HttpRequest, P], R]


def person_of(request: HttpRequest) -> Person:
    """Who asks. The access table lets nobody else as far as a view; raises PermissionDenied all the same."""
    if not isinstance(request.user, Person):
        raise PermissionDenied("Sign in first.")
    return request.user


def refusals_are_403(view: View[P, R]) -> View[P, R]:
    """Answer 403, with the service's own sentence, where a service says that the person may not do this."""

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return view(request, *args, **kwargs)
        except PermissionError as refusal:
            raise PermissionDenied(str(refusal)) from refusal

    return cast("View[P, R]", wrapped)
