"""Reads of casework, always through what a person may see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.db.models import Count, Exists, OuterRef, Q

from seawall.hub import moment
from seawall.hub.casework.models import Case, CaseQuerySet, CaseState, Decision
from seawall.hub.casework.services import REVIEWERS
from seawall.hub.content.models import Content
from seawall.hub.directory.models import Person
from seawall.hub.directory.roles import Partition


def queue(
    *,
    person: Person,
    states: Sequence[str] = (),
    harms: Sequence[str] = (),
    platforms: Sequence[str] = (),
    mine: bool = False,
) -> CaseQuerySet:
    """The person's queue, gravest and most urgent first; filtered by state, harm and platform where any are named."""
    cases = Case.objects.visible_to(person).select_related("content__platform", "desk", "claimed_by")
    cases = cases.filter(state__in=states) if states else cases.exclude(state=CaseState.CLOSED)
    if harms:
        cases = cases.filter(harm__in=harms)
    if platforms:
        cases = cases.filter(content__platform__slug__in=platforms)
    if mine:
        cases = cases.filter(claimed_by=person)
    return cases.in_queue_order()


def case_for(*, person: Person | AnonymousUser, case_id: UUID) -> Case:
    """Raises Case.DoesNotExist for what lies outside the person's desks, just as for what is not there."""
    return (
        Case.objects.visible_to(person)
        .select_related("content__platform", "content__account", "content__batch", "desk__organisation", "claimed_by")
        .get(pk=case_id)
    )


def decision_to_refer(*, decision_id: UUID | str) -> Decision:
    """A decision with what referring it takes, held until the transaction ends so that it is referred once.

    Raises Decision.DoesNotExist.
    """
    return (
        Decision.objects.select_for_update(of=("self",))
        .select_related("case__content__platform__route", "case__desk__organisation", "term", "decided_by")
        .get(pk=decision_id)
    )


def newest_case_of(content: Content, *, person: Person) -> Case | None:
    """The last case about a post that the person may see."""
    return Case.objects.visible_to(person).filter(content=content).order_by("-opened_at", "-id").first()


def decisions_of(case: Case) -> list[Decision]:
    return list(case.decisions.select_related("decided_by", "term", "review__reviewed_by").order_by("decided_at"))


def open_decision(case: Case) -> Decision | None:
    """The decision that waits for a second word."""
    return case.decisions.filter(voided_at=None, review=None, second_review_needed=True).order_by("-decided_at").first()


def to_review(person: Person) -> CaseQuerySet:
    """The cases that wait for a second word which this person may give: at desks where they review, and decided by somebody else."""
    desks = [
        membership.desk_id
        for membership in person.current_memberships()
        if membership.desk is not None and membership.role in REVIEWERS[Partition(membership.desk.partition)]
    ]
    return (
        queue(person=person, states=[CaseState.SECOND_REVIEW])
        .filter(desk__in=desks)
        .exclude(Exists(Decision.objects.filter(case=OuterRef("pk"), voided_at=None, decided_by=person)))
    )


@dataclass(frozen=True, kw_only=True)
class QueueCounts:
    """How much waits at the person's desks."""

    open: int
    claimed: int
    mine: int
    second_review: int
    overdue: int


def counts(person: Person) -> QueueCounts:
    """One query over the open cases at the person's desks."""
    now = moment.now()
    found = (
        Case.objects.visible_to(person)
        .exclude(state=CaseState.CLOSED)
        .in_queue_order()
        .order_by()
        .aggregate(
            open=Count("pk", filter=Q(state=CaseState.OPEN)),
            claimed=Count("pk", filter=Q(state=CaseState.CLAIMED)),
            mine=Count("pk", filter=Q(state=CaseState.CLAIMED, claimed_by=person)),
            second_review=Count("pk", filter=Q(state=CaseState.SECOND_REVIEW)),
            overdue=Count("pk", filter=Q(due__lt=now)),
        )
    )
    return QueueCounts(**found)
