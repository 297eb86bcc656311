"""Who may learn of what: the walls between the police and the desks that people come to for help, as they hold for what comes in."""

from __future__ import annotations

from typing import Final

from seawall.channels.xarf_report import Incoming
from seawall.hub.casework.models import Case
from seawall.hub.casework.opening import must_stay_apart
from seawall.hub.directory.models import Organisation, OrganisationKind
from seawall.hub.directory.queries import helps_people
from seawall.hub.directory.roles import KEPT_FROM_POLICE, Partition

__all__ = ["is_from_behind", "is_told_nothing", "must_stay_apart"]

_HELPERS: Final = frozenset({"charity", "health_body", "ombudsman"})


def is_from_behind(organisation: Organisation, report: Incoming | None = None) -> bool:
    """Whether what the organisation sends never reaches a police desk.

    So it is with charities and ombudsmen, with every organisation that has a welfare or candidate-support desk here, and with
    referrals that another hub makes for one of the helping kind.
    """
    if organisation.kind == OrganisationKind.POLICE:
        return False
    if report is not None and report.referral is not None and report.referral.referrer.type in _HELPERS:
        return True
    return helps_people(organisation)


def is_told_nothing(*, case: Case, organisation: Organisation) -> bool:
    """Whether the sender learns only that its report was received: what becomes of a case behind the wall is not told to the police."""
    if organisation.kind != OrganisationKind.POLICE:
        return False
    return Partition(case.desk.partition) in KEPT_FROM_POLICE or case.content.kept_from_police
