"""Labels of the AT Protocol: what a moderation service says of a post or an account, signed, and how it takes it back.

A label holds until a newer one of the same service, subject and value negates it (`neg`), or until its own end (`exp`). One
that names a version of its subject (`cid`) says nothing of another version.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from seawall.formats import dagcbor
from seawall.formats.atproto import PublicKey, is_did

TAKEDOWN: Final = "!takedown"
HIDE: Final = "!hide"
WITHHOLDING: Final = (TAKEDOWN, HIDE)
"""Values that take a post out of everybody's sight, the strongest first. Others warn, or leave it to the reader."""

_SIGNED: Final = ("ver", "src", "uri", "cid", "val", "neg", "cts", "exp")


@dataclass(frozen=True, slots=True)
class Label:
    """One label as it was issued.

    `src` is the DID of the service, `uri` the subject (an ``at://`` URI or a DID), `cid` the version of it where one is
    meant. `signature` is over everything else; see :meth:`signed_by`.
    """

    src: str
    uri: str
    val: str
    cts: dt.datetime
    cid: str | None = None
    neg: bool = False
    exp: dt.datetime | None = None
    signature: bytes = b""
    _signed: bytes = field(default=b"", repr=False)

    def signed_by(self, key: PublicKey | None) -> bool:
        """Tell whether `key` signed exactly this label."""
        return key is not None and key.signed(self.signature, self._signed)


def read_label(value: object) -> Label:
    """Read a label from JSON, or from the label stream, where its signature is bytes. Raises ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError("a label is not an object")
    src, uri, val = (_text(value, name) for name in ("src", "uri", "val"))
    if not is_did(src):
        raise ValueError("a label's source is not a DID")
    neg = value.get("neg", False)
    if not isinstance(neg, bool):
        raise ValueError("a label's neg is neither true nor false")
    signed = {name: value[name] for name in _SIGNED if value.get(name) is not None}
    return Label(
        src=src,
        uri=uri,
        val=val,
        cts=_moment(value, "cts"),
        cid=_text(value, "cid") if value.get("cid") is not None else None,
        neg=neg,
        exp=_moment(value, "exp") if value.get("exp") is not None else None,
        signature=_signature(value.get("sig")),
        _signed=dagcbor.encode(signed),
    )


def in_force(labels: Iterable[Label], *, at: dt.datetime, cid: str | None = None) -> list[Label]:
    """Return the labels that hold at `at`, for the version `cid` of their subject (any version when it is None).

    Of what one service says of one subject under one value the latest counts: a negation ends what came before it, and one
    that names a version ends only what was said of that version.
    """
    held: dict[tuple[str, str, str], dict[str | None, Label]] = {}
    for label in sorted(labels, key=lambda label: (label.cts, label.neg)):
        versions = held.setdefault((label.src, label.uri, label.val), {})
        if not label.neg:
            versions[label.cid] = label
        elif label.cid is None:
            versions.clear()
        else:
            versions.pop(label.cid, None)
    return [
        label
        for versions in held.values()
        for label in versions.values()
        if (label.exp is None or label.exp > at) and (cid is None or label.cid in (None, cid))
    ]


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str) or not found or len(found) > 8_192 or "\x00" in found:
        raise ValueError(f"a label's {name} is not a text of 1 to 8,192 characters")
    return found


def _moment(value: Mapping[str, Any], name: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(_text(value, name))
        if moment.tzinfo is None:
            raise ValueError("the time has no zone")
        return moment.astimezone(dt.UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"a label's {name} is not a time with its zone") from error


def _signature(value: object) -> bytes:
    """Return the signature; none, or one in no known form, is empty and verifies by no key."""
    if isinstance(value, bytes):
        return value
    written = value.get("$bytes") if isinstance(value, Mapping) else None
    if not isinstance(written, str) or len(written) > 200:
        return b""
    try:
        return base64.b64decode(written + "=" * (-len(written) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
