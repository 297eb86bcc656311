"""What a signal's value is the label of: a record of the AT Protocol. Pure."""

from __future__ import annotations

from seawall.formats.atproto import is_account, read_address
from seawall.hub.exchange.kinds import SignalKind


def subject_of(kind: SignalKind, value: str) -> str | None:
    """The `uri` of a label for this signal: an at:// address by DID. None where the signal points at nothing of the kind.

    An address may be the record's own (at://DID/COLLECTION/KEY) or the post's page at bsky.app. A page by handle has none: a handle can
    pass to another person, and the label would follow it.
    """
    if kind is not SignalKind.URL:
        return None
    try:
        address = read_address(value.partition("?")[0])
    except ValueError:
        return None
    return address.uri if is_account(address.authority) else None
