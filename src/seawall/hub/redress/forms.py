"""The questions of the public form, one a page. Short words: a fifteen-year-old may be reading them at midnight."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError

from seawall.hub.redress.models import About, AgeBand, ForWhom, ReportKind
from seawall.hub.web.forms import GovukForm
from seawall.sources.posts import MAX_URL_CHARS

MAX_TEXT = 5_000
MAX_NOTE = 1_000

_BARE_HOST = re.compile(r"[^\s/:@]+\.[^\s/:@]{2,}([/?#]\S*)?\Z")


class DangerForm(GovukForm):
    """Asked first, because the answer may be to put this page away and call 999."""

    danger_now = forms.ChoiceField(
        label="Is somebody in danger right now?",
        help_text="For example, somebody may be about to hurt themselves, or about to be hurt by somebody else.",
        choices=[("yes", "Yes, or I think so"), ("no", "No")],
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether somebody is in danger right now"},
    )
    heading = "danger_now"


class LinkField(forms.CharField):
    """A web address as people paste it: without `https://` in front as well. Gives a full http or https address."""

    def __init__(self, **options: Any) -> None:
        super().__init__(widget=forms.TextInput(attrs=PASTED), **options)

    def clean(self, value: Any) -> str:
        link = str(super().clean(value)).strip()
        if not link:
            return ""
        if _BARE_HOST.match(link):
            link = f"https://{link}"
        problem = link_problem(link)
        if problem:
            raise ValidationError(problem, code="invalid")
        return link


PASTED = {"inputmode": "url", "autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


def link_problem(link: str) -> str | None:
    """Why this is not an address that we can take, and what to do; None when it is."""
    if len(link) > MAX_URL_CHARS:
        return f"The link is longer than {MAX_URL_CHARS:,} characters. Copy it again from the app’s Share button"
    try:
        parts = urlsplit(link)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return "This is not a web address. Copy it again from the app’s Share button"
    if parts.scheme not in ("http", "https") or not host or re.search(r"[\s\x00-\x1f\x7f]", link):
        return "Enter a web address that begins with https://, such as https://www.example.org/post/1"
    if parts.username is not None or parts.password is not None:
        return "The link holds a name or password. Copy it again from the app’s Share button"
    return None


class WhatForm(GovukForm):
    """A link or the words. One of the two is enough."""

    kind = forms.ChoiceField(
        label="How can you show us what you saw?",
        choices=ReportKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a link or the words themselves"},
    )
    link = LinkField(
        label="The link",
        help_text="In most apps: tap Share, then Copy link. Then paste it here.",
        error_messages={"required": "Paste the link to what you saw"},
    )
    text = forms.CharField(
        label="The words",
        help_text="Copy them, or write them as you remember them. You do not have to write down anything that you would rather not.",
        max_length=MAX_TEXT,
        widget=forms.Textarea,
        error_messages={
            "required": "Write the words that you saw",
            "max_length": f"The words must be {MAX_TEXT:,} characters or fewer",
        },
    )
    heading = "kind"
    hints = {"kind": {ReportKind.LINK: "Best if you have one: we can then ask for that very post to be looked at."}}
    reveals = {"kind": {ReportKind.LINK: ("link",), ReportKind.TEXT: ("text",)}}
    rows = {"text": 6}


class AboutForm(GovukForm):
    """What the reporter takes it to be. A caseworker says what it is."""

    about = forms.ChoiceField(
        label="What is it about?",
        help_text="Choose the nearest. You cannot get this wrong: a person reads it afresh.",
        choices=About.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it is about"},
    )
    heading = "about"


class PersonForm(GovukForm):
    """Whom it is about, without a name."""

    for_whom = forms.ChoiceField(
        label="Who is it about?",
        help_text="We do not need a name.",
        choices=ForWhom.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose who it is about"},
    )
    heading = "for_whom"


class AgeForm(GovukForm):
    """How old that person is; not asked when it is about nobody in particular."""

    age_band = forms.ChoiceField(
        label="How old is the person it is about?",
        help_text="It helps us to protect children. You do not have to say.",
        choices=[*AgeBand.choices[:-1], (AgeBand.UNSAID, "I do not know, or would rather not say")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose an age, or that you would rather not say"},
    )
    heading = "age_band"

    def __init__(self, *args: Any, about_self: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        if about_self:
            self.fields["age_band"].label = "How old are you?"


class MoreForm(GovukForm):
    """Anything that the choices left out."""

    note = forms.CharField(
        label="Is there anything else that we should know?",
        help_text="Only the people who look into your report read this. Please leave out names, addresses and phone numbers.",
        max_length=MAX_NOTE,
        required=False,
        widget=forms.Textarea,
        error_messages={"max_length": f"Your answer must be {MAX_NOTE:,} characters or fewer"},
    )
    heading = "note"
