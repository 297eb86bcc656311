"""Casework's verbs: open, claim, release, decide, review."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from seawall.hub import moment
from seawall.hub.casework.form import MIN_REASONS, Form, FormIncomplete, problems_of, second_review_needed
from seawall.hub.casework.models import Case, CaseQuerySet, CaseState, Decision, Origin, Outcome, Review
from seawall.hub.casework.tasks import queue_referral
from seawall.hub.content import queries as content_queries
from seawall.hub.content import services as content_services
from seawall.hub.content.models import Content
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Desk, Person
from seawall.hub.directory.roles import Partition, Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice import queries as practice
from seawall.hub.practice.schema import Harm

AUTOMATION = Actor.machine("casework")

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


@transaction.atomic
def open_case(*, content: Content, harm: str, origin: Origin, actor: Actor) -> tuple[Case, bool]:
    """Put a post into the queue of the desk that the code of practice names, and say whether the case is new.

    A post has one open case at most: if there is one, that one is returned. The content moves to the desk with the case.
    Raises UnknownHarm; Desk.DoesNotExist when no desk lies in the partition that the code names.
    """
    code = practice.current_code()
    rule = code.harm(harm)
    # Whoever opens a case for this post first holds its row; the others then find the case.
    content = Content.objects.select_for_update(of=("self",)).select_related("platform", "desk").get(pk=content.pk)
    existing = Case.objects.filter(content=content).exclude(state=CaseState.CLOSED).first()
    if existing is not None:
        return existing, False
    desk = _desk_for(content=content, partition=Partition(rule.partition))
    if content.desk_id != desk.pk:
        content_services.move(content=content, desk=desk)
    case = Case.objects.create(
        content=content,
        desk=desk,
        origin=origin,
        harm=harm,
        code_version=code.version,
        severity=rule.severity or 0,
        decision_within=_decision_time(rule),
        opened_at=moment.now(),
    )
    record(
        event=ledger.CaseOpened(
            content=str(content.pk),
            platform=content.platform.slug,
            desk=str(desk.pk),
            origin=str(origin),
            harm=harm,
            code_version=code.version,
            severity=rule.severity or 0,
            first_seen_at=content.first_seen_at,
            decision_within=_seconds(_decision_time(rule)),
        ),
        subject=case,
        actor=actor,
    )
    return case, True


def _desk_for(*, content: Content, partition: Partition) -> Desk:
    """The content's own desk when it lies in the right partition; what came in at the police desk goes nowhere else but to welfare."""
    own = content.desk
    if own.partition == partition or (own.partition == Partition.POLICE and partition != Partition.WELFARE):
        return own
    return directory.desk_for(partition)


def _decision_time(rule: Harm) -> timedelta | None:
    """The time that the code gives for a decision. Decisions are counted in hours and days; months would be a fault of the code."""
    length = rule.clock.decision
    return length if isinstance(length, timedelta) else None


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


@transaction.atomic
def open_cases_for_batch(*, batch_id: str) -> int:
    """Open the cases that the code of practice asks for after a batch was assessed; say how many.

    A post that was decided on in this very version is not brought up again. What the machine may queue at a desk in 24 hours is capped
    (SEAWALL_MACHINE_CASES_A_DAY): beyond that it stops and says so in the ledger, rather than bury people.
    """
    code = practice.current_code()
    opened = 0
    left: dict[str, int] = {}
    for finding in content_queries.flagged_in(batch_id):
        content = finding.content
        if finding.version != content.version:
            continue
        rule = code.case_rule(finding.families, finding.context)
        if rule is None or Decision.objects.filter(case__content=content, content_version=content.version).exists():
            continue
        desk = _desk_for(content=content, partition=Partition(rule.harm.partition))
        key = str(desk.pk)
        if key not in left:
            left[key] = settings.MACHINE_CASES_A_DAY - _machine_cases_today(desk)
        if left[key] <= 0:
            left[key] -= 1
            continue
        _case, new = open_case(content=content, harm=rule.harm.id, origin=Origin.DETECTOR, actor=AUTOMATION)
        opened += new
        left[key] -= new
    for key, remaining in left.items():
        if remaining < 0:
            record(
                event=ledger.QuotaReached(quota=settings.MACHINE_CASES_A_DAY, held_back=-remaining),
                subject=("desk", key),
                actor=AUTOMATION,
            )
    return opened


def _machine_cases_today(desk: Desk) -> int:
    since = moment.now() - timedelta(hours=24)
    return Case.objects.filter(desk=desk, origin=Origin.DETECTOR, opened_at__gt=since).count()


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


NO_TRANSFER = {
    (
        Partition.WELFARE,
        Partition.POLICE,
    ): "What lies with the welfare desk is not passed to the police desk. Where a life is in danger, "
    "use the emergency route.",
    (
        Partition.CANDIDATE_SUPPORT,
        Partition.POLICE,
    ): "What lies with the candidate-support desk is not passed to the police desk. The "
    "candidate decides whether to go to the police.",
}
"""Walls that a case does not pass, and what to tell the person."""


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
    if refusal := NO_TRANSFER.get((here, there)):
        raise PermissionError(refusal)
    if len(reasons.strip()) < MIN_REASONS:
        raise FormIncomplete.one(
            "reasons", "Say in a sentence why the case belongs there. The other desk will read it."
        )
    desk = directory.desk_for(there)
    content_services.move(content=case.content, desk=desk)
    case.desk, case.harm, case.severity = desk, harm, rule.severity or 0
    case.decision_within = _decision_time(rule)
    case.state, case.claimed_by, case.claimed_at = CaseState.OPEN, None, None
    case.transfer_note = reasons.strip()
    case.save(
        update_fields=[
            "desk",
            "harm",
            "severity",
            "decision_within",
            "state",
            "claimed_by",
            "claimed_at",
            "transfer_note",
        ]
    )
    record(
        event=ledger.CaseTransferred(
            desk=str(desk.pk),
            harm=harm,
            severity=case.severity,
            decision_within=_seconds(_decision_time(rule)),
        ),
        subject=case,
        actor=actor,
    )
    return case


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
    problems = problems_of(form, code=code, platform=case.content.platform, organisation=case.desk.organisation)
    if problems:
        raise FormIncomplete(problems)
    second = second_review_needed(form=form, harm=code.harm(form.harm))
    decision = Decision.objects.create(
        case=case,
        content_version=case.content.version,
        decided_by=person,
        role=str(role),
        decided_at=moment.now(),
        outcome=form.outcome,
        harm=form.harm,
        code_version=code.version,
        basis=form.basis if form.outcome == Outcome.REFER else "none",
        provision=form.provision,
        elements=form.elements_json(),
        defences=form.defences_json(),
        term=form.term,
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
            provision=form.provision or None,
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
