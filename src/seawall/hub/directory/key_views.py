"""The keys by which organisations' software is let in."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from seawall.hub.directory import queries, services
from seawall.hub.directory.models import ApiKey, Organisation
from seawall.hub.directory.roles import Role
from seawall.hub.web.forms import GovukForm
from seawall.hub.web.staff import person_of


class KeyForm(GovukForm):
    """A key for an organisation's software."""

    organisation = forms.ModelChoiceField(
        label="Whose software is it for?",
        queryset=Organisation.objects.none(),
        empty_label="Choose",
        error_messages={"required": "Choose the organisation"},
    )
    name = forms.CharField(
        label="What is the key used for?", max_length=200, error_messages={"required": "Say what the key is used for"}
    )

    def __init__(self, data: object = None) -> None:
        super().__init__(data)
        self.fields["organisation"].queryset = Organisation.objects.all()  # type: ignore[attr-defined]


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """Every key: whose it is, since when, when it was last used. Never the key itself."""
    return render(request, "directory/keys.html", {"keys": queries.api_keys()})


@require_http_methods(["GET", "HEAD", "POST"])
def give(request: HttpRequest) -> HttpResponse:
    """Make a key, and show it this once."""
    form = KeyForm(request.POST if request.method == "POST" else None)
    if form.is_bound and form.is_valid():
        made, secret = services.give_api_key(
            organisation=form.cleaned_data["organisation"],
            name=form.cleaned_data["name"],
            actor=services.acting_as(person_of(request), Role.ADMINISTRATOR),
        )
        shown = render(request, "directory/key_given.html", {"key": made, "secret": secret})
        shown["Cache-Control"] = "no-store"
        return shown
    return render(
        request, "directory/key_give.html", {"form": form}, status=422 if form.is_bound and form.errors else 200
    )


@require_POST
def withdraw(request: HttpRequest, key_id: UUID) -> HttpResponse:
    """Let the software in no longer."""
    key = get_object_or_404(ApiKey, pk=key_id)
    services.withdraw_api_key(key=key, actor=services.acting_as(person_of(request), Role.ADMINISTRATOR))
    messages.success(request, f"The key “{key.name}” of {key.organisation} no longer lets anybody in.")
    return redirect("keys")
