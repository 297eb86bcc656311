"""The decision form: what a person must have said before a decision counts.

The form follows section 192 of the Online Safety Act 2023: content is judged illegal only on reasonable grounds to infer every element
of an offence, the mental ones too, and no reasonable grounds to infer that a defence may succeed. Where no offence is in question, a
dated rule of the platform's own terms is the only other ground. Neither, no referral.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from seawall.hub.casework.models import Basis, Outcome, Part, SubjectType
from seawall.hub.directory.models import Organisation, OrganisationKind, Platform, PlatformRule
from seawall.hub.practice.schema import Code, Harm, LegalRef, UnknownHarmError
from seawall.hub.practice.vocabulary import RefKind, RestsOn, Route

MIN_REASONS = 10  # characters: enough to make "x" and "ok" impossible, not enough to make people pad


@dataclass(frozen=True, kw_only=True)
class ElementFinding:
    """Whether there are reasonable grounds to infer one element of the offence, and what they are."""

    id: str
    met: bool
    reasons: str


@dataclass(frozen=True, kw_only=True)
class DefenceFinding:
    """Whether there are reasonable grounds to infer that one defence may succeed."""

    id: str
    may_succeed: bool
    reasons: str = ""


@dataclass(frozen=True, kw_only=True)
class Form:
    """A filled-in decision form. `harm` is an id of the code of practice; `provision` is a `LegalRef.name`."""

    outcome: Outcome
    harm: str
    reasons: str
    basis: Basis = Basis.NONE
    provision: str = ""
    elements: Sequence[ElementFinding] = ()
    defences: Sequence[DefenceFinding] = ()
    term: PlatformRule | None = None
    exemptions: Mapping[str, bool] = field(default_factory=dict)
    context: str = "none"
    part: Part = Part.UNKNOWN
    subject_type: SubjectType = SubjectType.UNKNOWN

    def elements_json(self) -> list[dict[str, Any]]:
        return [asdict(finding) for finding in self.elements]

    def defences_json(self) -> list[dict[str, Any]]:
        return [asdict(finding) for finding in self.defences]


@dataclass(frozen=True, kw_only=True)
class FormProblem:
    """One thing that keeps the form from counting: the field, and a sentence for the person."""

    field: str
    message: str


class FormIncomplete(Exception):
    """The decision form does not hold."""

    def __init__(self, problems: Sequence[FormProblem]) -> None:
        self.problems = list(problems)
        super().__init__(" ".join(problem.message for problem in problems))

    @classmethod
    def one(cls, name: str, message: str) -> FormIncomplete:
        return cls([FormProblem(field=name, message=message)])


REFERRER_TYPES = {
    OrganisationKind.HUB: "trusted_flagger",
    OrganisationKind.CHARITY: "trusted_flagger",
    OrganisationKind.POLICE: "police",
    OrganisationKind.ELECTORAL: "electoral",
}


def referrer_type(organisation: Organisation) -> str:
    """As what an organisation refers, in the words of the code of practice; “none” when it may not refer at all."""
    return REFERRER_TYPES.get(OrganisationKind(organisation.kind), "none")


def second_review_needed(*, form: Form, harm: Harm) -> bool:
    """Whether a second person must concur before anything leaves: as the code says, and always for a referral at severity 4 and above
    or on terms alone."""
    return form.outcome == Outcome.REFER and (
        harm.requires_second_reviewer or (harm.severity or 0) >= 4 or form.basis == Basis.TERM
    )


def problems_of(form: Form, *, code: Code, platform: Platform, organisation: Organisation) -> list[FormProblem]:
    """Everything that keeps the form from counting; empty when it holds."""
    found: list[FormProblem] = []

    def problem(name: str, message: str) -> None:
        found.append(FormProblem(field=name, message=message))

    try:
        harm = code.harm(form.harm)
    except UnknownHarmError:
        problem(
            "harm", f"“{form.harm}” is not a harm in the code of practice {code.version}. Choose one from the list."
        )
        return found
    if len(form.reasons.strip()) < MIN_REASONS:
        problem("reasons", "Say in a sentence why you decided so. The person who reviews or appeals will read it.")
    if form.outcome == Outcome.REFER:
        _check_referral(form, harm, platform, organisation, problem)
    elif form.outcome == Outcome.HAND_OFF and not harm.hand_off:
        problem(
            "outcome", f"The code of practice names no body to hand “{harm.title}” over to. Choose another outcome."
        )
    elif form.outcome == Outcome.SUPPORT and not (harm.welfare_route or harm.protected or harm.support.author):
        problem("outcome", f"The code of practice offers no support for “{harm.title}”. Choose another outcome.")
    return found


def _check_referral(form: Form, harm: Harm, platform: Platform, organisation: Organisation, problem: Any) -> None:
    if harm.protected:
        problem(
            "outcome", f"“{harm.title}” is protected: it is never referred for removal. Choose support or no action."
        )
        return
    if harm.route not in (Route.REFERRAL, Route.FORMAL_NOTICE):
        problem(
            "outcome",
            f"The code of practice sends “{harm.title}” another way than to the platform: {harm.route.words}.",
        )
        return
    if referrer_type(organisation) not in harm.who_may_refer:
        problem("harm", f"{organisation.name} may not refer “{harm.title}” under the code of practice.")
    for exemption in harm.exemptions:
        applies = form.exemptions.get(exemption)
        if applies is None:
            problem(f"exemption_{exemption}", f"Say whether the exemption “{exemption}” applies.")
        elif applies:
            problem(f"exemption_{exemption}", f"The exemption “{exemption}” applies, so the post is not referred.")
    if form.basis == Basis.OFFENCE:
        _check_offence(form, harm, problem)
    elif form.basis == Basis.TERM:
        _check_term(form, harm, platform, problem)
    else:
        problem(
            "basis",
            "A referral needs an offence, element by element, or a dated rule of the platform. Neither, no referral.",
        )


def offences(harm: Harm) -> list[LegalRef]:
    """The offences that a referral of this harm can stand on."""
    return [ref for ref in harm.legal_refs if ref.kind == RefKind.OFFENCE] if RestsOn.OFFENCE in harm.rests_on else []


def _check_offence(form: Form, harm: Harm, problem: Any) -> None:
    offence: LegalRef | None = next((ref for ref in offences(harm) if ref.name == form.provision), None)
    if offence is None:
        problem("provision", f"Choose the offence that “{harm.title}” is said to be.")
        return
    said = {finding.id: finding for finding in form.elements}
    for element in offence.elements:
        finding = said.get(element.id)
        if finding is None or not finding.met:
            problem(
                f"element_{element.id}",
                f"“{element.text}” is not made out. Without every element there is no offence, and no referral on this basis.",
            )
        elif len(finding.reasons.strip()) < MIN_REASONS:
            problem(f"element_{element.id}_reasons", f"Give the grounds to infer “{element.text}”.")
    for defence in offence.defences:
        answer = next((finding for finding in form.defences if finding.id == defence.id), None)
        if answer is None:
            problem(f"defence_{defence.id}", f"Say whether the defence “{defence.text}” may succeed.")
        elif answer.may_succeed:
            problem(
                f"defence_{defence.id}",
                f"The defence “{defence.text}” may succeed, so the post cannot be referred as illegal.",
            )


def _check_term(form: Form, harm: Harm, platform: Platform, problem: Any) -> None:
    if RestsOn.DATED_TERM not in harm.rests_on:
        problem("basis", f"Under the code of practice “{harm.title}” cannot rest on a platform's rules alone.")
    elif form.term is None:
        problem("term", f"Choose the rule of {platform.name} that the post breaks.")
    elif form.term.platform_id != platform.pk:
        problem("term", f"That rule is not one of {platform.name}.")
    elif harm.id not in form.term.harms:
        problem("term", f"The rule “{form.term.title}” does not cover “{harm.title}”.")
