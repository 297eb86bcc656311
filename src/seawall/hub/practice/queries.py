"""Reads of the code of practice."""

from __future__ import annotations

from datetime import date
from functools import lru_cache

from seawall.hub.practice.models import CodeVersion, ElectionPeriod
from seawall.hub.practice.schema import Code


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


def election_periods() -> list[ElectionPeriod]:
    """Every period that was entered, the latest first; cancelled ones too."""
    return list(ElectionPeriod.objects.order_by("-begins", "-ends"))
