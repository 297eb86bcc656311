"""The filters of the staff's pages: a period, a kind of entry."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms

from seawall.hub.ledger.vocabulary import EVENTS
from seawall.hub.oversight.queries import BEGINNING
from seawall.hub.web.forms import GovukDateField, GovukForm
from seawall.hub.web.words import LONDON


def start_of(day: date) -> datetime:
    """The first instant of a day in British time, in UTC."""
    return datetime.combine(day, time(), LONDON).astimezone(UTC)


class PeriodForm(GovukForm):
    """From one day to another, both included; empty for all."""

    since = GovukDateField(
        label="First day", help_text="When the referral was prepared, for example 1 11 2026", required=False
    )
    until = GovukDateField(label="Last day", required=False)
    mark_optional = False
    small = True

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("since"), cleaned.get("until")
        if first and last and first > last:
            self.add_error("until", "The last day must be the same as the first or after it")
        for name, day in (("since", first), ("until", last)):
            if day and not date(2000, 1, 1) <= day <= date(9998, 12, 31):
                self.add_error(name, "The year must be between 2000 and 9998")
        return cleaned

    def period(self) -> tuple[datetime, datetime | None]:
        """[since, until) in UTC; the whole time where nothing, or nothing usable, was asked for."""
        if not self.is_bound or not self.is_valid():
            return BEGINNING, None
        first, last = self.cleaned_data["since"], self.cleaned_data["until"]
        return (start_of(first) if first else BEGINNING), (start_of(last + timedelta(days=1)) if last else None)


class EntryFilter(GovukForm):
    """One kind of entry, or all."""

    verb = forms.ChoiceField(
        label="What happened",
        required=False,
        choices=[
            ("", "Anything"),
            *((verb, event.means) for verb, event in sorted(EVENTS.items(), key=lambda pair: pair[1].means)),
        ],
        widget=forms.Select,
        error_messages={"invalid_choice": "Choose one from the list"},
    )
    mark_optional = False
