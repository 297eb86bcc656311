"""How right those who refer are, and what the overseer does about it."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from seawall.hub import moment
from seawall.hub.casework import measures
from seawall.hub.casework.form import FormIncomplete
from seawall.hub.casework.models import Measure, MeasureKind
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Desk
from seawall.hub.directory.roles import Role
from seawall.hub.referrals.conduct import conduct_of
from seawall.hub.web.forms import GovukForm
from seawall.hub.web.staff import person_of, refusals_are_403


class MeasureForm(GovukForm):
    """A warning or a suspension, by the tests of the Digital Services Act, art. 23."""

    kind = forms.ChoiceField(
        label="What do you decide?",
        choices=[("warning", "Warn the desk"), ("suspension", "Suspend the desk: it may not refer for a time")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you decide"},
    )
    days = forms.IntegerField(label="For how many days?", required=False, min_value=1, max_value=90)
    gravity = forms.CharField(
        label="How grave were the mistakes?",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say how grave the mistakes were"},
    )
    intent = forms.CharField(
        label="What is known of the intent?",
        help_text="Where nothing is known, say so.",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say what is known of the intent"},
    )
    reasons = forms.CharField(
        label="Your reasons",
        help_text="The desk reads them.",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Give your reasons"},
    )

    reveals = {"kind": {"suspension": ("days",)}}

    def clean(self) -> dict[str, object]:
        given = super().clean() or {}
        if given.get("kind") == "suspension" and not given.get("days") and "days" not in self.errors:
            self.add_error("days", "Say for how many days, 1 to 90")
        return given


class LiftForm(GovukForm):
    """Why a measure ends before its time."""

    because = forms.CharField(
        label="Why is it lifted?",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say why it is lifted"},
    )


@require_safe
def conduct(request: HttpRequest) -> HttpResponse:
    """Every desk that refers, with its figures and the measures in force."""
    desks = list(directory.desks())
    found = conduct_of(desks)
    now = moment.now()
    standing = [
        measure
        for measure in Measure.objects.filter(lifted_at=None).select_related("desk")
        if measure.until is None or measure.until > now
    ]
    return render(
        request,
        "oversight/conduct.html",
        {
            "rows": [
                {
                    "desk": desk,
                    "conduct": found[desk],
                    "measures": [measure for measure in standing if measure.desk_id == desk.pk],
                }
                for desk in desks
            ],
            "may_act": Role.OVERSEER in person_of(request).roles(),
            "now": now,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def measure(request: HttpRequest, desk_id: UUID) -> HttpResponse:
    """Warn or suspend a desk."""
    desk = get_object_or_404(Desk, pk=desk_id)
    figures = conduct_of([desk])[desk]
    form = MeasureForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        given = form.cleaned_data
        words = {name: given[name] for name in ("gravity", "intent", "reasons")}
        try:
            if given["kind"] == MeasureKind.SUSPENSION:
                measures.suspend(
                    desk=desk, person=person_of(request), figures=figures.as_figures(), days=given["days"], **words
                )
            else:
                measures.warn(desk=desk, person=person_of(request), figures=figures.as_figures(), **words)
        except FormIncomplete as problem:
            for one in problem.problems:
                form.add_error(one.field if one.field in form.fields else None, one.message)
        except measures.NoWarning as problem:
            form.add_error("kind", str(problem))
        else:
            messages.success(request, f"It is written down, and {desk.name} sees it.")
            return redirect("conduct")
    return render(
        request,
        "oversight/measure.html",
        {"desk": desk, "conduct": figures, "form": form},
        status=422 if form.is_bound and form.errors else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def lift(request: HttpRequest, measure_id: UUID) -> HttpResponse:
    """Lift a measure."""
    found = get_object_or_404(Measure.objects.select_related("desk"), pk=measure_id)
    form = LiftForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        measures.lift(measure=found, person=person_of(request), because=form.cleaned_data["because"])
        messages.success(request, f"It is lifted: {found.desk.name} is told on its pages.")
        return redirect("conduct")
    return render(
        request,
        "oversight/lift.html",
        {"measure": found, "form": form},
        status=422 if form.is_bound and form.errors else 200,
    )
