"""The page of what one was told."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from seawall.hub import moment
from seawall.hub.notifications import queries, services
from seawall.hub.web.staff import person_of

PAGE = 25


@require_safe
def notifications(request: HttpRequest) -> HttpResponse:
    """What the person was told, the newest first."""
    person = person_of(request)
    page = Paginator(queries.notifications_for(person), PAGE).get_page(request.GET.get("page"))
    return render(
        request,
        "notifications/notifications.html",
        {"page": page, "now": moment.now(), "unread": queries.unread(person), "by_mail": queries.by_mail(person)},
    )


@require_POST
def read(request: HttpRequest) -> HttpResponse:
    """All of it is seen."""
    services.mark_read(person=person_of(request))
    return redirect("notifications")


@require_POST
def mail(request: HttpRequest) -> HttpResponse:
    """Mail from now on, or none."""
    wanted = request.POST.get("by_mail") == "yes"
    services.want_mail(person=person_of(request), wanted=wanted)
    messages.success(request, "You will get mails." if wanted else "You will get no mails. Look here instead.")
    return redirect("notifications")
