"""The questions of a decision: one form for each harm, outcome and ground, built from the code of practice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from django import forms

from seawall.hub.casework.form import MAX_REASONS, DefenceFinding, ElementFinding, Form, FormProblem
from seawall.hub.casework.forms import NO, YES, Choices
from seawall.hub.casework.models import Basis, Outcome, Part, SubjectType
from seawall.hub.directory.models import PlatformRule
from seawall.hub.practice.schema import Code, Harm, LegalRef
from seawall.hub.practice.vocabulary import Context
from seawall.hub.web.forms import GovukForm


@dataclass(frozen=True, kw_only=True)
class Group:
    """Questions that stand together on the long page."""

    title: str
    intro: str
    names: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What the long page asks about: the harm, what is to happen, and what a referral rests on."""

    outcome: Outcome
    harm: Harm
    code: Code
    offence: LegalRef | None = None
    term: PlatformRule | None = None

    @property
    def basis(self) -> Basis:
        return Basis.OFFENCE if self.offence else Basis.TERM if self.term else Basis.NONE


class AnswersForm(GovukForm):
    """The questions of a decision. `answers_form` makes one for its subject."""

    subject: Subject
    groups: Sequence[Group] = ()

    def said(self) -> Form:
        """The decision as casework takes it, with whatever was answered so far."""
        about, given = self.subject, self.cleaned_data
        offence, refer = about.offence, about.outcome == Outcome.REFER
        exemptions = about.harm.exemptions if refer else ()
        return Form(
            outcome=about.outcome,
            harm=about.harm.id,
            reasons=given.get("reasons") or "",
            basis=about.basis,
            provision=offence.name if offence else "",
            elements=[
                ElementFinding(id=part.id, met=met == YES, reasons=given.get(f"element_{part.id}_reasons") or "")
                for part in (offence.elements if offence else ())
                if (met := given.get(f"element_{part.id}"))
            ],
            defences=[
                DefenceFinding(
                    id=part.id, may_succeed=may == YES, reasons=given.get(f"defence_{part.id}_reasons") or ""
                )
                for part in (offence.defences if offence else ())
                if (may := given.get(f"defence_{part.id}"))
            ],
            term=about.term,
            exemptions={name: answer == YES for name in exemptions if (answer := given.get(f"exemption_{name}"))},
            context=given.get("context") or "none",
            part=Part(given.get("part") or Part.UNKNOWN),
            subject_type=SubjectType(given.get("subject_type") or SubjectType.UNKNOWN),
        )

    def note(self, problems: Sequence[FormProblem]) -> None:
        """Put each problem beside its question; a question that already has one keeps it, and what has no question here goes on top."""
        for problem in problems:
            name = problem.field if problem.field in self.fields else None
            if name is None or not self.has_error(name):
                self.add_error(name, problem.message)


def answers_form(subject: Subject) -> type[AnswersForm]:
    """The class of form that asks what a decision on `subject` must say."""
    fields: dict[str, Any] = {}
    reveals: dict[str, dict[str, tuple[str, ...]]] = {}
    groups: list[Group] = []
    if subject.offence is not None:
        groups += _offence(subject.offence, fields, reveals)
    if subject.outcome == Outcome.REFER:
        groups += _exemptions(subject, fields)
    groups.append(_about(subject, fields))
    fields["reasons"] = forms.CharField(
        label="Why do you decide so?",
        help_text=_reasons_hint(subject.outcome),
        max_length=MAX_REASONS,
        widget=forms.Textarea,
        error_messages={"required": "Say in a sentence why you decided so"},
    )
    groups.append(Group(title="Your reasons", intro="", names=["reasons"]))
    described = {
        **fields,
        "subject": subject,
        "groups": groups,
        "reveals": reveals,
        "sizes": dict.fromkeys(fields, "s"),
        "rows": {name: 3 for name in fields if name.endswith("_reasons")},
        "inline": tuple(name for name in fields if name.startswith("exemption_")),
    }
    made: Any = type(AnswersForm)  # Django's own maker of form classes
    return cast(type[AnswersForm], made("AnswersForm", (AnswersForm,), described))


