"""Reads of incidents, always through the communities that a person may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from seawall.hub import moment
from seawall.hub.directory.models import Organisation, Person
from seawall.hub.exchange import queries as exchange
from seawall.hub.exchange.models import Community, Part, Signal
from seawall.hub.incidents import counting, debriefing
from seawall.hub.incidents.models import Incident
from seawall.hub.oversight.withholding import Sum, published, withheld


def incidents_of(community: Community) -> QuerySet[Incident]:
    """Those of a community, the latest first."""
    return Incident.objects.filter(community=community).order_by("-declared_at")


def incident_for(*, person: Person, incident_id: UUID) -> Incident:
    """Raises Incident.DoesNotExist for one in a community that the person may not see."""
    seen = Community.objects.visible_to(person).values("pk")
    return (
        Incident.objects.select_related("community__operator", "hurry").filter(community__in=seen).get(pk=incident_id)
    )


def takes_part(*, person: Person, incident: Incident) -> bool:
    """Whether the person sees the channel, every count and the debrief: members but observers, the operator, and auditors."""
    return exchange.sees_recipients(person=person, community=incident.community)


def speaks_for(*, person: Person, incident: Incident) -> list[Organisation]:
    """For whom the person may write in the channel."""
    members = exchange.spoken_for(person=person, community=incident.community)
    found = [each.organisation for each in members if each.accepted_at is not None and each.part != Part.OBSERVER]
    operator = incident.community.operator
    if exchange.looks_after(person=person, community=incident.community) and operator not in found:
        found.append(operator)
    return found


@dataclass(frozen=True, kw_only=True)
class Status:
    """How an incident stands. None for a count that is withheld."""

    shared: int | None
    withdrawn: int | None
    platforms: Sequence[Mapping[str, Any]]
    totals: Mapping[str, int | None]
    quarters: Sequence[Mapping[str, Any]]


ROWS = ("referred", "answered", "open", "late", "taken_back")


def status(incident: Incident, *, exact: bool) -> Status:
    """The state of an incident at this moment, or at its end; without `exact` small counts are withheld, as for observers."""
    at = min(moment.now(), incident.over_at)
    signals = Signal.objects.filter(
        community=incident.community_id, harm__in=incident.harms, shared_at__gte=incident.declared_at, shared_at__lte=at
    )
    shared, gone = signals.count(), signals.exclude(state="active").count()
    rows = debriefing.platforms(list(counting.referrals_in(incident, until=at)), at)
    counts: dict[tuple[str, str], int] = {(row["platform"], name): row[name] for row in rows for name in ROWS}
    sums = []
    for name in ROWS:
        counts["", name] = sum(row[name] for row in rows)
        sums.append(Sum([("", name)], [(row["platform"], name) for row in rows]))
    sums += [
        Sum([(who, "referred")], [(who, name) for name in ("answered", "open", "taken_back")])
        for who in ["", *(row["platform"] for row in rows)]
    ]
    hidden = frozenset() if exact else withheld(counts, sums)

    def shown(who: str, name: str) -> int | None:
        return None if (who, name) in hidden else counts[who, name]

    return Status(
        shared=shared if exact else published(shared),
        withdrawn=gone if exact else published(gone),
        platforms=[
            {
                "name": row["name"],
                **{name: shown(row["platform"], name) for name in ROWS},
                "median_seconds": row["median_seconds"] if shown(row["platform"], "answered") is not None else None,
            }
            for row in rows
        ],
        totals={name: shown("", name) for name in ROWS},
        quarters=[
            {"until": each.until, **{name: n if exact else published(n) for name, n in each.counts.items()}}
            for each in incident.counts.all()
        ],
    )
