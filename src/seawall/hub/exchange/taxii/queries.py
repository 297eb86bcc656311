"""What a client of TAXII finds in a collection, in the order in which it was added.

Every object has a position: the preamble stands at 0 and below, a signal at the number of its last change. A page is cut after a position,
by an indexed read, never by counting rows. Each object is kept in one version, its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from seawall.hub.directory.models import Organisation
from seawall.hub.exchange import recipients
from seawall.hub.exchange.models import Change, Community, Member, Recipient, Surface
from seawall.hub.exchange.queries import last_change_until
from seawall.hub.exchange.recipients import Paused
from seawall.hub.exchange.taxii import stix
from seawall.hub.exchange.taxii.stix import StixObject
from seawall.hub.ledger.services import Actor

MOST = 5_000
"""Objects on a page at most; a client that asks for more is given these and `more` (TAXII 2.1, section 3.4)."""
NAME = "TAXII client"
ANY_VERSION = frozenset({"all", "first", "last"})


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a client filters by (TAXII 2.1, section 3.4). An empty set is no filter; the fields are joined by AND, their values by OR."""

    added_after: datetime | None = None
    ids: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    versions: frozenset[str] = frozenset()
    spec_versions: frozenset[str] = frozenset()

    def takes(self, made: StixObject) -> bool:
        return (
            (not self.ids or made["id"] in self.ids)
            and (not self.types or made["type"] in self.types)
            and (not self.versions or bool(self.versions & (ANY_VERSION | {stix.version_of(made)})))
            and (not self.spec_versions or stix.SPEC_VERSION in self.spec_versions)
        )

    @property
    def takes_every_signal(self) -> bool:
        return (
            not self.ids
            and (not self.types or stix.INDICATOR in self.types)
            and (not self.versions or bool(self.versions & ANY_VERSION))
            and (not self.spec_versions or stix.SPEC_VERSION in self.spec_versions)
        )

    def of_signals(self) -> Q | None:
        """The same as a condition on signals, but for `added_after`; None where it takes none of them."""
        if (self.types and stix.INDICATOR not in self.types) or (
            self.spec_versions and stix.SPEC_VERSION not in self.spec_versions
        ):
            return None
        found = Q()
        if self.ids:
            found &= Q(pk__in=[known for each in self.ids if (known := stix.signal_id(each))])
        if self.versions and not self.versions & ANY_VERSION:
            found &= Q(changed_at__in=[datetime.fromisoformat(each) for each in self.versions])
        return found


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An object of a collection, and when it was added there in this version."""

    made: StixObject
    added: datetime
    position: int


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A page of a collection. `more` says whether there are further objects after its last one."""

    entries: list[Entry]
    more: bool


def collections(organisation: Organisation) -> QuerySet[Member]:
    """The communities from which the organisation receives signals: as a member that accepted the agreement and is no observer."""
    return (
        Member.objects.receiving()
        .filter(organisation=organisation)
        .select_related("community__operator", "organisation")
        .order_by("community__slug")
    )


def collection(*, organisation: Organisation, named: str) -> Member:
    """One of them, by its identifier or its alias. Raises Member.DoesNotExist."""
    found = collections(organisation)
    try:
        return found.get(community=UUID(named))
    except ValueError:
        return found.get(community__slug=named)


def read(*, member: Member, wanted: Wanted, after: int | None, most: int) -> Slice:
    """A page of a member's collection: what comes after the position `after`, or, at first (None), after `wanted.added_after`.

    It counts as handed to the member's recipient of this surface. A client that comes back for what was added after a moment says by it
    that it has what came until then, and that is taken as its confirmation (`acknowledged`, never signed); a filter that leaves signals
    out confirms nothing. Raises Paused, and NotAllowed where the member receives nothing.
    """
    community = member.community
    actor = Actor.platform(member.organisation.slug)
    place = recipients.register(member=member, surface=Surface.TAXII, name=NAME, actor=actor)
    begin = community.founded_at
    standing = stix.preamble(community, community.operator)
    first = 1 - len(standing)
    if after is None:
        after = first - 1
        if wanted.added_after is not None:
            number = last_change_until(community, wanted.added_after)
            after = number if wanted.added_after >= begin else after
            if wanted.takes_every_signal:
                _take_as_confirmed(place, number, wanted.added_after, actor)
                after = _with_what_was_held_back(place, after)
    most = min(most, MOST)
    entries = [
        Entry(made=made, added=begin, position=position)
        for position, made in enumerate(standing, start=first)
        if position > after and wanted.takes(made)
    ]
    if len(entries) > most:
        return Slice(entries=entries[:most], more=True)
    only = wanted.of_signals()
    if only is None:
        return Slice(entries=entries, more=False)
    if len(entries) == most:
        return Slice(entries=entries, more=_has_signals(community, only))
    try:
        page = recipients.serve(
            recipient=place,
            after=max(after, 0),
            most=most - len(entries),
            only=None if wanted.takes_every_signal else only,
        )
    except Paused:
        if entries:
            return Slice(entries=entries, more=False)
        raise
    if page.cursor < page.until:
        _hold(place, page.cursor)
    numbers = [signal.last_change for signal in page.signals]
    added = dict(Change.objects.filter(community=community, number__in=numbers).values_list("number", "at"))
    entries += [
        Entry(made=stix.indicator(signal, community), added=added[signal.last_change], position=signal.last_change)
        for signal in page.signals
    ]
    return Slice(entries=entries, more=page.more)


def _has_signals(community: Community, only: Q) -> bool:
    return community.signals.in_use().filter(only).exists()


def _hold(place: Recipient, cursor: int) -> None:
    """Write down where the signals begin that a paused place was not handed: by times alone its client goes on after them."""
    Recipient.objects.filter(pk=place.pk).filter(Q(held_from=None) | Q(held_from__gt=cursor)).update(
        held_from=cursor, held_asked=None
    )


def _with_what_was_held_back(place: Recipient, after: int) -> int:
    """Where a reading begins: before what was held back, once the place is paused no more.

    Asking after the same change again may mean that the answer was lost, and has the same answer; another change ends it.
    """
    place.refresh_from_db()
    if place.held_from is None or recipients.is_paused(place):
        return after
    if place.held_asked not in (None, after):
        Recipient.objects.filter(pk=place.pk).update(held_from=None, held_asked=None)
        return after
    Recipient.objects.filter(pk=place.pk).update(held_asked=after)
    return min(after, place.held_from)


def _take_as_confirmed(place: Recipient, number: int, said: datetime, actor: Actor) -> None:
    """Never more than was handed over."""
    number = min(number, place.served)
    if number > place.confirmed and not place.public_key:
        recipients.confirm(
            recipient=place, until=number, actor=actor, statement={"taxii": "added_after", "value": stix.stamp(said)}
        )
