"""Opening cases: for a report or a person one at a time, for the detector a batch at a time."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.models import Case, CaseState, Decision, Origin
from seawall.hub.casework.tasks import open_cases_later
from seawall.hub.content import queries as content_queries
from seawall.hub.content import services as content_services
from seawall.hub.content.models import Content
from seawall.hub.directory import queries as directory
from seawall.hub.directory.models import Desk, Organisation, OrganisationKind
from seawall.hub.directory.roles import KEPT_FROM_POLICE, Partition
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice import queries as practice
from seawall.hub.practice.schema import Harm
from seawall.hub.practice.vocabulary import InElection

AUTOMATION = Actor.machine("casework")

FROM_WELFARE = "What lies with the welfare desk is not passed to the police desk. Where a life is in danger, use the emergency route."
FROM_CANDIDATES = "What lies with the candidate-support desk is not passed to the police desk. The candidate decides about the police."
BY_A_DETOUR = "The post has lain with the welfare or the candidate-support desk, so it is not passed to the police desk from here either."


def wall(*, content: Content, to: Partition) -> str | None:
    """Why the post may not come to a desk in that partition, in a sentence; None when it may.

    What has once lain with the welfare or the candidate-support desk never reaches a police desk, by whatever way round.
    """
    if to != Partition.POLICE:
        return None
    here = Partition(content.desk.partition)
    if here == Partition.WELFARE:
        return FROM_WELFARE
    if here == Partition.CANDIDATE_SUPPORT:
        return FROM_CANDIDATES
    return BY_A_DETOUR if content.kept_from_police and here != Partition.POLICE else None


def must_stay_apart(*, content: Content, organisation: Organisation, kept_from_police: bool) -> bool:
    """Whether what an organisation tells of this post gets a post of its own, so that neither side learns what the other knows of it."""
    here = Partition(content.desk.partition)
    if kept_from_police and here == Partition.POLICE:
        return True
    return organisation.kind == OrganisationKind.POLICE and (here in KEPT_FROM_POLICE or content.kept_from_police)


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
    within = decision_time(rule)
    case = Case.objects.create(
        content=content,
        desk=desk,
        origin=origin,
        harm=harm,
        code_version=code.version,
        severity=rule.severity or 0,
        decision_within=within,
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
            decision_within=seconds(within),
        ),
        subject=case,
        actor=actor,
    )
    return case, True


def _desk_for(*, content: Content, partition: Partition) -> Desk:
    """The content's own desk when it lies in the right partition, or behind a wall that it may not pass.

    What came in at the police desk goes nowhere else but to welfare.
    """
    own = content.desk
    here = Partition(own.partition)
    if here == partition or (here == Partition.POLICE and partition != Partition.WELFARE):
        return own
    if wall(content=content, to=partition):
        return own
    return directory.desk_for(partition)


def decision_time(rule: Harm) -> timedelta | None:
    """The time that the code gives for a decision from now on; in an election period half of it, where the code says so, and in a
    declared incident for its harms.

    Decisions are counted in hours and days; months would be a fault of the code.
    """
    length = rule.clock.decision
    if not isinstance(length, timedelta):
        return None
    now = moment.now()
    hurried = rule.clock.in_election_period is InElection.HALVED and practice.in_election_period(now.date())
    return length / 2 if hurried or practice.in_incident(harm_id=rule.id, at=now) else length


def seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


@transaction.atomic
def open_cases_for_batch(*, batch_id: str) -> int:
    """Open the cases that the code of practice asks for after a batch was assessed; say how many.

    A post that was decided on in this very version is not brought up again. What the machine may queue at a desk in 24 hours is capped
    (SEAWALL_MACHINE_CASES_A_DAY): beyond that it stops and says so in the ledger, rather than bury people. What was held back is tried
    again an hour later.
    """
    code = practice.current_code()
    batch = UUID(str(batch_id))
    opened = 0
    left: dict[str, int] = {}
    decided = set(Decision.objects.filter(case__content__batch=batch).values_list("case__content", "content_version"))
    waiting = set(
        Case.objects.filter(content__batch=batch).exclude(state=CaseState.CLOSED).values_list("content", flat=True)
    )
    for finding in content_queries.flagged_in(UUID(batch_id)):
        content = finding.content
        if finding.version != content.version or content.pk in waiting or (content.pk, content.version) in decided:
            continue
        spared = {each["family"] for each in finding.withheld}
        wanted = {family: value for family, value in finding.families.items() if family not in spared}
        rule = code.case_rule(wanted, finding.context)
        if rule is None:
            continue
        desk = _desk_for(content=content, partition=Partition(rule.harm.partition))
        key = str(desk.pk)
        if key not in left:
            left[key] = max(0, settings.MACHINE_CASES_A_DAY - _machine_cases_today(desk))
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
    if any(remaining < 0 for remaining in left.values()):
        open_cases_later(batch_id)
    return opened


def _machine_cases_today(desk: Desk) -> int:
    since = moment.now() - timedelta(hours=24)
    return Case.objects.filter(desk=desk, origin=Origin.DETECTOR, opened_at__gt=since).count()
