"""What every probe shares: one look at one post, and what it saw."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Literal, Protocol

from seawall.outbound import Outbound

State = Literal["up", "removed", "restricted", "edited", "moved", "unreachable"]


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
    """

    state: State
    http_status: int | None
    final_url: str
    body_sha256: str | None
    checked_at: dt.datetime
    detail: str
    matched: str


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
