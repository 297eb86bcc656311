"""Casework's forms: the queue's filter, the steps of a decision, the second word, passing a case on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from django import forms

from seawall.hub.casework.form import MIN_REASONS, Form, offences, problems_of
from seawall.hub.casework.models import Case, CaseState, Outcome
from seawall.hub.directory.models import Platform, PlatformRule
from seawall.hub.directory.roles import Partition
from seawall.hub.practice.schema import Code, Harm, LegalRef
from seawall.hub.practice.vocabulary import RestsOn
from seawall.hub.web.forms import GovukForm

YES, NO = "yes", "no"
Choices = list[tuple[str, str]]


class QueueFilter(GovukForm):
    """Which cases of the queue to show. All is optional."""

    state = forms.MultipleChoiceField(
        label="State", choices=CaseState.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    mine = forms.BooleanField(label="Only those with me", required=False)
    harm = forms.ChoiceField(label="Harm", required=False)
    platform = forms.ChoiceField(label="Platform", required=False)

    small = True
    mark_optional = False

    def __init__(self, data: Mapping[str, Any], *, code: Code, platforms: Sequence[Platform]) -> None:
        super().__init__(data)
        harms = sorted(((harm.id, harm.title) for harm in code.harms), key=lambda pair: pair[1])
        cast(forms.ChoiceField, self.fields["harm"]).choices = [("", "Any"), *harms]
        cast(forms.ChoiceField, self.fields["platform"]).choices = [
            ("", "Any"),
            *((platform.slug, platform.name) for platform in platforms),
        ]

    def chosen(self) -> dict[str, Any]:
        """What `casework.queries.queue` takes; a value that is no choice is as if it had not been given."""
        self.is_valid()
        given = self.cleaned_data
        return {
            "states": given.get("state") or [],
            "mine": bool(given.get("mine")),
            "harms": [given["harm"]] if given.get("harm") else [],
            "platforms": [given["platform"]] if given.get("platform") else [],
        }


def decided_here(*, harm: Harm, partition: Partition) -> bool:
    """Whether a harm is decided at a desk of this partition. What came in at the police desk stays there, but for welfare."""
    there = Partition(harm.partition)
    return there == partition or (partition == Partition.POLICE and there != Partition.WELFARE)


class OutcomeForm(GovukForm):
    """The first step of a decision: what it is and what is to happen. Harms of other desks lead to passing the case on."""

    harm = forms.ChoiceField(
        label="What is it?", widget=forms.RadioSelect, error_messages={"required": "Choose what it is"}
    )
    outcome = forms.ChoiceField(
        label="What do you decide?",
        choices=Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what you decide"},
    )
    hints = {
        "outcome": {
            Outcome.REFER: "Only on an offence, every element of it, or on a dated rule of the platform. The platform decides.",
            Outcome.SUPPORT: "Somebody may need help. Nothing is asked of the platform.",
            Outcome.HAND_OFF: "It belongs with a body that has the powers for it.",
            Outcome.NO_ACTION: "It stays up. Nobody is asked for anything.",
        }
    }
    sizes = {"harm": "m", "outcome": "m"}

    def __init__(self, data: Mapping[str, Any] | None = None, *, case: Case, code: Code, **options: Any) -> None:
        super().__init__(data, **options)
        self.case, self.code = case, code
        partition = Partition(case.desk.partition)
        self.here = [h for h in code.harms if decided_here(harm=h, partition=partition) or h.id == case.harm]
        self.elsewhere = [h for h in code.harms if h not in self.here]
        cast(forms.ChoiceField, self.fields["harm"]).choices = [
            (harm.id, harm.title) for harm in [*self.here, *self.elsewhere]
        ]
        self.hints = {  # type: ignore[misc]  # each case has its own harms to explain
            **OutcomeForm.hints,
            "harm": {harm.id: harm.plain for harm in code.harms},
        }

    @property
    def belongs_elsewhere(self) -> bool:
        """Whether the chosen harm is decided at another desk, so that the case is to be passed on."""
        return self.cleaned_data.get("harm") in {harm.id for harm in self.elsewhere}

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("harm") and given.get("outcome") and not self.belongs_elsewhere:
            trial = Form(outcome=Outcome(given["outcome"]), harm=given["harm"], reasons="-" * MIN_REASONS)
            for problem in problems_of(
                trial,
                code=self.code,
                platform=self.case.content.platform,
                organisation=self.case.desk.organisation,
                url=self.case.content.url,
            ):
                if problem.field in ("outcome", "harm"):
                    self.add_error(problem.field, problem.message)
        return given


def grounds_for(*, harm: Harm, rules: Sequence[PlatformRule]) -> tuple[Choices, dict[str, str]]:
    """What a referral of this harm may rest on, as (value, words) pairs, with a hint for each: its offences, then the platform's rules."""
    choices: Choices = []
    hints: dict[str, str] = {}
    for ref in offences(harm):
        choices.append((f"offence:{ref.name}", f"An offence: {ref.title}"))
        hints[f"offence:{ref.name}"] = f"{ref.name}. {len(ref.elements)} elements to make out."
    if RestsOn.DATED_TERM in harm.rests_on:
        for rule in rules:
            choices.append((f"term:{rule.pk}", f"A rule of the platform: {rule.title}"))
            hints[f"term:{rule.pk}"] = (
                f"“{rule.text}” As it stood on {rule.dated:%-d %B %Y}; last checked on {rule.last_checked:%-d %B %Y}."
            )
    return choices, hints


