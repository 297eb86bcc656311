"""Reads of the code of practice."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from seawall.hub.practice.models import CodeVersion, ElectionPeriod, HurriedPeriod, Power, PowerKind
from seawall.hub.practice.schema import Code, Harm
from seawall.hub.practice.vocabulary import Route

POWER_OF_LIMIT = {
    "cpa-2026-s21": PowerKind.FORMAL_NOTICE,
    "eu-2021-784-removal": PowerKind.REMOVAL_ORDER,
}
"""The power that a time limit of limits.yaml belongs to."""


class NoCodeAdopted(Exception):
    """The hub has no code of practice yet, so nothing can be decided."""


def current_code() -> Code:
    """The version in force: the one that was adopted last. Raises NoCodeAdopted."""
    latest = CodeVersion.objects.order_by("-adopted_at", "-id").values_list("version", "digest").first()
    if latest is None:
        raise NoCodeAdopted("No code of practice is in force. Run `seawall migrate`, which adopts the one that ships.")
    return _parsed(*latest)


def code_at(version: str) -> Code:
    """The code as it stood in a version that was once adopted. Raises CodeVersion.DoesNotExist."""
    return _parsed(version, CodeVersion.objects.values_list("digest", flat=True).get(version=version))


@lru_cache(maxsize=8)
def _parsed(version: str, digest: str) -> Code:
    # An adopted version never changes, so it is read once a process; the digest keeps two databases apart in tests.
    return Code.model_validate(CodeVersion.objects.get(version=version, digest=digest).document)


def adopted() -> list[CodeVersion]:
    """Every version that was adopted, newest first."""
    return list(CodeVersion.objects.order_by("-adopted_at", "-id"))


def in_election_period(day: date) -> bool:
    """Whether the operator's calendar holds an election period on that day (UTC)."""
    return ElectionPeriod.objects.filter(begins__lte=day, ends__gte=day, cancelled_at=None).exists()


def in_incident(*, harm_id: str, at: datetime) -> bool:
    """Whether a declared incident hurries this harm at that moment."""
    return HurriedPeriod.objects.filter(begins_at__lte=at, ends_at__gt=at, harms__contains=[harm_id]).exists()


def hurried_at(at: datetime) -> list[HurriedPeriod]:
    """The periods of incidents that are on at that moment."""
    return list(HurriedPeriod.objects.filter(begins_at__lte=at, ends_at__gt=at))


def election_periods() -> list[ElectionPeriod]:
    """Every period that was entered, the latest first; cancelled ones too."""
    return list(ElectionPeriod.objects.order_by("-begins", "-ends"))


def power_needed(harm: Harm) -> PowerKind | None:
    """The power whose notice or order the code of practice foresees for a harm; None where it foresees none."""
    return POWER_OF_LIMIT.get(harm.clock.limit or "") if harm.route is Route.FORMAL_NOTICE else None


def power_in_force(*, kind: PowerKind, organisation_id: UUID) -> Power | None:
    """The operator's word that the organisation holds the power now; None where nobody gave it, or it was ended."""
    return Power.objects.filter(
        kind=kind, organisation=organisation_id, organisation__state_body=True, ended_at=None
    ).first()


def powers() -> list[Power]:
    """Every power that was recorded, those in force first, then the newest first."""
    found = Power.objects.select_related("organisation")
    return sorted(found, key=lambda power: power.ended_at is not None)
