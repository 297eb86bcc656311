"""Reads of the directory."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

from allauth.mfa.models import Authenticator
from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, F, OuterRef, Prefetch, QuerySet

from seawall.hub import moment
from seawall.hub.directory.models import (
    ApiKey,
    Desk,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    Platform,
    PlatformRule,
)
from seawall.hub.directory.roles import KEPT_FROM_POLICE, Partition, Role
from seawall.hub.ledger import queries as ledger
from seawall.hub.ledger.models import ActorKind
from seawall.hub.ledger.vocabulary import EVENTS


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


def platform_of_link(link: str) -> Platform | None:
    """The platform that a link leads to, by the host and the path of its route's address; None where none fits."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return None
    host = parts.netloc.lower()
    for platform in Platform.objects.select_related("route").filter(route__isnull=False):
        endpoint = urlsplit(platform.route.endpoint)
        root = endpoint.path.split("/api", 1)[0].rstrip("/") + "/"
        if host and host == endpoint.netloc.lower() and parts.path.startswith(root):
            return platform
    return None


def helps_people(organisation: Organisation) -> bool:
    """Whether people come to the organisation for help, so that what it sends never reaches a police desk.

    So it is with charities and ombudsmen, and with every organisation but the police that has a welfare or candidate-support desk here.
    """
    if organisation.kind == OrganisationKind.POLICE:
        return False
    if organisation.kind in (OrganisationKind.CHARITY, OrganisationKind.OMBUDSMAN):
        return True
    return Desk.objects.filter(organisation=organisation, partition__in=KEPT_FROM_POLICE).exists()


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
    """Everybody, with the memberships in force (`in_force`) and whether they have a second factor (`second_factor`)."""
    in_force = Membership.objects.filter(withdrawn_at=None).select_related("organisation", "desk").order_by("given_at")
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    return Person.objects.annotate(second_factor=Exists(factor)).prefetch_related(
        Prefetch("memberships", queryset=in_force, to_attr="in_force")
    )


def held_by(person: Person) -> list[Membership]:
    """The memberships in force of somebody whom `people` found: without a query."""
    held: list[Membership] = person.in_force  # type: ignore[attr-defined]  # put there by the prefetch
    return held


def organisations() -> QuerySet[Organisation]:
    return Organisation.objects.prefetch_related("desks")


def names(ids: Iterable[str]) -> dict[str, str]:
    """The names of people by id, as text, in one query; ids that are nobody's are left out."""
    wanted = set(ids)
    found = Person.objects.filter(pk__in=wanted).values_list("pk", "name") if wanted else ()
    return {str(pk): name for pk, name in found}


def desks() -> QuerySet[Desk]:
    """Every desk, with its organisation."""
    return Desk.objects.select_related("organisation")


@dataclass(frozen=True, kw_only=True)
class Happening:
    """Something that the ledger says about a person: what, when, by whom, and about which role."""

    label: str
    at: datetime
    by: str
    text: str


def history(person: Person) -> list[Happening]:
    """What was done about a person's account and roles, newest first, from the ledger."""
    entries = list(ledger.entries_about(kind="person", identity=str(person.pk)))
    known = names(entry.actor_id for entry in entries if entry.actor_kind == ActorKind.PERSON)
    places = {str(pk): name for table in (Desk, Organisation) for pk, name in table.objects.values_list("pk", "name")}
    return [
        Happening(
            label=EVENTS[entry.verb].means,
            at=entry.occurred_at,
            by=known.get(entry.actor_id) or _lower(str(ActorKind(entry.actor_kind).label)),
            text=_about_role(entry.payload, places),
        )
        for entry in reversed(entries)
        if entry.verb in EVENTS
    ]


def _lower(label: str) -> str:
    return label[:1].lower() + label[1:]


def _about_role(payload: dict[str, str | None], places: dict[str, str]) -> str:
    role = payload.get("role")
    if role is None:
        return ""
    where = places.get(payload.get("desk") or payload.get("organisation") or "", "somewhere that is gone")
    return f"{Role(role).label}, {where}"


def organisation_by_key(secret: str) -> Organisation | None:
    """Whose software shows this key; None for one that is unknown or withdrawn. Notes the day on which it was used."""
    digest = sha256(secret.encode("utf-8", "replace")).hexdigest()
    keys = ApiKey.objects.select_related(
        "organisation"
    ).order_by()  # one at most: every request pays for what is asked here
    try:
        found = keys.get(digest=digest, withdrawn_at=None)
    except ApiKey.DoesNotExist:
        return None
    today = moment.now().date()
    if found.last_used_on != today:
        ApiKey.objects.filter(pk=found.pk).update(last_used_on=today)
    return found.organisation


def people_at(*, desk: Desk, roles: Collection[Role]) -> list[Person]:
    """Everybody who holds one of `roles` at the desk and whose account is open."""
    return list(
        Person.objects.filter(
            is_active=True, memberships__desk=desk, memberships__role__in=roles, memberships__withdrawn_at=None
        ).distinct()
    )


def contacts_of(organisation: Organisation) -> list[Person]:
    """The platform contacts of an organisation, whoever was added first coming first."""
    return list(
        Person.objects.filter(
            is_active=True,
            memberships__organisation=organisation,
            memberships__role=Role.PLATFORM_CONTACT,
            memberships__withdrawn_at=None,
        )
        .order_by("added_at", "pk")
        .distinct()
    )


def holders_of(role: Role) -> list[Person]:
    """Everybody who holds the role somewhere and whose account is open."""
    return list(
        Person.objects.filter(is_active=True, memberships__role=role, memberships__withdrawn_at=None).distinct()
    )


def api_keys() -> QuerySet[ApiKey]:
    """Every key that was given, those in force first."""
    return ApiKey.objects.select_related("organisation").order_by(
        F("withdrawn_at").desc(nulls_first=True), "organisation__name", "given_at"
    )
