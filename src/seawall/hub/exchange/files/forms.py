"""The forms about files of signals."""

from __future__ import annotations

from typing import Any

from django import forms

from seawall.hub.exchange.files.writing import Form
from seawall.hub.exchange.models import Member
from seawall.hub.web.forms import GovukForm


class TakeForm(GovukForm):
    """Which file, for which organisation."""

    member = forms.ChoiceField(
        label="For which organisation?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the organisation"},
    )
    form = forms.ChoiceField(
        label="Which kind of file?",
        choices=[(Form.CSV.value, "CSV, for a spreadsheet"), (Form.JSON.value, "JSON, for software")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the kind of file"},
    )
    replaced = forms.BooleanField(
        label="The new file takes the place of the one that I took before, which I delete",
        error_messages={"required": "Tick the box: you keep one file at a time"},
    )

    def __init__(self, data: Any, *, members: list[Member], has_one: bool) -> None:
        super().__init__(data)
        if len(members) == 1:
            del self.fields["member"]
        else:
            choices = [(str(member.pk), member.organisation.name) for member in members]
            self.fields["member"].choices = choices  # type: ignore[attr-defined]
        if not has_one:
            del self.fields["replaced"]
        self._members = members

    def member_chosen(self) -> Member:
        """The member for which the file is."""
        chosen = self.cleaned_data.get("member", str(self._members[0].pk))
        return next(member for member in self._members if str(member.pk) == chosen)


class DeletedForm(GovukForm):
    """An organisation's word that a file is gone."""

    deleted = forms.BooleanField(
        label="The file and every copy of it are deleted",
        error_messages={"required": "Tick the box if the file and every copy of it are deleted"},
    )
