"""The operator's record of statutory powers that are in force for bodies of the state."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from seawall.hub.directory.models import Organisation
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.practice import queries, services
from seawall.hub.practice.models import Power, PowerKind
from seawall.hub.web.forms import GovukDateField, GovukForm
from seawall.hub.web.staff import person_of


class PowerForm(GovukForm):
    """A power and on whose word it is said to be in force."""

    organisation = forms.ModelChoiceField(
        label="Which organisation holds it?",
        help_text="Only bodies of the state can hold one.",
        queryset=Organisation.objects.none(),
        empty_label="Choose",
        error_messages={"required": "Choose the organisation"},
    )
    kind = forms.ChoiceField(
        label="Which power?",
        choices=PowerKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the power"},
    )
    source = forms.CharField(
        label="Where was it read that the power is in force?",
        help_text="For example the regulations that bring the section into force, with their number or address.",
        max_length=services.MAX_SOURCE,
        widget=forms.Textarea,
        error_messages={"required": "Say where it was read"},
    )
    read_on = GovukDateField(label="Day on which it was read")
    advised_by = forms.CharField(
        label="Who advised that this organisation holds it?",
        help_text="A lawyer or an office, not only a name.",
        max_length=300,
        error_messages={"required": "Say who advised"},
    )

    def __init__(self, data: object = None) -> None:
        super().__init__(data)
        self.fields["organisation"].queryset = Organisation.objects.filter(state_body=True)  # type: ignore[attr-defined]


class EndForm(GovukForm):
    """Why a record of a power is ended."""

    because = forms.CharField(
        label="Why does it end?",
        max_length=services.MAX_SOURCE,
        widget=forms.Textarea,
        error_messages={"required": "Say why it ends"},
    )


@require_safe
def powers(request: HttpRequest) -> HttpResponse:
    """Every power that was recorded."""
    return render(
        request,
        "oversight/powers.html",
        {"powers": queries.powers(), "may_change": Role.ADMINISTRATOR in person_of(request).roles()},
    )


@require_http_methods(["GET", "HEAD", "POST"])
def record(request: HttpRequest) -> HttpResponse:
    """Record a power."""
    form = PowerForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        given = dict(form.cleaned_data)
        organisation = given.pop("organisation")
        try:
            made = services.record_power(
                organisation_id=organisation.pk,
                kind=PowerKind(given.pop("kind")),
                **given,
                actor=acting_as(person_of(request), Role.ADMINISTRATOR),
            )
        except services.PowerRefused as problem:
            form.add_error(problem.field or None, str(problem))
        else:
            messages.success(
                request, f"Recorded for {made.organisation}. Decisions from now on wait for one of its officers."
            )
            return redirect("powers")
    return render(
        request, "oversight/power_record.html", {"form": form}, status=422 if form.is_bound and form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
def end(request: HttpRequest, power_id: UUID) -> HttpResponse:
    """End the record of a power."""
    power = Power.objects.select_related("organisation").filter(pk=power_id).first()
    if power is None:
        raise Http404("There is no such power.")
    form = EndForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        try:
            services.end_power(
                power_id=power_id,
                because=form.cleaned_data["because"],
                actor=acting_as(person_of(request), Role.ADMINISTRATOR),
            )
        except services.PowerRefused as problem:
            form.add_error(problem.field or None, str(problem))
        else:
            messages.success(request, "Ended. Nothing more is given under it; what was given stays.")
            return redirect("powers")
    return render(
        request,
        "oversight/power_end.html",
        {"form": form, "power": power},
        status=422 if form.is_bound and form.errors else 200,
    )
