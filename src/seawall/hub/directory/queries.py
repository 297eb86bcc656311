"""Reads of the directory."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, QuerySet

from seawall.hub.directory.models import Desk, Membership, Organisation, Person, Platform, PlatformRule
from seawall.hub.directory.roles import Partition, Role


def platforms() -> QuerySet[Platform]:
    return Platform.objects.select_related("organisation")


def platform(slug: str) -> Platform:
    """Raises Platform.DoesNotExist."""
    return platforms().get(slug=slug)


def platforms_of(person: Person | AnonymousUser) -> QuerySet[Platform]:
    """The platforms that the person answers for as platform contact."""
    if not isinstance(person, Person):
        return Platform.objects.none()
    return platforms().filter(organisation__in=person.organisation_ids(Role.PLATFORM_CONTACT))


def rules_for(*, platform: Platform, harm: str | None = None) -> list[PlatformRule]:
    """The platform's rules, the ones that cover `harm` only when it is named; newest first."""
    rules = platform.rules.order_by("code", "-dated")
    return [rule for rule in rules if harm is None or harm in rule.harms]


def desk_for(partition: Partition) -> Desk:
    """The desk that takes what the code of practice sends to a partition: the first that was opened there.

    Raises Desk.DoesNotExist with a sentence when there is none.
    """
    desk = Desk.objects.filter(partition=partition).order_by("id").first()
    if desk is None:
        raise Desk.DoesNotExist(
            f"No desk lies in the partition “{partition.label}”. Open one first (seawall demo opens one of each)."
        )
    return desk


def people() -> QuerySet[Person]:
    """Everybody, with the memberships in force."""
    in_force = Membership.objects.filter(withdrawn_at=None).select_related("organisation", "desk")
    return Person.objects.prefetch_related(Prefetch("memberships", queryset=in_force, to_attr="in_force"))


def organisations() -> QuerySet[Organisation]:
    return Organisation.objects.prefetch_related("desks")


def names(ids: Iterable[str]) -> dict[str, str]:
    """The names of people by id, as text, in one query; ids that are nobody's are left out."""
    wanted = set(ids)
    found = Person.objects.filter(pk__in=wanted).values_list("pk", "name") if wanted else ()
    return {str(pk): name for pk, name in found}
