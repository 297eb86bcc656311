"""Reads of the exchange."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from seawall.hub.directory.models import Organisation, Person
from seawall.hub.directory.roles import Role
from seawall.hub.exchange.communities import role_to_speak
from seawall.hub.exchange.kinds import SignalInvalid, SignalKind, canonical
from seawall.hub.exchange.models import Change, Community, Member, Recipient, Signal, SignalState
from seawall.hub.exchange.recipients import GONE, is_paused, oldest_owed
from seawall.hub.ledger.services import Actor

LATEST = 50


def communities_for(person: Person) -> QuerySet[Community]:
    """Those that the person may see, with how many members they have and how many signals are in use."""
    return Community.objects.filter(pk__in=Community.objects.visible_to(person).values("pk")).annotate(
        joined=Count("members", filter=Q(members__accepted_at__isnull=False, members__left_at=None), distinct=True)
    )


def community_for(*, person: Person, slug: str) -> Community:
    """One of them. Raises Community.DoesNotExist."""
    return Community.objects.filter(pk__in=Community.objects.visible_to(person).values("pk")).get(slug=slug)


def operated_by(person: Person) -> list[Organisation]:
    """The organisations whose communities the person looks after."""
    return [m.organisation for m in person.current_memberships() if m.role == Role.ADMINISTRATOR]


def looks_after(*, person: Person, community: Community) -> bool:
    return community.operator_id in {organisation.pk for organisation in operated_by(person)}


def spoken_for(*, person: Person, community: Community) -> list[Member]:
    """The members for which the person speaks, asked in or joined."""
    here = community.members.filter(left_at=None).select_related("organisation", "agreement")
    return [member for member in here if role_to_speak(person=person, organisation=member.organisation)]


def sees_recipients(*, person: Person, community: Community) -> bool:
    """Whether the person sees who keeps signals where: those who look after it, auditors, and members who are no observers."""
    if looks_after(person=person, community=community) or Role.AUDITOR in person.roles():
        return True
    own = {membership.organisation_id for membership in person.current_memberships()}
    return community.members.receiving().filter(organisation__in=own).exists()


@dataclass(frozen=True, kw_only=True)
class Tally:
    """How many signals of a kind there are, by state."""

    kind: str
    active: int
    disputed: int
    withdrawn: int
    expired: int


def tallies(community: Community) -> list[Tally]:
    """Counts of a community's signals: what an observer sees."""
    found: dict[str, dict[str, int]] = {}
    counted = community.signals.values_list("kind", "state").annotate(n=Count("pk")).order_by("kind")
    for kind, state, number in counted:
        found.setdefault(kind, {})[state] = number
    return [
        Tally(
            kind=SignalKind(kind).words,
            **{str(state): by_state.get(state, 0) for state in SignalState},
        )
        for kind, by_state in found.items()
    ]


@dataclass(frozen=True, kw_only=True)
class Tombstone:
    """A signal that is in use no more, and who may still hold it."""

    signal: Signal
    change: Change
    held_by: list[Recipient]


def tombstones(community: Community) -> list[Tombstone]:
    """The latest withdrawals, those that have not landed everywhere first. Two reads, whatever their number."""
    changes = (
        Change.objects.filter(community=community, state__in=GONE)
        .select_related("signal__shared_by")
        .order_by("-number")[:LATEST]
    )
    places = list(Recipient.objects.filter(member__community=community).select_related("member__organisation"))
    found = [
        Tombstone(
            signal=change.signal, change=change, held_by=[place for place in places if place.may_hold(change.signal)]
        )
        for change in changes
        if change.number == change.signal.last_change
    ]
    return sorted(found, key=lambda each: not each.held_by)


@dataclass(frozen=True, kw_only=True)
class Place:
    """A recipient as the page shows it."""

    recipient: Recipient
    owes: tuple[int, object] | None
    paused: bool


def places(community: Community) -> Sequence[Place]:
    """Every recipient that has not ended, those that owe a confirmation first."""
    found = Recipient.objects.filter(member__community=community, ended_at=None).select_related("member__organisation")
    rows = [Place(recipient=each, owes=oldest_owed(each), paused=is_paused(each)) for each in found]
    return sorted(rows, key=lambda row: row.owes is None)


def disputed(community: Community) -> QuerySet[Signal]:
    """What waits to be settled, the oldest first."""
    return (
        community.signals.filter(state=SignalState.DISPUTED)
        .select_related("shared_by")
        .prefetch_related("opinions__organisation")
        .order_by("changed_at")
    )


def signal_in(*, community: Community, signal_id: UUID) -> Signal:
    """Raises Signal.DoesNotExist."""
    return Signal.objects.select_related("community__operator", "shared_by").get(pk=signal_id, community=community)


def signal_called(*, community: Community, called: str) -> Signal | None:
    """The open signal of a community that somebody names by its identifier or by its value; None where there is none."""
    here = Signal.objects.filter(community=community, state__in=[SignalState.ACTIVE, SignalState.DISPUTED])
    digests = []
    for kind in community.kinds:
        try:
            digests.append(sha256(canonical(SignalKind(kind), called).encode()).hexdigest())
        except SignalInvalid:
            continue
    try:
        wanted = Q(value_sha256__in=digests) | Q(pk=UUID(called.strip()))  # 32 digits may be an MD5, or an identifier
    except ValueError:
        wanted = Q(value_sha256__in=digests)
    found = here.filter(wanted)
    return found.select_related("community", "shared_by").order_by("number").first()


def last_change_until(community: Community, moment: datetime) -> int:
    """The number of the last change of a community at `moment` or before; 0 for none.

    Changes are numbered without gaps in the order of their time, so that it is found by halving: O(log changes) indexed reads.
    """
    low, high = 0, community.next_change - 1
    while low < high:
        middle = (low + high + 1) // 2
        if Change.objects.values_list("at", flat=True).get(community=community, number=middle) <= moment:
            low = middle
        else:
            high = middle - 1
    return low


def receiving_member(*, organisation: Organisation, slug: str) -> Member:
    """The organisation as a member that receives signals in the community of this name. Raises Member.DoesNotExist."""
    found = Member.objects.receiving().select_related("community__operator", "organisation")
    return found.get(organisation=organisation, community__slug=slug)


def actor_of(member: Member) -> Actor:
    """The member's software, as the ledger names it."""
    return Actor.platform(member.organisation.slug)
