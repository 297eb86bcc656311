"""Casework's verbs: open (opening.py), claim, release, pass on, bring forward, decide, review."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from seawall.hub import moment
from seawall.hub.casework import measures
from seawall.hub.casework.form import MIN_REASONS, Form, FormIncomplete, FormProblem, problems_of, second_review_needed
from seawall.hub.casework.models import Basis, Case, CaseQuerySet, CaseState, Decision, Outcome, Review
from seawall.hub.casework.opening import decision_time, open_case, open_cases_for_batch, seconds, wall
from seawall.hub.casework.tasks import queue_referral
from seawall.hub.content import services as content_services
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Desk, Person
from seawall.hub.directory.roles import Partition, Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice import queries as practice

__all__ = [
    "CaseUnavailable",
    "bring_forward",
    "claim",
    "claim_next",
    "decide",
    "open_case",
    "open_cases_for_batch",
    "release",
    "review",
    "role_to_decide",
    "role_to_review",
    "transfer",
    "wall",
]

DECIDERS = {
    Partition.GENERAL: (Role.ANALYST, Role.SECOND_REVIEWER),
    Partition.WELFARE: (Role.WELFARE_LEAD, Role.ANALYST, Role.SECOND_REVIEWER),
    Partition.CANDIDATE_SUPPORT: (Role.ANALYST, Role.SECOND_REVIEWER),
    Partition.POLICE: (Role.POLICE_USER, Role.AUTHORISING_OFFICER),
}
REVIEWERS = {
    Partition.GENERAL: (Role.SECOND_REVIEWER,),
    Partition.WELFARE: (Role.WELFARE_LEAD, Role.SECOND_REVIEWER),
    Partition.CANDIDATE_SUPPORT: (Role.SECOND_REVIEWER,),
    Partition.POLICE: (Role.AUTHORISING_OFFICER,),
}
"""Who may decide and who may give the second word, in each partition."""


NEXT_TRIES = 50  # cases that others may take away while somebody asks for the next one


class CaseUnavailable(Exception):
    """The case is not in a state for this."""


def role_to_decide(*, person: Person, desk: Desk) -> Role | None:
    """The role in which the person may decide at this desk; None when they may not."""
    held = person.roles_at(desk)
    return next((role for role in DECIDERS[Partition(desk.partition)] if role in held), None)


def role_to_review(*, person: Person, desk: Desk) -> Role | None:
    """The role in which the person may give the second word at this desk; None when they may not."""
    held = person.roles_at(desk)
    return next((role for role in REVIEWERS[Partition(desk.partition)] if role in held), None)


def _locked(case: Case) -> Case:
    return (
        Case.objects.select_for_update(of=("self",))
        .select_related("desk__organisation", "content__platform")
        .get(pk=case.pk)
    )


def _actor(person: Person, role: Role | None, desk: Desk) -> Actor:
    if role is None:
        raise PermissionError(f"Your role at {desk.name} does not allow this.")
    return acting_as(person, role)


@transaction.atomic
def claim(*, case: Case, person: Person) -> Case:
    """Take a case up. Raises CaseUnavailable when somebody else has it, PermissionError when the person may not decide there."""
    case = _locked(case)
    actor = _actor(person, role_to_decide(person=person, desk=case.desk), case.desk)
    if case.state == CaseState.CLAIMED and case.claimed_by_id == person.pk:
        return case
    if case.state != CaseState.OPEN:
        raise CaseUnavailable(
            f"Case {case.reference} is not in the queue any more: {case.get_state_display().lower()}."
        )
    case.state, case.claimed_by, case.claimed_at = CaseState.CLAIMED, person, moment.now()
    case.save(update_fields=["state", "claimed_by", "claimed_at"])
    record(event=ledger.CaseClaimed(), subject=case, actor=actor)
    return case


def claim_next(*, among: CaseQuerySet, person: Person) -> Case | None:
    """Take up the first case of `among` that is still in the queue; None when there is none.

    Two people who press at the same moment get different cases. Raises PermissionError when the person may not decide at its desk.
    """
    for case in among.filter(state=CaseState.OPEN).select_related("desk")[:NEXT_TRIES]:
        try:
            return claim(case=case, person=person)
        except CaseUnavailable:
            continue
    return None


@transaction.atomic
def release(*, case: Case, person: Person) -> Case:
    """Put a claimed case back. Raises CaseUnavailable when it is not the person's."""
    case = _locked(case)
    actor = _actor(person, role_to_decide(person=person, desk=case.desk), case.desk)
    if case.state != CaseState.CLAIMED or case.claimed_by_id != person.pk:
        raise CaseUnavailable(f"Case {case.reference} is not with you.")
    case.state, case.claimed_by, case.claimed_at = CaseState.OPEN, None, None
    case.save(update_fields=["state", "claimed_by", "claimed_at"])
    record(event=ledger.CaseReleased(), subject=case, actor=actor)
    return case


