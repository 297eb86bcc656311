"""Hand a community's signals to clients of the StopNCII protocol, and take what they say of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from django.core import signing
from django.db import transaction

from seawall.hub.exchange import recipients
from seawall.hub.exchange.hashfeed.records import TYPES, Record, opinion_of, record_of
from seawall.hub.exchange.models import Change, Community, Member, Recipient, Signal, Surface
from seawall.hub.exchange.queries import actor_of, last_change_until
from seawall.hub.exchange.signals import OPEN, give_opinion

BEGINNING = 10
"""`startTimestamp` of a client that holds nothing (StopNCIIAPI.DEFAULT_START_TIME)."""
MOST_PLACES = 20
"""Places by this surface that a member may have at once."""
SHORTEST = timedelta(microseconds=1)
TOKEN_LASTS = 24 * 3600  # seconds
SALT = "seawall.exchange.hashfeed.page"


class TokenInvalid(Exception):
    """A page token that this hub did not give to this place, or gave more than a day ago."""


class UnknownHash(Exception):
    """Feedback on what the community does not share; `place` is its place in the list, from 0."""

    def __init__(self, place: int) -> None:
        super().__init__(f"hashFeedbacks[{place}] is no hash that this community shares.")


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """What a member says of every signal of a value: a StopNCIICSPFeedbackValue, with tags."""

    value: str
    said: str
    tags: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A page, as the protocol's FetchHashesResponse has it.

    `checkpoint` (seconds since 1970) is to come back as `startTimestamp`, `cursor` is the number of the last change that it covers.
    """

    records: list[Record]
    token: str | None
    checkpoint: int
    cursor: int


def place_of(*, member: Member, name: str) -> Recipient:
    """The member's place of this name, made when it is new. Raises NotAllowed beyond MOST_PLACES."""
    return recipients.place_of(
        member=member, surface=Surface.THREATEXCHANGE, name=name, most=MOST_PLACES, actor=actor_of(member)
    )


def fetch(*, member: Member, place: Recipient, start: int, token: str, most: int, acted: int | None) -> Batch:
    """A page for a place: from `start` (seconds since 1970) at first, then where `token` left off; `most` records.

    Who asks from the beginning holds nothing, and so nothing that was withdrawn until now: the stock client has no other word for it.
    `acted` is the confirmation of a client that honours withdrawals: it acted on everything up to that change. A checkpoint is a whole
    second and changes are counted finer, so that the changes of its second are handed over again rather than lost; the same record
    again is the same record. While the place is paused the checkpoint stays, so that what is held back follows.

    Raises TokenInvalid, ConfirmationInvalid, Paused, NotAllowed.
    """
    community = member.community
    if acted is not None:
        recipients.confirm(
            recipient=place, until=acted, actor=actor_of(member), statement={"threatexchange": "actedUntil"}
        )
    if token:
        after, had, since = _read(token, place)
    elif start <= BEGINNING:
        place = recipients.begin_anew(recipient=place, actor=actor_of(member))
        after, had, since = 0, 0, start
    else:
        after, had, since = last_change_until(community, _moment(start) - SHORTEST), place.served, start
    page = recipients.serve(recipient=place, after=after, most=most, had=max(had, after))
    checkpoint = since
    if not page.paused and page.cursor:
        at = Change.objects.values_list("at", flat=True).get(community=community, number=page.cursor)
        checkpoint = max(since, int(at.timestamp()))
    return Batch(
        records=[record_of(signal, source=community.slug) for signal in page.signals],
        token=_token(place, page.cursor, had, since) if page.more else None,
        checkpoint=checkpoint,
        cursor=page.until,
    )


def _moment(seconds: int) -> datetime:
    """The time so many seconds after 1970; the latest that can be written for what lies beyond it."""
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return datetime.max.replace(tzinfo=UTC)


def _token(place: Recipient, after: int, had: int, since: int) -> str:
    return signing.dumps([str(place.pk), after, had, since], salt=SALT)


def _read(token: str, place: Recipient) -> tuple[int, int, int]:
    try:
        owner, after, had, since = signing.loads(token, salt=SALT, max_age=TOKEN_LASTS)
    except (signing.BadSignature, ValueError) as problem:
        raise TokenInvalid("nextPageToken is none of this hub, or older than a day.") from problem
    if owner != str(place.pk):
        raise TokenInvalid("nextPageToken was given to another client.")
    return after, had, since


@transaction.atomic
def take_feedback(*, member: Member, given: Sequence[Feedback]) -> int:
    """Keep members' feedback as opinions, all or none; says how many were one.

    The protocol names no type of signal, so that a value that stands for signals of two kinds speaks of both. Raises UnknownHash,
    NotAllowed for feedback on one's own signal.
    """
    found = _by_value(member.community, {each.value for each in given})
    kept = 0
    for place, each in enumerate(given):
        signals = found.get(each.value)
        if not signals:
            raise UnknownHash(place)
        opinion = opinion_of(each.said, each.tags)
        if opinion is None:
            continue
        for signal in signals:
            give_opinion(
                signal=signal,
                organisation=member.organisation,
                opinion=opinion,
                actor=actor_of(member),
                note=", ".join(sorted(each.tags)),
            )
        kept += 1
    return kept


def _by_value(community: Community, values: set[str]) -> dict[str, list[Signal]]:
    found: dict[str, list[Signal]] = {}
    digests = [sha256(value.encode()).hexdigest() for value in values]
    open_ones = Signal.objects.filter(
        community=community, value_sha256__in=digests, state__in=OPEN, kind__in=[kind.value for kind in TYPES]
    ).select_related("community")
    for signal in open_ones:
        found.setdefault(signal.value, []).append(signal)
    return found
