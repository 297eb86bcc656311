"""The verbs of communities: found, invite, accept, leave."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from hashlib import sha256

from django.db import transaction

from seawall.hub import moment
from seawall.hub.directory.models import Organisation, Person
from seawall.hub.directory.roles import Role
from seawall.hub.directory.services import acting_as
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.labels.rules import may_publish
from seawall.hub.exchange.models import Agreement, Community, Member, Part, Tlp
from seawall.hub.exchange.rules import NotAllowed, may_take_part
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import Actor, record
from seawall.hub.practice.queries import current_code
from seawall.hub.practice.vocabulary import Shareable

SPEAKS_FOR = (Role.PLATFORM_CONTACT, Role.ADMINISTRATOR, Role.SECOND_REVIEWER, Role.REGULATOR, Role.OMBUDSMAN)
"""Whose word binds their organisation here, the first that somebody holds."""


class AlreadyMember(Exception):
    """The organisation takes part, or is asked to, already."""


def role_to_speak(*, person: Person, organisation: Organisation) -> Role | None:
    """The role by which a person speaks for an organisation in a community; None when they do not."""
    held = {m.role for m in person.current_memberships() if m.organisation_id == organisation.pk}
    return next((role for role in SPEAKS_FOR if role in held), None)


def _actor(person: Person, organisation: Organisation) -> Actor:
    role = role_to_speak(person=person, organisation=organisation)
    if role is None:
        raise PermissionError(f"You do not speak for {organisation.name} in a community.")
    return acting_as(person, role)


def operator_actor(person: Person, community: Community) -> Actor:
    if Role.ADMINISTRATOR not in {
        m.role for m in person.current_memberships() if m.organisation_id == community.operator_id
    }:
        raise PermissionError(f"Only an administrator of {community.operator.name} looks after {community.name}.")
    return acting_as(person, Role.ADMINISTRATOR)


@transaction.atomic
def found(
    *,
    person: Person,
    operator: Organisation,
    slug: str,
    name: str,
    purpose: str,
    harms: Iterable[str],
    kinds: Iterable[SignalKind],
    tlp_ceiling: Tlp,
    retention: timedelta,
    agreement: str,
    state_bodies: bool = False,
    platforms_only: bool = False,
    labels_published: bool = False,
) -> Community:
    """Found a community with its rules and the agreement that members accept.

    Raises PermissionError unless the person is an administrator of the operator, NotAllowed where the rules contradict the code of
    practice: a harm of which nothing may be shared, or accounts outside a community of platforms.
    """
    community = Community(
        slug=slug,
        name=name.strip(),
        purpose=purpose.strip(),
        harms=sorted(set(harms)),
        kinds=sorted({SignalKind(kind).value for kind in kinds}),
        tlp_ceiling=tlp_ceiling,
        retention=retention,
        state_bodies=state_bodies,
        platforms_only=platforms_only,
        labels_published=labels_published,
        operator=operator,
        founded_at=moment.now(),
    )
    actor = operator_actor(person, community)
    code = current_code()
    known = {harm.id: harm for harm in code.harms}
    for harm in community.harms:
        if harm not in known:
            raise NotAllowed(f"The code of practice {code.version} has no harm called {harm}.")
        if known[harm].shareable_signal is Shareable.NONE:
            raise NotAllowed(f"The code of practice lets nothing be shared about “{known[harm].title}”.")
    if not community.harms or not community.kinds:
        raise NotAllowed("A community shares at least one harm and one kind of signal. Choose them.")
    if SignalKind.ACCOUNT in community.kinds and not platforms_only:
        raise NotAllowed(
            "Accounts are shared between platforms only. Make it a community of platforms, or leave accounts out."
        )
    if platforms_only and state_bodies:
        raise NotAllowed("A community of platforms has no bodies of the state in it. Choose one of the two.")
    if labels_published:
        may_publish(community=community)
    if not timedelta(days=1) <= retention <= timedelta(days=3 * 366):
        raise NotAllowed("Signals are kept from one day to three years.")
    community.save(force_insert=True)
    record(
        event=ledger.CommunityFounded(
            operator=str(operator.pk),
            harms=len(community.harms),
            kinds=len(community.kinds),
            state_bodies=state_bodies,
            platforms_only=platforms_only,
            labels_published=labels_published,
        ),
        subject=community,
        actor=actor,
    )
    _publish(community=community, text=agreement, actor=actor)
    return community


@transaction.atomic
def publish_agreement(*, community: Community, person: Person, text: str) -> Agreement:
    """Publish a new version of the agreement. Members stay bound by the one that they accepted until they accept this one."""
    return _publish(community=community, text=text, actor=operator_actor(person, community))


def _publish(*, community: Community, text: str, actor: Actor) -> Agreement:
    text = text.strip()
    if not text:
        raise NotAllowed("The agreement has no words. Members must know what they accept.")
    latest = community.agreements.order_by("-version").first()
    made = Agreement.objects.create(
        community=community,
        version=latest.version + 1 if latest else 1,
        text=text,
        text_sha256=sha256(text.encode()).hexdigest(),
        published_at=moment.now(),
    )
    record(
        event=ledger.AgreementPublished(
            community=str(community.pk), version=made.version, text_digest=made.text_sha256
        ),
        subject=made,
        actor=actor,
    )
    return made


@transaction.atomic
def invite(*, community: Community, organisation: Organisation, part: Part, person: Person) -> Member:
    """Ask an organisation in. Raises PermissionError, NotAllowed by the community's rules, AlreadyMember."""
    actor = operator_actor(person, community)
    may_take_part(community=community, organisation=organisation, part=part)
    if community.members.filter(organisation=organisation, left_at=None).exists():
        raise AlreadyMember(f"{organisation.name} is in {community.name} already, or asked in.")
    made = Member.objects.create(
        community=community, organisation=organisation, part=part, invited_at=moment.now(), invited_by=person
    )
    record(
        event=ledger.MemberInvited(community=str(community.pk), organisation=str(organisation.pk), part=str(part)),
        subject=made,
        actor=actor,
    )
    return made