@transaction.atomic
def transfer(*, case: Case, person: Person, harm: str, reasons: str) -> Case:
    """Pass a case to the desk that the code of practice names for `harm`. It waits in that queue; the person who passed it on sees it no
    more unless they work there too.

    Raises CaseUnavailable when the case is not the person's or no other desk is meant, FormIncomplete without reasons, PermissionError.
    """
    case = _locked(case)
    actor = _actor(person, role_to_decide(person=person, desk=case.desk), case.desk)
    if case.state != CaseState.CLAIMED or case.claimed_by_id != person.pk:
        raise CaseUnavailable(f"Case {case.reference} is not with you. Take it up from the queue first.")
    code = practice.current_code()
    rule = code.harm(harm)
    there, here = Partition(rule.partition), Partition(case.desk.partition)
    if there == here:
        raise CaseUnavailable(f"“{rule.title}” is decided at this desk. Decide the case instead of passing it on.")
    if refusal := wall(content=case.content, to=there):
        raise PermissionError(refusal)
    if len(reasons.strip()) < MIN_REASONS:
        raise FormIncomplete.one(
            "reasons", "Say in a sentence why the case belongs there. The other desk will read it."
        )
    desk = directory.desk_for(there)
    content_services.move(content=case.content, desk=desk)
    case.desk, case.harm, case.severity = desk, harm, rule.severity or 0
    case.decision_within, case.code_version = decision_time(rule), code.version
    case.transfer_note = reasons.strip()
    _back_to_queue(case)
    _record_place(ledger.CaseTransferred, case=case, actor=actor)
    return case


@transaction.atomic
def bring_forward(*, case: Case, harm: str, note: str, actor: Actor) -> Case:
    """Put an open case before the desk that the code names for `harm`, because somebody says that a life is in danger now.

    Whoever works on it loses it, and a decision that waits for its second word is void: a life goes first. A case behind a wall (the
    police desk's among them) stays at its desk, at the head of the queue. Nothing happens to a case that is closed, or as grave and in
    the right place already. Raises UnknownHarm.
    """
    case = _locked(case)
    code = practice.current_code()
    rule = code.harm(harm)
    there, here = Partition(rule.partition), Partition(case.desk.partition)
    grave = case.severity >= (rule.severity or 0)
    stays = here == there or here == Partition.POLICE or wall(content=case.content, to=there) is not None
    if case.state == CaseState.CLOSED or (stays and grave):
        return case
    case.severity = max(case.severity, rule.severity or 0)
    case.decision_within = decision_time(rule)
    if stays:
        case.save(update_fields=["severity", "decision_within"])
    else:
        desk = directory.desk_for(there)
        content_services.move(content=case.content, desk=desk)
        case.desk, case.harm, case.code_version, case.transfer_note = desk, harm, code.version, note
        case.decisions.filter(voided_at=None).update(voided_at=moment.now())
        _back_to_queue(case)
    _record_place(ledger.CaseBroughtForward, case=case, actor=actor)
    return case


def _back_to_queue(case: Case) -> None:
    """Let the case wait for anybody at its desk, with what was changed about it."""
    case.state, case.claimed_by, case.claimed_at = CaseState.OPEN, None, None
    case.save()


def _record_place(kind: type[ledger.CaseTransferred | ledger.CaseBroughtForward], *, case: Case, actor: Actor) -> None:
    record(
        event=kind(
            desk=str(case.desk_id),
            harm=case.harm,
            severity=case.severity,
            decision_within=seconds(case.decision_within),
        ),
        subject=case,
        actor=actor,
    )


