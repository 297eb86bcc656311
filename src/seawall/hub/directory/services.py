"""The directory's verbs: register, open, add, give, withdraw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from django.core.exceptions import ValidationError
from django.db import transaction

from seawall.hub import moment
from seawall.hub.directory.models import (
    Desk,
    Membership,
    Organisation,
    OrganisationKind,
    Person,
    Platform,
    PlatformRule,
    Route,
)
from seawall.hub.directory.roles import ROLES_OF_A_PARTITION, ROLES_WITHOUT_A_DESK, Partition, Role
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.models import ActorKind
from seawall.hub.ledger.services import Actor, record


class RoleNotAllowed(Exception):
    """A role cannot be given there."""


def acting_as(person: Person, role: Role) -> Actor:
    """The person as the ledger names them: by id, in one of the roles that they hold.

    Raises PermissionError when they do not hold it.
    """
    if role not in person.roles():
        raise PermissionError(f"This needs the role {role.label}, which you do not hold.")
    return Actor(kind=ActorKind.PERSON, id=str(person.pk), role=str(role))


@transaction.atomic
def register_organisation(
    *, slug: str, name: str, kind: OrganisationKind, state_body: bool, actor: Actor
) -> Organisation:
    organisation = Organisation.objects.create(slug=slug, name=name, kind=kind, state_body=state_body)
    record(
        event=ledger.OrganisationRegistered(kind=str(kind), state_body=state_body), subject=organisation, actor=actor
    )
    return organisation


@transaction.atomic
def open_desk(*, organisation: Organisation, slug: str, name: str, partition: Partition, actor: Actor) -> Desk:
    """Open a desk. A state body's desks lie in the police partition: it has no room in any other.

    Raises RoleNotAllowed.
    """
    if organisation.state_body != (partition == Partition.POLICE):
        raise RoleNotAllowed(
            f"{organisation.name} cannot have a desk in the partition “{partition.label}”. Desks of state bodies lie in the police "
            "partition, and nobody else's do."
        )
    desk = Desk.objects.create(organisation=organisation, slug=slug, name=name, partition=partition)
    record(
        event=ledger.DeskOpened(organisation=str(organisation.pk), partition=str(partition)), subject=desk, actor=actor
    )
    return desk


@transaction.atomic
def add_person(*, email: str, name: str, password: str | None, actor: Actor) -> Person:
    """Add somebody who can sign in once they have a password. Raises ValidationError for an unusable address."""
    person = Person(email=email.strip().lower(), name=name)
    person.set_password(password)
    person.full_clean(exclude=["password"])
    person.save()
    record(event=ledger.PersonAdded(), subject=person, actor=actor)
    return person


@transaction.atomic
def give_role(
    *, person: Person, role: Role, organisation: Organisation, desk: Desk | None = None, actor: Actor
) -> Membership:
    """Give a person a role. Raises RoleNotAllowed when the role does not belong there."""
    if desk is None and role not in ROLES_WITHOUT_A_DESK:
        raise RoleNotAllowed(f"{role.label} is a role at a desk. Say at which one.")
    if desk is not None:
        if desk.organisation_id != organisation.pk:
            raise RoleNotAllowed(f"{desk.name} is not a desk of {organisation.name}.")
        if role not in ROLES_OF_A_PARTITION[Partition(desk.partition)]:
            raise RoleNotAllowed(f"{role.label} cannot be given at {desk.name} (partition: {desk.partition}).")
    if role == Role.PLATFORM_CONTACT and organisation.kind != OrganisationKind.PLATFORM:
        raise RoleNotAllowed(f"{organisation.name} is not a platform, so nobody can be its platform contact.")
    membership = Membership.objects.create(
        person=person, organisation=organisation, desk=desk, role=role, given_at=moment.now()
    )
    person.__dict__.pop("_memberships", None)
    record(
        event=ledger.RoleGiven(role=str(role), organisation=str(organisation.pk), desk=str(desk.pk) if desk else None),
        subject=person,
        actor=actor,
    )
    return membership


@transaction.atomic
def withdraw_role(*, membership: Membership, actor: Actor) -> None:
    """End a role now; nothing happens when it has ended before."""
    membership = Membership.objects.select_for_update().get(pk=membership.pk)
    if membership.withdrawn_at is not None:
        return
    membership.withdrawn_at = moment.now()
    membership.save(update_fields=["withdrawn_at"])
    record(
        event=ledger.RoleWithdrawn(
            role=membership.role,
            organisation=str(membership.organisation_id),
            desk=str(membership.desk_id) if membership.desk_id else None,
        ),
        subject=membership.person,
        actor=actor,
    )


@transaction.atomic
def register_platform(*, organisation: Organisation, slug: str, name: str, actor: Actor) -> Platform:
    if organisation.kind != OrganisationKind.PLATFORM:
        raise ValidationError(f"{organisation.name} is registered as something else than a platform.")
    platform = Platform.objects.create(organisation=organisation, slug=slug, name=name)
    record(event=ledger.PlatformRegistered(organisation=str(organisation.pk), slug=slug), subject=platform, actor=actor)
    return platform


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A platform's rule as it is handed in. `harms` are ids of the code of practice."""

    code: str
    title: str
    text: str
    dated: date
    last_checked: date
    harms: Sequence[str]
    source_url: str = ""


@transaction.atomic
def record_rules(*, platform: Platform, rules: Sequence[Rule], actor: Actor) -> None:
    """Add rules of a platform's terms. A rule that is there already with the same date is left as it is."""
    made = [
        PlatformRule(
            platform=platform,
            code=rule.code,
            title=rule.title,
            text=rule.text,
            dated=rule.dated,
            last_checked=rule.last_checked,
            harms=list(rule.harms),
            source_url=rule.source_url,
        )
        for rule in rules
    ]
    PlatformRule.objects.bulk_create(made, ignore_conflicts=True)
    record(event=ledger.PlatformRulesRecorded(rules=len(made)), subject=platform, actor=actor)


@transaction.atomic
def set_route(*, platform: Platform, channel: str, endpoint: str, public_key: str, token: str, actor: Actor) -> Route:
    """Say how a platform is reached; replaces what was said before."""
    route, _created = Route.objects.update_or_create(
        platform=platform,
        defaults={"channel": channel, "endpoint": endpoint, "public_key": public_key, "token": token},
    )
    record(
        event=ledger.RouteSet(channel=channel, public_key_digest=sha256(public_key.encode()).hexdigest()),
        subject=platform,
        actor=actor,
    )
    return route
