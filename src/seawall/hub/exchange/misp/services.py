"""Hand a community's signals to a MISP: what changed, event by event, and what its reading says about withdrawals."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Max, Q

from seawall.hub import moment
from seawall.hub.exchange import recipients, whole
from seawall.hub.exchange.misp import events
from seawall.hub.exchange.misp.events import BLOCK, Block, Json, block_of
from seawall.hub.exchange.models import (
    Community,
    Member,
    Pull,
    Recipient,
    Signal,
    SignalState,
    Surface,
)
from seawall.hub.exchange.models.recipient import CARRIES
from seawall.hub.exchange.queries import actor_of
from seawall.hub.exchange.recipients import GONE, Paused
from seawall.hub.ledger.services import Actor

NAME = "MISP"
CACHE = "{} (hashes.csv)"
"""What a MISP caches of a feed is a store of its own, which is replaced at once."""
MOST_PLACES = 40
MOST_ANEW = 40
"""Blocks that are counted anew one by one; where more have moved, all are counted."""
MOST_KNOWN = 100
"""Communities of which a process keeps the counts."""
BLOCK_OF = (F("first_change") - 1) / BLOCK
CARRIED = Q(kind__in=[kind.value for kind in CARRIES[Surface.MISP]])


class NoSuchEvent(Exception):
    """There is no such event in the feed, or nothing in it that this reader may have."""


@dataclass(frozen=True, kw_only=True)
class Counted(Block):
    """A block with how many of its signals are in use, and the number of the last withdrawal of one (0 for none)."""

    active: int
    gone: int


_counted: dict[UUID, tuple[int, dict[int, Counted]]] = {}
"""By community: up to which change its blocks were counted, and what was found."""


def _place(member: Member, name: str) -> Recipient:
    return recipients.place_of(member=member, surface=Surface.MISP, name=name, most=MOST_PLACES, actor=actor_of(member))


@transaction.atomic
def _after_every_change(community: Community) -> tuple[int, datetime]:
    """The number of the latest change and a moment (UTC) before which nothing more will happen: whoever writes has been waited for."""
    held = Community.objects.select_for_update().get(pk=community.pk)
    return held.next_change - 1, moment.now()


def _blocks(community: Community, latest: int) -> Iterable[Counted]:
    """The blocks of a community, in order, at change `latest` or later. What this process counted before is counted again only where
    something happened since: O(blocks + changes since)."""
    until, table = _counted.get(community.pk, (0, {}))
    if until <= latest:
        since = Signal.objects.filter(CARRIED, community=community, last_change__gt=until)
        blocks = since.annotate(block=BLOCK_OF).values_list("block", flat=True).distinct()[: MOST_ANEW + 1]
        moved = set(blocks) if table else set()
        if table and len(moved) <= MOST_ANEW:
            table = {**table, **_count(community, moved)}
        else:
            table = _count(community)
        if len(_counted) >= MOST_KNOWN:
            _counted.clear()
        _counted[community.pk] = (latest, table)
    return (table[number] for number in sorted(table))


def _count(community: Community, only: Collection[int] | None = None) -> dict[int, Counted]:
    """All blocks, or only these, by one read of an index that holds all that is asked."""
    found = Signal.objects.filter(CARRIED, community=community)
    if only is not None:
        if not only:
            return {}
        found = found.filter(reduce(or_, map(_in_block, only)))
    rows = (
        found.annotate(block=BLOCK_OF)
        .values("block")
        .annotate(
            moved=Max("changed_at"),
            active=Count("first_change", filter=Q(state=SignalState.ACTIVE)),
            gone=Max("last_change", filter=Q(state__in=GONE)),
        )
        .order_by()
    )
    return {
        row["block"]: Counted(number=row["block"], moved=row["moved"], active=row["active"], gone=row["gone"] or 0)
        for row in rows
    }


def _in_block(number: int) -> Q:
    return Q(first_change__gt=number * BLOCK, first_change__lte=(number + 1) * BLOCK)


def manifest(*, member: Member, name: str) -> Json:
    """The events of the feed for a place, with the times by which a MISP sees which it has to fetch (again).

    Who comes back has what it fetched before: that is taken as its confirmation (`acknowledged`, never signed), up to the first
    withdrawal in an event that it has not fetched since. While it is held back, only events with withdrawals that it owes are listed.
    """
    community, place = member.community, _place(member, name)
    latest, now = _after_every_change(community)
    pulls = {pull.block: pull for pull in place.pulls.all()}
    _confirm_what_was_fetched(place, pulls, latest, actor_of(member))
    paused = recipients.is_paused(place)
    told: Json = {}
    for block in _blocks(community, latest):
        pull = pulls.get(block.number)
        if block.gone <= place.confirmed if paused else not block.active and pull is None:
            continue
        if paused and pull is None:
            continue
        uuid = str(events.event_uuid(community.pk, block.number))
        told[uuid] = events.described(community, community.operator, _moved(block, pull, place), now)
    return told


def _moved(block: Counted, pull: Pull | None, place: Recipient) -> Counted:
    """The block, later where a place that was held back has not had the whole of it since."""
    if pull is None or not pull.partial or place.confirmed_at is None:
        return block
    return replace(block, moved=max(block.moved, place.confirmed_at))


def _confirm_what_was_fetched(place: Recipient, pulls: dict[int, Pull], latest: int, actor: Actor) -> None:
    if recipients.oldest_owed(place) is None:
        return
    until = latest
    owed = Signal.objects.filter(
        CARRIED,
        community=place.member.community_id,
        state__in=GONE,
        last_change__gt=max(place.confirmed, place.began or 0),
        last_change__lte=latest,
    )
    for first, last in owed.order_by("last_change").values_list("first_change", "last_change").iterator():
        pull = pulls.get(block_of(first))
        if pull is not None and pull.until < last and pull.was_handed(first, last):
            until = last - 1
            break
    if until > place.confirmed:
        # It was handed all of this that concerns it, though nothing of it may have been an event.
        Recipient.objects.filter(pk=place.pk, served__lt=until).update(served=until, served_at=moment.now())
        recipients.confirm(recipient=place, until=until, actor=actor, statement={"misp": "manifest.json"})
        place.refresh_from_db()


def event(*, member: Member, name: str, uuid: UUID) -> Json:
    """An event for a place: what is in use of its block, and, of what is not, what this place was handed of it.

    Raises NoSuchEvent, and Paused where only withdrawals may be handed over and the event has none.
    """
    community = member.community
    number = events.block_of_event(community.pk, uuid)
    if number is None:
        raise NoSuchEvent
    place = _place(member, name)
    _latest, now = _after_every_change(community)
    found = _count(community, [number]).get(number)
    if found is None:
        raise NoSuchEvent
    told, pull = _hand_over(place, number)
    return events.event(community, community.operator, _moved(found, pull, place), told, now)


@transaction.atomic
def _hand_over(place: Recipient, number: int) -> tuple[list[Signal], Pull]:
    """The signals of a block, written down as handed over; and how far they had been before."""
    page = recipients.serve(recipient=place, after=0, most=BLOCK, only=_in_block(number), had=(number + 1) * BLOCK)
    before = Pull.objects.filter(recipient=place, block=number).first() or Pull(recipient=place, block=number)
    told = [
        signal
        for signal in page.signals
        if signal.state == SignalState.ACTIVE or before.was_handed(signal.first_change, signal.last_change)
    ]
    if not told:
        if page.paused:
            raise Paused("Withdrawals wait for your confirmation. New signals follow when you have confirmed them.")
        raise NoSuchEvent
    version = max(signal.last_change for signal in page.signals)
    kept = before.versions
    if not page.paused and version > (kept[-1] if kept else 0):
        kept = [*kept, version]
    Pull.objects.update_or_create(
        recipient=place,
        block=number,
        defaults={"versions": kept, "until": max(before.until, version), "partial": page.paused},
    )
    return told, before


def hashes(*, member: Member, name: str) -> Iterator[str]:
    """The lines of hashes.csv, for what is in use. By asking for it a place says that it keeps no earlier one. Raises NotAllowed at once."""
    place = _place(member, CACHE.format(name))
    made = whole.begin(place=place, actor=actor_of(member))
    community = member.community.pk
    return whole.in_chunks(
        events.hash_line(value, events.event_uuid(community, block_of(signal.first_change)))
        for signal in whole.signals_of(made)
        for value in events.values_of(signal)
    )
