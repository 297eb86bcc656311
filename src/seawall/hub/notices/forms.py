"""The forms of notices: how an officer is named, what a draft says, and what follows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from seawall.hub.notices.models import Finding, ReviewOutcome
from seawall.hub.notices.parts import Lack, element
from seawall.hub.practice.models import PowerKind
from seawall.hub.web.forms import GovukDateField, GovukForm
from seawall.hub.web.words import LONDON

PHONE = RegexValidator(r"^\+?[0-9][0-9 ()/.-]{1,38}[0-9]$", "Enter a telephone number in figures, like 01632 960 001")


class ProfileForm(GovukForm):
    """How an officer is named in what they give."""

    name = forms.CharField(label="Your name", max_length=300)
    rank = forms.CharField(label="Your rank or grade", max_length=300)
    force = forms.CharField(label="Your force or agency", max_length=300)
    email = forms.EmailField(label="Mail address at which platforms reach you", max_length=254)
    phone = forms.CharField(label="Telephone number at which platforms reach you", max_length=40, validators=[PHONE])
    authorisation = forms.CharField(
        label="Reference of your authorisation",
        help_text="What shows that you are authorised to give notices.",
        max_length=300,
    )
    authorised_at = GovukDateField(label="Day on which you were authorised")

    widths = {"email": "two-thirds", "phone": "20", "authorisation": "20"}


class WriteForm(GovukForm):
    """A draft, complete or not: what the law asks for stands beside each field and is no error before the draft is checked."""

    kind: PowerKind
    mark_optional = False

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for name, field in self.fields.items():
            field.required = False
            field.help_text = " ".join(filter(None, (element(self.kind, name), str(field.help_text))))

    def values(self) -> dict[str, str]:
        """What was filled in, as it is kept."""
        given = self.cleaned_data
        return {
            name: value.isoformat() if isinstance(value, date) else str(value)
            for name, value in given.items()
            if value not in (None, "")
        }

    def note(self, found: Iterable[Lack]) -> None:
        """Put what is missing beside its field."""
        for each in found:
            if (field := self.fields.get(each.field)) is not None:  # the same sentence is not said twice
                shown = str(field.help_text).replace(each.sentence, "").strip()
                field.help_text = self[each.field].help_text = shown  # a bound field keeps a copy of its own
            self.add_error(each.field if field is not None else None, each.sentence)


class FormalForm(WriteForm):
    """A content removal notice."""

    kind = PowerKind.FORMAL_NOTICE
    reasons = forms.CharField(
        label="Your reasons",
        help_text="The platform reads them. Do not name whoever reported the post, and do not repeat it.",
        max_length=5_000,
        widget=forms.Textarea,
    )
    review_until = GovukDateField(
        label="Last day on which a review can be asked for", help_text="Until the end of that day in British time."
    )
    review_to = forms.CharField(label="To whom a review is addressed", max_length=300)
    review_how = forms.CharField(label="How a review is asked for", max_length=5_000, widget=forms.Textarea)
    consequences = forms.CharField(
        label="What may follow",
        help_text="The hub proposes no words: take them from the law, or from whoever advises you.",
        max_length=5_000,
        widget=forms.Textarea,
    )
    how_to_confirm = forms.CharField(
        label="How the platform confirms the removal", max_length=5_000, widget=forms.Textarea
    )
    rows = {"reasons": 8}


class OrderForm(WriteForm):
    """A removal order, section by section of Annex I."""

    kind = PowerKind.REMOVAL_ORDER
    issuing_authority = forms.CharField(label="Issuing authority", max_length=300)
    issuing_member_state = forms.CharField(label="Its member state", max_length=300)
    contact_email = forms.EmailField(label="Mail address of the issuing authority", max_length=254)
    contact_phone = forms.CharField(
        label="Telephone number of the issuing authority", max_length=40, validators=[PHONE]
    )
    order_reference = forms.CharField(label="Reference of the order", max_length=300)
    authentication = forms.CharField(
        label="How the host can check who sent it", max_length=5_000, widget=forms.Textarea
    )
    material = forms.CharField(label="Type of material", max_length=5_000, widget=forms.Textarea)
    detailed_grounds = forms.CharField(label="Why it is terrorist content", max_length=5_000, widget=forms.Textarea)
    redress = forms.CharField(label="Redress", max_length=5_000, widget=forms.Textarea)
    host_member_state = forms.CharField(label="Member state of the host", max_length=300)
    host_authority = forms.CharField(
        label="Authority of that member state", help_text="The one that receives a copy.", max_length=300
    )
    copied = forms.ChoiceField(
        label="Is a copy sent to that authority?", choices=[("yes", "Yes"), ("no", "No")], widget=forms.RadioSelect
    )
    inline = ("copied",)
    rows = {"detailed_grounds": 8}


def form_for(kind: str) -> type[WriteForm]:
    """The form of a kind of notice."""
    return OrderForm if kind == PowerKind.REMOVAL_ORDER else FormalForm


def initial_for(parts: Mapping[str, str]) -> dict[str, Any]:
    """What a form shows of what was kept."""
    shown: dict[str, Any] = dict(parts)
    if "review_until" in shown:
        shown["review_until"] = date.fromisoformat(shown["review_until"])
    return shown


class DeclineForm(GovukForm):
    """Why an officer declines."""

    reasons = forms.CharField(
        label="Why do you decline?",
        help_text="The people at the desk read these words.",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say why you decline"},
    )


class SettleForm(GovukForm):
    """What becomes of a decision whose notice was declined."""

    way = forms.ChoiceField(
        label="What becomes of the decision?",
        choices=[("request", "Send it as a request"), ("close", "Close the case without a referral")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what becomes of the decision"},
    )
    hints = {
        "way": {
            "request": "The platform is asked to do the same in the same time. It is advice, and says so.",
            "close": "Nothing is asked of the platform, and the decision stands no longer.",
        }
    }


class ReviewForm(GovukForm):
    """An officer's decision on a platform's request for a review."""

    outcome = forms.ChoiceField(
        label="What do you decide?",
        choices=ReviewOutcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you decide"},
    )
    reasons = forms.CharField(
        label="Your reasons",
        help_text="The platform and the overseer read them.",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say why"},
    )
    hints = {"outcome": {"quashed": "It is withdrawn at once, and the platform is asked to undo what it did."}}


class TimedForm(GovukForm):
    """A form with moments, each a date and a time of day in British time."""

    widths = {"sent_time": "5", "received_time": "5", "found_time": "5"}

    def moment(self, name: str, label: str) -> datetime | None:
        """The moment that `NAME_on` and `NAME_time` name, in UTC; None, with an error where one is wrong, for none."""
        day, text = self.cleaned_data.get(f"{name}_on"), (self.cleaned_data.get(f"{name}_time") or "").strip()
        if not day and not text:
            return None
        found = re.fullmatch(r"([01]?\d|2[0-3])[:.]([0-5]\d)", text)
        if not found:
            self.add_error(f"{name}_time", f"{label} must have a time of day, like 14:30")
        if not day and f"{name}_on" not in self.errors:
            self.add_error(f"{name}_on", f"{label} must have a date")
        if not found or not day:
            return None
        return datetime.combine(day, time(int(found[1]), int(found[2])), LONDON).astimezone(UTC)


TIME_HELP = "In British time, like 14:30"


class CopyForm(TimedForm):
    """That an order was copied to the authority of the host's member state."""

    authority = forms.CharField(label="Which authority has the copy?", max_length=300)
    sent_how = forms.CharField(
        label="How was it sent?", max_length=1_000, error_messages={"required": "Say how it was sent"}
    )
    sent_on = GovukDateField(label="Day on which it was sent")
    sent_time = forms.CharField(label="Time at which it was sent", help_text=TIME_HELP, max_length=5)
    received_on = GovukDateField(
        label="Day on which the authority received it",
        help_text="Leave it empty while you do not know. The authority’s 72 hours run from then.",
        required=False,
    )
    received_time = forms.CharField(
        label="Time at which it received it", help_text=TIME_HELP, max_length=5, required=False
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        given["sent_at"], given["received_at"] = self.moment("sent", "Sending"), self.moment("received", "Receipt")
        return given


class FindingForm(TimedForm):
    """What the authority of the host's member state found."""

    finding = forms.ChoiceField(
        label="What did the authority find?",
        choices=Finding.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what the authority found"},
    )
    reasons = forms.CharField(label="Its reasons", max_length=5_000, required=False, widget=forms.Textarea)
    found_on = GovukDateField(label="Day on which it said so")
    found_time = forms.CharField(label="Time at which it said so", help_text=TIME_HELP, max_length=5)
    hints = {"finding": {"infringes": "The order is withdrawn at once, and the host is asked to undo what it did."}}

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        given["found_at"] = self.moment("found", "The finding")
        if given.get("finding") == Finding.INFRINGES and not (given.get("reasons") or "").strip():
            self.add_error("reasons", "Write down the authority’s reasons")
        return given