def _reasons_hint(outcome: Outcome) -> str:
    if outcome == Outcome.REFER:
        return "The platform receives these words, and whoever reviews or appeals reads them. Do not name anybody or repeat the post."
    return "Whoever reviews or appeals reads these words. Do not name anybody or repeat the post."


def _grounds_text(label: str, *, required: bool, missing: str = "Give the grounds") -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=MAX_REASONS,
        widget=forms.Textarea,
        error_messages={"required": missing},
    )


def _offence(offence: LegalRef, fields: dict[str, Any], reveals: dict[str, dict[str, tuple[str, ...]]]) -> list[Group]:
    met: Choices = [(YES, "Yes, there are reasonable grounds to infer it"), (NO, "No, it is not made out")]
    may: Choices = [(NO, "No, nothing suggests that it may succeed"), (YES, "Yes, it may succeed")]
    for part in offence.elements:
        name = f"element_{part.id}"
        fields[name] = _radios(part.text, met, f"Say whether there are grounds to infer: “{part.text}”")
        fields[f"{name}_reasons"] = _grounds_text(
            "What are the grounds?", required=True, missing=f"Give the grounds to infer: “{part.text}”"
        )
        reveals[name] = {YES: (f"{name}_reasons",)}
    for part in offence.defences:
        name = f"defence_{part.id}"
        fields[name] = _radios(part.text, may, f"Say whether the defence “{part.text}” may succeed")
        fields[f"{name}_reasons"] = _grounds_text("Why not? The platform reads this", required=False)
        reveals[name] = {NO: (f"{name}_reasons",)}
    groups = [
        Group(
            title=f"The elements of the offence: {offence.title}",
            intro=f"{offence.name}. Each must be made out on reasonable grounds, what the person meant or knew as well. "
            "If one is not, there is no offence.",
            names=[f"element_{part.id}" for part in offence.elements],
        )
    ]
    if offence.defences:
        groups.append(
            Group(
                title="Defences",
                intro="A post is referred as illegal only where nothing suggests that a defence may succeed.",
                names=[f"defence_{part.id}" for part in offence.defences],
            )
        )
    return groups


def _exemptions(subject: Subject, fields: dict[str, Any]) -> list[Group]:
    known = {exemption.id: exemption for exemption in subject.code.exemptions}
    for name in subject.harm.exemptions:
        exemption = known[name]
        fields[f"exemption_{name}"] = _radios(
            exemption.title,
            [(YES, "Yes"), (NO, "No")],
            f"Say whether the exemption “{exemption.title}” applies",
            help_text=exemption.question,
        )
    return [
        Group(
            title="Exemptions",
            intro="If one applies, the post stays up.",
            names=[f"exemption_{name}" for name in subject.harm.exemptions],
        )
    ] * bool(subject.harm.exemptions)


def _about(subject: Subject, fields: dict[str, Any]) -> Group:
    fields["context"] = _radios(
        "What setting did you see?",
        [("none", "None of these"), *((str(one.value), one.words) for one in Context)],
        "Choose the setting that you saw",
    )
    names = ["context"]
    if subject.outcome != Outcome.NO_ACTION:
        fields["part"] = _radios(
            "What part did the account play?", list(Part.choices), "Choose the part that the account played"
        )
        fields["subject_type"] = _radios(
            "How does the person behind the account stand to it?",
            list(SubjectType.choices),
            "Choose how the person stands to it",
            help_text="As far as you can tell. A victim must never be taken for somebody who did harm.",
        )
        names += ["part", "subject_type"]
    return Group(title="The post and the person", intro="", names=names)


def _radios(label: str, choices: Choices, missing: str, help_text: str = "") -> forms.ChoiceField:
    return forms.ChoiceField(
        label=label,
        choices=choices,
        widget=forms.RadioSelect,
        help_text=help_text,
        error_messages={"required": missing},
    )