@transaction.atomic
def accept(*, member: Member, person: Person, agreement: Agreement) -> Member:
    """Accept the agreement for one's own organisation, in the version that was read; again when there is a new one.

    Raises PermissionError, NotAllowed when it is not the latest version, or the member has left.
    """
    member = (
        Member.objects.select_for_update(of=("self",)).select_related("community", "organisation").get(pk=member.pk)
    )
    actor = _actor(person, member.organisation)
    latest = member.community.agreements.order_by("-version").first()
    if member.left_at is not None:
        raise NotAllowed(f"{member.organisation.name} has left {member.community.name}.")
    if latest is None or agreement.pk != latest.pk:
        raise NotAllowed("There is a newer version of the agreement. Read that one, and accept it.")
    may_take_part(community=member.community, organisation=member.organisation, part=Part(member.part))
    member.agreement, member.accepted_at, member.accepted_by = agreement, moment.now(), person
    member.save(update_fields=["agreement", "accepted_at", "accepted_by"])
    record(
        event=ledger.AgreementAccepted(
            community=str(member.community_id),
            organisation=str(member.organisation_id),
            version=agreement.version,
            text_digest=agreement.text_sha256,
        ),
        subject=member,
        actor=actor,
    )
    return member


@transaction.atomic
def leave(*, member: Member, person: Person, because: str) -> Member:
    """Leave, or be put out by the operator. What the organisation shared is withdrawn; what it received it must delete, and confirm.

    Raises PermissionError, NotAllowed without a reason.
    """
    from seawall.hub.exchange.signals import withdraw_all_of

    member = (
        Member.objects.select_for_update(of=("self",))
        .select_related("community__operator", "organisation")
        .get(pk=member.pk)
    )
    own = role_to_speak(person=person, organisation=member.organisation) is not None
    actor = _actor(person, member.organisation) if own else operator_actor(person, member.community)
    because = because.strip()
    if not because:
        raise NotAllowed("Say why, so that the other members can know.")
    if member.left_at is not None:
        return member
    member.left_at, member.left_because = moment.now(), because[:5_000]
    member.save(update_fields=["left_at", "left_because"])
    record(
        event=ledger.MemberLeft(
            community=str(member.community_id), organisation=str(member.organisation_id), by_operator=not own
        ),
        subject=member,
        actor=actor,
    )
    withdraw_all_of(community=member.community, organisation=member.organisation, actor=actor)
    return member
