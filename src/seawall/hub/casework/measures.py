"""What is done about a desk that refers wrongly again and again, and how much a desk may refer by itself.

Those who refer are held to account like those who are referred to. The tests are those of Regulation (EU) 2022/2065
(Digital Services Act) art. 23: after a warning, for a reasonable time, weighing number, share, gravity and intent.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from django.conf import settings
from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete, FormProblem
from seawall.hub.casework.models import Decision, Measure, MeasureKind, Outcome
from seawall.hub.directory.models import Desk, Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import record

WARNING_COUNTS = timedelta(days=365)
LONGEST_SUSPENSION = timedelta(days=90)


class NoWarning(Exception):
    """A desk can be suspended only after a warning that is not older than a year."""


def suspension_of(desk: Desk) -> Measure | None:
    """The suspension that keeps the desk from referring now; None when it may."""
    return (
        Measure.objects.filter(
            desk=desk, kind=MeasureKind.SUSPENSION, taken_at__lte=moment.now(), until__gt=moment.now(), lifted_at=None
        )
        .order_by("-until")
        .first()
    )


def quota_reached(desk: Desk) -> bool:
    """Whether the desk has decided REFERRALS_A_DAY referrals within 24 hours: each further one then needs a second person."""
    since = moment.now() - timedelta(days=1)
    decided = Decision.objects.filter(
        case__desk=desk, outcome=Outcome.REFER, decided_at__gt=since, decided_at__lte=moment.now(), voided_at=None
    )
    return decided.count() >= settings.REFERRALS_A_DAY


@transaction.atomic
def warn(*, desk: Desk, person: Person, figures: Mapping[str, int], gravity: str, intent: str, reasons: str) -> Measure:
    """Warn a desk, on its figures. Raises PermissionError for anybody but the overseer, FormIncomplete for words that are missing."""
    actor = acting_as(person, Role.OVERSEER)
    _words(gravity=gravity, intent=intent, reasons=reasons)
    made = Measure.objects.create(
        desk=desk,
        kind=MeasureKind.WARNING,
        figures=dict(figures),
        gravity=gravity.strip(),
        intent=intent.strip(),
        reasons=reasons.strip(),
        taken_by=person,
        taken_at=moment.now(),
    )
    record(event=ledger.DeskWarned(**_counts(figures)), subject=desk, actor=actor)
    return made


@transaction.atomic
def suspend(
    *, desk: Desk, person: Person, figures: Mapping[str, int], gravity: str, intent: str, reasons: str, days: int
) -> Measure:
    """Keep a desk from referring for so many days. Its cases stay with it, and it can decide anything else.

    Raises PermissionError, FormIncomplete, and NoWarning when nobody warned it within a year.
    """
    actor = acting_as(person, Role.OVERSEER)
    _words(gravity=gravity, intent=intent, reasons=reasons)
    if not 1 <= days <= LONGEST_SUSPENSION.days:
        raise FormIncomplete.one("days", f"Suspend for 1 to {LONGEST_SUSPENSION.days} days.")
    now = moment.now()
    if not Measure.objects.filter(
        desk=desk, kind=MeasureKind.WARNING, taken_at__gte=now - WARNING_COUNTS, lifted_at=None
    ).exists():
        raise NoWarning(f"{desk.name} has not been warned within a year. Warn it first.")
    until = now + timedelta(days=days)
    made = Measure.objects.create(
        desk=desk,
        kind=MeasureKind.SUSPENSION,
        figures=dict(figures),
        gravity=gravity.strip(),
        intent=intent.strip(),
        reasons=reasons.strip(),
        taken_by=person,
        taken_at=now,
        until=until,
    )
    record(event=ledger.DeskSuspended(**_counts(figures), until=until), subject=desk, actor=actor)
    return made


@transaction.atomic
def lift(*, measure: Measure, person: Person, because: str) -> Measure:
    """End a suspension before its time, or take a warning back. Raises PermissionError, FormIncomplete."""
    actor = acting_as(person, Role.OVERSEER)
    if not because.strip():
        raise FormIncomplete.one("because", "Say why it is lifted.")
    kept = Measure.objects.select_for_update(of=("self",)).select_related("desk").get(pk=measure.pk)
    if kept.lifted_at is not None:
        return kept
    kept.lifted_at, kept.lifted_by, kept.lifted_because = moment.now(), person, because.strip()[:5_000]
    kept.save(update_fields=["lifted_at", "lifted_by", "lifted_because"])
    if kept.kind == MeasureKind.SUSPENSION:
        record(event=ledger.SuspensionLifted(), subject=kept.desk, actor=actor)
    return kept


def _words(**given: str) -> None:
    problems = [
        FormProblem(field=name, message=f"Say something of {name}." if name != "reasons" else "Give your reasons.")
        for name, text in given.items()
        if not text.strip() or len(text) > 5_000 or "\x00" in text
    ]
    if problems:
        raise FormIncomplete(problems)


def _counts(figures: Mapping[str, int]) -> dict[str, int]:
    return {name: int(figures.get(name, 0)) for name in ("referred", "refused", "overturned")}
