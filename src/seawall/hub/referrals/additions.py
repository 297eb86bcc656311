"""What the noun above referrals adds to them, such as notices: it may hold a decision back, and tells more of a referral.

It says so when the program starts (`AppConfig.ready`), so that referrals need not know of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from seawall.hub.casework.models import Decision
from seawall.hub.casework.panels import Panel
from seawall.hub.directory.models import Person
from seawall.hub.referrals.models import Referral


class Addition(Protocol):
    """One noun's part."""

    def holds(self, decision: Decision) -> bool:
        """Whether the decision makes no ordinary referral now, because something else has to come of it first. Changes nothing."""
        ...

    def take(self, decision_id: UUID | str) -> None:
        """Take in hand a decision that is held. Again and again it is the same as once."""
        ...

    def in_hand(self) -> list[UUID]:
        """The decisions that are held and in hand already."""
        ...

    def panel(self, referral: Referral, person: Person) -> Panel | None:
        """A part of the referral's page, for somebody who may see the referral; None where there is nothing to say."""
        ...

    def told(self, referral: Referral) -> Mapping[str, Any]:
        """What a platform's software is told of its referral besides."""
        ...


_additions: dict[str, Addition] = {}


def add(name: str, addition: Addition) -> None:
    """Have `addition` asked. The same name replaces what it named before."""
    _additions[name] = addition


def held(decision: Decision) -> bool:
    """Whether anybody holds the decision."""
    return any(each.holds(decision) for each in _additions.values())


def take(decision_id: UUID | str) -> None:
    """Let whoever holds the decision take it in hand."""
    for each in _additions.values():
        each.take(decision_id)


def in_hand() -> list[UUID]:
    """The decisions that wait for somebody else's step before anything is sent."""
    return [decision for each in _additions.values() for decision in each.in_hand()]


def panels_for(*, referral: Referral, person: Person) -> list[Panel]:
    """The parts that others add to a referral's page."""
    made = [each.panel(referral, person) for each in _additions.values()]
    return [panel for panel in made if panel is not None]


def told(referral: Referral) -> dict[str, Any]:
    """What others add to what a platform's software is told."""
    return {name: value for each in _additions.values() for name, value in each.told(referral).items()}
