"""Forms about the notice to the person who posted something."""

from __future__ import annotations

from typing import Any

from django import forms

from seawall.hub.referrals import objections
from seawall.hub.referrals import user_notice_texts as texts
from seawall.hub.referrals.models import DelayReason
from seawall.hub.referrals.models.user_notice import LONGEST_DELAY
from seawall.hub.referrals.user_notice_delays import MAX_WORDS
from seawall.hub.referrals.user_notices import MAX_NOTE
from seawall.hub.web.forms import GovukDateField, GovukForm


class ObjectionForm(GovukForm):
    """“I think this was wrong”. Short words: anybody may be reading them."""

    text = forms.CharField(
        label="Why do you think that it was wrong?",
        help_text="Say what we did not see. Please leave out names and addresses.",
        max_length=objections.MAX_TEXT,
        widget=forms.Textarea,
        error_messages={"required": "Write why you think that it was wrong"},
    )
    mail = forms.EmailField(
        label="Your e-mail address",
        help_text="Leave it empty if you like: our answer also stands on the page that you came from. We use the address once, to say "
        "that we have answered, and then delete it.",
        required=False,
        max_length=254,
    )


class DelayForm(GovukForm):
    """Why a person should be told later, and for how long."""

    reason = forms.ChoiceField(
        label="Why should they be told later?",
        choices=DelayReason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose why they should be told later"},
    )
    words = forms.CharField(
        label="What exactly is the reason?",
        help_text="Name the investigation where there is one. Whoever approves this reads it, and so does the overseer. The platform does not.",
        max_length=MAX_WORDS,
        widget=forms.Textarea,
        error_messages={"required": "Say what exactly the reason is"},
    )
    days = forms.IntegerField(
        label="For how many days?",
        help_text=f"At most {LONGEST_DELAY.days}. They are told when the time is over.",
        min_value=1,
        max_value=LONGEST_DELAY.days,
    )

    widths = {"days": "2"}


class DelayAnswerForm(GovukForm):
    """Whether somebody else's request is approved."""

    approve = forms.ChoiceField(
        label="Do you approve it?",
        choices=[("yes", "Yes, the person is told later"), ("no", "No, the person is told now")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether you approve it"},
    )
    words = forms.CharField(label="Your reasons", required=False, max_length=MAX_WORDS, widget=forms.Textarea)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("approve") == "no" and not (given.get("words") or "").strip():
            self.add_error("words", "Say why it is refused")
        return given


class DelayEndForm(GovukForm):
    """Why a delay ends early."""

    because = forms.CharField(
        label="Why does the delay end now?",
        max_length=MAX_WORDS,
        widget=forms.Textarea,
        error_messages={"required": "Say why the delay ends now"},
    )


class ObjectionAnswerForm(GovukForm):
    """The answer to somebody who thinks that a referral was wrong."""

    upheld = forms.ChoiceField(
        label="Were they right?",
        choices=[
            ("yes", "Yes: the referral is withdrawn, and the platform is asked to undo what it did"),
            ("no", "No: the referral stands"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether they were right"},
    )
    reasons = forms.CharField(
        label="Your reasons",
        help_text="The person who wrote reads these words, and so does the platform if the referral is withdrawn. Name nobody.",
        max_length=objections.MAX_ANSWER,
        widget=forms.Textarea,
        error_messages={"required": "Give your reasons"},
    )


class NoticeTextForm(GovukForm):
    """Words with slots."""

    text = forms.CharField(
        label="The words",
        help_text="Short words and short sentences. Slots: "
        + "; ".join(f"{{{name}}} {about}" for name, about in texts.SLOTS.items())
        + ".",
        max_length=texts.MAX_TEXT,
        widget=forms.Textarea,
        error_messages={"required": "Write the words"},
    )
    language = forms.ChoiceField(label="Language", choices=list(texts.LANGUAGES.items()), initial=texts.ENGLISH)

    rows = {"text": 14}


class ComplaintRouteForm(GovukForm):
    """How people complain to a platform."""

    address = forms.CharField(label="Where do people complain?", help_text="A page or a mail address.", max_length=500)
    days = forms.IntegerField(
        label="Within how many days?",
        help_text="Leave it empty where the platform names no limit.",
        required=False,
        min_value=1,
        max_value=texts.MAX_DAYS,
    )
    source_url = forms.CharField(label="The page where the platform says so", max_length=500)
    last_checked = GovukDateField(label="Day on which you read it")

    widths = {"days": "4"}


class PassedOnForm(GovukForm):
    """That a person gave the platform the words."""

    note = forms.CharField(
        label="Whom did you tell, and how?",
        max_length=MAX_NOTE,
        widget=forms.Textarea,
        error_messages={"required": "Say whom you told, and how"},
    )
