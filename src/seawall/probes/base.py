"""What every probe shares: one look at one post, and what it saw."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from seawall.outbound import Outbound

State = Literal["up", "removed", "restricted", "edited", "moved", "unreachable"]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that a look was made of and what came back: the evidence, kept as it was. `body` may be cut."""

    method: str
    url: str
    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Observation:
    """One look at one post.

    state
        ``up``: the post is there. ``removed``: the platform says it is gone. ``restricted``: it is there but withheld.
        ``edited``: a page is there without the text that was referred. ``moved``: the address leads elsewhere.
        ``unreachable``: no conclusion; an outage is never counted as a removal.
    http_status
        Of the last answer; None when there was none.
    final_url
        Where the last answer came from.
    body_sha256
        Hex SHA-256 of the body that was read (its first megabyte when it was longer); None when there was none.
    matched
        The rule that led to `state`, as a short fixed word for grouping: ``status``, ``text``, ``digest``,
        ``no-text-given``, ``marker``, ``challenge``, ``redirect``, ``other-text``, ``truncated``, ``not-allowed``
        (our own rules forbid the address), or the kind of failure (``timeout``, ``refused``, ``dns``, ``tls``, ...).
    detail
        The same in a sentence for a person.
    views
        What each way of looking showed, where there is more than one: for instance ``{"record": "there", "label":
        "!takedown", "blob": "gone"}``. Short fixed words, for grouping.
    exchanges
        Every request that was made, and its answer.
    """

    state: State
    http_status: int | None
    final_url: str
    body_sha256: str | None
    checked_at: dt.datetime
    detail: str
    matched: str
    views: Mapping[str, str] = field(default_factory=dict)
    exchanges: tuple[Exchange, ...] = ()


class Probe(Protocol):
    """Looks once, politely: one request and its redirects, no retry; the caller decides when to look again."""

    def __call__(
        self,
        url: str,
        *,
        outbound: Outbound,
        at: dt.datetime,
        expected_text: str | None = None,
        expected_text_sha256: str | None = None,
    ) -> Observation:
        """Look at `url` and say what is there; `at` is the time to note. Never raises for what the web may do."""
        ...
