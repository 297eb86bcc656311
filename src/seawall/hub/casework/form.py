"""The decision form: what a person must have said before a decision counts.

The form follows section 192 of the Online Safety Act 2023: content is judged illegal only on reasonable grounds to infer every element
of an offence, the mental ones too, and no reasonable grounds to infer that a defence may succeed. Where no offence is in question, a
dated rule of the platform's own terms is the only other ground. Neither, no referral.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from seawall.hub import moment
from seawall.hub.casework.models import Basis, Outcome, Part, SubjectType
from seawall.hub.directory.models import Organisation, OrganisationKind, Platform, PlatformRule
from seawall.hub.practice.schema import Code, Harm, LegalRef, UnknownHarmError
from seawall.hub.practice.vocabulary import Action, Context, RefKind, RestsOn, Route

MIN_REASONS = 10  # characters: enough to make "x" and "ok" impossible, not enough to make people pad
MAX_REASONS = 5_000  # characters: what the document that a platform receives has room for
NO_CONTEXT = "none"


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
    """A filled-in decision form. `harm` is an id of the code of practice; `provision` is a `LegalRef.name`.

    `content_version` is the version of the post that the person read; where it is named, a later version does not pass for it.
    """

    outcome: Outcome
    harm: str
    reasons: str
    basis: Basis = Basis.NONE
    provision: str = ""
    elements: Sequence[ElementFinding] = ()
    defences: Sequence[DefenceFinding] = ()
    term: PlatformRule | None = None
    exemptions: Mapping[str, bool] = field(default_factory=dict)
    context: str = NO_CONTEXT
    part: Part = Part.UNKNOWN
    subject_type: SubjectType = SubjectType.UNKNOWN
    content_version: int | None = None

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


def problems_of(
    form: Form, *, code: Code, platform: Platform, organisation: Organisation, url: str | None = None
) -> list[FormProblem]:
    """Everything that keeps the form from counting; empty when it holds.

    `url` is the post's address, without which nothing can be referred; None where the caller does not ask about it.
    """
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
    _check_length("reasons", form.reasons, problem)
    if form.context != NO_CONTEXT and form.context not in list(Context):
        problem(
            "context", f"“{form.context}” is not a context that the code of practice knows. Choose one from the list."
        )
    if form.outcome == Outcome.REFER:
        _check_referral(form, harm, platform, organisation, problem)
        _check_sendable(harm, platform, url, problem)
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


def _check_length(name: str, text: str, problem: Any) -> None:
    if len(text) > MAX_REASONS:
        problem(name, f"This is longer than {MAX_REASONS:,} characters. Say it more shortly.")
    if "\x00" in text:
        problem(name, "This holds a character that cannot be kept (NUL). Type it again without it.")


def _check_sendable(harm: Harm, platform: Platform, url: str | None, problem: Any) -> None:
    """A decision to refer that could never be sent would be lost after the case is closed, so it is refused while a person is there."""
    if harm.protected or harm.route not in (Route.REFERRAL, Route.FORMAL_NOTICE):
        return
    if harm.default_action in (Action.NONE, Action.SUPPORT_ONLY) or harm.clock.action is None:
        problem(
            "outcome",
            f"The code of practice asks no action of a platform for “{harm.title}”, or sets no time for it. Choose another outcome.",
        )
    if not hasattr(platform, "route"):
        problem(
            "outcome",
            f"The hub has no way to reach {platform.name}. Ask an administrator to set one, or choose another outcome.",
        )
    if url is not None and not url.startswith(("https://", "http://")):
        problem(
            "outcome",
            "The post has no web address, and a referral needs the exact one. Choose another outcome.",
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
        else:
            _check_length(f"element_{element.id}_reasons", finding.reasons, problem)
    for defence in offence.defences:
        answer = next((finding for finding in form.defences if finding.id == defence.id), None)
        if answer is None:
            problem(f"defence_{defence.id}", f"Say whether the defence “{defence.text}” may succeed.")
        elif answer.may_succeed:
            problem(
                f"defence_{defence.id}",
                f"The defence “{defence.text}” may succeed, so the post cannot be referred as illegal.",
            )
        else:
            _check_length(f"defence_{defence.id}_reasons", answer.reasons, problem)


def _check_term(form: Form, harm: Harm, platform: Platform, problem: Any) -> None:
    if RestsOn.DATED_TERM not in harm.rests_on:
        problem("basis", f"Under the code of practice “{harm.title}” cannot rest on a platform's rules alone.")
    elif form.term is None:
        problem("term", f"Choose the rule of {platform.name} that the post breaks.")
    elif form.term.platform_id != platform.pk:
        problem("term", f"That rule is not one of {platform.name}.")
    elif harm.id not in form.term.harms:
        problem("term", f"The rule “{form.term.title}” does not cover “{harm.title}”.")
    elif form.term.dated > moment.now().date():
        problem("term", f"The rule “{form.term.title}” is dated {form.term.dated}, which is still to come.")
