"""From a signal to a STIX 2.1 indicator. Pure mappings; nothing here reads the database.

No object type of our own: what STIX has no place for stands in a property extension (STIX 2.1, section 7.3), which a strict parser takes.
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from seawall.hub.directory.models import Organisation
from seawall.hub.exchange.kinds import SignalKind, video_frames
from seawall.hub.exchange.models import Community, Signal, SignalState, Tlp
from seawall.hub.exchange.models.community import WIDEST_FIRST

StixObject = dict[str, Any]

SPEC_VERSION = "2.1"
INDICATOR = "indicator"
SEAWALL = "identity--9b1f6f0e-3d0f-4f0c-9c55-7a3f8d1c2e41"
EXTENSION = "extension-definition--4f6f2c7a-0f5b-4a86-8b1e-6b7d2a9c3e58"
TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
MADE = "2026-11-01T00:00:00.000000Z"
"""When the definition of the extension was made."""
MARKINGS = {
    Tlp.CLEAR: "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    Tlp.GREEN: "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    Tlp.AMBER: "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    Tlp.AMBER_STRICT: "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    Tlp.RED: "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""The identifiers that OASIS gave TLP 2.0 (cti-stix-common-objects, extension 60a3c5c5). Those of STIX 2.1 itself are TLP 1."""
GONE_FOR_GOOD = (SignalState.WITHDRAWN, SignalState.EXPIRED)
_INDICATOR_ID = re.compile(r"indicator--([0-9a-f]{8}-[0-9a-f]{4})-4([0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})")


def stamp(when: datetime) -> str:
    """A time as TAXII and STIX write it: UTC, six digits of a second, Z."""
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def as_version_4(value: UUID) -> str:
    """An identifier of this hub as STIX 2.1 section 2.9 wants it, version 4. The hub's are all version 7: one digit differs."""
    text = str(value)
    return f"{text[:14]}4{text[15:]}"


def indicator_id(signal_id: UUID) -> str:
    return f"{INDICATOR}--{as_version_4(signal_id)}"


def signal_id(stix_id: str) -> UUID | None:
    """Which signal an indicator is of; None for what is no indicator of a hub."""
    found = _INDICATOR_ID.fullmatch(stix_id)
    return UUID(f"{found[1]}-7{found[2]}") if found else None


def _quoted(text: str) -> str:
    """A string of a pattern (STIX 2.1, section 9.6: backslash and quote are escaped)."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def pattern(kind: SignalKind, value: str) -> tuple[str, str]:
    """The pattern of a canonical value, and the language it is in (pattern-type-ov)."""
    match kind:
        case SignalKind.SHA256:
            return f"[file:hashes.'SHA-256' = '{value}']", "stix"
        case SignalKind.MD5 | SignalKind.VIDEO_MD5:
            return f"[file:hashes.MD5 = '{value}']", "stix"
        case SignalKind.PDQ:
            return f"[file:hashes.'PDQ' = '{value}']", "stix"
        case SignalKind.VPDQ:
            frames = (f"file:hashes.'PDQ' = '{frame.hash.hex}'" for frame in video_frames(value))
            return f"[{' OR '.join(frames)}]", "stix"
        case SignalKind.URL:
            return f"[url:value = {_quoted(value)}]", "stix"
        case SignalKind.ACCOUNT:
            platform, _, identifier = value.partition(":")
            return (
                f"[user-account:account_type = {_quoted(platform)} AND user-account:user_id = {_quoted(identifier)}]",
                "stix",
            )
        case SignalKind.TEXT:
            return f"[artifact:payload_bin = b'{b64encode(value.encode()).decode()}']", "stix"
        case SignalKind.TERM:
            return rf"(?i)(?<!\w){re.escape(value)}(?!\w)", "pcre"


def indicator(signal: Signal, community: Community) -> StixObject:
    """A signal at its last change.

    Withdrawn or expired: `revoked`, which is for good (STIX 2.1, section 3.2). Disputed may be settled again, so it is not revoked:
    its `valid_until` is the moment of the dispute, and it is labelled.
    """
    kind, state = SignalKind(signal.kind), SignalState(signal.state)
    written, language = pattern(kind, signal.value)
    until = signal.expires_at
    if state != SignalState.ACTIVE:
        until = max(min(until, signal.changed_at), signal.shared_at + timedelta(milliseconds=1))
    labels = [signal.harm, *(["disputed"] if state == SignalState.DISPUTED else [])]
    made: StixObject = {
        "type": INDICATOR,
        "spec_version": SPEC_VERSION,
        "id": indicator_id(signal.pk),
        "created_by_ref": identity_id(community.operator_id),
        "created": stamp(signal.shared_at),
        "modified": stamp(signal.changed_at),
        "name": kind.words,
        "indicator_types": ["malicious-activity"],
        "pattern": written,
        "pattern_type": language,
        "valid_from": stamp(signal.shared_at),
        "valid_until": stamp(until),
        "confidence": signal.confidence,
        "labels": labels,
        "object_marking_refs": [MARKINGS[Tlp(signal.tlp)]],
        "extensions": {
            EXTENSION: {
                "extension_type": "property-extension",
                "kind": str(kind),
                "value": signal.value,
                "state": str(state),
                "harm": signal.harm,
                "severity": signal.severity,
                "community": community.slug,
                "demonstration": signal.demonstration,
            }
        },
    }
    if language == "stix":
        made["pattern_version"] = SPEC_VERSION
    if signal.appeal_url:
        made["external_references"] = [{"source_name": "appeal", "url": signal.appeal_url}]
    if state in GONE_FOR_GOOD:
        made["revoked"] = True
    return made


def identity_id(organisation: UUID) -> str:
    return f"identity--{as_version_4(organisation)}"


def preamble(community: Community, operator: Organisation) -> list[StixObject]:
    """What the indicators of a community refer to: who operates it, the extension, the markings that its ceiling allows."""
    return [
        _identity(SEAWALL, "Seawall", MADE),
        _identity(identity_id(operator.pk), operator.name, stamp(community.founded_at)),
        {
            "type": "extension-definition",
            "spec_version": SPEC_VERSION,
            "id": EXTENSION,
            "created_by_ref": SEAWALL,
            "created": MADE,
            "modified": MADE,
            "name": "Seawall signal",
            "description": "What is shared (kind, value), its state, and what was decided about it (harm, severity 1 to 5).",
            "schema": "kind, value, state, harm, community: string; severity: integer 1 to 5; demonstration: boolean",
            "version": "1.0.0",
            "extension_types": ["property-extension"],
        },
        *(_marking(tlp) for tlp in WIDEST_FIRST[: WIDEST_FIRST.index(Tlp(community.tlp_ceiling)) + 1]),
    ]


def _identity(identifier: str, name: str, when: str) -> StixObject:
    return {
        "type": "identity",
        "spec_version": SPEC_VERSION,
        "id": identifier,
        "created": when,
        "modified": when,
        "name": name,
        "identity_class": "organization",
    }


def _marking(tlp: Tlp) -> StixObject:
    return {
        "type": "marking-definition",
        "spec_version": SPEC_VERSION,
        "id": MARKINGS[tlp],
        "created": "2022-10-01T00:00:00.000Z",
        "name": f"TLP:{tlp.value.upper()}",
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp.value}},
    }


def version_of(made: StixObject) -> str:
    """The version of an object (TAXII 2.1, section 5.3.1): `modified`, else `created`."""
    return str(made.get("modified", made["created"]))
