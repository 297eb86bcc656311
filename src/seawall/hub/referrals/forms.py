"""Referrals' forms: the list's filter, and what a platform asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms

from seawall.hub.directory.models import Platform
from seawall.hub.referrals.models import ReferralState
from seawall.hub.web.forms import GovukForm


class ReferralFilter(GovukForm):
    """Which referrals to show. All is optional."""

    state = forms.MultipleChoiceField(
        label="State", choices=ReferralState.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    platform = forms.ChoiceField(label="Platform", required=False)

    small = True
    mark_optional = False

    def __init__(self, data: Mapping[str, Any], *, platforms: Sequence[Platform]) -> None:
        super().__init__(data)
        cast(forms.ChoiceField, self.fields["platform"]).choices = [
            ("", "Any"),
            *((platform.slug, platform.name) for platform in platforms),
        ]
        if len(platforms) < 2:
            del self.fields["platform"]

    def chosen(self) -> dict[str, list[str]]:
        """The states and platforms; a value that is no choice is as if it had not been given."""
        self.is_valid()
        given = self.cleaned_data
        platform = given.get("platform")
        return {"states": given.get("state") or [], "platforms": [platform] if platform else []}


class InformForm(GovukForm):
    """What the platform asked for."""

    text = forms.CharField(
        label="What do you tell them?",
        help_text="The platform receives these words. Do not name whoever reported the post.",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Write what the platform asked for"},
    )
