"""Forms of incidents."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms

from seawall.hub import moment
from seawall.hub.directory.models import Organisation
from seawall.hub.exchange.models import Community
from seawall.hub.incidents.models import IncidentKind, Question
from seawall.hub.incidents.services import MAX_MESSAGE, MAX_WORDS
from seawall.hub.practice.queries import current_code
from seawall.hub.web.forms import GovukForm

HOURS_WRONG = "Give whole hours from 1 to 24"


class DeclareForm(GovukForm):
    """What happens, for which harms, and for how long."""

    kind = forms.ChoiceField(
        label="What is it?",
        choices=IncidentKind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what it is"},
    )
    title = forms.CharField(
        label="In a few words",
        help_text="Name no person. Every member reads this.",
        max_length=200,
        error_messages={"required": "Say what happens"},
    )
    harms = forms.MultipleChoiceField(
        label="Which harms?",
        help_text="Times for these are halved where no statute sets them: decisions here, and what platforms are asked.",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one harm"},
    )
    hours = forms.IntegerField(
        label="For how many hours?",
        help_text="At most 24. It ends by itself; a second administrator can give it more time.",
        min_value=1,
        max_value=24,
        error_messages={"required": HOURS_WRONG, "min_value": HOURS_WRONG, "max_value": HOURS_WRONG},
    )

    def __init__(self, data: Any, *, community: Community) -> None:
        super().__init__(data)
        titles = {harm.id: harm.title for harm in current_code().harms}
        self.fields["harms"].choices = [(harm, titles.get(harm, harm)) for harm in community.harms]  # type: ignore[attr-defined]

    def given(self) -> dict[str, Any]:
        """What `services.declare` takes."""
        said = self.cleaned_data
        return {
            "kind": IncidentKind(said["kind"]),
            "title": said["title"],
            "harms": said["harms"],
            "lasts": timedelta(hours=said["hours"]),
        }


class ExtendForm(GovukForm):
    """How much longer, and why."""

    hours = forms.IntegerField(
        label="For how many hours from now?",
        min_value=1,
        max_value=24,
        error_messages={"required": HOURS_WRONG, "min_value": HOURS_WRONG, "max_value": HOURS_WRONG},
    )
    reason = forms.CharField(
        label="Why does it last longer?",
        max_length=MAX_WORDS,
        widget=forms.Textarea,
        error_messages={"required": "Say why"},
    )

    def given(self) -> dict[str, Any]:
        """What `services.extend` takes."""
        return {
            "until": moment.now() + timedelta(hours=self.cleaned_data["hours"]),
            "reason": self.cleaned_data["reason"],
        }


class EndForm(GovukForm):
    """Why it ends."""

    because = forms.CharField(
        label="Why does it end?",
        max_length=MAX_WORDS,
        widget=forms.Textarea,
        error_messages={"required": "Say why"},
    )


class SayForm(GovukForm):
    """A message for everybody in the incident."""

    organisation = forms.ModelChoiceField(
        label="For which organisation?",
        queryset=Organisation.objects.none(),
        empty_label=None,
        error_messages={"required": "Choose the organisation"},
    )
    text = forms.CharField(
        label="Your message",
        help_text="Everybody who receives signals here reads it, and it cannot be changed. Name no member of the public, and quote no post.",
        max_length=MAX_MESSAGE,
        widget=forms.Textarea,
        error_messages={"required": "Write your message"},
    )

    def __init__(self, data: Any, *, speaks_for: list[Organisation]) -> None:
        own = [organisation.pk for organisation in speaks_for]
        super().__init__(data, initial={"organisation": own[0]})
        self.fields["organisation"].queryset = Organisation.objects.filter(pk__in=own)  # type: ignore[attr-defined]


class AnswerForm(GovukForm):
    """An answer to a question of the debrief."""

    question = forms.ChoiceField(
        label="Which question?",
        choices=Question.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the question"},
    )
    text = forms.CharField(
        label="The answer",
        help_text="It stands in the debrief that members read. Name no member of the public.",
        max_length=MAX_WORDS,
        widget=forms.Textarea,
        error_messages={"required": "Write the answer"},
    )
