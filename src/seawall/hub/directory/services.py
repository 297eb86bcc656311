"""The directory's verbs: register, open, add, give, withdraw."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from seawall import channels, probes
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
    Route,
)
from seawall.hub.directory.roles import CASEWORKERS, ROLES_OF_A_PARTITION, ROLES_WITHOUT_A_DESK, Partition, Role
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.models import ActorKind
from seawall.hub.ledger.services import Actor, record

ALWAYS_STATE_BODIES = frozenset({OrganisationKind.POLICE, OrganisationKind.REGULATOR, OrganisationKind.ELECTORAL})


class RouteUnusable(Exception):
    """A platform cannot be reached so. The message says what is missing or unknown."""


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
    """Register an organisation. Raises ValidationError when a police force, a regulator or an electoral authority is not said to be a body
    of the state: their referrals are always marked as one's."""
    if kind in ALWAYS_STATE_BODIES and not state_body:
        raise ValidationError(f"{name} is a body of the state ({kind.label.lower()}), and has to be registered as one.")
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
    """Add somebody who can sign in once they have a password. Raises ValidationError for an unusable address, or one that is taken."""
    person = Person(email=email.strip().lower(), name=name)
    person.set_password(password)
    person.full_clean(exclude=["password"], validate_unique=False)
    try:
        with transaction.atomic():
            person.save(force_insert=True)
    except IntegrityError as error:
        raise ValidationError({"email": f"{person.email} is in the directory already."}) from error
    record(event=ledger.PersonAdded(), subject=person, actor=actor)
    return person


@transaction.atomic
def give_role(
    *, person: Person, role: Role, organisation: Organisation, desk: Desk | None = None, actor: Actor
) -> Membership:
    """Give a person a role.

    Raises RoleNotAllowed when the role does not belong there, when they hold it already, when the account is closed, when
    somebody gives it to themselves, or when it would open a wall: between the police and the other desks, and between
    whoever looks after the people (who sees no content) and whoever sees content.
    """
    person.__dict__.pop("_memberships", None)
    person = Person.objects.select_for_update().get(pk=person.pk)
    if not person.is_active:
        raise RoleNotAllowed(f"{person.name}’s account is closed. Open it again first.")
    if _is(actor, person):
        raise RoleNotAllowed("Nobody gives a role to themselves. Ask another administrator.")
    if desk is None and role not in ROLES_WITHOUT_A_DESK:
        raise RoleNotAllowed(f"{role.label} is a role at a desk. Say at which one.")
    if desk is not None:
        if desk.organisation_id != organisation.pk:
            raise RoleNotAllowed(f"{desk.name} is not a desk of {organisation.name}.")
        if role not in ROLES_OF_A_PARTITION[Partition(desk.partition)]:
            raise RoleNotAllowed(f"{role.label} cannot be given at {desk.name} (partition: {desk.partition}).")
    if role == Role.PLATFORM_CONTACT and organisation.kind != OrganisationKind.PLATFORM:
        raise RoleNotAllowed(f"{organisation.name} is not a platform, so nobody can be its platform contact.")
    _keep_apart(person, role, desk)
    if person.memberships.filter(role=role, organisation=organisation, desk=desk, withdrawn_at=None).exists():
        raise RoleNotAllowed(f"{person.name} holds the role {role.label} there already.")
    membership = Membership.objects.create(
        person=person, organisation=organisation, desk=desk, role=role, given_at=moment.now()
    )
    record(
        event=ledger.RoleGiven(role=str(role), organisation=str(organisation.pk), desk=str(desk.pk) if desk else None),
        subject=person,
        actor=actor,
    )
    return membership


def _keep_apart(person: Person, role: Role, desk: Desk | None) -> None:
    """Raise RoleNotAllowed when the role would let one person see past a wall."""
    held = person.current_memberships()
    if (role == Role.ADMINISTRATOR and any(one.role in CASEWORKERS for one in held)) or (
        role in CASEWORKERS and any(one.role == Role.ADMINISTRATOR for one in held)
    ):
        raise RoleNotAllowed(
            "Administrators look after people and see no content, so nobody is an administrator and a caseworker at once."
        )
    police = {one.desk.partition == Partition.POLICE for one in held if one.desk}
    if desk is not None and police and police != {desk.partition == Partition.POLICE}:
        raise RoleNotAllowed(
            f"{person.name} works at a desk on the other side of the wall between the police and everybody else. "
            "Withdraw those roles first."
        )


def _is(actor: Actor, person: Person) -> bool:
    return actor.kind == ActorKind.PERSON and actor.id == str(person.pk)


@transaction.atomic
def withdraw_role(*, membership: Membership, actor: Actor) -> None:
    """End a role now; nothing happens when it has ended before.

    Raises RoleNotAllowed for the hub's last administrator, and for somebody's own last role as administrator.
    """
    if membership.role == Role.ADMINISTRATOR:
        _keep_an_administrator(membership.person, {membership.pk}, actor)
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


def _keep_an_administrator(person: Person, ending: set[UUID], actor: Actor) -> None:
    """Raise RoleNotAllowed when ending these memberships of a person would leave the hub, or the actor, without the role."""
    # All are locked, in one order: of two administrators who withdraw each other, the second finds one left.
    in_force = list(
        Membership.objects.select_for_update(of=("self",))
        .filter(role=Role.ADMINISTRATOR, withdrawn_at=None, person__is_active=True)
        .order_by("pk")
    )
    others = [one for one in in_force if one.pk not in ending]
    if len(others) == len(in_force):
        return
    if not others:
        raise RoleNotAllowed(
            "This is the hub’s last administrator: without one, nobody could add people or give roles. "
            "Give the role to somebody else first."
        )
    if _is(actor, person) and all(one.person_id != person.pk for one in others):
        raise RoleNotAllowed(
            "This is your own last role as administrator, and without it you could not undo a mistake. "
            "Ask another administrator to withdraw it."
        )


