"""The forms of communities."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from seawall.hub.directory.models import Organisation
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.models import Community, Part, Tlp
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.vocabulary import Shareable
from seawall.hub.web.forms import GovukForm

MAX_WORDS = 20_000


class CommunityForm(GovukForm):
    """The rules of a new community."""

    name = forms.CharField(label="What is it called?", max_length=200, error_messages={"required": "Give it a name"})
    slug = forms.SlugField(
        label="Short name for addresses",
        help_text="Small letters, numbers and hyphens, such as violent-content. It cannot be changed later.",
        error_messages={"required": "Give it a short name"},
    )
    operator = forms.ModelChoiceField(
        label="Who looks after it?",
        queryset=Organisation.objects.none(),
        empty_label="Choose",
        error_messages={"required": "Choose who looks after it"},
    )
    purpose = forms.CharField(
        label="What is it for?",
        help_text="Members and the public read this.",
        max_length=2_000,
        widget=forms.Textarea,
        error_messages={"required": "Say what it is for"},
    )
    harms = forms.MultipleChoiceField(
        label="Which harms?",
        help_text="Only those of which the code of practice lets something be shared.",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one harm"},
    )
    kinds = forms.MultipleChoiceField(
        label="Which kinds of signals?",
        choices=[(kind.value, kind.words) for kind in SignalKind],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one kind"},
    )
    tlp_ceiling = forms.ChoiceField(
        label="How narrow may a signal's limit be?",
        help_text="Signals that must travel less far than this are not shared here.",
        choices=Tlp.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a limit"},
    )
    retention = forms.IntegerField(
        label="For how many days does a signal last at most?",
        min_value=1,
        max_value=1_098,
        error_messages={"required": "Give the days"},
    )
    who = forms.ChoiceField(
        label="Who may share and receive signals?",
        choices=[
            ("others", "Platforms, charities and others, but no bodies of the state"),
            ("platforms", "Platforms only: accounts may be shared too"),
            ("state", "Bodies of the state too"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose who"},
    )
    labels_published = forms.BooleanField(
        label="Publish labels on the AT Protocol (Bluesky and others)",
        help_text="Everybody can then read which posts are labelled: of signals that are TLP:CLEAR, can be appealed, and are of "
        "a harm that may be labelled. It cannot be chosen later.",
        required=False,
    )
    agreement = forms.CharField(
        label="The agreement that members accept",
        help_text="Word for word. You can publish a new version later.",
        max_length=MAX_WORDS,
        widget=forms.Textarea,
        error_messages={"required": "Write the agreement"},
    )

    def __init__(self, data: Any, *, operators: list[Organisation]) -> None:
        super().__init__(data)
        own = [organisation.pk for organisation in operators]
        self.fields["operator"].queryset = Organisation.objects.filter(pk__in=own)  # type: ignore[attr-defined]
        self.fields["harms"].choices = [  # type: ignore[attr-defined]
            (harm.id, harm.title) for harm in current_code().harms if harm.shareable_signal is not Shareable.NONE
        ]

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"].lower()
        if slug == "found" or Community.objects.filter(slug=slug).exists():
            raise forms.ValidationError("Another community has this short name. Choose another")
        return slug

    def rules(self) -> dict[str, Any]:
        """What `communities.found` takes."""
        given = dict(self.cleaned_data)
        who = given.pop("who")
        return {
            **given,
            "tlp_ceiling": Tlp(given["tlp_ceiling"]),
            "kinds": [SignalKind(kind) for kind in given["kinds"]],
            "retention": timedelta(days=given["retention"]),
            "state_bodies": who == "state",
            "platforms_only": who == "platforms",
        }


class InviteForm(GovukForm):
    """Who is asked in, and for what."""

    organisation = forms.ModelChoiceField(
        label="Which organisation?",
        queryset=Organisation.objects.none(),
        empty_label="Choose",
        error_messages={"required": "Choose the organisation"},
    )
    part = forms.ChoiceField(
        label="What is its part?",
        choices=Part.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose its part"},
    )

    def __init__(self, data: Any, *, community: Community) -> None:
        super().__init__(data)
        inside = community.members.filter(left_at=None).values_list("organisation", flat=True)
        self.fields["organisation"].queryset = Organisation.objects.exclude(pk__in=inside)  # type: ignore[attr-defined]


class AcceptForm(GovukForm):
    """An organisation's word, by somebody who speaks for it."""

    accept = forms.BooleanField(
        label="I have read the agreement and accept it for my organisation",
        error_messages={"required": "Tick the box if your organisation accepts the agreement"},
    )
    version = forms.IntegerField(widget=forms.HiddenInput)


class ReasonForm(GovukForm):
    """Why an organisation leaves, or is put out."""

    because = forms.CharField(
        label="Why?",
        help_text="The other members read this.",
        max_length=5_000,
        widget=forms.Textarea,
        error_messages={"required": "Say why"},
    )


class AgreementForm(GovukForm):
    """A new version of the agreement."""

    text = forms.CharField(
        label="The new agreement, word for word",
        max_length=MAX_WORDS,
        widget=forms.Textarea,
        error_messages={"required": "Write the agreement"},
    )


class SettleForm(GovukForm):
    """What becomes of a disputed signal."""

    stands = forms.ChoiceField(
        label="What becomes of the signal?",
        choices=[("yes", "It stands"), ("no", "It is withdrawn everywhere")],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what becomes of it"},
    )
    reasons = forms.CharField(
        label="Why?", max_length=5_000, widget=forms.Textarea, error_messages={"required": "Give the reasons"}
    )
