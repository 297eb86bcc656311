"""Comparing what the hub takes in with the signals that are shared: by the words, the address, and the addresses in the words.

Only signals of communities that the desk's own organisation receives signals in. Accounts are never sought: what somebody posts is looked at
for what it is, not for who they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from hashlib import sha256
from typing import TypeVar
from uuid import UUID

from django.conf import settings
from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.models import Case, Origin
from seawall.hub.content.models import ADDRESS_ONLY, Content
from seawall.hub.directory.models import Organisation
from seawall.hub.exchange import matching, sightings
from seawall.hub.exchange.kinds import MOST_CHARACTERS, SignalInvalid, SignalKind, canonical_url
from seawall.hub.exchange.models import Sighting, Signal
from seawall.hub.exchange.tasks import seek_later
from seawall.hub.ledger import vocabulary as ledger
from seawall.hub.ledger.services import record

SOUGHT = (SignalKind.URL, SignalKind.TEXT)
MOST_LINKS = 20
"""So many addresses in one post's words are looked up."""
AT_ONCE = 5_000
_LINK = re.compile(r"https?://[^\s<>\"'\x00-\x1f]{3,2000}", re.IGNORECASE)
_TRAILING = ".,;:!?)]}’”"
Value = TypeVar("Value", int, str)


def addresses(*, text: str, url: str) -> Iterator[str]:
    """The addresses that a post is looked up by, each as the SHA-256 of its canonical form: its own, and those in its words."""
    links = [match[0].rstrip(_TRAILING) for match, _ in zip(_LINK.finditer(text), range(MOST_LINKS), strict=False)]
    for link in [url, *links]:
        try:
            yield sha256(canonical_url(link).encode()).hexdigest()
        except SignalInvalid:
            continue


def seek(*, batch_id: UUID) -> int:
    """Find signals in the posts of a batch, write down where they were seen and put these posts before people; says how many cases opened.

    Texts that are nearly the same are found as the match API finds them, in posts of up to 2,000 characters. What automation may open in
    24 hours is capped (SEAWALL_MACHINE_CASES_A_DAY): beyond that sightings are written down, and their cases follow when there is room.
    Cost: one pass over the batch, a look-up for each 5,000 addresses and a search for each text; nothing where no such signal is shared.
    """
    kinds = set(Signal.objects.in_use().filter(kind__in=SOUGHT).values_list("kind", flat=True).distinct())
    if not kinds:
        return 0
    by_address: dict[str, set[UUID]] = {}
    by_number: dict[int, set[UUID]] = {}
    posts = Content.objects.filter(batch=batch_id).values_list("pk", "text", "url")
    for content_id, text, url in posts.iterator(chunk_size=AT_ONCE):
        known = "" if text.startswith(ADDRESS_ONLY) else text
        for digest in addresses(text=known, url=url) if SignalKind.URL in kinds else ():
            by_address.setdefault(digest, set()).add(content_id)
        if known and SignalKind.TEXT in kinds and len(known) <= MOST_CHARACTERS:
            for number, _share in matching.texts().search(known):
                by_number.setdefault(number, set()).add(content_id)
    left, held_back, opened = _room(), 0, 0
    for signal, content in _pairs(_fitting(by_address, by_number)):
        _made, new = sightings.of_post(signal=signal, content=content, may_open=left > 0)
        held_back += left <= 0
        opened += new
        left -= new
    if held_back:
        _record_quota(held_back)
        seek_later(batch_id)
    return opened


def _fitting(by_address: dict[str, set[UUID]], by_number: dict[int, set[UUID]]) -> dict[Signal, set[UUID]]:
    """The signals in use that fit, with the posts that each fits, in the order in which they were shared."""
    in_use = Signal.objects.in_use().select_related("decision__case").order_by("number")
    found: dict[Signal, set[UUID]] = {}
    for some in _parts(sorted(by_address)):
        of_urls = in_use.filter(kind=SignalKind.URL.value, value_sha256__in=some)
        found |= {signal: by_address[signal.value_sha256] for signal in of_urls}
    for numbers in _parts(sorted(by_number)):
        found |= {signal: by_number[signal.number] for signal in in_use.filter(number__in=numbers)}
    return found


def _parts(values: list[Value]) -> Iterable[list[Value]]:
    return (values[begin : begin + AT_ONCE] for begin in range(0, len(values), AT_ONCE))


def _pairs(fitting: dict[Signal, set[UUID]]) -> Iterator[tuple[Signal, Content]]:
    """Each signal with the posts that it fits: those whose desk may know of it, not the post that it came from, none that is dealt with."""
    contents = Content.objects.select_related("platform", "desk__organisation").in_bulk(
        list({content_id for some in fitting.values() for content_id in some})
    )
    told = set(
        Sighting.objects.standing()
        .filter(signal__in=list(fitting), content__in=contents)
        .exclude(organisation=None, case=None)
        .values_list("signal", "content")
    )
    receives: dict[UUID, set[UUID]] = {}

    def may_know(organisation: Organisation, community_id: UUID) -> bool:
        if organisation.pk not in receives:
            receives[organisation.pk] = set(matching.communities_of(organisation))
        return community_id in receives[organisation.pk]

    for signal, some in fitting.items():
        came_from = signal.decision.case.content_id if signal.decision is not None else None
        for content_id in sorted(some):
            content = contents[content_id]
            dealt_with = content_id == came_from or (signal.pk, content_id) in told
            if not dealt_with and may_know(content.desk.organisation, signal.community_id):
                yield signal, content


def _room() -> int:
    since = moment.now() - timedelta(hours=24)
    today = Case.objects.filter(origin=Origin.SIGHTING, sightings__organisation=None, opened_at__gt=since).distinct()
    return max(0, settings.MACHINE_CASES_A_DAY - today.count())


def _record_quota(held_back: int) -> None:
    """Write into the ledger that the machine stopped at its quota."""
    with transaction.atomic():
        record(
            event=ledger.QuotaReached(quota=settings.MACHINE_CASES_A_DAY, held_back=held_back),
            subject=("exchange", "-"),
            actor=sightings.KEEPER,
        )
