"""Adapters out: how a referral reaches a platform and how its answer comes back.

``get("http")`` gives the class of a channel by name; ``get("http").equipped(equipment)`` makes one. A package adds its
own under the entry point group ``seawall.channels``; the names shipped here cannot be taken over.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import entry_points
from typing import cast

from seawall.channels.base import (
    Address,
    Answer,
    AnswerInvalid,
    Channel,
    ChannelError,
    Equipment,
    MailSettings,
    NotCarried,
    Proof,
    ReasonCode,
    Receipt,
    ReceiptInvalid,
    Setting,
    Status,
)
from seawall.channels.document import (
    Clock,
    Content,
    Defence,
    DocumentInvalid,
    Element,
    Grounds,
    Harm,
    LegalGround,
    Problem,
    ReferralDocument,
    Referrer,
    Term,
    Withdrawal,
)
from seawall.channels.http import HttpChannel
from seawall.channels.user_notice import UserNotice

GROUP = "seawall.channels"
_SHIPPED = {
    "activitypub": "seawall.channels.activitypub:ActivityPubChannel",
    "atproto": "seawall.channels.atproto:AtprotoChannel",
    "email": "seawall.channels.email:EmailChannel",
    "http": "seawall.channels.http:HttpChannel",
    "manual": "seawall.channels.manual:ManualChannel",
    "matrix": "seawall.channels.matrix:MatrixChannel",
    "webhook": "seawall.channels.webhook:WebhookChannel",
    "xarf": "seawall.channels.xarf:XarfChannel",
}


def names() -> list[str]:
    """List every channel that this installation knows, shipped and added, in order of name."""
    return sorted({*_SHIPPED, *entry_points(group=GROUP).names})


def get(name: str) -> type[Channel]:
    """Return the class of the channel `name`.

    Raises
    ------
    LookupError
        No channel has that name; the message lists those that exist.
    """
    if name in _SHIPPED:
        module, _, attribute = _SHIPPED[name].partition(":")
        return cast(type[Channel], getattr(import_module(module), attribute))
    for entry in entry_points(group=GROUP, name=name):
        return cast(type[Channel], entry.load())
    raise LookupError(f"There is no channel {name!r}; this installation has: {', '.join(names())}.")


__all__ = [
    "Address",
    "Answer",
    "AnswerInvalid",
    "Channel",
    "ChannelError",
    "Clock",
    "Content",
    "Defence",
    "DocumentInvalid",
    "Element",
    "Equipment",
    "Grounds",
    "Harm",
    "HttpChannel",
    "LegalGround",
    "MailSettings",
    "NotCarried",
    "Problem",
    "Proof",
    "ReasonCode",
    "Receipt",
    "ReceiptInvalid",
    "ReferralDocument",
    "Referrer",
    "Setting",
    "Status",
    "Term",
    "UserNotice",
    "Withdrawal",
    "get",
    "names",
]
