"""The hub in the ActivityPub network: its actor, and whether a request that comes in was signed by whom it says."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from seawall.channels import activitypub
from seawall.channels.http_signatures import KeyUnusable, SignatureError, Signer, parse, verify
from seawall.channels.xarf_report import ReportInvalid, json_of
from seawall.channels.xarf_server import Refused
from seawall.hub.intake.activities import host
from seawall.hub.intake.http import Wait
from seawall.hub.referrals import keys
from seawall.hub.referrals.reach import equipment, outbound
from seawall.outbound import OutboundError, OutboundRefused, why_refused

_NAME = re.compile(r"[a-z0-9_]{1,30}")
_ACCEPT = f'{activitypub.MEDIA_TYPE}, application/ld+json; profile="{activitypub.CONTEXT}"'


def address() -> str | None:
    """Where the hub's actor stands; None while it has none: no name, or no public https address to stand at."""
    base = str(settings.PUBLIC_URL).rstrip("/")
    return f"{base}/actor" if _NAME.fullmatch(settings.ACTOR) and _is_public(base) else None


def _is_public(base: str) -> bool:
    """Whether others can reach the address, as far as it tells: https, and no name or number of one machine or network."""
    try:
        parts = urlsplit(base)
        name = (parts.hostname or "").rstrip(".").lower()
    except ValueError:
        return False
    if parts.scheme != "https" or not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return "." in name and not name.endswith((".localhost", ".local", ".internal", ".test", ".invalid"))
    return why_refused(name) is None


def document(actor: str) -> dict[str, Any]:
    """What the hub publishes at its actor. Raises ChannelKeyUnusable."""
    return activitypub.actor_document(equipment(outbound()), actor=actor, username=settings.ACTOR)


def finger(actor: str, resource: str) -> dict[str, Any] | None:
    """The answer to a webfinger question; None for somebody else's name."""
    return activitypub.webfinger(resource, actor=actor, username=settings.ACTOR)


def signed_by(*, actor: str, path: str, headers: Mapping[str, str], body: bytes, hosts: Collection[str]) -> str:
    """Who signed a POST to `path` of this hub: the owner of the key, whose own server says that it is.

    A key is fetched from one of `hosts` only, so nobody else can make the hub call an address. Raises Refused: 401 for a request that
    is not signed so, 403 for a key of another server, 503 when the key cannot be fetched now.
    """
    given = {name.lower(): value for name, value in headers.items()}
    try:
        key_id = parse(given.get("signature", "")).key_id
    except SignatureError as error:
        raise Refused(401, "signature", str(error)) from error
    if host(key_id) not in hosts:
        raise Refused(403, "server", "The key is not on the server that the report went to.")
    owner, pem = _key(actor, key_id)
    try:
        verify(
            method="POST",
            target=path,
            headers=given,
            body=body,
            public_pem=pem,
            host=urlsplit(actor).netloc,
            at=datetime.now(UTC),  # the real time, also where a demonstration plays another
        )
    except (SignatureError, KeyUnusable) as error:
        raise Refused(401, "signature", str(error)) from error
    return owner


def _key(actor: str, key_id: str) -> tuple[str, str]:
    """The key's owner and the key in PEM, from the key's own server. Raises Refused."""
    where = key_id.partition("#")[0]
    if not where.startswith("https://") and host(where) not in settings.OUTBOUND_ALLOW:
        raise Refused(401, "key", "The address of the key is not https.")
    try:
        signed = Signer.from_pem(f"{actor}#main-key", keys.actor_key()).headers("GET", where)
        found = outbound().fetch(where, headers={"Accept": _ACCEPT, **signed}, redirects=0)
    except (OutboundRefused, ValueError) as error:
        raise Refused(401, "key", "The key lies where this hub may not look.") from error
    except OutboundError as error:
        raise Wait(503, "key", "The key could not be fetched from its server. Send the activity again.") from error
    if found.status in (404, 410):
        raise Refused(401, "key", f"Its server answers {found.status} for the key.")
    if found.status != 200:
        raise Wait(503, "key", f"Its server answers {found.status} for the key. Send the activity again.")
    try:
        shown = json_of(found.body)
    except ReportInvalid as error:
        raise Refused(401, "key", "What its server shows as the key is not JSON.") from error
    owner, pem = _public(shown, key_id)
    if not owner or host(owner) != host(key_id):
        raise Refused(401, "key", "Its server does not show this key with its owner.")
    return owner, pem


def _public(shown: object, key_id: str) -> tuple[str, str]:
    """The owner and the PEM of the key called `key_id`, in an actor's document or standing by itself; empty when it is not there."""
    held = shown.get("publicKey", shown) if isinstance(shown, dict) else None
    for key in (held if isinstance(held, list) else [held])[:10]:
        if not isinstance(key, dict) or key.get("id") != key_id:
            continue
        owner, pem = key.get("owner"), key.get("publicKeyPem")
        if isinstance(owner, str) and isinstance(pem, str):
            return owner, pem
    return "", ""