class GroundForm(GovukForm):
    """The second step of a referral: the one thing that it rests on."""

    ground = forms.ChoiceField(
        label="What does the referral rest on?",
        widget=forms.RadioSelect,
        help_text="On one of these and on nothing else.",
        error_messages={"required": "Choose the offence or the rule that the referral rests on"},
    )
    heading = "ground"

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, harm: Harm, rules: Sequence[PlatformRule], **options: Any
    ) -> None:
        super().__init__(data, **options)
        self.harm, self.rules = harm, rules
        choices, hints = grounds_for(harm=harm, rules=rules)
        cast(forms.ChoiceField, self.fields["ground"]).choices = choices
        self.hints = {"ground": hints}  # type: ignore[misc]

    def offence(self) -> LegalRef | None:
        """The chosen offence; None when a rule was chosen."""
        kind, _, name = self.cleaned_data["ground"].partition(":")
        return next((ref for ref in offences(self.harm) if ref.name == name), None) if kind == "offence" else None

    def term(self) -> PlatformRule | None:
        """The chosen rule; None when an offence was chosen."""
        kind, _, name = self.cleaned_data["ground"].partition(":")
        return next((rule for rule in self.rules if str(rule.pk) == name), None) if kind == "term" else None


class ReviewForm(GovukForm):
    """The second word on a decision."""

    concurs = forms.ChoiceField(
        label="Do you concur?",
        choices=[(YES, "I concur: carry it out"), (NO, "I dissent: back to the queue")],
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether you concur or dissent"},
    )
    reasons = forms.CharField(
        label="Why?",
        help_text="In a sentence. Do not name anybody or repeat the post.",
        max_length=2_000,
        widget=forms.Textarea,
        error_messages={"required": "Say in a sentence why you concur or dissent"},
    )
    hints = {
        "concurs": {
            YES: "The referral goes to the platform. It names the organisation, and neither of you.",
            NO: "The decision does not stand. Anybody at the desk may take the case up again.",
        }
    }


class TransferForm(GovukForm):
    """Passing a case to the desk that the code of practice names."""

    harm = forms.ChoiceField(
        label="What is it?", widget=forms.RadioSelect, error_messages={"required": "Choose what it is"}
    )
    reasons = forms.CharField(
        label="Why does it belong there?",
        help_text="The other desk reads this. Do not name anybody or repeat the post.",
        max_length=2_000,
        widget=forms.Textarea,
        error_messages={"required": "Say in a sentence why the case belongs there"},
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, harms: Sequence[tuple[Harm, str]], **options: Any
    ) -> None:
        super().__init__(data, **options)
        cast(forms.ChoiceField, self.fields["harm"]).choices = [(harm.id, harm.title) for harm, _desk in harms]
        self.hints = {"harm": {harm.id: f"{harm.plain} Goes to: {desk}." for harm, desk in harms}}  # type: ignore[misc]