@transaction.atomic
def decide(*, case: Case, person: Person, form: Form) -> Decision:
    """Decide a case that the person has claimed.

    A referral that needs a second reviewer waits for one; everything else closes the case at once. Raises FormIncomplete with every
    problem, CaseUnavailable when the case is not the person's, PermissionError when they may not decide there.
    """
    case = _locked(case)
    role = role_to_decide(person=person, desk=case.desk)
    actor = _actor(person, role, case.desk)
    if case.state != CaseState.CLAIMED or case.claimed_by_id != person.pk:
        raise CaseUnavailable(f"Case {case.reference} is not with you. Take it up from the queue first.")
    code = practice.current_code()
    content = case.content
    problems = problems_of(
        form, code=code, platform=content.platform, organisation=case.desk.organisation, url=content.url
    )
    if form.content_version not in (None, content.version):
        problems.append(
            FormProblem(
                field="content_version", message="The post was edited while you read it. Read it again, then decide."
            )
        )
    if form.outcome == Outcome.REFER and (halted := measures.suspension_of(case.desk)) is not None:
        problems.append(
            FormProblem(
                field="outcome",
                message=f"{case.desk.name} may not refer until {halted.until:%d %B %Y, %H:%M} UTC. Close or transfer the case, or wait.",
            )
        )
    if problems:
        raise FormIncomplete(problems)
    second = second_review_needed(form=form, harm=code.harm(form.harm)) or (
        form.outcome == Outcome.REFER and measures.quota_reached(case.desk)
    )
    basis = Basis(form.basis) if form.outcome == Outcome.REFER else Basis.NONE
    decision = Decision.objects.create(
        case=case,
        content_version=content.version,
        decided_by=person,
        role=str(role),
        decided_at=moment.now(),
        outcome=form.outcome,
        harm=form.harm,
        code_version=code.version,
        basis=basis,
        provision=form.provision if basis == Basis.OFFENCE else "",
        elements=form.elements_json() if basis == Basis.OFFENCE else [],
        defences=form.defences_json() if basis == Basis.OFFENCE else [],
        term=form.term if basis == Basis.TERM else None,
        exemptions=dict(form.exemptions),
        context=form.context,
        part=form.part,
        subject_type=form.subject_type,
        reasons=form.reasons.strip(),
        second_review_needed=second,
    )
    record(
        event=ledger.CaseDecided(
            decision=str(decision.pk),
            outcome=str(form.outcome),
            harm=form.harm,
            code_version=code.version,
            basis=str(decision.basis),
            provision=decision.provision or None,
            context=form.context,
            second_review_needed=second,
        ),
        subject=case,
        actor=actor,
    )
    if second:
        case.state = CaseState.SECOND_REVIEW
        case.save(update_fields=["state"])
    else:
        _close(case=case, decision=decision, actor=actor)
    return decision


@transaction.atomic
def review(*, decision: Decision, person: Person, concurs: bool, reasons: str) -> Review:
    """Give the second word on a decision.

    Concurring carries it out; dissenting voids it and puts the case back into the queue. Raises PermissionError for the person who
    decided and for anybody without a reviewer's role at the desk, CaseUnavailable when no review is awaited, FormIncomplete without
    reasons.
    """
    case = _locked(decision.case)
    decision = Decision.objects.select_for_update().get(pk=decision.pk)
    actor = _actor(person, role_to_review(person=person, desk=case.desk), case.desk)
    if decision.decided_by_id == person.pk:
        raise PermissionError("You took this decision, so somebody else gives the second word.")
    if case.state != CaseState.SECOND_REVIEW or decision.voided_at is not None:
        raise CaseUnavailable(f"Case {case.reference} is not waiting for a second reviewer.")
    if len(reasons.strip()) < MIN_REASONS:
        raise FormIncomplete.one("reasons", "Say in a sentence why you concur or dissent.")
    try:
        with transaction.atomic():
            word = Review.objects.create(
                decision=decision,
                reviewed_by=person,
                role=actor.role,
                reviewed_at=moment.now(),
                concurs=concurs,
                reasons=reasons.strip(),
            )
    except IntegrityError as error:
        raise CaseUnavailable("Somebody else has reviewed this decision already.") from error
    record(event=ledger.DecisionReviewed(decision=str(decision.pk), concurs=concurs), subject=case, actor=actor)
    if concurs:
        _close(case=case, decision=decision, actor=actor)
    else:
        decision.voided_at = moment.now()
        decision.save(update_fields=["voided_at"])
        case.state, case.claimed_by, case.claimed_at = CaseState.OPEN, None, None
        case.save(update_fields=["state", "claimed_by", "claimed_at"])
    return word


def _close(*, case: Case, decision: Decision, actor: Actor) -> None:
    case.state, case.closed_at, case.outcome = CaseState.CLOSED, moment.now(), decision.outcome
    case.save(update_fields=["state", "closed_at", "outcome"])
    record(
        event=ledger.CaseClosed(outcome=str(decision.outcome), harm=decision.harm, platform=case.content.platform.slug),
        subject=case,
        actor=actor,
    )
    if decision.outcome == Outcome.REFER:
        queue_referral(decision)
