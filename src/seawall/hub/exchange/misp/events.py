"""How signals are written as events of MISP (MISP core format, draft-dulaunoy-misp-core-format). Pure.

A community's changes are cut into blocks of BLOCK numbers. An event holds the signals that were published in its block, so that it never
grows beyond BLOCK of them, and stays the same while nothing happens to these. The block stands in the event's identifier.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5, sha256
from typing import Any
from uuid import UUID, uuid5

from seawall.hub.directory.models import Organisation
from seawall.hub.exchange.kinds import SignalKind
from seawall.hub.exchange.misp import taxonomy
from seawall.hub.exchange.models import Community, Signal, SignalState
from seawall.hub.exchange.taxii.stix import as_version_4

BLOCK = 500
"""Changes of a block, and so signals of an event at most: as many as are handed over at once in any community."""

Json = dict[str, Any]

TYPES: dict[SignalKind, tuple[str, str, bool]] = {
    SignalKind.PDQ: ("other", "Other", False),
    SignalKind.VIDEO_MD5: ("md5", "Payload delivery", True),
    SignalKind.MD5: ("md5", "Payload delivery", True),
    SignalKind.SHA256: ("sha256", "Payload delivery", True),
    SignalKind.URL: ("url", "Network activity", True),
    SignalKind.TEXT: ("text", "Other", False),
    SignalKind.TERM: ("text", "Other", False),
}
"""Type, category and `to_ids` of each kind. MISP has no type for PDQ, which is compared by distance and never by equality.
The frames of a video are left out."""

TLP_COLOURS = {
    "clear": "#ffffff",
    "green": "#33ff00",
    "amber": "#ffc000",
    "amber+strict": "#ffc000",
    "red": "#ff2b2b",
}
HARM_COLOUR = "#1d70b8"
GONE_COLOUR = "#505a5f"
INHERIT = "5"
ONLY_THIS_ORGANISATION = "0"
UNDEFINED = "4"
COMPLETE = "2"
ACCOUNT = {  # misp-objects/objects/user-account/definition.json
    "name": "user-account",
    "meta-category": "misc",
    "description": "User-account object, defining aspects of user identification, authentication, privileges and other relevant data points.",
    "template_uuid": "49606b06-22f0-4ac8-8eee-2f12ad46f3d3",
    "template_version": "6",
}


@dataclass(frozen=True, kw_only=True)
class Block:
    """What a feed says of an event before it is fetched: its number, when something last happened to a signal of it (UTC)."""

    number: int
    moved: datetime


def block_of(change: int) -> int:
    """The block in which a change of a community lies."""
    return (change - 1) // BLOCK


def event_uuid(community: UUID, block: int) -> UUID:
    """The identifier of an event: ten bytes from the community's, six of the block's number, in the form of version 4."""
    return UUID(bytes=sha256(b"misp event" + community.bytes).digest()[:10] + block.to_bytes(6), version=4)


def block_of_event(community: UUID, event: UUID) -> int | None:
    """Which block an event holds; None for what is no event of the community."""
    block = int.from_bytes(event.bytes[10:])
    return block if event == event_uuid(community, block) else None


def stamp(at: datetime, now: datetime) -> str:
    """A time as MISP has it, in whole seconds since 1970; never the second that has not passed at `now`, in which more may happen."""
    return str(min(int(at.timestamp()), int(now.timestamp()) - 1))


def _tag(name: str, colour: str) -> Json:
    return {"name": name, "colour": colour}


def _tags(signal: Signal) -> list[Json]:
    found = [
        _tag(f"tlp:{signal.tlp}", TLP_COLOURS[signal.tlp]),
        _tag(taxonomy.tag(taxonomy.HARM, signal.harm), HARM_COLOUR),
        _tag(taxonomy.tag(taxonomy.SEVERITY, str(signal.severity)), HARM_COLOUR),
        _tag(taxonomy.tag(taxonomy.SIGNAL, signal.kind), HARM_COLOUR),
    ]
    if signal.demonstration:
        found.append(_tag(taxonomy.tag(taxonomy.DEMONSTRATION), GONE_COLOUR))
    return found


def _comment(signal: Signal) -> str:
    state = SignalState(signal.state)
    if state is not SignalState.ACTIVE:
        return f"{state.label}. Delete it, and undo what was done because of it alone."
    words = f"{SignalKind(signal.kind).words}. Confidence {signal.confidence} of 100. Good until {signal.expires_at:%Y-%m-%d}."
    return f"{words} Appeal: {signal.appeal_url}" if signal.appeal_url else words


def values_of(signal: Signal) -> tuple[str, ...]:
    """The values of a signal's attributes."""
    if signal.kind == SignalKind.ACCOUNT:
        platform, _, account = signal.value.partition(":")
        return platform, account
    return (signal.value,)


