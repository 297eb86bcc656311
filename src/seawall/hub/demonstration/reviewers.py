"""The demonstration's reviewers: scripts that fill in the real decision form by what people who annotated the data sets said.

They exist to show the way of a post. Nothing that they decide says anything about a law; every page that shows it says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from math import exp
from statistics import NormalDist

from seawall.hub.casework import services as casework
from seawall.hub.casework.form import DefenceFinding, ElementFinding, Form, offences, referrer_type
from seawall.hub.casework.models import Basis, Case, Decision, Outcome, Part, SubjectType
from seawall.hub.demonstration.sample import Label, labels
from seawall.hub.directory.models import Person
from seawall.hub.directory.queries import rules_for
from seawall.hub.directory.roles import Partition
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.schema import Harm
from seawall.hub.practice.vocabulary import RestsOn, Route

UNLABELLED = Label(source="none", native="no label", family=None, harm=None, context=None, target=None)
DISSENTS = 0.05  # share of referrals that the second reviewer sends back, so that this is seen too
_NORMAL = NormalDist()

WORKERS = {
    Partition.GENERAL: ("analyst@hub.example", "second-analyst@hub.example"),
    Partition.WELFARE: ("welfare@line.example",),
    Partition.CANDIDATE_SUPPORT: ("analyst@hub.example", "second-analyst@hub.example"),
    Partition.POLICE: ("officer@police.example",),
}
SECOND = {
    Partition.GENERAL: "reviewer@hub.example",
    Partition.WELFARE: "second-reader@line.example",
    Partition.CANDIDATE_SUPPORT: "reviewer@hub.example",
    Partition.POLICE: "inspector@police.example",
}
MEDIAN_MINUTES = {5: 14.0, 4: 75.0, 3: 210.0, 2: 600.0, 1: 900.0, 0: 600.0}
"""How long a demonstration reviewer takes to come to a case, by severity: invented."""


def draw(*parts: str) -> float:
    """A number in (0, 1) that is always the same for the same words."""
    number = int.from_bytes(sha256("\0".join(parts).encode()).digest()[:7], "big")
    return (number + 0.5) / 2**56


def delay_before_decision(case: Case) -> timedelta:
    """When a demonstration reviewer comes to the case, counted from its opening."""
    median = MEDIAN_MINUTES[case.severity]
    return timedelta(minutes=median * exp(0.7 * _NORMAL.inv_cdf(draw("decide", str(case.content.native_id)))))


def delay_before_review(case: Case) -> timedelta:
    median = max(6.0, MEDIAN_MINUTES[case.severity] / 3)
    return timedelta(minutes=median * exp(0.6 * _NORMAL.inv_cdf(draw("review", str(case.content.native_id)))))


def label_of(case: Case) -> Label:
    return labels().get(case.content.native_id, UNLABELLED)


@dataclass(frozen=True, slots=True)
class Cast:
    """The demonstration's people by e-mail address."""

    people: dict[str, Person]

    def worker(self, case: Case) -> Person:
        """Who decides the case: always the same one of those who work at its desk."""
        names = WORKERS[Partition(case.desk.partition)]
        return self.people[names[int(draw("worker", case.content.native_id) * len(names))]]

    def second(self, case: Case) -> Person:
        return self.people[SECOND[Partition(case.desk.partition)]]


def work(case: Case, cast: Cast) -> Decision | None:
    """Claim the case, then decide it, or pass it on (None) when its label's harm belongs to another desk."""
    person, label = cast.worker(case), label_of(case)
    casework.claim(case=case, person=person)
    harm = _harm(case, label)
    if harm is not None and not case.decisions.exists():
        there = Partition(harm.partition)
        here = Partition(case.desk.partition)
        if there != here and here == Partition.GENERAL and not casework.wall(content=case.content, to=there):
            casework.transfer(
                case=case,
                person=person,
                harm=harm.id,
                reasons=f"Demonstration: the label of {label.source} is “{label.native}”.",
            )
            return None
    return casework.decide(case=case, person=person, form=form_for(case, label))


def _harm(case: Case, label: Label) -> Harm | None:
    code = current_code()
    if label.harm is not None:
        return code.harm(label.harm)
    return code.harm("ssh-imminent") if label.family == "at_risk" else None


def form_for(case: Case, label: Label) -> Form:
    """The decision form as the label has it."""
    harm = _harm(case, label)
    why = f"Demonstration: follows the human label “{label.native}” of the data set {label.source}."
    context = label.context or "none"
    sent_back = case.decisions.filter(voided_at__isnull=False).exists()
    if harm is None or sent_back:
        reason = (
            "Demonstration: the second reviewer dissented, so nothing is asked of the platform." if sent_back else why
        )
        return Form(outcome=Outcome.NO_ACTION, harm=case.harm, reasons=reason, context=context)
    if harm.protected or harm.route == Route.SUPPORT_ONLY:
        return Form(
            outcome=Outcome.SUPPORT,
            harm=harm.id,
            reasons=why,
            context=context,
            part=Part.UPLOADED,
            subject_type=SubjectType.AT_RISK,
        )
    if harm.hand_off and harm.route == Route.HAND_OFF:
        return Form(outcome=Outcome.HAND_OFF, harm=harm.id, reasons=why, context=context)
    if referrer_type(case.desk.organisation) not in harm.who_may_refer:
        return Form(outcome=Outcome.NO_ACTION, harm=harm.id, reasons=why, context=context)
    return _referral(case, harm, why, context)


def _referral(case: Case, harm: Harm, why: str, context: str) -> Form:
    found = offences(harm)
    rules = rules_for(platform=case.content.platform, harm=harm.id) if RestsOn.DATED_TERM in harm.rests_on else []
    # A label says what annotators saw, and no more: it bears a rule of the platform, and an offence only where nothing else is foreseen.
    on_terms = bool(rules)
    if not on_terms and not found:
        return Form(
            outcome=Outcome.NO_ACTION, harm=harm.id, reasons=f"{why} No offence and no rule covers it.", context=context
        )
    offence = None if on_terms else found[0]
    return Form(
        outcome=Outcome.REFER,
        harm=harm.id,
        reasons=why,
        basis=Basis.TERM if on_terms else Basis.OFFENCE,
        term=rules[0] if on_terms else None,
        provision=offence.name if offence else "",
        elements=[
            ElementFinding(id=element.id, met=True, reasons="Demonstration: taken from the human label.")
            for element in (offence.elements if offence else ())
        ],
        defences=[
            DefenceFinding(id=defence.id, may_succeed=False) for defence in (offence.defences if offence else ())
        ],
        exemptions=dict.fromkeys(harm.exemptions, False),
        context=context,
        part=Part.UPLOADED,
        subject_type=SubjectType.SUSPECTED,
    )


def review(decision: Decision, cast: Cast) -> bool:
    """Give the second word; say whether it concurs."""
    case = decision.case
    concurs = draw("dissent", case.content.native_id) >= DISSENTS
    casework.review(
        decision=decision,
        person=cast.second(case),
        concurs=concurs,
        reasons="Demonstration: concurs with the label."
        if concurs
        else "Demonstration: dissents, to show what then happens.",
    )
    return concurs
