"""The operator's calendar of election periods."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from seawall.hub import moment
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.practice import queries, services
from seawall.hub.practice.models import ElectionPeriod
from seawall.hub.web.forms import GovukDateField, GovukForm
from seawall.hub.web.staff import person_of


class PeriodForm(GovukForm):
    """An election period."""

    title = forms.CharField(label="Which election?", max_length=200, error_messages={"required": "Name the election"})
    area = forms.CharField(
        label="Where is it held?", max_length=200, error_messages={"required": "Say where it is held"}
    )
    begins = GovukDateField(label="First day of the period")
    ends = GovukDateField(
        label="Last day of the period", help_text="The day itself is included. Days are counted in UTC."
    )


@require_safe
def calendar(request: HttpRequest) -> HttpResponse:
    """Every period that was entered."""
    today = moment.now().date()
    return render(
        request,
        "oversight/calendar.html",
        {
            "periods": queries.election_periods(),
            "today": today,
            "now_halved": queries.in_election_period(today),
            "incidents": queries.hurried_at(moment.now()),
            "may_change": Role.ADMINISTRATOR in person_of(request).roles(),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def enter(request: HttpRequest) -> HttpResponse:
    """Enter a period."""
    form = PeriodForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            made = services.enter_election_period(
                **form.cleaned_data, actor=acting_as(person_of(request), Role.ADMINISTRATOR)
            )
        except services.PeriodRefused as problem:
            form.add_error(None, str(problem))
        else:
            messages.success(request, f"{made.title} is entered. It counts for what is referred from now on.")
            return redirect("calendar")
    return render(
        request, "oversight/calendar_enter.html", {"form": form}, status=422 if form.is_bound and form.errors else 200
    )


@require_POST
def cancel(request: HttpRequest, period_id: UUID) -> HttpResponse:
    """Cancel a period."""
    try:
        gone = services.cancel_election_period(
            period_id=period_id, actor=acting_as(person_of(request), Role.ADMINISTRATOR)
        )
    except ElectionPeriod.DoesNotExist as missing:
        raise Http404("There is no such election period.") from missing
    except services.PeriodRefused as problem:
        messages.error(request, str(problem))
    else:
        messages.success(request, f"{gone.title} is cancelled. What was halved while it stood stays halved.")
    return redirect("calendar")
