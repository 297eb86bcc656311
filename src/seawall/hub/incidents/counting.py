"""Counts of an incident: what happened in each quarter of an hour, and how much stood open at its end.

Signals, sightings and messages are those of the community; cases, decisions and referrals those of the whole hub about the incident's harms.
Everything is read from what is kept with its time, so that a quarter that was missed is counted later with the same result, except for what
a later answer of a platform tells of an earlier time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import Q, QuerySet

from seawall.clock import State
from seawall.hub import moment
from seawall.hub.casework.models import Case, Decision
from seawall.hub.exchange.models import Change, Sighting, Signal, SignalState
from seawall.hub.incidents.models import Count, Incident
from seawall.hub.referrals.models import PlatformAnswer, Referral, ReferralState

QUARTER = timedelta(minutes=15)
FINAL = "COMPLETED"
NAMES = {
    "signals_shared": "Signals shared",
    "signals_withdrawn": "Signals withdrawn",
    "sightings": "Sightings",
    "cases_opened": "Cases opened",
    "cases_decided": "Cases decided",
    "referrals_made": "Referrals made",
    "answers": "Final answers of platforms",
    "messages": "Messages in the channel",
    "cases_waiting": "Cases waiting at the end",
    "referrals_open": "Referrals open at the end",
    "referrals_late": "Referrals out of time at the end",
}
"""Every count with what a person reads; the last three stand at the end of the quarter, the others happened in it."""


def quarters(begin: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The quarters of an hour of the clock from `begin` to `end`, the first and the last cut off there."""
    since = begin
    while since < end:
        floor = since.astimezone(UTC).replace(minute=since.minute // 15 * 15, second=0, microsecond=0)
        until = min(floor + QUARTER, end)
        yield since, until
        since = until


def referrals_in(incident: Incident, *, until: datetime) -> QuerySet[Referral]:
    """Referrals about the incident's harms that were made from its beginning until a moment."""
    return (
        Referral.objects.filter(harm__in=incident.harms, prepared_at__gte=incident.declared_at, prepared_at__lt=until)
        .select_related("platform")
        .prefetch_related("clock_events")
        .order_by("prepared_at", "id")
    )


def answered_by(referral: Referral, at: datetime) -> bool:
    """Whether a final answer had come by then, or the referral was taken back."""
    if referral.state == ReferralState.WITHDRAWN:
        return True
    return referral.answered_at is not None and referral.answered_at <= at


def count(incident: Incident, since: datetime, until: datetime, referrals: Sequence[Referral]) -> dict[str, int]:
    """The counts of [since, until). `referrals` are those of the incident, with their clocks."""

    def within(field: str) -> Q:
        return Q(**{f"{field}__gte": since, f"{field}__lt": until})

    signals = Signal.objects.filter(community=incident.community_id, harm__in=incident.harms)
    withdrawn = Change.objects.filter(
        within("at"),
        community=incident.community_id,
        state=SignalState.WITHDRAWN,
        signal__harm__in=incident.harms,
    )
    cases = Case.objects.filter(harm__in=incident.harms)
    made = [each for each in referrals if each.prepared_at < until]
    still_open = [each for each in made if not answered_by(each, until)]
    return {
        "signals_shared": signals.filter(within("shared_at")).count(),
        "signals_withdrawn": withdrawn.count(),
        "sightings": Sighting.objects.standing().filter(within("recorded_at"), signal__in=signals).count(),
        "cases_opened": cases.filter(within("opened_at")).count(),
        "cases_decided": Decision.objects.filter(within("decided_at"), harm__in=incident.harms, voided_at=None).count(),
        "referrals_made": sum(each.prepared_at >= since for each in made),
        "answers": PlatformAnswer.objects.filter(
            within("collected_at"), status=FINAL, referral__harm__in=incident.harms
        ).count(),
        "messages": incident.messages.filter(within("at")).count(),
        "cases_waiting": cases.filter(opened_at__lt=until).filter(Q(closed_at=None) | Q(closed_at__gte=until)).count(),
        "referrals_open": len(still_open),
        "referrals_late": sum(each.clock().state(until) is State.BREACHED for each in still_open),
    }


def snapshot(incident: Incident) -> int:
    """Write down the counts of every quarter that is over and not written yet; says how many. What is written stays."""
    now = moment.now()
    end = min(now, incident.over_at)
    over = incident.ended_at is not None or now >= incident.ends_at
    last = Count.objects.filter(incident=incident).order_by("-until").values_list("until", flat=True).first()
    due = [
        (since, until)
        for since, until in quarters(incident.declared_at, end)
        if (over or until < end or _is_quarter(until)) and (last is None or until > last)
    ]
    if not due:
        return 0
    referrals = list(referrals_in(incident, until=end))
    made = Count.objects.bulk_create(
        [
            Count(incident=incident, until=until, counts=count(incident, since, until, referrals), counted_at=now)
            for since, until in due
        ],
        ignore_conflicts=True,
    )
    return len(made)


def _is_quarter(at: datetime) -> bool:
    return at.minute % 15 == 0 and at.second == 0 and at.microsecond == 0
