"""Comparing what the hub takes in with the signals that are shared: by the words, the address, and the addresses in the words.

Only signals of communities that the desk's own organisation receives signals in. Accounts are never sought: what somebody posts is looked at
for what it is, not for who they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from django.conf import settings
from django.db import transaction

from seawall.hub import moment
from seawall.hub.casework.models import Case, Origin
from seawall.hub.content.models import Content
from seawall.hub.directory.models import Organisation
from seawall.hub.exchange import sightings
from seawall.hub.exchange.kinds import MOST_CHARACTERS, SignalInvalid, SignalKind, canonical
from seawall.hub.exchange.matching import communities_of
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


def looked_up(*, text: str, url: str) -> Iterator[tuple[SignalKind, str]]:
    """What a post is looked up by: kinds of signals, with the SHA-256 of the canonical value."""
    values = [(SignalKind.TEXT, text)] if len(text) <= MOST_CHARACTERS else []
    links = [match[0].rstrip(_TRAILING) for match, _ in zip(_LINK.finditer(text), range(MOST_LINKS), strict=False)]
    values += [(SignalKind.URL, link) for link in [url, *links] if link]
    for kind, value in values:
        try:
            yield kind, sha256(canonical(kind, value).encode()).hexdigest()
        except SignalInvalid:
            continue


def seek(*, batch_id: UUID) -> int:
    """Find signals in the posts of a batch, write down where they were seen and put these posts before people; says how many cases opened.

    What automation may open in 24 hours is capped (SEAWALL_MACHINE_CASES_A_DAY): beyond that sightings are written down, and their cases
    follow when there is room. Cost: one pass over the batch and a look-up for each 5,000 values, nothing where no such signal is shared.
    """
    if not Signal.objects.in_use().filter(kind__in=SOUGHT).exists():
        return 0
    by_value: dict[tuple[str, str], set[UUID]] = {}
    posts = Content.objects.filter(batch=batch_id).values_list("pk", "text", "url")
    for content_id, text, url in posts.iterator(chunk_size=AT_ONCE):
        for kind, digest in looked_up(text=text, url=url):
            by_value.setdefault((kind.value, digest), set()).add(content_id)
    left, held_back, opened = _room(), 0, 0
    for signal, content in _pairs(by_value):
        if signal.decision is not None and signal.decision.case.content_id == content.pk:
            continue
        _made, new = sightings.of_post(signal=signal, content=content, may_open=left > 0)
        held_back += left <= 0
        opened += new
        left -= new
    if held_back:
        _record_quota(held_back)
        seek_later(batch_id)
    return opened


def _pairs(by_value: dict[tuple[str, str], set[UUID]]) -> Iterator[tuple[Signal, Content]]:
    """The signals that fit, each with the posts that it fits and whose desk may know of it; none that members told of already."""
    digests = sorted({digest for _kind, digest in by_value})
    found: list[Signal] = []
    for begin in range(0, len(digests), AT_ONCE):
        in_use = Signal.objects.in_use().filter(value_sha256__in=digests[begin : begin + AT_ONCE], kind__in=SOUGHT)
        found += in_use.select_related("decision__case").order_by("number")
    fits = {signal.pk: by_value.get((signal.kind, signal.value_sha256), set()) for signal in found}
    contents = Content.objects.select_related("platform", "desk__organisation").in_bulk(
        [content_id for some in fits.values() for content_id in some]
    )
    told = set(
        Sighting.objects.filter(signal__in=fits, content__in=contents)
        .exclude(organisation=None, case=None)
        .values_list("signal", "content")
    )
    receives: dict[UUID, set[UUID]] = {}

    def may_know(organisation: Organisation, community_id: UUID) -> bool:
        if organisation.pk not in receives:
            receives[organisation.pk] = set(communities_of(organisation))
        return community_id in receives[organisation.pk]

    for signal in found:
        for content_id in sorted(fits[signal.pk]):
            content = contents[content_id]
            if (signal.pk, content_id) not in told and may_know(content.desk.organisation, signal.community_id):
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