@transaction.atomic
def deactivate(*, person: Person, actor: Actor) -> None:
    """Close an account: every role ends, and password, second factor and open sessions with it.

    Nothing happens when it is closed. Raises RoleNotAllowed for one's own account, and for the hub's last administrator.
    """
    if _is(actor, person):
        raise RoleNotAllowed("Nobody closes their own account. Ask another administrator.")
    ending = list(person.memberships.filter(withdrawn_at=None))
    _keep_an_administrator(person, {one.pk for one in ending}, actor)
    locked = Person.objects.select_for_update().get(pk=person.pk)
    if not locked.is_active:
        return
    for membership in locked.memberships.filter(withdrawn_at=None):
        withdraw_role(membership=membership, actor=actor)
    Authenticator.objects.filter(user=locked).delete()
    locked.set_unusable_password()  # also ends the sessions, which hold a digest of it, should the account be opened again
    locked.is_active = False
    locked.save(update_fields=["password", "is_active"])
    record(event=ledger.PersonDeactivated(), subject=locked, actor=actor)


@transaction.atomic
def reactivate(*, person: Person, actor: Actor) -> None:
    """Open a closed account again: without roles, password or second factor. Nothing happens when it is open."""
    locked = Person.objects.select_for_update().get(pk=person.pk)
    if locked.is_active:
        return
    locked.is_active = True
    locked.save(update_fields=["is_active"])
    record(event=ledger.PersonReactivated(), subject=locked, actor=actor)


@transaction.atomic
def remove_second_factor(*, person: Person, actor: Actor) -> None:
    """Let somebody who lost their phone set up a new one: the app and the recovery codes stop working, and sessions end.

    The password goes too, since until then it alone would open the account: they choose a new one by mail. Nothing happens where
    there is no second factor. Raises RoleNotAllowed for one's own, which is looked after on the page of the account.
    """
    if _is(actor, person):
        raise RoleNotAllowed("Your own second factor is on the page of your account.")
    locked = Person.objects.select_for_update().get(pk=person.pk)
    removed, _tables = Authenticator.objects.filter(user=locked).delete()
    if not removed:
        return
    locked.set_unusable_password()
    locked.save(update_fields=["password"])
    record(event=ledger.SecondFactorRemoved(), subject=locked, actor=actor)


@transaction.atomic
def password_link_sent(*, person: Person, actor: Actor) -> None:
    """Record that a person was sent a link to choose a password. Raises RoleNotAllowed for a closed account."""
    if not Person.objects.filter(pk=person.pk, is_active=True).exists():
        raise RoleNotAllowed(f"{person.name}’s account is closed. Open it again first.")
    record(event=ledger.PasswordLinkSent(), subject=person, actor=actor)


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
def set_route(
    *,
    platform: Platform,
    channel: str,
    endpoint: str,
    actor: Actor,
    public_key: str = "",
    token: str = "",
    settings: Mapping[str, str] | None = None,
    probe: str = "http",
) -> Route:
    """Say how a platform is reached; replaces what was said before.

    Raises RouteUnusable for a channel or a probe that does not exist, or that lacks a setting which it needs.
    """
    given = dict(settings or {})
    _check_route(channel=channel, probe=probe, settings=given)
    route, _created = Route.objects.update_or_create(
        platform=platform,
        defaults={
            "channel": channel,
            "endpoint": endpoint,
            "public_key": public_key,
            "token": token,
            "settings": given,
            "probe": probe,
        },
    )
    record(
        event=ledger.RouteSet(channel=channel, public_key_digest=sha256(public_key.encode()).hexdigest()),
        subject=platform,
        actor=actor,
    )
    return route


def _check_route(*, channel: str, probe: str, settings: Mapping[str, str]) -> None:
    try:
        wanted = {setting.name: setting for setting in channels.get(channel).settings}
        probes.get(probe)
    except LookupError as error:
        raise RouteUnusable(str(error)) from error
    if strange := sorted(set(settings) - set(wanted)):
        raise RouteUnusable(
            f"The channel {channel} has no setting {strange[0]!r}; it has: {', '.join(sorted(wanted)) or 'none'}."
        )
    for name, setting in wanted.items():
        if setting.required and not settings.get(name, "").strip():
            raise RouteUnusable(f"The channel {channel} needs the setting {name!r}: {setting.about}")


@transaction.atomic
def give_api_key(*, organisation: Organisation, name: str, actor: Actor) -> tuple[ApiKey, str]:
    """Let an organisation's software in. The key itself is returned once and kept nowhere."""
    secret = f"swk_{secrets.token_urlsafe(32)}"
    made = ApiKey.objects.create(
        organisation=organisation, name=name, digest=sha256(secret.encode()).hexdigest(), given_at=moment.now()
    )
    record(event=ledger.ApiKeyGiven(organisation=str(organisation.pk)), subject=made, actor=actor)
    return made, secret


@transaction.atomic
def withdraw_api_key(*, key: ApiKey, actor: Actor) -> None:
    """Let the software in no longer; once withdrawn a key stays so."""
    key = ApiKey.objects.select_for_update().get(pk=key.pk)
    if key.withdrawn_at is not None:
        return
    key.withdrawn_at = moment.now()
    key.save(update_fields=["withdrawn_at"])
    record(event=ledger.ApiKeyWithdrawn(organisation=str(key.organisation_id)), subject=key, actor=actor)
