"""Adapters out: how a referral reaches a platform and how its answer comes back.

``get("http")`` gives the maker of a channel by name. A package adds its own under the entry point group
``seawall.channels``; the names shipped here cannot be taken over.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Any, cast

from seawall.channels.base import (
    Address,
    Answer,
    AnswerInvalid,
    Channel,
    ChannelError,
    ReasonCode,
    Receipt,
    ReceiptInvalid,
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
)
from seawall.channels.http import HttpChannel

GROUP = "seawall.channels"
_SHIPPED: dict[str, Callable[..., Channel]] = {HttpChannel.name: HttpChannel}


def names() -> list[str]:
    """List every channel that this installation knows, shipped and added, in order of name."""
    return sorted({*_SHIPPED, *entry_points(group=GROUP).names})


def get(name: str) -> Callable[..., Channel]:
    """Return the maker of the channel `name`; call it with what that channel needs (``outbound=`` for http).

    Raises
    ------
    LookupError
        No channel has that name; the message lists those that exist.
    """
    if name in _SHIPPED:
        return _SHIPPED[name]
    for entry in entry_points(group=GROUP, name=name):
        return cast(Callable[..., Any], entry.load())
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
    "Grounds",
    "Harm",
    "HttpChannel",
    "LegalGround",
    "Problem",
    "ReasonCode",
    "Receipt",
    "ReceiptInvalid",
    "ReferralDocument",
    "Referrer",
    "Status",
    "Term",
    "get",
    "names",
]
