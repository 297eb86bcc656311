"""Reads of the labels that were issued."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from seawall.formats import dagcbor
from seawall.hub import moment
from seawall.hub.exchange.labels.identity import own_did, unsigned
from seawall.hub.exchange.models import IssuedLabel, LabelGround, LabelStream, Recipient, Surface
from seawall.hub.exchange.recipients import oldest_owed


class PatternInvalid(ValueError):
    """A pattern of addresses that is none of the protocol."""


def labels_of(
    *, patterns: Sequence[str], sources: Sequence[str] = (), after: int = 0, most: int = 50
) -> list[IssuedLabel]:
    """What was said last of subjects that match one of `patterns`, negations too, after number `after`, in the order of numbers.

    A pattern is an address, or a beginning of addresses with `*` at its end (lexicon com.atproto.label.queryLabels). Raises PatternInvalid.
    """
    wanted = Q()
    for pattern in patterns:
        begin, star, rest = pattern.partition("*")
        if rest or "\x00" in pattern:
            raise PatternInvalid(f"A * stands only at the end of a pattern: {pattern[:200]!r}.")
        wanted |= Q(uri__startswith=begin) if star else Q(uri=begin)
    did = own_did()
    if did is None or (sources and did not in sources):
        return []
    return list(IssuedLabel.objects.filter(wanted, src=did, seq__gt=after).order_by("seq")[:most])


def issued_after(seq: int, *, most: int) -> list[IssuedLabel]:
    """The next labels of the stream after a number. One indexed read."""
    return list(IssuedLabel.objects.filter(src=own_did(), seq__gt=seq).order_by("seq")[:most])


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How far the stream goes: the last number that was given, and up to which one negations may be missing."""

    last: int
    forgotten: int


def reach() -> Reach:
    found = LabelStream.objects.first()
    return Reach(last=found.next_seq - 1, forgotten=found.forgotten) if found else Reach(last=0, forgotten=0)


def as_cbor(label: IssuedLabel) -> dict[str, dagcbor.Value]:
    """A label as the stream carries it."""
    plain = unsigned(src=label.src, uri=label.uri, val=label.val, neg=label.neg, cts=label.cts, exp=label.exp)
    return {**plain, "sig": bytes(label.sig)}


def as_json(label: IssuedLabel) -> dict[str, Any]:
    """A label in JSON, its signature as the data model writes bytes: base64 without padding."""
    written: dict[str, Any] = dict(as_cbor(label))
    written["sig"] = {"$bytes": b64encode(bytes(label.sig)).rstrip(b"=").decode("ascii")}
    return written


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A label that holds now, with the addresses at which the decisions behind it can be appealed."""

    val: str
    until: datetime
    appeals: list[str]


def standing_on(uri: str) -> list[Standing]:
    """The labels that hold on a subject."""
    found: dict[str, Standing] = {}
    grounds = (
        LabelGround.objects.filter(uri=uri, until__gt=moment.now()).select_related("signal").order_by("val", "until")
    )
    for ground in grounds:
        earlier = found.get(ground.val)
        appeals = {*(earlier.appeals if earlier else ()), ground.signal.appeal_url}
        found[ground.val] = Standing(val=ground.val, until=ground.until, appeals=sorted(appeals))
    return list(found.values())


def unpublished() -> list[str]:
    """The communities with a withdrawal that was not published as a negation for an hour, by their short names."""
    late = moment.now() - timedelta(hours=1)
    places = Recipient.objects.filter(surface=Surface.LABELS, ended_at=None).select_related("member__community")
    return sorted(
        place.member.community.slug for place in places if (owed := oldest_owed(place)) is not None and owed[1] < late
    )


def since() -> datetime:
    """When the hub began to be a labeler; now, where it did not yet."""
    found = LabelStream.objects.first()
    return found.began_at if found else moment.now()
