"""The desk's page of what came in by software, and what is done about it there."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from seawall.hub import moment
from seawall.hub.intake import queries, replies
from seawall.hub.intake.models import IncomingReply
from seawall.hub.web.staff import person_of, refusals_are_403

PAGE = 25


@require_safe
def arrivals(request: HttpRequest) -> HttpResponse:
    """What organisations' software sent for the person's desks, newest first: who, when, and what it became."""
    page = Paginator(queries.arrivals(person_of(request)), PAGE).get_page(request.GET.get("page"))
    return render(
        request, "intake/arrivals.html", {"rows": queries.shown(page.object_list), "page": page, "now": moment.now()}
    )


@require_POST
@refusals_are_403
def reply_read(request: HttpRequest, reply_id: UUID) -> HttpResponse:
    """Somebody has read a reply."""
    try:
        reply = queries.reply_for(person=person_of(request), reply_id=reply_id)
    except IncomingReply.DoesNotExist as missing:
        raise Http404("No such reply at your desks.") from missing
    replies.dealt_with(reply=reply, person=person_of(request))
    messages.success(request, f"The reply to {reply.referral.reference} is read.")
    return redirect("intake")
