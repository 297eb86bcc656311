"""The forms of the component gallery: one of every kind of field."""

from __future__ import annotations

from django import forms

from seawall.hub.web.forms import GovukDateField, GovukForm

ELEMENTS = [
    ("communication", "A message was sent"),
    ("threat", "It conveys a threat of death or serious harm"),
    ("intent", "The sender meant, or did not care, that somebody would fear it would be carried out"),
]


class Decision(GovukForm):
    """A decision form with conditional fields, hints and a date."""

    outcome = forms.ChoiceField(
        label="What do you decide?",
        choices=[("refer", "Refer it to the platform"), ("support", "Offer support"), ("none", "Take no action")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you decide"},
    )
    elements = forms.MultipleChoiceField(
        label="Which elements of the offence do you find?",
        help_text="Online Safety Act 2023, section 181. A referral on this ground needs all of them.",
        choices=ELEMENTS,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose the elements that you find"},
    )
    why = forms.CharField(
        label="Why does the post meet them?",
        help_text="The platform and the author will read this.",
        max_length=500,
        widget=forms.Textarea,
        error_messages={"required": "Say why the post meets them"},
    )
    support = forms.ChoiceField(
        label="Which support line?", choices=[("", "Choose one"), ("adult", "For adults"), ("child", "For children")]
    )
    posted = GovukDateField(label="Date posted", help_text="For example, 27 3 2026", required=False)
    sure = forms.BooleanField(
        label="I have looked at the whole thread",
        help_text="A single post can mislead.",
        error_messages={"required": "Look at the whole thread and tick the box"},
    )

    reveals = {"outcome": {"refer": ("elements", "why"), "support": ("support",)}}
    hints = {"outcome": {"none": "The author and whoever reported it are told."}}
    sizes = {"outcome": "m", "posted": "m"}


class QueueFilter(GovukForm):
    """A filter: small, nothing marked optional."""

    platform = forms.ChoiceField(
        choices=[("", "All platforms"), ("Lighthouse", "Lighthouse"), ("Plaza", "Plaza")], required=False
    )
    severity = forms.MultipleChoiceField(
        choices=[("5", "5: danger"), ("4", "4: grave"), ("3", "3: serious")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    words = forms.CharField(label="Words in the case", required=False)
    mine = forms.BooleanField(label="Only my cases", required=False)
    small = True
    mark_optional = False


class Report(GovukForm):
    """A public report."""

    link = forms.URLField(
        label="Where did you see it?",
        help_text="The link to the post. On a phone: Share, then Copy link.",
        assume_scheme="https",
        error_messages={"required": "Enter the link to the post"},
    )
    reason = forms.CharField(
        label="What is wrong with it?",
        max_length=500,
        widget=forms.Textarea,
        error_messages={"max_length": "What is wrong with it must be 500 characters or fewer"},
    )
    age = forms.IntegerField(label="How old are you?", help_text="A child's report goes first.", required=False)
    about_me = forms.ChoiceField(
        label="Is it about you?", choices=[("yes", "Yes"), ("no", "No")], widget=forms.RadioSelect
    )
    email = forms.EmailField(label="Your email address", help_text="Only to tell you what came of it.", required=False)
    picture = forms.FileField(label="A picture of the screen", required=False)
    widths = {"age": "3", "email": "two-thirds"}
    inline = ("about_me",)
    sizes = {"about_me": "s"}


class NewPassword(forms.Form):
    """The fields of django-allauth's password form: a form that knows nothing of GOV.UK."""

    oldpassword = forms.CharField(label="Current Password", widget=forms.PasswordInput)
    password1 = forms.CharField(label="New Password", widget=forms.PasswordInput({"autocomplete": "new-password"}))
    password2 = forms.CharField(label="Again", widget=forms.PasswordInput({"autocomplete": "new-password"}))
