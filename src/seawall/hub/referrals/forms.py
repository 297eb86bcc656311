"""Referrals' forms: the list's filter, and what a platform asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator

from seawall.hub.directory.models import Platform
from seawall.hub.referrals import portal
from seawall.hub.referrals.models import Opinion, ReferralState
from seawall.hub.web.forms import GovukForm

MOST_PICTURE = 10 * 2**20  # bytes


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


STEPS = [
    ("removed", "Removed the post"),
    ("age_restricted", "Showed it to adults only"),
    ("demoted", "Stopped recommending it"),
    ("labelled", "Added a label or a link to help"),
    ("account_warned", "Warned the account"),
    ("account_suspended", "Suspended the account"),
    ("account_closed", "Closed the account"),
]


class AnswerForm(GovukForm):
    """What a platform says of a referral."""

    says = forms.ChoiceField(
        label="What is your answer?", widget=forms.RadioSelect, error_messages={"required": "Choose your answer"}
    )
    actions = forms.MultipleChoiceField(
        label="What was done?",
        choices=STEPS,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Say what was done"},
    )
    puid = forms.CharField(
        label="Your identifier for what was done",
        help_text="The platform’s unique identifier of your statement of reasons. It joins your public statement to this referral.",
        max_length=500,
        validators=[RegexValidator(r"^[A-Za-z0-9_-]+$", "Use letters, digits, hyphens and underscores only")],
        error_messages={"required": "Give your identifier, so that the action can be checked"},
    )
    detail = forms.CharField(
        label="What else should the hub know?",
        help_text="Why it stays up, what you need to know, or why you dispute it. Do not name members of the public.",
        required=False,
        max_length=5_000,
        widget=forms.Textarea,
    )

    user_told = forms.BooleanField(label="We have told the person who posted it", required=False)

    reveals = {"says": {"actioned": ("actions", "puid", "user_told")}}

    def __init__(self, data: Mapping[str, Any] | None, *, sayings: Sequence[str]) -> None:
        super().__init__(data)
        field = cast(forms.ChoiceField, self.fields["says"])
        field.choices = [(name, portal.SAYINGS[name][2]) for name in sayings]
        self.hints = {  # type: ignore[misc]  # each form has its own answers to explain
            "says": {name: portal.SAYINGS[name][3] for name in sayings if portal.SAYINGS[name][3]}
        }

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        says = given.get("says")
        if says in portal.NEEDS_WORDS and not (given.get("detail") or "").strip():
            self.add_error("detail", "Say why, or what you need to know")
        return given

    def saying(self) -> portal.Saying:
        """The answer, once the form is valid."""
        given = self.cleaned_data
        acted = given["says"] == "actioned"
        return portal.Saying(
            says=given["says"],
            detail=given["detail"],
            puid=given["puid"] if acted else "",
            actions=tuple(given["actions"]) if acted else (),
            user_told=True if acted and given.get("user_told") else None,
        )


class NotedForm(AnswerForm):
    """What a platform said by a way that the hub's software does not read."""

    reveals = {"says": {"actioned": ("actions", "puid")}}

    source = forms.CharField(
        label="Who said so, when and how?",
        max_length=1_000,
        widget=forms.Textarea,
        error_messages={"required": "Say who said so, when and how"},
    )

    def __init__(self, data: Mapping[str, Any] | None, *, sayings: Sequence[str]) -> None:
        super().__init__(data, sayings=sayings)
        del self.fields["user_told"]  # only a platform's own people and software say that here
        self.fields["says"].label = "What did the platform say?"
        self.fields["detail"].label = "What else did they say?"


class ByHandForm(GovukForm):
    """That a person has sent a referral by a platform's own form."""

    reference = forms.CharField(
        label="The reference that the platform gave you",
        help_text="Leave it empty if it gave none.",
        required=False,
        max_length=200,
        validators=[RegexValidator(r"^[\x21-\x7e]+$", "Use letters, digits and signs, without spaces")],
    )
    ago = forms.TypedChoiceField(
        label="When did you send it?",
        choices=[
            ("0", "Just now"),
            ("10", "About 10 minutes ago"),
            ("30", "About half an hour ago"),
            ("60", "About an hour ago"),
            ("180", "About three hours ago"),
            ("1440", "About a day ago"),
        ],
        coerce=lambda minutes: timedelta(minutes=int(minutes)),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose when you sent it"},
    )
    picture = forms.FileField(
        label="The picture of what the platform showed then",
        help_text="If you kept one. The hub keeps its SHA-256 and nothing else: keep the picture where your desk keeps evidence.",
        required=False,
    )
    note = forms.CharField(
        label="Anything to note",
        help_text="For example what the page said afterwards.",
        required=False,
        max_length=1_000,
        widget=forms.Textarea,
    )

    def clean_picture(self) -> str | None:
        """The picture's SHA-256 in hexadecimal digits; None where there is none."""
        given = self.cleaned_data["picture"]
        if given is None:
            return None
        if given.size > MOST_PICTURE:
            raise forms.ValidationError(f"The picture is larger than {MOST_PICTURE // 2**20} MB. Choose a smaller one.")
        digest = sha256()
        for part in given.chunks():
            digest.update(part)
        return digest.hexdigest()


class WithdrawForm(GovukForm):
    """Why a referral is taken back."""

    reasons = forms.CharField(
        label="Why is it withdrawn?",
        help_text="The platform receives these words.",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say why it is withdrawn"},
    )
    restore = forms.BooleanField(
        label="Ask the platform to undo what it did because of the referral", required=False, initial=True
    )


class ToldForm(GovukForm):
    """How a person told a platform of a withdrawal."""

    note = forms.CharField(
        label="Whom did you tell, how, and what did they say?",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say whom you told, how, and what they said"},
    )


class ReadingForm(GovukForm):
    """What the overseer thinks of a referral."""

    opinion = forms.ChoiceField(
        label="What do you recommend?",
        choices=Opinion.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you recommend"},
    )
    reasons = forms.CharField(
        label="Your reasons",
        help_text="The desk reads these words and has to answer them.",
        max_length=5_000,
        required=False,
        widget=forms.Textarea,
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("opinion") == Opinion.WITHDRAW and not (given.get("reasons") or "").strip():
            self.add_error("reasons", "Say why it should be withdrawn")
        return given


class RecommendationForm(GovukForm):
    """The desk's answer to the overseer."""

    follow = forms.ChoiceField(
        label="Do you follow the recommendation?",
        choices=[("yes", "Yes, withdraw the referral"), ("no", "No, the referral stands")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether you follow it"},
    )
    answer = forms.CharField(
        label="Your answer to the overseer", max_length=5_000, required=False, widget=forms.Textarea
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("follow") == "no" and not (given.get("answer") or "").strip():
            self.add_error("answer", "Say why the referral stands")
        return given
