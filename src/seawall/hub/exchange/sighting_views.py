"""Sightings for people: somebody who speaks for a member says that a signal was seen."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from seawall.hub.directory.models import Organisation, Platform
from seawall.hub.directory.services import acting_as
from seawall.hub.exchange import queries, sightings
from seawall.hub.exchange.communities import role_to_speak
from seawall.hub.exchange.models import Community, Part, Signal
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.web.forms import GovukForm
from seawall.hub.web.staff import person_of, refusals_are_403


class SightingForm(GovukForm):
    """Which signal was seen, where and when."""

    organisation = forms.ModelChoiceField(
        label="For which organisation do you say it?",
        queryset=Organisation.objects.none(),
        empty_label=None,
        error_messages={"required": "Choose the organisation"},
    )
    signal = forms.CharField(
        label="Which signal?",
        help_text="Its identifier, or what was shared: the hash, the address or the words.",
        max_length=2_000,
        error_messages={"required": "Give the signal"},
    )
    platform = forms.ModelChoiceField(
        label="Where was it seen?",
        queryset=Platform.objects.none(),
        empty_label="Choose",
        error_messages={"required": "Choose the platform"},
    )
    url = forms.CharField(
        label="Address of the post (optional)",
        help_text="With it the post comes before people here, who decide what follows. Without it only the sighting is written down.",
        max_length=sightings.MAX_URL,
        required=False,
    )
    seen_at = forms.DateTimeField(
        label="When was it seen? (optional)",
        help_text="Day and time in UTC, such as 2026-11-23 14:05. Leave it empty for now.",
        input_formats=["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S"],
        widget=forms.TextInput,
        required=False,
        error_messages={"invalid": "Write the time like 2026-11-23 14:05"},
    )

    def __init__(self, data: Any, *, community: Community, speaks_for: list[Organisation]) -> None:
        own = [organisation.pk for organisation in speaks_for]
        super().__init__(data, initial={"organisation": own[0]})
        self._community = community
        self.fields["organisation"].queryset = Organisation.objects.filter(pk__in=own)  # type: ignore[attr-defined]
        self.fields["platform"].queryset = Platform.objects.order_by("name")  # type: ignore[attr-defined]

    def clean_signal(self) -> Signal:
        found = queries.signal_called(community=self._community, called=self.cleaned_data["signal"])
        if found is None:
            raise forms.ValidationError("No such signal is in use in this community. Give it as it was shared")
        return found


@require_http_methods(["GET", "HEAD", "POST"])
@refusals_are_403
def tell(request: HttpRequest, slug: str) -> HttpResponse:
    """Say that a signal was seen on a platform."""
    person = person_of(request)
    try:
        here = queries.community_for(person=person, slug=slug)
    except Community.DoesNotExist as missing:
        raise Http404("There is no such community that you may see.") from missing
    members = [each for each in queries.spoken_for(person=person, community=here) if each.accepted_at is not None]
    speaks_for = [each.organisation for each in members if each.part != Part.OBSERVER]
    if not speaks_for:
        raise PermissionError(f"Only members of {here.name} who receive signals say that they saw one.")
    form = SightingForm(request.POST if request.method == "POST" else None, community=here, speaks_for=speaks_for)
    if form.is_bound and form.is_valid():
        organisation = form.cleaned_data["organisation"]
        role = role_to_speak(person=person, organisation=organisation)
        if role is None:
            raise PermissionError(f"You do not speak for {organisation.name}.")
        try:
            _made, new = sightings.report(
                signal=form.cleaned_data["signal"],
                organisation=organisation,
                platform=form.cleaned_data["platform"],
                seen_at=form.cleaned_data["seen_at"],
                url=form.cleaned_data["url"],
                person=person,
                actor=acting_as(person, role),
            )
        except (NotAllowed, sightings.TooManySightings) as problem:
            form.add_error(None, str(problem))
        else:
            done = "The sighting is written down." if new else "This was written down before; nothing has changed."
            messages.success(request, done)
            return redirect("community_sightings", slug=slug)
    return render(
        request,
        "exchange/act.html",
        {"community": here, "form": form, "title": "Say that a signal was seen", "button": "Say so"},
        status=422 if form.is_bound and form.errors else 200,
    )
