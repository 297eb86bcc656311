"""Who may give a notice, and who may decide its review: authorising officers who had no part in it before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.form import FormIncomplete, FormProblem
from seawall.hub.casework.models import Decision
from seawall.hub.directory.models import Desk, Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.notices.models import Notice, OfficerProfile
from seawall.hub.notices.parts import officer_lacks


def officer_at(person: Person, desk: Desk) -> bool:
    """Whether the person is an authorising officer at the desk."""
    return Role.AUTHORISING_OFFICER in person.roles_at(desk)


def acting_officer(person: Person, desk: Desk) -> Actor:
    """The officer as the ledger names them. Raises PermissionError for anybody who is none at this desk."""
    if not officer_at(person, desk):
        raise PermissionError(f"Only an authorising officer at {desk.name} may do this.")
    return acting_as(person, Role.AUTHORISING_OFFICER)


def deciders(decision: Decision) -> frozenset[UUID]:
    """Who decided the case and who gave the second word."""
    second = getattr(decision, "review", None)
    return frozenset({decision.decided_by_id, *([second.reviewed_by_id] if second else [])})


def had_part(notice: Notice) -> frozenset[UUID]:
    """Everybody who decided, gave the second word, wrote at the notice or gave it."""
    return deciders(notice.decision) | {each for each in (notice.written_by_id, notice.given_by_id) if each}


def who_may_give(notice: Notice) -> list[Person]:
    """The officers at the desk who neither decided nor gave the second word."""
    return _officers(deciders(notice.decision), memberships__desk=notice.decision.case.desk)


def who_may_review(notice: Notice) -> list[Person]:
    """The officers of the same organisation, at whichever desk, who had no part in the notice."""
    organisation = notice.decision.case.desk.organisation_id
    return _officers(had_part(notice), memberships__organisation=organisation)


def _officers(without: frozenset[UUID], **where: Any) -> list[Person]:
    found = Person.objects.filter(
        is_active=True, memberships__role=Role.AUTHORISING_OFFICER, memberships__withdrawn_at=None, **where
    )
    return list(found.exclude(pk__in=without).distinct())


def profile_of(person: Person) -> OfficerProfile | None:
    """How the officer is named; None until they have said so."""
    return OfficerProfile.objects.filter(person=person).first()


@transaction.atomic
def keep_profile(*, person: Person, values: Mapping[str, Any]) -> OfficerProfile:
    """Write down how an officer is named in notices: `name`, `rank`, `force`, `email`, `phone`, `authorisation` and `authorised_at` (a date).

    What was given already is not changed. Raises PermissionError for anybody but an authorising officer, FormIncomplete.
    """
    actor = acting_as(person, Role.AUTHORISING_OFFICER)
    authorised: date = values["authorised_at"]
    if authorised > moment.now().date():
        raise FormIncomplete.one("authorised_at", "The day of the authorisation lies in the future.")
    if wrong := officer_lacks(values):
        raise FormIncomplete([FormProblem(field=each.field, message=each.sentence) for each in wrong])
    words = {name: str(values[name]).strip() for name in ("name", "rank", "force", "email", "phone", "authorisation")}
    kept, _new = OfficerProfile.objects.update_or_create(
        person=person, defaults={**words, "authorised_on": authorised, "kept_at": moment.now()}
    )
    record(event=ledger.OfficerProfileKept(), subject=kept, actor=actor)
    return kept