def attribute(signal: Signal, now: datetime) -> Json:
    """A signal of any kind but an account. What may not be acted on is deleted: a MISP that fetches it again removes what it holds."""
    active = signal.state == SignalState.ACTIVE
    named, category, to_ids = TYPES[SignalKind(signal.kind)]
    if named == "url" and not signal.value.startswith("https://"):  # a record of the AT Protocol
        named = "uri"
    return {
        "uuid": as_version_4(signal.pk),
        "type": named,
        "category": category,
        "value": signal.value,
        "to_ids": to_ids and active and not signal.demonstration,
        "deleted": not active,
        "disable_correlation": False,
        "distribution": INHERIT,
        "timestamp": stamp(signal.changed_at, now),
        "comment": _comment(signal),
        "Tag": _tags(signal),
    }


def account(signal: Signal, now: datetime) -> Json:
    """An account as an object of MISP; its attributes carry the tags, as an object cannot."""
    active = signal.state == SignalState.ACTIVE
    common: Json = {
        "deleted": not active,
        "distribution": INHERIT,
        "timestamp": stamp(signal.changed_at, now),
        "comment": _comment(signal),
    }
    named = uuid = UUID(as_version_4(signal.pk))
    return {
        **ACCOUNT,
        **common,
        "uuid": str(uuid),
        "Attribute": [
            {
                **common,
                "uuid": str(uuid5(named, relation)),
                "object_relation": relation,
                "type": "text",
                "category": "Other",
                "value": value,
                "to_ids": False,
                "disable_correlation": relation == "account-type",
                "Tag": _tags(signal),
            }
            for relation, value in zip(("account-type", "user-id"), values_of(signal), strict=True)
        ],
    }


def described(community: Community, operator: Organisation, block: Block, now: datetime) -> Json:
    """What the manifest says of an event, which the event says too."""
    return {
        "Orgc": {"name": operator.name, "uuid": as_version_4(operator.pk)},
        "Tag": [_tag(f"tlp:{community.tlp_ceiling}", TLP_COLOURS[community.tlp_ceiling])],
        "info": f"{community.name}, part {block.number + 1}",
        "date": block.moved.astimezone(UTC).date().isoformat(),
        "analysis": COMPLETE,
        "threat_level_id": UNDEFINED,
        "timestamp": stamp(block.moved, now),
    }


def event(community: Community, operator: Organisation, block: Block, signals: list[Signal], now: datetime) -> Json:
    """An event with these signals, in the order of their publication."""
    told = described(community, operator, block, now)
    ordered = sorted(signals, key=lambda signal: signal.first_change)
    return {
        "Event": {
            **told,
            "uuid": str(event_uuid(community.pk, block.number)),
            "published": True,
            "publish_timestamp": told["timestamp"],
            "distribution": ONLY_THIS_ORGANISATION,
            "Attribute": [attribute(each, now) for each in ordered if each.kind != SignalKind.ACCOUNT],
            "Object": [account(each, now) for each in ordered if each.kind == SignalKind.ACCOUNT],
        }
    }


def hash_line(value: str, event: UUID) -> str:
    """A line of hashes.csv: the MD5 of a value, and the event that it is in."""
    return f"{md5(value.encode(), usedforsecurity=False).hexdigest()},{event}\n"
