"""Hand over everything that is in use at once, as a file: what is taken so replaces what the same place took before.

A file cannot be told later what is gone from it. So whoever takes one owes a word about every withdrawal after it, until they take it
anew or say that they have deleted it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from seawall.hub import moment
from seawall.hub.exchange import recipients
from seawall.hub.exchange.models import Recipient, Signal
from seawall.hub.exchange.rules import NotAllowed
from seawall.hub.ledger.services import Actor

PAGE = 2_000
"""Signals that are held in memory at once."""

CHUNK = 65_536
"""Characters or bytes that are sent at once, about."""


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A file in the making: for which place, as of which change of the community and when (UTC)."""

    place: Recipient
    until: int
    made_at: datetime


@transaction.atomic
def begin(*, place: Recipient, actor: Actor) -> Whole:
    """Begin a file for a place: by asking for it, it says that it keeps no earlier one. Raises NotAllowed when the place has ended."""
    place = recipients.begin_anew(recipient=place, actor=actor)
    if place.ended_at is not None:
        raise NotAllowed("This place has ended.")
    if place.began is None:
        latest = place.member.community.next_change - 1
        Recipient.objects.filter(pk=place.pk, began=None).update(began=latest)
        place.refresh_from_db()
    return Whole(place=place, until=place.began or 0, made_at=moment.now())


def signals_of(whole: Whole) -> Iterator[Signal]:
    """Every signal that was in use when the file was begun, in the order of their changes; one that is withdrawn meanwhile may be left out.

    Read by keyset, a page at a time, each counted as handed over when it is read.
    """
    after = 0
    while True:
        page = recipients.serve(
            recipient=whole.place, after=after, most=PAGE, only=Q(last_change__lte=whole.until), had=0
        )
        yield from page.signals
        if not page.more:
            return
        after = page.cursor


def in_chunks(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in fewer pieces, each of which a server sends by itself."""
    held: list[str] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)
